"""Whether a run's sums were worth decoding: good, fair or bad, and why."""

import math
from typing import Literal, TypeAlias

LinkVerdict: TypeAlias = Literal["good", "fair", "bad"]

USELESS_NMSE_DB = 0.0
"""Above this a sum's error has more power than the sum itself: 0 would be nearer to it."""

USABLE_NMSE_DB = -6.0
"""A decoded sum with more error than this is hardly a sum."""

MOST_ERASED_SHARE = 0.2
"""More lost rounds than this are a fault to be found, not the air's chance."""


def link_verdict(nmse_db: float | None, erased_share: float | None) -> tuple[LinkVerdict, str]:
    """Judge a run's link.

    Args:
        nmse_db: Of the decoded sums; None or NaN where nobody knows the true ones.
        erased_share: Of the rounds, 0 to 1; None or NaN before the first round.

    Returns:
        ``bad`` above 0 dB or with more than 20 % of the rounds erased, ``fair`` above -6 dB or
        where the error is not known, else ``good``; and the reason, empty for ``good``.
    """
    nmse_db = math.nan if nmse_db is None else nmse_db
    erased_share = math.nan if erased_share is None else erased_share
    troubles = []
    if nmse_db > USELESS_NMSE_DB:
        troubles.append(f"NMSE of {nmse_db:.1f} dB, above 0 dB: worse than answering 0")
    if erased_share > MOST_ERASED_SHARE:
        limit = f"{100 * MOST_ERASED_SHARE:.0f} %"
        troubles.append(f"{100 * erased_share:.0f} % of the rounds erased, more than {limit}")
    if troubles:
        return "bad", "; ".join(troubles)
    if math.isnan(erased_share):
        return "fair", "no round yet"
    if nmse_db > USABLE_NMSE_DB:
        return "fair", f"NMSE of {nmse_db:.1f} dB: more than a quarter of the sum's power is error"
    if math.isnan(nmse_db):
        return "fair", "the error of the sums is not known: nodes did not tell their symbols"
    return "good", ""
