"""The one definition of the quality of a decoded sum."""

import math
from collections.abc import Sequence

from sdr_ota.units import power_to_db


def nmse_db(squared_errors: Sequence[float], squared_sums: Sequence[float]) -> float:
    r"""Return $10 \log_{10} (E|\hat S - S|^2 / E|S|^2)$ over a run.

    Both means run over the same rounds. Never per round: a sum near zero would
    blow up the quotient.

    Args:
        squared_errors: Measured $|\hat S - S|^2$, or what theory expects of it.
        squared_sums: True $|S|^2$ of the same rounds.

    Returns:
        Decibels; NaN without rounds or if every sum is zero.
    """
    reference = math.fsum(squared_sums)
    return power_to_db(math.fsum(squared_errors) / reference) if reference > 0 else math.nan
