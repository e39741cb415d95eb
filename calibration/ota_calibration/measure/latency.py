r"""How long a bench takes: from an order to the antenna, and from a sounding to its payload.

A radio with hardware time does not say when a burst was there; it says, or its silence shows,
whether it was there in time. So bursts are ordered ahead of their ticks by shorter and shorter
leads. Of $n$ bursts with one lead the share in time is the distribution of the time needed, at
that lead; its quantiles are the leads of the ladder at which they are reached.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ota_calibration.measure.measurement import Measurement
from sdr_ota.types import Samples

LADDER = 2**-0.5
"""Each lead over the one before."""

SHORTEST_LEAD_S = 1e-4
"""Below it no ladder goes: a message and a few transfers over USB take longer."""

ADVISED_MARGIN = 2.0
"""Lead over the time that 95 % of the orders needed, by our choice: hosts are busy now and then."""

_BLOCK = 64
"""Samples over which power is averaged where a burst begins."""

_ROUNDING = 1e-9
"""Of a time: what differs by less is the same."""

_MEDIAN_STD = math.sqrt(math.pi / 2)
"""Standard deviation of a median over that of a mean, of many Gaussian values."""


@dataclass(frozen=True)
class LeadTrial:
    """Bursts that were ordered with one lead.

    Attributes:
        lead_s: From the order until the burst was to begin.
        n_ordered: How many, at least 1.
        n_in_time: Those that were found at their place.
    """

    lead_s: float
    n_ordered: int
    n_in_time: int


@dataclass(frozen=True)
class Spread:
    """A distribution by its quantiles.

    Attributes:
        low_s: 5 % lie below.
        median_s: Half lie below.
        high_s: 95 % lie below.
        max_s: The largest.
        n: Values, or orders of each lead.
        median_std_s: Standard deviation of the median; 0 where steps are coarser than it.
    """

    low_s: float
    median_s: float
    high_s: float
    max_s: float
    n: int
    median_std_s: float = 0.0


def ladder_of_leads(longest_s: float) -> list[float]:
    """Return leads from the longest down.

    >>> [round(lead_s, 6) for lead_s in ladder_of_leads(2e-4)]
    [0.0002, 0.000141, 0.0001]
    """
    n_steps = max(math.floor(math.log(SHORTEST_LEAD_S / longest_s) / math.log(LADDER) + 1e-9), 0)
    return [longest_s * LADDER**k for k in range(n_steps + 1)]


def needed_leads(trials: Sequence[LeadTrial]) -> Spread:
    """Return how long before its tick a burst must be ordered.

    A quantile is the shortest lead of the ladder from which on at least that share of the bursts
    was in time, with it and with all longer leads; infinite if the longest did not reach it.

    Args:
        trials: One a lead, in any order.

    >>> trials = [LeadTrial(4e-3, 20, 20), LeadTrial(2e-3, 20, 12), LeadTrial(1e-3, 20, 0)]
    >>> needed_leads(trials).median_s, needed_leads(trials).max_s
    (0.002, 0.004)
    """
    downwards = sorted(trials, key=lambda trial: -trial.lead_s)

    def quantile(share: float) -> float:
        found = math.inf
        for trial in downwards:
            if trial.n_in_time < share * trial.n_ordered - 1e-9:
                break
            found = trial.lead_s
        return found

    n = min(trial.n_ordered for trial in trials)
    return Spread(quantile(0.05), quantile(0.5), quantile(0.95), quantile(1.0), n)


def spread_of(values_s: Sequence[float]) -> Spread:
    """Return the distribution of times that were measured one by one.

    Args:
        values_s: At least one.
    """
    low, median, high = (float(q) for q in np.quantile(values_s, (0.05, 0.5, 0.95)))
    n = len(values_s)
    std = _MEDIAN_STD * float(np.std(values_s, ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    std = std if std > _ROUNDING * median else 0.0
    return Spread(low, median, high, float(np.max(values_s)), n, std)


def begins_at(samples: Samples) -> int | None:
    """Return the sample at which a node begins that repeats until the end of a capture.

    Args:
        samples: At least 256, the later half with the node on the air.

    Returns:
        To 64 samples; None if nothing rises above what was there before by 6 dB.
    """
    n_blocks = len(samples) // _BLOCK
    power = np.mean(np.abs(samples[: n_blocks * _BLOCK].reshape(n_blocks, _BLOCK)) ** 2, axis=1)
    steady = float(np.median(power[n_blocks // 2 :]))
    is_on = power > steady / 4
    first = int(np.argmax(is_on))
    if first and float(np.mean(power[:first])) > steady / 4:
        return None
    return first * _BLOCK


def latency_measurements(name: str, spread: Spread, method: str) -> list[Measurement]:
    """Return a distribution as one quantity a quantile.

    Args:
        name: Of what was timed, as ``command_to_antenna``.
        spread: Its distribution.
        method: One sentence.
    """
    values = {
        f"{name}_s": (spread.median_s, spread.median_std_s, f"median; {method}"),
        f"{name}_low_s": (spread.low_s, 0.0, "5 % are shorter"),
        f"{name}_high_s": (spread.high_s, 0.0, "95 % are shorter"),
        f"{name}_max_s": (spread.max_s, 0.0, "the longest"),
    }
    return [
        Measurement(quantity, value, std, "s", text, spread.n)
        for quantity, (value, std, text) in values.items()
    ]


def advised_lead_s(high_s: float) -> float:
    """Return the lead that a bench needs of whose orders 95 % took this long at most."""
    return ADVISED_MARGIN * high_s
