"""The list of mutants fits the code: `make mutants` can put in every one of them."""

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

HOME = Path(__file__).parents[1]
SCRIPT = HOME / "scripts" / "mutants.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mutants", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclass looks for names
    spec.loader.exec_module(module)
    return module


def _tests(file: str) -> set[str]:
    tree = ast.parse((HOME / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_mutant_can_be_put_in_and_names_a_test(script: ModuleType) -> None:
    listed = script.chosen([])
    assert [mutant.number for mutant in listed] == list(range(1, len(listed) + 1))
    assert len(listed) >= 40
    for mutant in listed:
        ast.parse(mutant.applied((HOME / mutant.file).read_text(encoding="utf-8")))
        assert mutant.puts != mutant.stands and mutant.why
        file, _, name = mutant.test.partition("::")
        assert file.startswith("tests/")
        assert not name or name.partition("[")[0] in _tests(file), mutant.test


def test_no_row_is_passed_over(script: ModuleType) -> None:
    rows = [line for line in script.TABLE.read_text().splitlines() if line.startswith("|")]
    assert len(script.chosen([])) == len(rows) - 2  # the heading and the line below it


def test_what_does_not_stand_there_once_is_said(script: ModuleType) -> None:
    mutant = script.Mutant(7, "a.py", "a < b", "a <= b", "tests/test_a.py", "off by one")
    assert mutant.applied("if a < b:\n") == "if a <= b:\n"
    for text in ("if a > b:\n", "a < b < c or a < b\n"):
        with pytest.raises(ValueError, match=r"mutant 7: 'a < b' stands [02] times in a\.py"):
            mutant.applied(text)


def test_an_unknown_number_is_named(script: ModuleType) -> None:
    with pytest.raises(SystemExit, match="has no mutant 99999"):
        script.main(["1", "99999"])
