r"""Integers of the discrete Gaussian law, drawn exactly: no floating-point number takes part.

$\Pr[n] \propto e^{-n^2 / (2 \sigma^2)}$ for every integer $n$. A discrete Laplace is drawn
and kept with a chance that makes it one; all chances are of the form $e^{-a/b}$ and come from
uniform integers alone. A draw takes the longer the larger its number happens to be.

References:
    Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy", NeurIPS 2020
    (arXiv 2004.00010), algorithms 1 to 3; theirs with $t = \sigma$.
"""

from random import Random


def discrete_gaussian(std: int, entropy: Random) -> int:
    r"""Return an integer from the discrete Gaussian law.

    Args:
        std: $\sigma$, a positive integer.
        entropy: Where the uniform integers come from; `secrets.SystemRandom` in a run.

    Raises:
        ValueError: If ``std`` is not positive.
    """
    if std < 1:
        raise ValueError(f"std = {std} must be a positive integer")
    while True:
        drawn = _discrete_laplace(std, entropy)
        # e^{-n^2/2s^2} is e^{-|n|/s} times e^{-(|n|-s)^2/2s^2}, but for a constant.
        if _exp_chance((abs(drawn) - std) ** 2, 2 * std**2, entropy):
            return drawn


def _discrete_laplace(scale: int, entropy: Random) -> int:
    """Return an integer n with a chance proportional to exp(-abs(n) / scale)."""
    while True:
        part = entropy.randrange(scale)
        if not _exp_chance(part, scale, entropy):
            continue
        n_whole = 0
        while _exp_chance(1, 1, entropy):
            n_whole += 1
        size = part + scale * n_whole
        is_negative = entropy.getrandbits(1) == 1
        if size or not is_negative:  # else 0 would come twice as often as it should
            return -size if is_negative else size


def _exp_chance(numerator: int, denominator: int, entropy: Random) -> bool:
    """Return true with the chance exp(-numerator / denominator); neither is negative."""
    while numerator > denominator:
        if not _exp_chance(1, 1, entropy):
            return False
        numerator -= denominator
    # After k - 1 successes of chances x, x/2, ... the next fails: an odd k has the chance e^-x.
    k = 1
    while entropy.randrange(denominator * k) < numerator:
        k += 1
    return k % 2 == 1
