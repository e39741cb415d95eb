"""How a command fails: one sentence and an exit code."""

from pathlib import Path

WRONG_USE = 2
NO_RADIO = 3
INTERRUPTED = 130


class CommandFailed(Exception):  # noqa: N818 - it is the outcome, not an error of ours
    """The command cannot go on; the text is all that a user sees.

    Attributes:
        exit_code: Of the process.
    """

    def __init__(self, text: str, exit_code: int = 1) -> None:
        super().__init__(text)
        self.exit_code = exit_code


class EveryRoundErased(CommandFailed):
    """A run went to its end, and nothing came of any round.

    Attributes:
        folder: Of the run.
    """

    def __init__(self, text: str, folder: Path) -> None:
        super().__init__(text)
        self.folder = folder
