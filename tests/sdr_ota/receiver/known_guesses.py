"""Rows in which the receiver still guesses, or erases what is fine, with what was measured."""

KNOWN: dict[tuple[str, str, str], str] = {}
