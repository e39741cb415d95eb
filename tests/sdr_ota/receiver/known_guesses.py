"""Rows in which the receiver still guesses, or erases what is fine: kind, fault, scheme, measured.

Of the first 40 trials each; `guess_count` prints the table again. A row leaves this list when it is
mended: its test then says so.
"""

KNOWN: dict[tuple[str, str, str], str] = {}

KNOWN_TOGETHER: dict[str, str] = {}
"""Of a kind of frames, over all rows that are not known."""
