"""Whether a run's ledger is the one that its rounds were paid from.

After every round the digest of the whole ledger by then is written into the round's record. A
ledger that was deleted, cut, thinned, or is an older copy has no longer all these digests, in
this order, at the ends of its lines.
"""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path


class LedgerDigest:
    """SHA-256 of a ledger that grows; only what is new is read.

    Args:
        path: The ledger; it may not be there, then there is no digest.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._hash = sha256()
        self._offset = 0

    def __call__(self) -> str | None:
        """Return the digest of all that is in the ledger; None without one."""
        if not self._path.is_file():
            return None
        with self._path.open("rb") as file:
            file.seek(self._offset)
            new = file.read()
        self._hash.update(new)
        self._offset += len(new)
        return self._hash.hexdigest()


def ledger_contradiction(
    content: bytes | None, digests: Sequence[str | None], is_private: bool
) -> str:
    """Say why a ledger does not cover a run's rounds; nothing if it does.

    Args:
        content: Of the ledger; None if it is not there.
        digests: Of the ledger after every round, and by the checkpoint; None where a round made
            no promise.
        is_private: Whether the run's configuration makes a promise.
    """
    noted = [digest for digest in digests if digest is not None]
    if not is_private:
        return (
            "rounds were paid for, but the configuration makes no promise (privacy.protect)"
            if noted or content is not None
            else ""
        )
    if len(noted) < len(digests):
        return f"{len(digests) - len(noted)} rounds do not say that they were paid from it"
    if content is None:
        return f"it is missing, and {len(digests)} rounds were paid from it" if digests else ""
    return _uncovered(content, noted)


def _uncovered(content: bytes, digests: Sequence[str]) -> str:
    states = iter(_digests_of_lines(content))
    for number, digest in enumerate(digests):
        # `in` goes on where it found the last one; rounds without a burst share a state.
        if not (number and digest == digests[number - 1]) and digest not in states:
            return (
                f"what stood in it after round {number} stands in it no longer: lines were "
                "changed or removed, or it is an older copy, and what was spent is more than it "
                "says"
            )
    return ""


def _digests_of_lines(content: bytes) -> list[str]:
    """Return the digest of a file by the end of every line."""
    running, found = sha256(), []
    for line in content.split(b"\n"):
        running.update(line + b"\n")
        found.append(running.hexdigest())
    return found
