"""How strong payloads arrive over what the soundings promise, learned from the node pilots.

A sounding is sent at one amplitude, a payload at others, and an amplifier gives the smaller ones a
little more: 0.4 % where full scale is 1.8 dB below its 1 dB compression point and a sounding 6 dB
below full scale. The pilots of one frame cannot tell that from noise; the mean of many can.
"""

from dataclasses import dataclass

from sdr_ota.receiver.levels import ShownLevel

PRIOR_STD = 0.01
"""Of the level before anything was seen: that of amplifiers which are not driven hard."""

MEMORY_ROUNDS = 64
"""Older rounds are forgotten: the amplitudes that are sent change as channels fade."""


@dataclass
class ArrivingLevel:
    """Follows the amplitude at which payloads arrive, over the planned one, from round to round.

    Attributes:
        weighted: Sum of what rounds showed over 1, each over its variance.
        precision: Sum of the inverse variances.
    """

    weighted: float = 0.0
    precision: float = 0.0

    @property
    def expected(self) -> float:
        """Amplitude over the planned one that is to be expected: Gaussians, prior about 1."""
        return 1 + self.weighted / (self.precision + PRIOR_STD**-2)

    def observe(self, shown: ShownLevel) -> None:
        """Take in what the pilots of a round show."""
        kept = 1 - 1 / MEMORY_ROUNDS
        self.weighted = kept * self.weighted + (shown.level - 1) / shown.variance
        self.precision = kept * self.precision + 1 / shown.variance
