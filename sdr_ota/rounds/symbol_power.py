"""How large symbols usually are, learned from the sums of earlier rounds.

A coherent sum does not show how large its symbols are; what gains that are off make of it depends
on it. Symbols of mean zero that do not depend on each other have K times their mean square in
their sum. Where clients agree, their sum is larger; the mean square is then taken for larger than
it is, at most 1, and what is said of a sum's error errs on the safe side.
"""

from dataclasses import dataclass

LEAST_ROUNDS = 8
"""Before as many rounds nothing is said: the mean of 8 squares is off by half of it."""

MEMORY_ROUNDS = 64
"""Older rounds are forgotten: steps become smaller as a model learns."""


@dataclass
class SymbolPower:
    """Follows the mean square of the nodes' scalars from round to round.

    Attributes:
        scalar_mean_square: In the unit of scalars, squared: a limit that changes from round to
            round changes symbols, not scalars.
        n_rounds: That it was learned from, at most ``MEMORY_ROUNDS``.
    """

    scalar_mean_square: float = 0.0
    n_rounds: int = 0

    def symbol_mean_square(self, largest_scalar: float) -> float | None:
        """Return the mean square of symbols; None before ``LEAST_ROUNDS`` rounds.

        Args:
            largest_scalar: What becomes a symbol of 1.
        """
        if self.n_rounds < LEAST_ROUNDS:
            return None
        return min(max(self.scalar_mean_square / largest_scalar**2, 0.0), 1.0)

    def observe(self, symbol_square: float, largest_scalar: float) -> None:
        """Take a round in.

        Args:
            symbol_square: What its sum says of the mean square; less than 0 by chance too.
            largest_scalar: What was a symbol of 1.
        """
        self.n_rounds = min(self.n_rounds + 1, MEMORY_ROUNDS)
        news = symbol_square * largest_scalar**2 - self.scalar_mean_square
        self.scalar_mean_square += news / self.n_rounds
