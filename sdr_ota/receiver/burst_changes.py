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

from sdr_ota.receiver.burst_fit import BurstFit, linearised, place_burst
from sdr_ota.types import Samples

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


def find_change(capture: Samples, reference: Samples, fit: BurstFit) -> Change | None:
    """Return the surest change inside a burst; None where noise alone explains what is left.

    For every stretch of whole parts, changes of level, phase and delay there are fitted together
    with the burst's six unknowns and its echoes: linear least squares about the fit, and an F test
    of the three (Kay, Detection Theory, section 9.4), over all stretches at the level `CHANCE`. The
    noise is the largest of those of the burst, the stretch, and the others: a pulse is no change.

    Args:
        capture: In which the burst was fitted.
        reference: The known burst as it is sent.
        fit: Of the whole.
    """
    unknowns, rest = linearised(capture, reference, fit)
    placed = fit.start - max(round(fit.start), 0)
    latest, n_rest = max(ECHO_SAMPLES), len(rest)
    wide = place_burst(reference, placed + latest, fit.cfo, n_rest + latest - min(ECHO_SAMPLES))
    echoes = np.stack([wide[latest - d : latest - d + n_rest] for d in ECHO_SAMPLES])
    nuisance = np.concatenate([unknowns, echoes, 1j * echoes])
    changes = np.stack([fit.gain * unknowns[0], fit.gain * unknowns[1], unknowns[2]])
    found = _surest(_real(nuisance), _real(changes), _real(rest))
    if found is None:
        return None
    own, size = _real(unknowns), found.size
    shifts = np.linalg.lstsq(own @ own.T, found.mixed[: len(own)] @ size, rcond=None)[0]
    return Change(
        share=found.share,
        gain=complex(size[0], size[1]),
        delay=float(size[2]),
        delay_std=float(np.sqrt(found.covariance[2, 2])),
        power=float(size @ found.energies @ size / found.energies[0, 0]),
        gain_shift=complex(shifts[0], shifts[1]) / fit.gain,
        start_shift=float(shifts[2]),
        cfo_shift=float(shifts[3]),
    )


def _real(columns: NDArray[np.complex128]) -> Reals:
    """Return complex samples as pairs of real ones."""
    return np.ascontiguousarray(columns).view(np.float64)


@dataclass(frozen=True)
class _Stretch:
    """A stretch of a burst with what has changed there.

    Attributes:
        share: Of the burst.
        size: Of each change.
        covariance: Of ``size``.
        mixed: Inner products of nuisance and changes.
        energies: Of the changes with each other, each of size 1.
    """

    share: float
    size: Reals
    covariance: Reals
    mixed: Reals
    energies: Reals


def _surest(nuisance: Reals, changes: Reals, rest: Reals) -> _Stretch | None:
    """Return the stretch in which a change is the surest, if there is one at all.

    Args:
        nuisance: Columns that hold for the whole burst, shape ``(n_nuisance, n_reals)``.
        changes: Columns of a change of the whole, shape ``(n_changes, n_reals)``.
        rest: What the fit left over, shape ``(n_reals,)``.
    """
    inverse = np.linalg.pinv(nuisance @ nuisance.T, hermitian=True)
    left = rest - (inverse @ (nuisance @ rest)) @ nuisance
    mixed = _within(nuisance, changes)
    scores = _within(changes, left[np.newaxis])
    energies = _within(changes, changes)
    fisher = energies - mixed.transpose(0, 2, 1) @ inverse @ mixed
    explained = np.sum(scores * (np.linalg.pinv(fisher, hermitian=True) @ scores), axis=(1, 2))
    n_reals = len(rest) * _SHARES
    inside = _within(left[np.newaxis], left[np.newaxis])[:, 0, 0]
    outside, whole = left @ left - inside, left @ left - explained
    noise = np.maximum.reduce(
        [
            whole / (len(rest) - len(nuisance)),
            (inside - explained) / n_reals,
            (outside - explained) / (len(rest) - n_reals),
        ]
    )
    ratios = explained / len(changes) / np.maximum(noise, 1e-30)
    limits = _limits(len(rest), len(changes))
    best = int(np.argmax(ratios / limits))
    if ratios[best] < limits[best]:
        return None
    covariance = np.linalg.inv(fisher[best] / noise[best] + np.eye(len(changes)) / LARGEST**2)
    size = covariance @ scores[best, :, 0] / noise[best]
    share = float(n_reals[best] / len(rest))
    return _Stretch(share, size, covariance, mixed[best], energies[best])


@lru_cache(maxsize=32)
def _limits(n_rest: int, n_changes: int) -> Reals:
    """Return the ratios that noise alone exceeds in one burst of a thousand, one a stretch."""
    chance = CHANCE / len(_STRETCHES)
    return np.asarray(stats.f.isf(chance, n_changes, n_rest * _SHARES))


def _within(rows: Reals, columns: Reals) -> Reals:
    """Return inner products within stretches, shape ``(n_stretches, n_rows, n_columns)``."""
    borders = 2 * np.linspace(0, rows.shape[1] // 2, N_PARTS + 1).round().astype(int)
    parts = [slice(a, b) for a, b in pairwise(borders)]
    each = np.stack([rows[:, part] @ columns[:, part].T for part in parts])
    until = np.concatenate([np.zeros_like(each[:1]), np.cumsum(each, axis=0)])
    return np.asarray(until[_STRETCHES[:, 1]] - until[_STRETCHES[:, 0]])
