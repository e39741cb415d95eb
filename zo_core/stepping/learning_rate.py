"""The step size of every update, as a pure function of how many came before."""

import math
from dataclasses import dataclass
from enum import StrEnum


class Decay(StrEnum):
    """How the step size falls after its warm-up."""

    CONSTANT = "constant"
    LINEAR = "linear"
    COSINE = "cosine"


@dataclass(frozen=True)
class LearningRate:
    """A linear warm-up from 0 to the peak, then a decay to 0 at the last update.

    Attributes:
        peak: Largest step size, positive.
        warmup_updates: Updates until it is reached.
        decay: How it falls afterwards.
        n_updates: Updates of the whole run, where it falls.
    """

    peak: float
    warmup_updates: int = 0
    decay: Decay = Decay.CONSTANT
    n_updates: int = 0

    def __post_init__(self) -> None:
        if not (self.peak > 0 and math.isfinite(self.peak)):
            raise ValueError(f"learning_rate = {self.peak} must be positive and finite")
        if self.warmup_updates < 0:
            raise ValueError(f"warmup_updates = {self.warmup_updates} must be 0 or more")
        if self.decay is not Decay.CONSTANT and self.n_updates <= self.warmup_updates:
            raise ValueError(
                f"a {self.decay} decay over {self.n_updates} updates leaves nothing after "
                f"{self.warmup_updates} updates of warm-up; warm up for fewer"
            )

    def at(self, index: int) -> float:
        """Return the step size of the update with this index, from 0.

        >>> [LearningRate(0.1, warmup_updates=2).at(index) for index in range(3)]
        [0.05, 0.1, 0.1]
        """
        if index < self.warmup_updates:
            return self.peak * (index + 1) / self.warmup_updates
        if self.decay is Decay.CONSTANT:
            return self.peak
        done = (index - self.warmup_updates) / (self.n_updates - self.warmup_updates)
        left = max(1.0 - done, 0.0)
        if self.decay is Decay.LINEAR:
            return self.peak * left
        return self.peak * (1.0 - math.cos(math.pi * left)) / 2
