"""Whether two data sets are the same: a name that follows from what they hold."""

from collections.abc import Iterable
from hashlib import sha256


def content_id(rows: Iterable[Iterable[str]]) -> str:
    """Return the name of a data set, 64 hexadecimal digits.

    It does not depend on where the rows come from or how they are ordered, nor on the order and the
    names of their columns. A row more or less, or another letter in one, is another data set.

    Args:
        rows: The values of each row, as text.

    >>> content_id([("good", "1"), ("bad", "0")]) == content_id([("0", "bad"), ("1", "good")])
    True
    """
    whole = sha256()
    for digest in sorted(_row_digest(row) for row in rows):
        whole.update(digest)
    return whole.hexdigest()


def _row_digest(values: Iterable[str]) -> bytes:
    digest = sha256()
    for value in sorted(values):
        data = value.encode(errors="surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)  # no two lists of values look alike
    return digest.digest()
