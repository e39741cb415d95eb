"""Whether the first or the last samples of a known burst lie elsewhere than the rest of it.

Where samples are lost near an end of a burst, nearly all of it is displaced against the few that
are left behind. Those look like a short pulse to a fit of the whole; but they are a copy of the
burst's own samples, whole samples away.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sdr_ota.receiver.burst_fit import BurstFit, linearised
from sdr_ota.types import Samples

Number = TypeVar("Number", np.float64, np.complex128)

LENGTHS = (16, 24, 32, 48, 64, 96, 128, 192)
"""Samples at an end that are looked at; of longer ones a change of the burst's gain tells."""

FARTHEST = 64
"""Samples that are lost; of more, the silence that they leave in the burst tells."""

NEAREST = 2
"""A change of the delay by less, and multipath of that kind, are told by `find_change`."""

SURE = 25.0
"""Logarithm of the likelihood ratio from which samples are displaced. Noise alone, which a copy may
explain by chance, made none of it in 1,000 bursts at 0 to 45 dB."""

LEAST_RATIO = 2.0
"""Power that the burst in its place leaves over, over that of a displaced one and over what is left
in the whole burst: multipath, too, is explained a little better by copies, but it is everywhere."""

N_PARTS = 20
"""Of a burst, of which the median leaves over what noise and multipath make."""


def displaced_samples(capture: Samples, reference: Samples, fit: BurstFit) -> int | None:
    """Return by how many samples an end of a burst lies away from the rest; None if none does.

    Args:
        capture: In which the burst was fitted.
        reference: The known burst as it is sent.
        fit: Of the whole.
    """
    columns, rest = linearised(capture, reference, fit)
    model = fit.gain * columns[0]
    received = rest + model
    usual = float(np.median([np.mean(np.abs(p) ** 2) for p in np.array_split(rest, N_PARTS)]))
    found = _displaced_start(received, model, usual)
    return found or _displaced_start(received[::-1], model[::-1], usual)


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
    lengths = np.array([n for n in LENGTHS if n <= len(model) // 2])
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
