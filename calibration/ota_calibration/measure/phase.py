r"""What the phase does: how it comes back after a start, and how it varies afterwards."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ota_calibration.measure.cfo import sequence_phases
from ota_calibration.measure.sounding_sequence import SequenceFit

STATES = (1, 2, 4, 8, 16)
"""Grids that are looked for: frequency dividers halve."""

FALSE_ALARM = 1e-3
"""Probability that uniform phases pass for a grid, over all of `STATES`."""


@dataclass(frozen=True, slots=True)
class StartPhases:
    """How a radio's phase comes back after it was started anew.

    Attributes:
        n_states: Phases lie on a grid of so many; 0 if on none that was looked for.
        n_seen: States that were seen.
        residual_rad: Circular standard deviation around the grid.
        phases_rad: One a start.
    """

    n_states: int
    n_seen: int
    residual_rad: float
    phases_rad: tuple[float, ...]

    @property
    def n_starts(self) -> int:
        """Starts that were looked at."""
        return len(self.phases_rad)


def start_states(phases_rad: Sequence[float]) -> StartPhases:
    r"""Find the coarsest grid on which the phases of many starts lie.

    Phases on a grid of M states come together when they are multiplied by M: Rayleigh's test
    of uniformity on $M\phi$, $P = e^{-n R_M^2}$, R the resultant's length (Mardia and Jupp,
    Directional Statistics, section 6.3.1).

    Args:
        phases_rad: One a start; with fewer than 8 only a wide grid can be told from chance.
    """
    phases = np.asarray(phases_rad)
    for n_states in STATES:
        resultant = complex(np.mean(np.exp(1j * n_states * phases)))
        length = abs(resultant)
        if math.exp(-len(phases) * length**2) < FALSE_ALARM / len(STATES):
            offset = np.angle(resultant) / n_states
            places = np.round((phases - offset) * n_states / (2 * np.pi)) % n_states
            residual = math.sqrt(max(-2 * math.log(min(length, 1.0)), 0.0)) / n_states
            return StartPhases(n_states, len(set(places.tolist())), residual, tuple(phases_rad))
    return StartPhases(0, 0, math.nan, tuple(phases_rad))


def phase_walk_rad2_per_s(sequences: Sequence[SequenceFit], sample_rate_hz: float) -> float:
    r"""Return how fast the variance of a phase grows beyond its carrier's constant turning.

    Second differences of the phases over $m$ periods do not see a constant offset. For a
    random walk of rate $w$ and observations of variance $\sigma^2$ their mean square is
    $2 w m T + 6 \sigma^2$; both come from least squares over $m$.

    Args:
        sequences: Even sequences of at least 5 bursts.
        sample_rate_hz: Samples a second.

    Returns:
        Rate in rad^2/s, not negative.
    """
    squares, lags_s = _second_squares(sequences, sample_rate_hz)
    return max(_walk(squares, lags_s), 0.0)


def phase_walk_std(sequences: Sequence[SequenceFit], sample_rate_hz: float) -> float:
    r"""Return the standard deviation of `phase_walk_rad2_per_s`, by the jackknife.

    Sequences are independent: $s^2 = \frac{n - 1}{n} \sum_i (w_{-i} - \bar w)^2$, $w_{-i}$ the rate
    without the i-th (Efron, The Jackknife, the Bootstrap and Other Resampling Plans, 1982,
    chapter 3). NaN for fewer than 2 sequences.
    """
    squares, lags_s = _second_squares(sequences, sample_rate_hz)
    n = len(squares)
    if n < 2:
        return math.nan
    rates = [_walk(np.delete(squares, k, axis=0), lags_s) for k in range(n)]
    return math.sqrt((n - 1) * float(np.var(rates)))


def _second_squares(
    sequences: Sequence[SequenceFit], sample_rate_hz: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each sequence's mean squares, shape ``(n_sequences, n_lags)``, and the lags."""
    phases = [sequence_phases(fit) for fit in sequences if fit.n_bursts >= 5]
    if not phases:
        return np.zeros((0, 0)), np.zeros(0)
    n_lags = min((min(len(p) for p in phases) - 1) // 2, 8)
    squares = [[np.mean(_second(p, m) ** 2) for m in range(1, n_lags + 1)] for p in phases]
    return np.array(squares), np.arange(1, n_lags + 1) * sequences[0].period / sample_rate_hz


def _walk(squares: NDArray[np.float64], lags_s: NDArray[np.float64]) -> float:
    """Return the rate of a walk that fits the mean squares; below 0 where noise has it so."""
    if len(lags_s) < 2:
        return 0.0
    mean = squares.mean(axis=0)
    design = np.stack([2 * lags_s, np.full(len(lags_s), 6.0)], axis=1)
    # The mean square of a longer difference is an average of fewer independent ones.
    weights = 1 / (mean * np.sqrt(lags_s / lags_s[0]))
    return float(np.linalg.lstsq(design * weights[:, None], mean * weights, rcond=None)[0][0])


def _second(phases: NDArray[np.float64], m: int) -> NDArray[np.float64]:
    return np.asarray(phases[2 * m :] - 2 * phases[m:-m] + phases[: -2 * m])
