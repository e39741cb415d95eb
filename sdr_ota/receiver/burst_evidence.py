"""Whether a known burst has arrived as one: the same gain from its first sample to its last."""

import numpy as np
from scipy import stats

from sdr_ota.receiver.burst_fit import BurstFit, place_burst
from sdr_ota.receiver.synchronisation import BurstNotFound
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import Samples
from sdr_ota.units import amplitude_to_db

N_PILOT_PARTS = 4
CHANCE = 1e-5
"""Probability that noise alone makes the parts of one burst differ so much."""

LEVEL_STD, PHASE_STD_RAD = 0.05, 0.1
"""By which parts may differ without a fault: echoes meet the preamble's band and the pilot's in
another way, and an oscillator's phase walks during the burst."""


class BurstDisturbed(BurstNotFound):
    """A burst is there, but not as it was sent."""


def check_burst(capture: Samples, frame: FrameFormat, fit: BurstFit) -> None:
    """Refuse a sounding burst whose preamble and parts of its pilot have not one gain.

    Lost samples, a step of gain or phase, a pulse, or the pilot of another bench do that.

    Args:
        capture: In which the burst was fitted.
        frame: Its format.
        fit: Of the whole burst.

    Raises:
        BurstDisturbed: With how the parts differ.
    """
    reference = frame.sounding_burst()
    first = max(round(fit.start), 0)
    window = capture[first : first + len(reference)].astype(np.complex128) - fit.dc_offset
    placed = place_burst(reference, fit.start - first, fit.cfo, len(window))
    borders = np.linspace(frame.n_preamble, len(reference), N_PILOT_PARTS + 1).astype(int)
    parts = [slice(0, frame.n_preamble), *map(slice, borders[:-1], borders[1:])]
    energies = np.array([np.vdot(placed[p], placed[p]).real for p in parts])
    gains = np.array([np.vdot(placed[p], window[p]) for p in parts]) / np.maximum(energies, 1e-30)
    explained = np.concatenate([g * placed[p] for p, g in zip(parts, gains, strict=True)])
    rest = float(np.sum(np.abs(window - explained) ** 2))
    noise = rest / (len(window) - len(parts)) / 2 / np.maximum(energies, 1e-30)
    middle = complex(energies @ gains / energies.sum())
    off = gains / middle - 1
    known = noise / abs(middle) ** 2
    excess = off.real**2 / (known + LEVEL_STD**2) + off.imag**2 / (known + PHASE_STD_RAD**2)
    limit = float(stats.chi2.isf(CHANCE, 2 * len(parts)))
    if excess.sum() > limit:
        levels_db = ", ".join(f"{amplitude_to_db(abs(g)):+.1f}" for g in gains / middle)
        raise BurstDisturbed(
            f"a sounding burst did not arrive as it was sent: its preamble and the quarters of its "
            f"pilot are {levels_db} dB off their mean (chi-square {excess.sum():.0f}, limit "
            f"{limit:.0f}): samples were lost, a gain has stepped, something else was on the air, "
            "or it is another bench's"
        )
