"""How long a chip is: as long as the radios' start jitter asks for."""

import math
from dataclasses import dataclass

from sdr_ota.air.presets import air_preset
from sdr_ota.config.tables import MAX_SAMPLES_PER_CHIP, AirTable, FrameTable, LinkTable, RadioTable
from sdr_ota.schemes import load_scheme

JITTERS_PER_ARRIVAL = 2.0
"""A node's arrival is off by its own start and the lead node's, when sounded and at the payload:
four independent starts, twice the deviation of one."""

CHIP_PER_ARRIVAL_ERROR = 8.0
"""Length of a chip over the standard deviation of an arrival. A raised cosine loses about
(3 tau / T)^2 / 2 of its height at a distance tau: 7 % at one deviation, and less on average."""


@dataclass(frozen=True)
class ChipLength:
    """How many samples a chip has, and why.

    Attributes:
        samples: In [2, 64].
        reason: A clause for the plan of a run.
    """

    samples: int
    reason: str


def chip_length(frame: FrameTable, link: LinkTable, radio: RadioTable, air: AirTable) -> ChipLength:
    """Return the length of a chip: what was asked for, or what the start jitter asks for.

    Energies are compared over the whole payload, so that schemes which need no phase keep the
    shortest chip, and with it as many chips as possible.
    """
    if frame.samples_per_chip != "auto":
        return ChipLength(frame.samples_per_chip, "frame.samples_per_chip")
    shortest = FrameTable.shortest_chip
    if link.is_auto or not load_scheme(link.scheme, link.scheme_parameters).needs_phase:
        return ChipLength(shortest, f"the shortest: {link.scheme} needs no phases")
    if not radio.is_simulated:
        return ChipLength(shortest, "the shortest: no start jitter is known of these radios")
    jitter_s = air_preset(air.preset).start_jitter_s
    least_s = CHIP_PER_ARRIVAL_ERROR * JITTERS_PER_ARRIVAL * jitter_s
    samples = max(math.ceil(round(least_s * radio.sample_rate_hz, 6)), shortest)
    reason = f"start jitter of {jitter_s * 1e6:g} us asks for {least_s * 1e6:g} us"
    return ChipLength(min(samples, MAX_SAMPLES_PER_CHIP), reason)
