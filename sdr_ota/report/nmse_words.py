"""How the error of sums is said in words."""

import math

USELESS = "worse than answering 0"
"""A sum whose error has more power than the sum itself: 0 would be nearer to it."""

MARK = "*"


def marked_nmse(measured_db: float) -> str:
    """Return an error for a table's cell, marked where 0 would have been better."""
    return f"{measured_db:.1f}{MARK}" if measured_db > 0 else f"{measured_db:.1f}"


def nmse_words(measured_db: float, theory_db: float) -> str:
    """Say what was measured and what theory expects, and whether 0 would have been better."""
    text = f"{measured_db:.1f} dB measured, {theory_db:.1f} dB by theory"
    return f"{text}: {USELESS}" if measured_db > 0 else text


def why_useless(theory_db: float, chips_share: float) -> str:
    """Say where an error above 0 dB comes from.

    Args:
        theory_db: Error that theory expects.
        chips_share: Share of the receiver's own squared deviation that chips make; NaN if unknown.
    """
    if theory_db <= 0:
        return "theory does not expect it: something else was on the air, or a path has changed"
    if math.isnan(chips_share):
        return "as theory expects of these paths"
    if chips_share > 1 / 2:
        return "noise and the chips' own scatter are larger than the sum: more payload chips help"
    return (
        "the nodes' gains change more between sounding and payload than the sum holds: sound later "
        "or more often"
    )
