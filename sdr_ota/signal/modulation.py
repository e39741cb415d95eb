"""From a scalar to a symbol in [-1, 1] and back from the decoded sum to the mean."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np


class Payload(Protocol):
    """What of a scalar is sent, and what a decoded sum means."""

    def symbol(self, scalar: float) -> float:
        """Return the symbol in [-1, 1] that a client sends for its scalar."""
        ...

    def mean_scalar(self, symbol_sum: float, n_active: int) -> float:
        """Return what is broadcast for a decoded sum of ``n_active`` symbols."""
        ...


@dataclass(frozen=True, slots=True)
class AnalogPayload:
    """The scalar itself, clipped (arXiv 2604.12401, eqs. 5 and 8).

    Attributes:
        scalar_limit: Clipping bound on a scalar, positive; it becomes a symbol of 1.
    """

    scalar_limit: float

    def symbol(self, scalar: float) -> float:
        """Return the clipped scalar over the limit."""
        return float(np.clip(scalar / self.scalar_limit, -1.0, 1.0))

    def mean_scalar(self, symbol_sum: float, n_active: int) -> float:
        """Return the decoded mean in units of the scalar."""
        return symbol_sum * self.scalar_limit / n_active


@dataclass(frozen=True, slots=True)
class SignPayload:
    """Only the sign: Sign-pAirZero (arXiv 2604.12401, section IV-B and eq. 39).

    Attributes:
        abstention_limit: A client whose scalar is smaller than this abstains.
    """

    abstention_limit: float = 0.0

    def symbol(self, scalar: float) -> float:
        """Return the sign of the scalar; 0 (abstain) below the abstention limit."""
        return 0.0 if abs(scalar) < self.abstention_limit else float(np.sign(scalar))

    def mean_scalar(self, symbol_sum: float, n_active: int) -> float:
        """Return the sign of the majority."""
        return float(np.sign(symbol_sum))
