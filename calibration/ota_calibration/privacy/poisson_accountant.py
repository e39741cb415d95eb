r"""Privacy of rounds whose batches are Poisson samples, by privacy loss distributions.

Every record joins every batch on its own with probability $q$, secretly, and
the divisor $b$ is fixed (not the size of the batch that came out). Without
subsampling use :mod:`ota_calibration.privacy.gaussian_accountant`, which is exact.

**Which noise multiplier.** Here it is always the noise's standard deviation
over the *largest contribution of one record* ($\gamma / b$), whatever the
adjacency. The accountant underneath doubles the sensitivity itself when records
are replaced, so a multiplier relative to $2\gamma / b$ would be counted twice.

The accountant comes from the package ``dp-accounting`` (extra ``privacy``); it
is imported when it is first needed.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import ModuleType

from scipy.optimize import brentq

from ota_calibration.privacy.adjacency import Relation

# Relative spacing of the levels that varying noise is rounded down to.
LEVEL_RATIO = 1.05

# Of the logarithm of a noise multiplier: first stride and final precision of the search.
SEARCH_STEP = 0.5
SEARCH_PRECISION = 5e-4

# Spacing of the privacy losses that stand for all others; coarser is faster and overstates
# the cost: by 2e-5 of epsilon in a thousand rounds for the coarse one.
FINE_LOSS_STEP = 1e-4
COARSE_LOSS_STEP = 1e-3

# Losses of one round up to which those steps are used. Larger ones, of promises that hide next to
# nothing, get steps in proportion: their number, and with it the time, stays what it is.
LARGEST_FINE_LOSS = 20.0
# The Gaussian's tails that matter, in standard deviations.
TAIL = 10.0

# So many times the wanted epsilon stand for an infinite one, which a root finder cannot use.
BEYOND = 1e3


class MissingAccountantError(ImportError):
    """The package that accounts for subsampled rounds is not installed."""


def poisson_epsilon(
    rounds: Mapping[float, int],
    sampling_rate: float,
    delta: float,
    relation: Relation,
    loss_step: float = FINE_LOSS_STEP,
) -> float:
    r"""Return the $\epsilon$ of rounds with Poisson-sampled batches of one rate.

    Args:
        rounds: Number of rounds at each noise multiplier (noise standard deviation
            over the largest contribution of one record).
        sampling_rate: $q$, in (0, 1].
        delta: In (0, 1).
        relation: Neighbours by adding or removing, or by replacing one record.
        loss_step: Spacing of the privacy losses that are kept, of rounds that hide much; never
            understates.

    Raises:
        MissingAccountantError: If ``dp-accounting`` is not installed.
    """
    by_rate = {(sampling_rate, multiplier): count for multiplier, count in rounds.items()}
    _check(sampling_rate, delta)
    return mixed_epsilon(by_rate, delta, relation, loss_step)


def mixed_epsilon(
    rounds: Mapping[tuple[float, float], int],
    delta: float,
    relation: Relation,
    loss_step: float = FINE_LOSS_STEP,
) -> float:
    r"""Return the $\epsilon$ of rounds whose rates and noises differ.

    Args:
        rounds: Number of rounds by rate and noise multiplier; rate 1 is no subsampling.
        delta: In (0, 1).
        relation: As of `poisson_epsilon`.
        loss_step: As of `poisson_epsilon`.

    Raises:
        MissingAccountantError: If ``dp-accounting`` is not installed.
    """
    for sampling_rate, _ in rounds:
        _check(sampling_rate, delta)
    multipliers = [multiplier for _, multiplier in rounds]
    if any(not multiplier > 0 for multiplier in multipliers):
        raise ValueError(f"noise multipliers {sorted(multipliers)} must be positive")
    library = _library()
    neighbours = {
        Relation.ADD_REMOVE: library.NeighboringRelation.ADD_OR_REMOVE_ONE,
        Relation.REPLACE: library.NeighboringRelation.REPLACE_ONE,
    }[relation]
    step = loss_step * max(largest_loss(multipliers) / LARGEST_FINE_LOSS, 1.0)
    accountant = library.pld.PLDAccountant(neighbours, step)
    for (sampling_rate, multiplier), count in rounds.items():
        noise = library.GaussianDpEvent(multiplier)
        accountant.compose(library.PoissonSampledDpEvent(sampling_rate, noise), count)
    return float(accountant.get_epsilon(delta))


def largest_loss(noise_multipliers: Iterable[float]) -> float:
    r"""Return the largest privacy loss of a round that matters; 0 without rounds.

    A Gaussian of multiplier $m$ has losses of mean $1/(2m^2)$ and standard deviation $1/m$ (Balle
    and Wang, 2018, lemma 3).

    >>> largest_loss([1.0, 2.0])
    10.5
    """
    return max((0.5 / m**2 + TAIL / m for m in noise_multipliers), default=0.0)


def rounds_by_level(noise_multipliers: list[float]) -> dict[float, int]:
    """Count rounds by noise multiplier, each rounded down to a coarse level.

    Rounding down only overstates the cost, by at most the ratio of two levels;
    the accountant's time grows with the number of distinct levels.

    Args:
        noise_multipliers: One per round, positive; ``inf`` is a silent round.

    >>> rounds_by_level([1.0, 1.01, math.inf])
    {1.0: 2}
    """
    counts: dict[float, int] = {}
    for multiplier in noise_multipliers:
        if math.isinf(multiplier):
            continue
        # The small addition keeps a multiplier that is a level at that level.
        step = math.floor(math.log(multiplier) / math.log(LEVEL_RATIO) + 1e-9)
        level = min(LEVEL_RATIO**step, multiplier)
        counts[level] = counts.get(level, 0) + 1
    return counts


@cache
def poisson_noise_multiplier(
    epsilon: float, delta: float, sampling_rate: float, n_rounds: int, relation: Relation
) -> float:
    r"""Return the least noise multiplier with which ``n_rounds`` keep ($\epsilon$, $\delta$).

    Found to a relative precision of 1e-3, rounded up; takes some ten evaluations
    of :func:`poisson_epsilon`, so about a second.

    Args:
        epsilon: Target, positive.
        delta: In (0, 1).
        sampling_rate: $q$, in (0, 1].
        n_rounds: Rounds of the whole run, retransmissions included.
        relation: Neighbours by adding or removing, or by replacing one record.

    Raises:
        MissingAccountantError: If ``dp-accounting`` is not installed.
    """
    if not (epsilon > 0 and n_rounds >= 1):
        raise ValueError(f"epsilon = {epsilon} must be positive, n_rounds = {n_rounds} at least 1")

    def spent(multiplier: float) -> float:
        rounds = {multiplier: n_rounds}
        return poisson_epsilon(rounds, sampling_rate, delta, relation, COARSE_LOSS_STEP)

    return least_noise_multiplier(spent, epsilon)


def least_noise_multiplier(epsilon_of: Callable[[float], float], epsilon: float) -> float:
    r"""Return the least noise multiplier whose $\epsilon$ is at most ``epsilon``.

    Found to a relative precision of 1e-3, rounded up.

    Args:
        epsilon_of: From a multiplier to its $\epsilon$, which falls below ``epsilon`` in the end.
        epsilon: Target, positive.
    """

    @cache
    def excess(log_multiplier: float) -> float:
        spent = epsilon_of(math.exp(log_multiplier))
        return math.log1p(min(spent, BEYOND * epsilon)) - math.log1p(epsilon)

    # One round of noise 1 / sqrt(2 epsilon) loses about epsilon: more rounds need more noise.
    lower, upper = _bracket(excess, min(-0.5 * math.log(2 * epsilon), 0.0))
    return math.exp(brentq(excess, lower, upper, xtol=SEARCH_PRECISION) + SEARCH_PRECISION)


def _bracket(excess: Callable[[float], float], start: float) -> tuple[float, float]:
    """Return where ``excess``, which falls, is positive and where it is not."""
    lower = upper = start
    while excess(upper) > 0:
        lower, upper = upper, upper + SEARCH_STEP
    while lower == upper or excess(lower) <= 0:
        lower, upper = lower - SEARCH_STEP, lower
    return lower, upper


def _check(sampling_rate: float, delta: float) -> None:
    if not 0 < sampling_rate <= 1:
        raise ValueError(f"sampling_rate = {sampling_rate} must lie in (0, 1]")
    if not 0 < delta < 1:
        raise ValueError(f"delta = {delta} must lie strictly between 0 and 1")


def _library() -> ModuleType:
    try:
        import dp_accounting  # noqa: PLC0415  (an extra, and slow to import)
        import dp_accounting.pld  # noqa: PLC0415
    except ImportError as missing:
        raise MissingAccountantError(
            "Accounting for Poisson batches needs dp-accounting: pip install 'sdr-ota[privacy]'"
        ) from missing
    module: ModuleType = dp_accounting
    return module
