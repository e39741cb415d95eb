"""Rows in which the receiver still guesses, or erases what is fine: kind, fault, scheme, measured.

Of the first 40 trials each; `guess_count` prints the table again. A row leaves this list when it is
mended: its test then says so.
"""

KNOWN: dict[tuple[str, str, str], str] = {
    ("timed", "10 repeated, 10 dropped", "tdma"): "2 guesses of 4 accepted; first seed 10",
    ("timed", "swing 3 dB", "energy-difference"): "5 guesses of 5 accepted; first seed 2",
    ("timed", "compressed 1 dB", "coherent"): "26 guesses of 38 accepted; first seed 0",
    ("timed", "compressed 1 dB", "tdma"): "16 guesses of 40 accepted; first seed 0",
    (
        "timed",
        "foreign alone, same bench, seed",
        "energy-difference",
    ): "22 guesses of 32 accepted; first seed 0",
    (
        "timed",
        "foreign alone, same bench, seed",
        "fsk-vote",
    ): "12 guesses of 40 accepted; first seed 3",
    ("timed", "3 pulses 20 at +20 dB", "tdma"): "3 guesses of 7 accepted; first seed 10",
}

KNOWN_TOGETHER: dict[str, str] = {
    "mixed": "worlds of 1 to 8 nodes and 5 to 45 dB, 17 guesses in 1942",
}
"""Of a kind of frames, over all rows that are not known."""
