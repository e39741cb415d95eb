"""What `make versions` tries fits the project; environments are stood in for by a small script."""

import importlib.util
import sys
import time
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

HOME = Path(__file__).parents[1]
SCRIPT = HOME / "scripts" / "versions.py"
OWN_PYTHON = ".".join(map(str, sys.version_info[:2]))


@pytest.fixture(scope="module")
def versions() -> ModuleType:
    spec = importlib.util.spec_from_file_location("versions", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclasses look for names
    spec.loader.exec_module(module)
    return module


def test_every_extra_and_package_is_tried(versions: ModuleType) -> None:
    table = tomllib.loads((HOME / "pyproject.toml").read_text())
    extras = set(table["project"]["optional-dependencies"])
    alone = [e.extras for e in versions.environments() if e.name.startswith("wheel-")]
    assert sorted(alone) == sorted((extra,) for extra in extras)
    assert set(versions.USES) == extras
    assert set(versions.PACKAGES) == set(
        table["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    )
    installed = (HOME / "examples" / "labs" / "install.sh").read_text()
    assert f'".[{",".join(versions.PI)}]"' in installed
    assert table["project"]["requires-python"] == f">={versions.OWN}"


def test_environments_have_names_and_tests_that_are_there(versions: ModuleType) -> None:
    all_of_them = list(versions.environments())
    assert len({e.name for e in all_of_them}) == len(all_of_them)
    assert {e.python for e in all_of_them} == {versions.OWN, *versions.PYTHONS}
    assert {e.lowest for e in all_of_them} == {e.from_source for e in all_of_them} == {False, True}
    assert all((HOME / test).exists() for e in all_of_them for test in e.tests)
    needed = {r.partition(">")[0] for r in versions.needed_by_tests()}
    assert needed == {"pytest", "pytest-timeout", "cvxpy"}


def stand_in(folder: Path, install: str, work: str = "true") -> Path:
    """Write a uv that installs as told, into environments whose commands do as told."""
    uv = folder / "uv"
    uv.write_text(f"""#!/bin/bash
if [ "$1" = pip ]; then {install}; exit; fi
home="${{@: -1}}"
mkdir -p "$home/bin"
printf "#!/bin/bash\\n{work}\\n" | tee "$home/bin/python" > "$home/bin/sdr-ota"
chmod +x "$home"/bin/*
""")
    uv.chmod(0o755)
    (folder / "sdr_ota-1-py3-none-any.whl").touch()
    (folder / "sdr_ota-1.tar.gz").touch()
    (folder / "sdr_ota-1").mkdir()
    return uv


NO_ANSWER = "echo 'error: Failed to fetch' >&2; false"
NO_VERSION = "echo 'no version of numpy>=99' >&2; false"


@pytest.mark.parametrize(
    ("install", "work", "python", "said"),
    [
        ("true", "true", OWN_PYTHON, "passed"),
        ("true", "echo 1 failed: timed out; exit 1", OWN_PYTHON, "failed"),
        (NO_VERSION, "true", OWN_PYTHON, "failed"),
        (NO_ANSWER, "true", OWN_PYTHON, "skipped: a package index did not answer"),
        ("true", "true", "2.9", "skipped: no Python 2.9 on this machine"),
    ],
)
@pytest.mark.parametrize("tests", [(), ("tests",)], ids=["smoke", "tests"])
def test_what_fails_is_a_failure_and_what_a_machine_has_not_got_is_none(
    versions: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    install: str,
    work: str,
    python: str,
    said: str,
    tests: tuple[str, ...],
) -> None:
    uv = stand_in(tmp_path, install, work)
    built = versions.Built(str(uv), tmp_path, time.monotonic() + 60)
    verdict = versions.tried(built, versions.Environment("one", python, tests=tests))
    words = capsys.readouterr().out
    assert [verdict, *words.split()[:2]] == [said.partition(":")[0], "one", verdict]
    assert said.partition(": ")[2] in words
    if verdict == "failed":
        assert "timed out" in words or "numpy>=99" in words
    assert not (tmp_path / "one").exists()


def test_nothing_is_begun_when_time_is_up(
    versions: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    built = versions.Built(str(tmp_path / "uv"), tmp_path, time.monotonic() - 1)
    assert versions.tried(built, versions.Environment("one")) == "skipped"
    assert "no time left" in capsys.readouterr().out


def test_an_unknown_name_is_refused_with_those_that_are_there(
    versions: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["versions.py", "lowset"])
    assert versions.main() == 2
    said = capsys.readouterr().out
    assert "no environment is called lowset" in said and "lowest" in said
