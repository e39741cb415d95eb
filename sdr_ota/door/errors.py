"""The one error of the front door: the sentence that the command line would print."""

from collections.abc import Iterator
from contextlib import contextmanager

from sdr_ota.config.load import ConfigError
from sdr_ota.failure import INTERRUPTED, WRONG_USE, CommandFailed
from sdr_ota.runs.recording import CaptureError
from sdr_ota.runs.run_folder import RunFolderError


class SdrOtaError(Exception):
    """It cannot be done; the text says what was found and what to do.

    Attributes:
        exit_code: Of the command line in the same case: 2 wrong use or configuration,
            3 no radio, 1 anything else.
    """

    def __init__(self, text: str, exit_code: int = 1) -> None:
        super().__init__(text)
        self.exit_code = exit_code


@contextmanager
def door_errors() -> Iterator[None]:
    """Let what goes wrong in a block leave it as `SdrOtaError`.

    Raises:
        SdrOtaError: What the command line would say.
        KeyboardInterrupt: If the user has interrupted a run; the text says how to go on.
    """
    try:
        yield
    except CommandFailed as failure:
        if failure.exit_code == INTERRUPTED:
            raise KeyboardInterrupt(str(failure)) from None
        raise SdrOtaError(str(failure), failure.exit_code) from failure
    except (ConfigError, CaptureError, RunFolderError) as wrong:
        raise SdrOtaError(str(wrong), WRONG_USE) from wrong
