"""Text that came from a file or a radio, made fit to be shown on a terminal."""

import unicodedata


def printable(text: str) -> str:
    r"""Return a text whose control characters are written out; line breaks stay.

    A terminal obeys control characters: they could clear it, or set its title.

    >>> printable("done\x1b[2J")
    'done\\x1b[2J'
    """
    return "".join(one if _is_shown(one) else _written_out(one) for one in text)


def _is_shown(one: str) -> bool:
    return one == "\n" or unicodedata.category(one) not in {"Cc", "Cf", "Cs", "Co"}


def _written_out(one: str) -> str:
    return one.encode("unicode_escape").decode("ascii")
