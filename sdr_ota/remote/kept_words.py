"""What a private node says of what went wrong: the words of its data stay on its machine.

The text of an error may hold a loss, a scalar or a line of somebody's file. The server is told
the error's name, and where the owner of the machine finds the rest.
"""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class KeptWords:
    """Returns what may be said of an error, and writes down what may not.

    Attributes:
        path: File for what is kept; made when it is needed, readable by its owner only.
        may_be_told: Errors whose words are of radios, budgets and orders only.
    """

    path: Path
    may_be_told: tuple[type[Exception], ...]

    def __call__(self, raised: Exception) -> str:
        """Return the words of an error, or where they are."""
        if isinstance(raised, self.may_be_told):
            return str(raised)
        self._keep(f"{type(raised).__name__}: {raised}\n")
        return f"the node is private and keeps why; its owner finds it in {self.path}"

    def _keep(self, words: str) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(file, "a") as kept:
                kept.write(words)
        except OSError as full:
            _log.error("%s cannot be written (%s): %s", self.path, full, words)
