"""The check of sizes finds what is too long, and nothing else."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "check_house.py"


@pytest.fixture(scope="module")
def check() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_house", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _write(home: Path, name: str, text: str) -> None:
    (home / name).parent.mkdir(parents=True, exist_ok=True)
    (home / name).write_text(text)


def _function(n_lines: int, docstring: str = "") -> str:
    shown = f'    """{docstring}"""\n' if docstring else ""
    return f"def long():\n{shown}" + "    a = 1\n" * (n_lines - 1)


def test_a_function_of_a_command_may_have_20_lines_and_others_40(
    check: ModuleType, tmp_path: Path
) -> None:
    _write(tmp_path, "zo_core/filling.py", "a = 1\n" * 390)
    _write(tmp_path, "sdr_ota/cli/a.py", _function(20, "One.\n\n    Two.\n    "))
    _write(tmp_path, "sdr_ota/air.py", _function(40))
    assert list(check.findings(tmp_path)) == []
    _write(tmp_path, "sdr_ota/cli/a.py", _function(21))
    _write(tmp_path, "sdr_ota/air.py", _function(41))
    assert [said.partition(":")[0] for said in check.findings(tmp_path)] == [
        "sdr_ota/air.py",
        "sdr_ota/cli/a.py",
    ]


def test_decorators_count_and_methods_are_seen(check: ModuleType, tmp_path: Path) -> None:
    body = "".join(f"    {line}\n" for line in _function(40).splitlines())
    _write(tmp_path, "zo_core/a.py", f"class A:\n    @staticmethod\n{body}")
    assert [said.split()[1] for said in check.findings(tmp_path)] == ["long"]


def test_a_file_may_have_400_lines(check: ModuleType, tmp_path: Path) -> None:
    _write(tmp_path, "zo_core/a.py", "\n" * 400)
    assert list(check.findings(tmp_path)) == []
    _write(tmp_path, "zo_core/a.py", "\n" * 401)
    assert len(list(check.findings(tmp_path))) == 1


def test_commands_are_at_most_a_tenth_of_the_code(check: ModuleType, tmp_path: Path) -> None:
    _write(tmp_path, "zo_core/a.py", "a = 1\n" * 90)
    _write(tmp_path, "sdr_ota/cli/a.py", "# why\n\n" + "a = 1\n" * 10)
    assert list(check.findings(tmp_path)) == []
    _write(tmp_path, "sdr_ota/cli/b.py", "a = 1\n")
    assert list(check.findings(tmp_path)) == [
        "sdr_ota/cli: 11 of 101 code lines, a tenth is allowed"
    ]


def test_what_gnu_radio_compiles_is_not_counted(check: ModuleType, tmp_path: Path) -> None:
    _write(tmp_path, "flowgraphs/ota_flowgraphs/generated/a.py", "\n" * 500)
    assert list(check.findings(tmp_path)) == []
