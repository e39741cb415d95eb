"""How a message shows a wrong value, however large it is."""

LONGEST_SHOWN = 200
"""Characters of a wrong value in a message."""


def short(text: str) -> str:
    """Return a text, or how it begins."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def shown(value: object) -> str:
    """Return a value as a message shows it."""
    try:
        return short(repr(value))
    except (ValueError, RecursionError):  # Python refuses to write out numbers of many digits
        return f"a {type(value).__name__} that is too large to be shown"
