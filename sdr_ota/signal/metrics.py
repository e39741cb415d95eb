"""The one definition of the quality of a decoded sum, and of how far chance moves it."""

import math
from collections.abc import Sequence

import numpy as np

from sdr_ota.units import power_to_db

N_BATCHES = 10
"""Few enough that the errors of one batch say little about the next, enough for a deviation."""

_T_95 = 2.262
"""Student's t of 9 degrees of freedom: 2.5 % lie above."""


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


def chance_db(squared_errors: Sequence[float], expected_errors: Sequence[float]) -> float:
    r"""Return the half width of a 95 % interval of the measured NMSE, in dB.

    The rounds in their order are cut into B batches; batch b has the error $e_b$ where theory
    expects $t_b$. With $q = \sum e_b / \sum t_b$ the logarithm of the NMSE has the standard
    deviation $\sqrt{\frac{B}{B-1} \sum (e_b - q t_b)^2} / \sum e_b$ (batch means of a ratio), and
    Student's t with B - 1 degrees of freedom makes it an interval. Paths that fade from round to
    round move errors and theory alike; only what theory does not follow is chance. If theory lies
    outside of the interval, it misses something. A few rounds that hold most of the error make
    the interval too narrow.

    Args:
        squared_errors: Measured, in the order of the rounds.
        expected_errors: By theory, of the same rounds.

    Returns:
        Decibels either way; NaN for fewer than two rounds a batch or without any error.
    """
    if len(squared_errors) < 2 * N_BATCHES or not (sum(squared_errors) and sum(expected_errors)):
        return math.nan
    batches = np.array_split(np.array([squared_errors, expected_errors]), N_BATCHES, axis=1)
    measured, expected = np.array([batch.sum(axis=1) for batch in batches]).T
    rest = measured - measured.sum() / expected.sum() * expected
    deviation = np.sqrt(N_BATCHES * rest.var(ddof=1)) / measured.sum()
    return float(_T_95 * 10 / math.log(10) * deviation)
