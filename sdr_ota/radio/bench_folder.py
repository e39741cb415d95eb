"""Where all processes of a user find what belongs to the bench and not to one command."""

from pathlib import Path


def bench_folder(name: str) -> Path:
    """Return a folder of the user's state, made if it is not there.

    It is ``sdr-ota/NAME`` below ``XDG_STATE_HOME``, by default ``~/.local/state``; users who share
    a bench set that variable to a folder that all of them may write.

    Raises:
        OSError: If it cannot be made.
    """
    from platformdirs import user_state_path  # noqa: PLC0415 - GNU Radio's interpreter has it not

    folder = user_state_path("sdr-ota") / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
