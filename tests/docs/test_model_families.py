"""The page of model families says what is found, family by family."""

import warnings
from pathlib import Path
from types import ModuleType

import pytest

from zo_core.language import head, models

DOCS = Path(__file__).parents[2] / "docs"
CURE = "run docs/model_families.py and look at what changed"
QUICK = ("OPT", "Gemma 2", "Granite", "Phi", "BLOOM", "Mamba", "BERT", "DistilBERT")


@pytest.fixture(autouse=True)
def _quiet_packages() -> object:
    """Let transformers and peft warn of their own affairs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture
def families(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(DOCS))
    import model_families  # noqa: PLC0415

    return model_families


@pytest.mark.parametrize("name", QUICK)
def test_a_family_is_as_its_line_says(families: ModuleType, name: str) -> None:
    line = families.row_of(name, families.tried(name))
    assert line in families.PAGE.read_text().splitlines(), CURE


def without_versions(page: str) -> list[str]:
    return [line for line in page.splitlines() if not line.startswith("Written with")]


@pytest.mark.slow
def test_the_page_is_what_is_found(families: ModuleType) -> None:
    page = families.page_of({name: families.tried(name) for name in families.FAMILIES})
    assert without_versions(page) == without_versions(families.PAGE.read_text()), CURE


def test_a_wrong_loss_is_found(families: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison of this page can fail: without the factor after Granite's head it does."""
    monkeypatch.setattr(head, "DIVISORS", ())
    monkeypatch.setattr(models, "check_causal", lambda *_: None)
    with pytest.raises(families.WrongError, match="losses"):
        families.tried("Granite")
