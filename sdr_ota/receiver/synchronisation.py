"""Synchronise with a burst: find it, then fit it."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sdr_ota.receiver.burst_fit import BurstFit, fit_bursts
from sdr_ota.receiver.detection import DECIMATION, Detection, detection_threshold, search_bursts
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import Samples


class BurstNotFound(Exception):  # noqa: N818 - the name the reports use
    """No preamble stood out of the noise."""


def locate_burst(
    capture: Samples,
    reference: Samples,
    n_chirp: int,
    max_cfo: float = 0.1,
    false_alarm_probability: float = 1e-9,
) -> BurstFit:
    """Find the strongest burst of a capture and fit its parameters.

    Args:
        capture: Shape ``(n_samples,)``.
        reference: The known burst that begins with the preamble, as it is sent.
        n_chirp: Chirp length of the preamble in samples.
        max_cfo: Largest carrier offset looked for, in cycles per sample.
        false_alarm_probability: Per sample of noise.

    Raises:
        BurstNotFound: With the best metric and the threshold it missed.
    """
    located = locate_bursts([capture], reference, n_chirp, max_cfo, false_alarm_probability)[0]
    if isinstance(located, BurstNotFound):
        raise located
    return located


def locate_bursts(
    captures: Sequence[Samples],
    reference: Samples,
    n_chirp: int,
    max_cfo: float = 0.1,
    false_alarm_probability: float = 1e-9,
) -> list[BurstFit | BurstNotFound]:
    """Do what `locate_burst` does for many captures at once, and return the error of a lost one."""
    search = partial(_strongest, reference=reference, n_chirp=n_chirp, max_cfo=max_cfo)
    found = [search(capture, chance=false_alarm_probability) for capture in captures]
    where = [n for n, one in enumerate(found) if isinstance(one, Detection)]
    coarse = [one for one in found if isinstance(one, Detection)]
    held = [captures[n] for n in where]
    fits = fit_bursts(held, reference[: 2 * n_chirp], coarse)
    if len(reference) > 2 * n_chirp:
        # A longer burst has a sharper peak than the search can hit: approach it by the preamble.
        closer = [Detection(fit.start, fit.cfo, fit.metric) for fit in fits]
        fits = fit_bursts(held, reference, closer)
    located = dict(zip(where, fits, strict=True))
    return [located[n] if isinstance(one, Detection) else one for n, one in enumerate(found)]


def _strongest(
    capture: Samples, reference: Samples, n_chirp: int, max_cfo: float, chance: float
) -> Detection | BurstNotFound:
    """Return the strongest whole burst of a capture."""
    found, best = search_bursts(capture, n_chirp, max_cfo, chance)
    whole = [d for d in found if 0 <= round(d.start) <= len(capture) - len(reference)]
    if whole:
        return max(whole, key=lambda detection: explained_power(capture, detection, n_chirp))
    threshold = detection_threshold(chance, n_chirp // DECIMATION)
    return BurstNotFound(
        f"no preamble in {len(capture)} samples: best metric {best:.4f}, threshold "
        f"{threshold:.4f} (false alarm {chance:g} per sample), "
        f"{len(found)} incomplete; check levels, gains and the start time"
    )


def explained_power(capture: Samples, detection: Detection, n_chirp: int) -> float:
    """Return the power of the up-chirp's window, less its mean, that the chirp explains."""
    first = max(round(detection.start), 0)
    return detection.metric * float(np.var(capture[first : first + n_chirp]))


def is_sounding_burst(capture: Samples, frame: FrameFormat, preamble: BurstFit) -> bool:
    """Return whether a preamble belongs to a sounding burst: its pilot follows it.

    The pilot must explain its window at least half as well as the preamble explains its own.
    In a joint frame a guard and other chips lie there; however many nodes send them, they
    agree with the pilot by a few percent.

    Args:
        capture: Where the preamble was found.
        frame: Format of both kinds of frame.
        preamble: The preamble as fitted.
    """
    burst, n_preamble = frame.sounding_burst(), frame.n_preamble
    first = round(preamble.start)
    window = capture[first : first + len(burst)]
    if first < 0 or len(window) < len(burst):
        return False
    turned = window * np.exp(-2j * np.pi * preamble.cfo * np.arange(len(burst)))
    own = _explained_share(turned[:n_preamble], burst[:n_preamble])
    return _explained_share(turned[n_preamble:], burst[n_preamble:]) > own / 2


def _explained_share(window: NDArray[np.complex128], reference: Samples) -> float:
    """Return the share of a window's energy that lies in a reference's direction."""
    energy = float(np.sum(np.abs(window) ** 2)) * float(np.sum(np.abs(reference) ** 2))
    return abs(complex(np.vdot(reference, window))) ** 2 / max(energy, 1e-30)
