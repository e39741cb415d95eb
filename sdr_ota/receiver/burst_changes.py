"""What has changed inside a known burst, and by how much a fit of the whole of it is off therefore.

A fit takes a burst for one: one gain, one offset, one delay from its first sample to its last, and
its covariance counts noise alone. Where a gain steps, samples are lost or an amplifier
saturates, the fit is off by more, and what it leaves over shows where.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sdr_ota.receiver.burst_fit import AROUND, BurstFit, FittedBursts

Reals = NDArray[np.float64]

N_PARTS = 20
"""A change begins and ends at the border of a part, to within half of one."""

_STRETCHES = np.array([s for s in combinations(range(N_PARTS + 1), 2) if s != (0, N_PARTS)])
"""From which border to which a change may go: not over the whole burst."""

_SHARES = np.diff(_STRETCHES)[:, 0] / N_PARTS
"""Of the burst, that they have."""

CHANCE = 1e-3
"""Probability that noise alone shows a change."""

ECHO_SAMPLES = (-4, -2, 2, 4)
"""Copies, so much later or earlier, that multipath may add: they are no change."""

LARGEST = 1.0
"""Of a relative change, a phase in radians, a delay in samples: a short stretch hardly tells phase
from delay, and no more than this is believed of either where the other explains it too."""


_SMALLEST = 1e-12
"""Share of an energy below which it is nothing but rounding."""

_ROWS = ("burst", "slope", "curve", "dc", *ECHO_SAMPLES, "rest")
"""Complex rows whose products are taken: the burst with its derivatives and a DC offset, its
echoes, and what the fit has left over."""

_N_OWN, _N_NUISANCE, _N_CHANGES = 6, 6 + 2 * len(ECHO_SAMPLES), 3
_CHANGES = slice(_N_NUISANCE, _N_NUISANCE + _N_CHANGES)


def _combinations() -> NDArray[np.complex128]:
    """Return real unknowns as combinations of the rows: a burst's own six, echoes, changes, rest.

    The first 14 hold for the whole burst, the next three (level, phase, delay) for a stretch.
    """
    one = {row: np.eye(len(_ROWS))[n] for n, row in enumerate(_ROWS)}
    burst, slope, curve, dc = (one[row] for row in _ROWS[:4])
    own = [burst, 1j * burst, slope, curve, dc, 1j * dc]
    echoes = [turn * one[lag] for turn in (1, 1j) for lag in ECHO_SAMPLES]
    return np.stack([*own, *echoes, burst, 1j * burst, slope, one["rest"]])


_REALS = _combinations()


@dataclass(frozen=True)
class Change:
    """What differs in one stretch of a burst, and what that does to the fit of the whole.

    Attributes:
        share: Of the burst, that the stretch has.
        gain: Change of the gain there, relative to it.
        delay: Samples by which it is later there.
        delay_std: Standard deviation of ``delay``.
        power: Of all that has changed, over that of the burst in the stretch.
        gain_shift: By which the fitted gain is off that outside of the stretch, relative.
        start_shift: The same of the start, in samples.
        cfo_shift: The same of the carrier offset, in cycles per sample.
    """

    share: float
    gain: complex
    delay: float
    delay_std: float
    power: float
    gain_shift: complex
    start_shift: float
    cfo_shift: float

    def counted(self, fit: BurstFit) -> BurstFit:
        """Return a fit with the deviations from what holds in the stretch and outside of it.

        Nobody knows which of the two holds in the rounds to come: the farther one counts.
        """
        gain = max(abs(self.gain_shift), abs(self.gain_shift - self.gain)) * abs(fit.gain)
        start = max(abs(self.start_shift), abs(self.start_shift - self.delay))
        return replace(
            fit,
            gain_std=float(np.hypot(fit.gain_std, gain)),
            start_std=float(np.hypot(fit.start_std, start)),
            cfo_std=float(np.hypot(fit.cfo_std, self._most_cfo(2 * fit.center))),
        )

    def _most_cfo(self, n_burst: float) -> float:
        r"""Return the offset that is at most wrong, in cycles per sample.

        A step of the phase by $\varphi$ at the share $p$ of n samples is fitted by a line of
        $6 p (1 - p) \varphi / n$ a sample, and another step beside this line fits nearly as well.
        """
        step = 1.5 * abs(self.gain.imag) / (2 * np.pi * n_burst)
        return max(abs(self.cfo_shift), step)


def find_changes(bursts: FittedBursts) -> list[Change | None]:
    """Return the surest change inside each burst; None where noise alone explains what is left.

    For every stretch of whole parts, changes of level, phase and delay there are fitted together
    with the burst's six unknowns and its echoes: linear least squares about the fit, and an F test
    of the three (Kay, Detection Theory, section 9.4), over all stretches at the level `CHANCE`. The
    noise is the largest of those of the burst, the stretch, and the others: a pulse is no change.
    """
    until, n_reals = _products_until(bursts), 2 * bursts.rest.shape[1]
    solved = [_Nuisance.of(products[-1]) for products in until]
    scores = np.stack([n.scores(products) for n, products in zip(solved, until, strict=True)])
    fisher = np.stack([n.fisher(products) for n, products in zip(solved, until, strict=True)])
    left = np.stack([n.energies_left(products) for n, products in zip(solved, until, strict=True)])
    explained = _explained_energy(fisher, scores)
    noise = _noise(left, explained, n_reals)
    ratios = explained / _N_CHANGES / noise
    limits = _limits(n_reals, _N_CHANGES)
    found: list[Change | None] = []
    for burst, best in enumerate(np.argmax(ratios / limits, axis=1)):
        if ratios[burst, best] < limits[best]:
            found.append(None)
            continue
        covariance = _covariance(fisher[burst, best] / noise[burst, best])
        size = covariance @ scores[burst, best] / noise[burst, best]
        found.append(_change(until[burst], int(best), size, covariance))
    return found


def _products_until(bursts: FittedBursts) -> Reals:
    """Return real products of all rows from the burst's beginning to every border.

    Shape ``(n_bursts, N_PARTS + 1, n_reals, n_reals)``; in each row the burst's amplitude is 1.
    """
    n_bursts, n_samples = bursts.rest.shape
    level = np.maximum(np.abs(bursts.gain), 1e-30)[:, np.newaxis]
    gain = bursts.gain[:, np.newaxis] / level
    rows = np.empty((n_bursts, len(_ROWS), n_samples), np.complex128)
    rows[:, 0], rows[:, 1], rows[:, 2] = bursts.signal, bursts.slope, bursts.curve
    rows[:, :3] *= gain[:, np.newaxis]
    rows[:, 3], rows[:, -1] = 1, bursts.rest / level
    for n, lag in enumerate(ECHO_SAMPLES):
        rows[:, 4 + n] = bursts.around[:, AROUND - lag : AROUND - lag + n_samples]
    borders = np.linspace(0, n_samples, N_PARTS + 1).round().astype(int)
    turned, parts = rows.conj(), [slice(*ends) for ends in pairwise(borders)]
    within = [turned[..., part] @ rows[..., part].swapaxes(1, 2) for part in parts]
    products = np.real(_REALS.conj() @ np.stack(within, axis=1) @ _REALS.T)
    return np.concatenate([np.zeros_like(products[:, :1]), np.cumsum(products, axis=1)], axis=1)


def _between(until: Reals) -> Reals:
    """Return what lies in each stretch of what is known up to each border."""
    return np.asarray(until[_STRETCHES[:, 1]] - until[_STRETCHES[:, 0]])


@dataclass(frozen=True)
class _Nuisance:
    """What holds for a whole burst, solved: the rest without it is what changes may explain.

    Attributes:
        white: Combinations of the nuisance that are orthonormal, one a column.
        left: The rest without the nuisance, as a combination of all rows.
    """

    white: Reals
    left: Reals

    @classmethod
    def of(cls, whole: Reals) -> "_Nuisance":
        products = whole[:_N_NUISANCE, :_N_NUISANCE]
        each = 1 / np.sqrt(np.maximum(np.diagonal(products), 1e-300))  # brings all to energy 1
        energies, axes = np.linalg.eigh(each[:, np.newaxis] * products * each)
        seen = energies > _SMALLEST * energies[-1]
        white = each[:, np.newaxis] * axes[:, seen] / np.sqrt(energies[seen])
        left = np.zeros(len(whole))
        left[:_N_NUISANCE] = -white @ (white.T @ whole[:_N_NUISANCE, -1])
        left[-1] = 1
        return cls(white, left)

    def scores(self, until: Reals) -> Reals:
        """Return the products of the changes with what is left, shape ``(n_stretches, 3)``."""
        return _between(until[:, _CHANGES] @ self.left)

    def energies_left(self, until: Reals) -> Reals:
        """Return the energy that is left inside of every stretch, and, last, in the whole burst."""
        energies = until @ self.left @ self.left
        return np.append(_between(energies), energies[-1])

    def fisher(self, until: Reals) -> Reals:
        """Return the energies of changes without the nuisance, ``(n_stretches, 3, 3)``."""
        mixed = _between(self.white.T @ until[:, :_N_NUISANCE, _CHANGES])
        return np.asarray(_between(until[:, _CHANGES, _CHANGES]) - mixed.swapaxes(1, 2) @ mixed)


def _explained_energy(fisher: Reals, scores: Reals) -> Reals:
    r"""Return $s^T F^{-1} s$, by elimination of one unknown after the other from all at once.

    Args:
        fisher: Matrices without a negative eigenvalue but for rounding, shape ``(..., n, n)``; an
            unknown of which nothing is seen explains nothing.
        scores: Shape ``(..., n)``.
    """
    fisher, scores, total = fisher.copy(), scores.copy(), np.zeros(scores.shape[:-1])
    least = _SMALLEST * np.abs(np.diagonal(fisher, axis1=-2, axis2=-1)) + 1e-300
    for n in range(scores.shape[-1]):
        pivot = fisher[..., n, n]
        inverse = np.where(pivot > least[..., n], 1 / np.maximum(pivot, least[..., n]), 0.0)
        total += scores[..., n] ** 2 * inverse
        share = fisher[..., n, n + 1 :] * inverse[..., np.newaxis]
        scores[..., n + 1 :] -= share * scores[..., n, np.newaxis]
        fisher[..., n + 1 :, n + 1 :] -= (
            share[..., :, np.newaxis] * fisher[..., n, np.newaxis, n + 1 :]
        )
    return total


def _noise(left: Reals, explained: Reals, n_rest: int) -> Reals:
    """Return the noise of a sample in which a change of each stretch must stand out.

    Args:
        left: Energies left inside of every stretch and, last, in the whole; a row a burst.
        explained: Energies that changes explain.
        n_rest: Real numbers of a burst: two a sample.
    """
    inside, outside, whole = left[:, :-1], left[:, -1:] - left[:, :-1], left[:, -1:]
    most = np.maximum.reduce(
        [
            (whole - explained) / (n_rest - _N_NUISANCE),
            (inside - explained) / (n_rest * _SHARES),
            (outside - explained) / (n_rest * (1 - _SHARES)),
        ]
    )
    return np.asarray(np.maximum(most, 1e-30))


def _covariance(precision: Reals) -> Reals:
    """Return the covariance of changes that are no larger than `LARGEST` anyhow."""
    values, axes = np.linalg.eigh(precision)
    return np.asarray(axes / (np.maximum(values, 0) + 1 / LARGEST**2) @ axes.T)


def _change(until: Reals, stretch: int, size: Reals, covariance: Reals) -> Change:
    """Return a change of known size and what it does to the fit of the whole burst."""
    first, last = _STRETCHES[stretch]
    inside = until[last] - until[first]
    energies = inside[_CHANGES, _CHANGES]
    own = slice(_N_OWN)
    shifts = np.linalg.lstsq(until[-1, own, own], inside[own, _CHANGES] @ size, rcond=None)[0]
    return Change(
        share=float(_SHARES[stretch]),
        gain=complex(size[0], size[1]),
        delay=float(size[2]),
        delay_std=float(np.sqrt(covariance[2, 2])),
        power=float(size @ energies @ size / energies[0, 0]),
        gain_shift=complex(shifts[0], shifts[1]),
        start_shift=float(shifts[2]),
        cfo_shift=float(shifts[3]),
    )


@lru_cache(maxsize=32)
def _limits(n_rest: int, n_changes: int) -> Reals:
    """Return the ratios that noise alone exceeds in one burst of a thousand, one a stretch."""
    chance = CHANCE / len(_STRETCHES)
    return np.asarray(stats.f.isf(chance, n_changes, n_rest * _SHARES))
