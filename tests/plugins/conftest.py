import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugins.foreign_package import write_installed


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path in which the foreign package is installed."""
    folder = write_installed(tmp_path / "site")
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
    yield folder
    forget()


def forget() -> None:
    """Let the foreign package be as if it had never been imported."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "foreign_ota"]:
        del sys.modules[name]
