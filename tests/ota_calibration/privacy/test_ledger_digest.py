"""A ledger covers a run's rounds, or it is said why it does not."""

from pathlib import Path

import pytest
from ota_calibration.privacy.ledger_digest import LedgerDigest, ledger_contradiction

LINES = (b"terms\n", b"round 0\n", b"round 1\n", b"round 2\n")


@pytest.fixture
def digests(tmp_path: Path) -> list[str | None]:
    """Return the digest after each round, of a ledger that grew line by line."""
    path, found = tmp_path / "ledger.jsonl", []
    digest = LedgerDigest(path)
    assert digest() is None
    for line in LINES:
        with path.open("ab") as file:
            file.write(line)
        found.append(digest())
    return found[1:]


def test_a_ledger_that_has_grown_covers_its_rounds(digests: list[str | None]) -> None:
    assert ledger_contradiction(b"".join(LINES), digests, is_private=True) == ""
    ahead = b"".join([*LINES, b"round 3, which a crash kept from the record\n"])
    assert ledger_contradiction(ahead, digests, is_private=True) == ""
    erased = [digests[0], digests[0], *digests[1:]]  # nothing was sent, nothing was paid
    assert ledger_contradiction(b"".join(LINES), erased, is_private=True) == ""


def test_rounds_that_were_not_paid_are_counted(digests: list[str | None]) -> None:
    said = ledger_contradiction(b"".join(LINES), [*digests, None, None], is_private=True)
    assert said == "2 rounds do not say that they were paid from it"


@pytest.mark.parametrize(
    ("kept", "number"),
    [((0, 1, 2), 2), ((0, 2, 3), 0), ((0,), 0), ((0, 1, 3, 2), 1)],
    ids=["older", "thinned", "emptied", "changed"],
)
def test_what_is_missing_is_found(
    digests: list[str | None], kept: tuple[int, ...], number: int
) -> None:
    content = b"".join(LINES[place] for place in kept)
    said = ledger_contradiction(content, digests, is_private=True)
    assert said.startswith(f"what stood in it after round {number} stands in it no longer")


def test_a_ledger_that_is_gone_or_not_asked_for_is_said(digests: list[str | None]) -> None:
    gone = ledger_contradiction(None, digests, is_private=True)
    assert gone == "it is missing, and 3 rounds were paid from it"
    assert ledger_contradiction(None, [], is_private=True) == ""
    assert "makes no promise" in ledger_contradiction(None, digests, is_private=False)
    assert ledger_contradiction(None, [None], is_private=False) == ""
