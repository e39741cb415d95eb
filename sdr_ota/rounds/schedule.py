"""Which rounds a run has, and what is announced in each."""

from dataclasses import dataclass

import numpy as np

from sdr_ota.rounds.messages import Announcement


@dataclass(frozen=True)
class Schedule:
    """Which rounds to run and from which seeds their directions come.

    Attributes:
        n_rounds: Total rounds.
        seed: The experiment's seed; every round's seed follows from it.
        sounding_every: Rounds between two soundings.
        n_symbols: Directions of a round: symbols of a node in one frame.
    """

    n_rounds: int
    seed: int
    sounding_every: int = 1
    n_symbols: int = 1

    def round_seed(self, index: int) -> int:
        """Return the 64-bit seed that the server announces in a round."""
        state = np.random.SeedSequence([self.seed, index]).generate_state(1, np.uint64)
        return int(state[0])

    def announcement(self, index: int) -> Announcement:
        """Return what the server announces in a round: a seed a direction."""
        further = (
            int(np.random.SeedSequence([self.seed, index, 0, k]).generate_state(1, np.uint64)[0])
            for k in range(1, self.n_symbols)
        )
        return Announcement(index, (self.round_seed(index), *further))
