"""Files that are replaced at once: a crash or a full disk leaves the old one or the new one."""

from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Write a file beside the old one, then put it in its place.

    Raises:
        OSError: If it cannot be written; what was written of it is removed, and the room given
            back.
    """
    draft = path.with_name(f"{path.name}.draft")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
