"""Folders that are made once and kept: written whole or not at all, checked before use."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import platformdirs

_SEAL = "cache_seal.json"


class CacheError(OSError):
    """The cache cannot be written."""


def default_cache_dir() -> Path:
    """Give the folder of prepared models in the user's cache."""
    return Path(platformdirs.user_cache_dir("sdr-ota")) / "models"


def cached_folder(cache_dir: Path, name: str, key: object, fill: Callable[[Path], None]) -> Path:
    """Give the folder that belongs to a key, filled at the first call.

    The folder is filled under a passing name, sealed with the SHA-256 of every file, and then
    renamed, so that an interrupted or damaged one is never given out but made again.

    Args:
        cache_dir: Where the folders are kept; made where it does not exist.
        name: Start of the folder's name.
        key: Everything that decides what is in the folder, as JSON values.
        fill: Writes the files into an empty folder.

    Returns:
        The filled folder.

    Raises:
        CacheError: The cache cannot be written.
    """
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    folder = cache_dir / f"{name}-{digest[:16]}"
    if not _is_whole(folder):
        workplace = _new_workplace(cache_dir)
        try:
            _fill(workplace / "folder", fill)
            _put_in_place(workplace / "folder", folder)
        finally:
            shutil.rmtree(workplace, ignore_errors=True)
    return folder


def _new_workplace(cache_dir: Path) -> Path:
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        workplace = Path(tempfile.mkdtemp(prefix=".partial-", dir=cache_dir))
        # mkdtemp closes its folder to others; the one inside is as open as the umask says.
        (workplace / "folder").mkdir()
        return workplace
    except OSError as error:
        raise CacheError(
            f"cannot write prepared models to {cache_dir} ({error.strerror}); make it writable or "
            "set XDG_CACHE_HOME to a folder that is"
        ) from error


def _fill(folder: Path, fill: Callable[[Path], None]) -> None:
    fill(folder)
    (folder / _SEAL).write_text(json.dumps(_digests(folder), indent=1), encoding="utf-8")


def _put_in_place(partial: Path, folder: Path) -> None:
    if folder.exists() and not _is_whole(folder):
        shutil.rmtree(folder)
    try:
        os.rename(partial, folder)
    except OSError:
        # Another process made the same folder in the meantime.
        if not _is_whole(folder):
            raise


def _is_whole(folder: Path) -> bool:
    try:
        seal = json.loads((folder / _SEAL).read_text(encoding="utf-8"))
        return bool(seal == _digests(folder))
    except (OSError, ValueError):
        return False


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != _SEAL)
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }
