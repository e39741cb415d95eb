r"""Which nodes make the mean better: those that do not are left out.

The server wants the mean of all K nodes' numbers, and takes that of the n that send for it. With
independent numbers of mean zero and mean square s, relative errors of gain of mean square v_k, and
noise N(n, c) of the sum at the amplitude c, in units of a number of 1, the squared error is

    $s (1/n - 1/K) + s \sum_k v_k / n^2 + N(n, c) / n^2$

The first term is what the missing numbers would have said. The weakest node decides c, and a node
of which little is known brings its v_k: either may cost more than its number is worth. A number
lost is dear: with five nodes, one is worth leaving out where its gain is wrong by more than it is
itself, or where it makes all others so quiet that noise is a fifth of the sum.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

NoiseVariance = Callable[[int, float], float]
"""Of a sum without errors of gain, by the number of nodes and the amplitude of a number of 1."""


def gain_error(phase_variance: Reals, level_variance: Reals, needs_phase: bool) -> Reals:
    r"""Return the mean square of what a node's number is multiplied by, less 1.

    Where the phase counts that is $(1 + \delta) \cos\phi$, else $(1 + \delta)^2 / E(1 + \delta)^2$;
    $\delta$ and $\phi$ are Gaussian.

    Args:
        phase_variance: Of each node, in rad^2.
        level_variance: Of its magnitude, relative.
        needs_phase: Whether amplitudes are added; else powers are.
    """
    if not needs_phase:
        square = 1 + level_variance
        return np.asarray(2 * level_variance * (1 + square) / square**2)
    cosine, square = np.exp(-phase_variance / 2), (1 + np.exp(-2 * phase_variance)) / 2
    return np.asarray((1 + level_variance) * square - 2 * cosine + 1)


@dataclass(frozen=True)
class Worth:
    """What decides whether a node's number is worth its error.

    Attributes:
        n_nodes: Of which the mean is wanted, K.
        mean_square: Of a node's number, s.
        noise: N(n, c).
    """

    n_nodes: int
    mean_square: float
    noise: NoiseVariance

    def error(self, reach: Reals, gain_errors: Reals) -> float:
        """Return the expected squared error of the mean of these nodes, shape ``(n,)`` each.

        Args:
            reach: Largest amplitude at which each can be received.
            gain_errors: Mean squares of their relative errors.
        """
        n = len(reach)
        noise = self.noise(n, float(reach.min()))
        return self.missing(n) + (self.mean_square * float(gain_errors.sum()) + noise) / n**2

    def missing(self, n_sending: int) -> float:
        """Return the part of the error that is due to numbers that are not sent."""
        return self.mean_square * (1 / n_sending - 1 / self.n_nodes)


def worthwhile(reach: Reals, gain_errors: Reals, worth: Worth) -> NDArray[np.bool_]:
    """Return which nodes should send, shape ``(n,)``; one at least.

    From all, the weakest or the most uncertain is taken away, whichever leaves the smaller error,
    for as long as numbers not sent do not alone cost more than the best so far.

    Args:
        reach: Largest amplitude at which each node can be received, positive.
        gain_errors: Mean square of each relative error.
        worth: What decides.
    """
    kept = np.ones(len(reach), np.bool_)
    best, least = kept.copy(), worth.error(reach, gain_errors)
    while kept.sum() > 1 and worth.missing(int(kept.sum()) - 1) < least:
        errors = {}
        for node in {_last(kept, -reach), _last(kept, gain_errors)}:
            kept[node] = False
            errors[node] = worth.error(reach[kept], gain_errors[kept])
            kept[node] = True
        gone = min(errors, key=lambda node: errors[node])
        kept[gone] = False
        if errors[gone] < least:
            best, least = kept.copy(), errors[gone]
    return best


def _last(kept: NDArray[np.bool_], values: Reals) -> int:
    return int(np.argmax(np.where(kept, values, -np.inf)))
