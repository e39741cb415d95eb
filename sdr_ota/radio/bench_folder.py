"""Where all processes of a user find what belongs to the bench and not to one command."""

from pathlib import Path


def state_folder(name: str) -> Path:
    """Return a folder of the user's state, which need not be there.

    It is ``sdr-ota/NAME`` below ``XDG_STATE_HOME``, by default ``~/.local/state``; users who share
    a bench set that variable to a folder that all of them may write.
    """
    from platformdirs import user_state_path  # noqa: PLC0415 - GNU Radio's interpreter has it not

    return user_state_path("sdr-ota") / name


def bench_folder(name: str) -> Path:
    """Return a folder of the user's state, made if it is not there; see `state_folder`.

    Raises:
        OSError: If it cannot be made.
    """
    folder = state_folder(name)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
