"""How a command fails: one sentence and an exit code."""

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
