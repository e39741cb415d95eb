"""Rows in which the receiver still guesses, or erases what is fine: kind, fault, scheme, measured.

Of the first 40 trials each; `guess_count` prints the table again. A row leaves this list when it is
mended: its test then says so.
"""

KNOWN: dict[tuple[str, str, str], str] = {
    ("several", "foreign -35 dB, in time", "coherent"): (
        "2 guesses of 13 accepted in 24: another bench's amplitudes lie on the same chips at the "
        "same time, and each of four sums may be the one that is 5 deviations off"
    ),
}

KNOWN_TOGETHER: dict[str, str] = {}
"""Of a kind of frames, over all rows that are not known."""
