"""A cache of kernels that is torn, or cannot be written, costs a compilation and no more."""

import errno
from pathlib import Path

import numba
import pytest
from numba.core import caching

from zo_core.directions.kernel_cache import ForgivingCache


def _kernel(x: float) -> float:
    return 2.0 * x


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    return tmp_path


def _compiled() -> tuple[float, int]:
    """Return what the kernel gives, and how often it was taken from the cache."""
    kernel = numba.njit(_kernel)
    kernel._cache = ForgivingCache(_kernel)
    value = float(kernel(3.0))
    return value, sum(kernel.stats.cache_hits.values())


def _files(folder: Path, ending: str) -> list[Path]:
    return list(folder.rglob(f"*{ending}"))


def test_a_whole_cache_is_used() -> None:
    assert [_compiled(), _compiled()] == [(6.0, 0), (6.0, 1)]


@pytest.mark.parametrize("ending", [".nbi", ".nbc"])
@pytest.mark.parametrize("n_bytes", [0, 40])
def test_a_torn_file_is_made_anew(ending: str, n_bytes: int, folder: Path) -> None:
    _compiled()
    (file,) = _files(folder, ending)
    file.write_bytes(file.read_bytes()[:n_bytes])
    assert [_compiled(), _compiled()] == [(6.0, 0), (6.0, 1)]


def test_a_full_disk_keeps_nothing_and_stops_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(caching.IndexDataCacheFile, "_save_index", full)
    assert [_compiled(), _compiled()] == [(6.0, 0), (6.0, 0)]
    assert not _files(folder, ".nbc")
