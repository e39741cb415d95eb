"""How strong payloads arrive over what the soundings promise, learned from the node pilots.

A sounding is sent at one amplitude, a payload at others, and an amplifier gives the smaller ones a
little more: 0.4 % where full scale is 1.8 dB below its 1 dB compression point and a sounding 6 dB
below full scale. The pilots of one frame cannot tell that from noise; the mean of many can.
"""

from dataclasses import dataclass

LEAST_ROUNDS = 16
"""Before as many rounds nothing is said: chance in their mean is a quarter of that in one."""

MEMORY_ROUNDS = 64
"""Older rounds are forgotten: the amplitudes that are sent change as channels fade."""


@dataclass
class ArrivingLevel:
    """Follows the amplitude at which payloads arrive, over the planned one, from round to round.

    Attributes:
        mean: Of the last rounds.
        n_rounds: That it was learned from, at most ``MEMORY_ROUNDS``.
    """

    mean: float = 1.0
    n_rounds: int = 0

    @property
    def expected(self) -> float:
        """Amplitude over the planned one that is to be expected; 1 before ``LEAST_ROUNDS``."""
        return self.mean if self.n_rounds >= LEAST_ROUNDS else 1.0

    def observe(self, level: float) -> None:
        """Take in the level that the pilots of a round show."""
        self.n_rounds = min(self.n_rounds + 1, MEMORY_ROUNDS)
        self.mean += (level - self.mean) / self.n_rounds
