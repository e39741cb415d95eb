r"""How long a chip is, and why: as long as the start jitter of the radios asks for.

A burst starts $\sigma$ (standard deviation) early or late. Where a payload's chips are read
depends on four such starts: the node's and the lead's, when they were sounded and when they send
the payload. They are independent, so a node's arrival error has a standard deviation of $2\sigma$.
A chip that is eight times as long, $16\sigma$, loses little of its height: with a roll-off of 0.35,
a chip read an eighth of its length late is 3 % lower.

Only schemes that need phases gain by it. Their symbol is the chips' amplitude, and a sum over
fewer, longer chips is as good as over many short ones. Energies and votes need no more than the
payload as a whole, and fewer random chips make them worse; a slot of `tdma` carries its own pilot.
"""

import math
from dataclasses import dataclass

from sdr_ota.air.presets import air_preset
from sdr_ota.config.air_table import AirTable
from sdr_ota.config.frame_table import (
    LEAST_SAMPLES_PER_CHIP,
    MOST_SAMPLES_PER_CHIP,
    FrameTable,
    n_payload_chips,
)
from sdr_ota.config.tables import RadioTable
from sdr_ota.schemes import AggregationScheme

ARRIVALS_PER_CHIP = 8
"""Standard deviations of the arrival error in a chip."""

STARTS_PER_ARRIVAL = 4
"""Independent starts in an arrival error: of node and lead, at the sounding and at the payload."""


@dataclass(frozen=True)
class ChipLength:
    """A chip's length, chosen.

    Attributes:
        samples: In it, 2 to 64.
        why: A phrase for a person.
    """

    samples: int
    why: str


def chip_length(
    frame: FrameTable, radio: RadioTable, air: AirTable, scheme: AggregationScheme, n_nodes: int
) -> ChipLength:
    """Return how long a chip is; the same for the same configuration, wherever it is asked.

    Args:
        frame: A number of samples in it is taken as it is.
        radio: Real or simulated, with or without hardware time, and the sample rate.
        air: Whose preset says how the starts of simulated radios scatter.
        scheme: What the chips carry.
        n_nodes: Nodes of the bench.

    Raises:
        ValueError: If the air is unknown, or ``frame.payload_s`` makes too many or too few chips.
    """
    if frame.samples_per_chip != "auto":
        return ChipLength(frame.samples_per_chip, "frame.samples_per_chip says so")
    if radio.sends_cyclic_frames:
        why = "cyclic frames carry their chips on subcarriers, where a late start moves none"
        return ChipLength(LEAST_SAMPLES_PER_CHIP, why)
    if not scheme.needs_phase:
        why = "the scheme needs no phases: starts may scatter, and more chips make a better sum"
        return ChipLength(LEAST_SAMPLES_PER_CHIP, why)
    if not radio.is_simulated:
        # Records in calibration.folder expire, and a frame must be the same on every machine of a
        # run and after a resume: who begins a run writes what they say into its configuration.
        why = (
            "how the starts of these radios scatter is in no fresh record; `sdr-ota calibrate "
            f"timing` measures start_jitter_s, and a chip then lasts {_STARTS_PER_CHIP:g} times it"
        )
        return ChipLength(LEAST_SAMPLES_PER_CHIP, why)
    jitter_s = air_preset(air.preset).start_jitter_s
    return length_for_jitter(jitter_s, frame, radio.sample_rate_hz, scheme, n_nodes)


_STARTS_PER_CHIP = ARRIVALS_PER_CHIP * math.sqrt(STARTS_PER_ARRIVAL)
"""Standard deviations of a start in a chip."""


def samples_for_jitter(start_jitter_s: float, sample_rate_hz: float) -> int:
    """Return the fewest samples, at least 2, in which a chip outlasts the jitter as it should.

    Args:
        start_jitter_s: Standard deviation of a burst's start.
        sample_rate_hz: Samples a second.

    >>> samples_for_jitter(1e-6, 1e6), samples_for_jitter(100e-9, 1e6)
    (16, 2)
    """
    asked = _STARTS_PER_CHIP * start_jitter_s * sample_rate_hz
    # 16 x 1e-6 x 1e6 is a little more than 16 in floating point, and means 16
    return max(math.ceil(asked * (1 - 1e-9)), LEAST_SAMPLES_PER_CHIP)


def length_for_jitter(
    jitter_s: float,
    frame: FrameTable,
    sample_rate_hz: float,
    scheme: AggregationScheme,
    n_nodes: int,
) -> ChipLength:
    """Return how long a chip is for a start jitter, as far as limits and the payload allow it.

    Args:
        jitter_s: Standard deviation of a burst's start.
        frame: Lengths of the parts of the frame.
        sample_rate_hz: Samples a second.
        scheme: What the chips carry.
        n_nodes: Nodes of the bench.
    """
    asked = samples_for_jitter(jitter_s, sample_rate_hz)
    if not jitter_s:
        return ChipLength(asked, "starts do not scatter")
    why = (
        f"start jitter {_us(jitter_s)} us: a chip of at least {_us(_STARTS_PER_CHIP * jitter_s)} us"
    )
    allowed = min(asked, MOST_SAMPLES_PER_CHIP)
    samples = _most_that_carry(allowed, frame, sample_rate_hz, scheme, n_nodes)
    if samples < allowed:
        return ChipLength(samples, f"{why}; the scheme needs more chips than that leaves")
    if allowed < asked:
        return ChipLength(samples, f"{why}; no more than {allowed} samples are allowed")
    return ChipLength(samples, why)


def _most_that_carry(
    allowed: int,
    frame: FrameTable,
    sample_rate_hz: float,
    scheme: AggregationScheme,
    n_nodes: int,
) -> int:
    """Return the most samples that leave a scheme the chips it needs; 2 if none does."""
    for samples in range(allowed, LEAST_SAMPLES_PER_CHIP, -1):
        try:
            scheme.check(n_payload_chips(frame, samples, sample_rate_hz), n_nodes)
        except ValueError:  # too few for it
            continue
        return samples
    return LEAST_SAMPLES_PER_CHIP


def _us(time_s: float) -> str:
    return f"{time_s * 1e6:g}"
