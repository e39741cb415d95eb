"""Whether a known burst has arrived as one: the same gain from its first sample to its last."""

from collections.abc import Sequence

import numpy as np

from sdr_ota.receiver.burst_changes import Change, find_changes
from sdr_ota.receiver.burst_edges import displaced_samples
from sdr_ota.receiver.burst_fit import BurstFit, burst_window, linearised, of_equal_lengths
from sdr_ota.receiver.synchronisation import BurstNotFound
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import Samples
from sdr_ota.units import amplitude_to_db

CHANGE_LIMIT = 0.4
"""Of a burst's amplitude (3 dB up, or 23 degrees), that a part of it may differ from the others and
still be counted, not refused: whether the gain there or elsewhere is the node's is unknown."""

DELAY_LIMIT = 0.5
"""Change of the delay in samples: samples are lost whole, multipath moves a part by less."""

SURE_STDS = 5.0
"""A change of the delay is one beyond so many of its deviations."""


class BurstDisturbed(BurstNotFound):
    """A burst is there, but not as it was sent."""


def judge_burst(capture: Samples, frame: FrameFormat, fit: BurstFit) -> BurstFit:
    """Judge one burst as `whole_bursts` judges many."""
    return whole_bursts([capture], frame, [fit])[0]


def whole_bursts(
    captures: Sequence[Samples], frame: FrameFormat, fits: Sequence[BurstFit]
) -> list[BurstFit]:
    """Return bursts as `judge_bursts` does where all of them must have arrived.

    Raises:
        BurstDisturbed: If too much has changed in one to call it one burst.
    """
    whole = []
    for fit in judge_bursts(captures, frame, fits):
        if isinstance(fit, BurstDisturbed):
            raise fit
        whole.append(fit)
    return whole


def judge_bursts(
    captures: Sequence[Samples], frame: FrameFormat, fits: Sequence[BurstFit]
) -> list[BurstFit | BurstDisturbed]:
    """Return sounding bursts' fits with what has changed inside each burst in its deviations.

    Lost samples, a step of gain or phase, clipping, or the pilot of another bench do that. In which
    too much has changed to call it one burst, the error that says so stands in its place.

    Args:
        captures: In which the bursts were fitted, one each.
        frame: Their format.
        fits: Of the whole bursts.
    """
    reference = frame.sounding_burst()
    windows = [burst_window(c, reference, fit) for c, fit in zip(captures, fits, strict=True)]

    def judge(places: Sequence[int]) -> list[BurstFit | BurstDisturbed]:
        own = [fits[n] for n in places]
        bursts = linearised([captures[n] for n in places], reference, own)
        found = zip(own, displaced_samples(bursts), find_changes(bursts), strict=True)
        return [_judged(*one) for one in found]

    return of_equal_lengths(windows, judge)


def _judged(
    fit: BurstFit, displaced: int | None, change: Change | None
) -> BurstFit | BurstDisturbed:
    if displaced is not None:
        return BurstDisturbed(
            "a sounding burst did not arrive as it was sent: one of its ends lies "
            f"{abs(displaced)} samples away from the rest: samples were lost"
        )
    if change is None:
        return fit
    late = abs(change.delay)
    if change.power > CHANGE_LIMIT**2 or late > max(DELAY_LIMIT, SURE_STDS * change.delay_std):
        level_db = amplitude_to_db(max(abs(1 + change.gain), 1e-3))
        phase_deg = np.degrees(np.angle(1 + change.gain))
        return BurstDisturbed(
            f"a sounding burst did not arrive as it was sent: {change.share:.0%} of it are "
            f"{level_db:+.1f} dB, {phase_deg:+.0f} degrees and {change.delay:+.2f} samples off the "
            f"rest (limits: {CHANGE_LIMIT:.0%} of the amplitude, {DELAY_LIMIT:g} samples): samples "
            "were lost, a gain has stepped, something else was on the air, or it is another "
            "bench's"
        )
    return change.counted(fit)
