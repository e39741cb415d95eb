"""Whether the first or the last samples of a known burst lie elsewhere than the rest of it.

Where samples are lost near an end of a burst, nearly all of it is displaced against the few that
are left behind. Those look like a short pulse to a fit of the whole; but they are a copy of the
burst's own samples, whole samples away.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sdr_ota.receiver.burst_fit import FittedBursts

Number = TypeVar("Number", np.float64, np.complex128)

LENGTHS = (16, 24, 32, 48, 64, 96, 128, 192)
"""Samples at an end that are looked at; of longer ones a change of the burst's gain tells."""

FARTHEST = 64
"""Samples that are lost; of more, the silence that they leave in the burst tells."""

NEAREST = 2
"""A change of the delay by less, and multipath of that kind, are told by `find_changes`."""

SURE = 25.0
"""Logarithm of the likelihood ratio from which samples are displaced. Noise alone, which a copy may
explain by chance, made none of it in 1,000 bursts at 0 to 45 dB."""

LEAST_RATIO = 2.0
"""Power that the burst in its place leaves over, over that of a displaced one and over what is left
in the whole burst: multipath, too, is explained a little better by copies, but it is everywhere."""

N_PARTS = 20
"""Of a burst, of which the median leaves over what noise and multipath make."""


def displaced_samples(bursts: FittedBursts) -> list[int | None]:
    """Return by how many samples an end of each burst lies away from the rest; None: by none."""
    model = bursts.gain[:, np.newaxis] * bursts.signal
    received = bursts.rest + model
    usual = _usual_power(bursts.rest)
    found: list[int | None] = [None] * len(model)
    for samples, known in ((received, model), (received[:, ::-1], model[:, ::-1])):
        for burst in np.flatnonzero(_may_be_displaced(samples, known, usual)):
            where = _displaced_start(samples[burst], known[burst], float(usual[burst]))
            found[burst] = found[burst] or where
    return found


def _usual_power(rest: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Return the power of a sample that is left over in most parts of each burst."""
    parts = np.array_split(np.abs(rest) ** 2, N_PARTS, axis=1)
    return np.asarray(np.median([part.mean(axis=1) for part in parts], axis=0))


def _may_be_displaced(
    received: NDArray[np.complex128], model: NDArray[np.complex128], usual: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return which bursts leave so much over at their first samples that a copy may be likelier.

    A copy is taken to leave over what is usual at least, so this misses none; few bursts pass.
    """
    lengths = _lengths(model.shape[1])
    longest = int(lengths.max(initial=0))
    received, model = received[:, :longest], model[:, :longest]
    left = np.abs(received) ** 2
    energy = np.abs(model) ** 2
    agreed = np.abs(_sums_of_first(lengths, model.conj() * received)) ** 2
    left_over = _sums_of_first(lengths, left)
    left_over = left_over - agreed / np.maximum(_sums_of_first(lengths, energy), 1e-30)
    ratio = np.maximum(left_over, 1e-30) / np.maximum(usual[:, np.newaxis] * lengths, 1e-30)
    return np.asarray(np.any((ratio > LEAST_RATIO) & (lengths * np.log(ratio) > SURE), axis=1))


def _lengths(n_burst: int) -> NDArray[np.intp]:
    return np.array([n for n in LENGTHS if n <= n_burst // 2], np.intp)


def _displaced_start(
    received: NDArray[np.complex128], model: NDArray[np.complex128], usual: float
) -> int | None:
    """Return by how much the first samples are later than the model's; None if they are not.

    A copy of the model at every distance is fitted to them with a gain of its own, and so is the
    model in its place; in noise of unknown power the likelihood falls with what each leaves over.

    Args:
        received: Samples of the burst.
        model: As they were fitted.
        usual: Power of a sample that the fit leaves over elsewhere.
    """
    lengths = _lengths(len(model))
    longest = int(lengths.max(initial=0))
    padded = np.pad(model[: longest + FARTHEST], (FARTHEST, FARTHEST))
    shifts = np.arange(-FARTHEST, FARTHEST + 1)
    copies, energies = (
        np.lib.stride_tricks.sliding_window_view(values, longest)[2 * FARTHEST :: -1]
        for values in (padded.conj(), np.abs(padded) ** 2)
    )
    received = received[:longest]
    energy = _sums_of_first(lengths, energies)
    agreed = _sums_of_first(lengths, copies * received)
    whole = _sums_of_first(lengths, np.abs(received) ** 2)
    left = np.maximum(whole - np.abs(agreed) ** 2 / np.maximum(energy, 1e-30), 1e-30)
    ratio = left[FARTHEST] / np.maximum(left, usual * lengths)
    likelihood = np.where(ratio > LEAST_RATIO, lengths * np.log(ratio), 0.0)
    likelihood[np.abs(shifts) < NEAREST] = 0.0
    best, _ = np.unravel_index(int(np.argmax(likelihood)), likelihood.shape)
    return int(shifts[best]) if likelihood.max() > SURE else None


def _sums_of_first(lengths: NDArray[np.intp], rows: NDArray[Number]) -> NDArray[Number]:
    """Return the sums of so many first values of each row, shape ``(..., n_lengths)``."""
    parts = np.add.reduceat(rows, np.concatenate([[0], lengths[:-1]]), axis=-1)
    return np.cumsum(parts, axis=-1)
