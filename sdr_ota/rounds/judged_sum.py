r"""From a sum that was read off the chips to what is broadcast, and how far it may be off.

Each node's symbol counts with a factor $c_k$ of its own, known by its moments. For symbols of mean
zero that do not depend on each other, with the mean square $q$, and chips of variance $v$, the sum
$S$ that was read, times a factor $f$, differs from the sum of the symbols by

$E(f S - \sum p_k)^2 = q \sum_k E(f c_k - 1)^2 + f^2 v$.

It is least (linear minimum mean square error, LMMSE) at

$f = \sum_k E c_k / (\sum_k E c_k^2 + v / q)$,

where it never exceeds $K q$, the error of answering 0, and nor does it while the $q$ that $f$ is
made with is at most twice the true one. So $f$ is made with a $q$ that symbols have at least, but
for chance (`sure_mean_square`).

Unbiased, on average of the nodes, it is at
$f = K / \sum_k E c_k$. Amplitudes arrive so: the level that node pilots show, by which they are
divided, is their mean. Energies do not: the mean of squares is above the square of the mean, and
chips that are read late have lost some of their energy.
"""

import math
from collections.abc import Iterable

import numpy as np
from scipy import stats

from sdr_ota.rounds.exchange import DecodeRule
from sdr_ota.rounds.symbol_power import MEMORY_ROUNDS
from sdr_ota.schemes import AggregationScheme, LinkQuality, adds_powers
from sdr_ota.schemes.gain_errors import FactorMoments
from sdr_ota.types import Chips, ChipSum, DecodedSum, TransmitPlan

LEAST_MEAN_FACTOR = 0.5
"""Below it a sum is not made larger still: the noise would be, too."""

LEARNED_STDS = 3.0
"""By which the mean square learned from earlier sums is taken for less, for the factor: Gaussian
sums 60 to 10 dB below their chips' noise then err less than 2e-5 of its variance more than 0."""

ONE_SUM_STDS = 4.0
"""Of its chips, that a sum must have to show, alone, that there are symbols in it: such sums err
1e-3 of their chips' variance more than 0."""

LARGEST_MEAN_SQUARE = 1.0
"""Of symbols in [-1, 1]: what is assumed where nothing is known of them."""


def judged_sums(
    read: Iterable[tuple[ChipSum, Chips, LinkQuality]],
    scheme: AggregationScheme,
    plan: TransmitPlan,
    rule: DecodeRule,
) -> tuple[DecodedSum, ...]:
    """Return the sums of a payload, each with its whole uncertainty.

    Args:
        read: A symbol each: the sum as the chips show it, the chips, noise and gains there.
        scheme: How symbols were added.
        plan: Of the round.
        rule: Whether a sum is shrunk to the least error.
    """
    return tuple(judged_sum(one, own, scheme, link, plan, rule) for one, own, link in read)


def judged_sum(
    read: ChipSum,
    chips: Chips,
    scheme: AggregationScheme,
    link: LinkQuality,
    plan: TransmitPlan,
    rule: DecodeRule,
) -> DecodedSum:
    """Return a sum with its whole uncertainty.

    Args:
        read: The sum as the chips show it.
        chips: Of the payload, which may show the size of the symbols as well.
        scheme: How they were added.
        link: Noise and gains.
        plan: Of the round; it knows what earlier rounds showed of the symbols.
        rule: Whether the sum is shrunk to the least error.
    """
    n_active = len(plan.active_nodes)
    factors = scheme.gain_moments(n_active, link)
    learned = plan.symbol_mean_square
    shown = scheme.symbol_mean_square(chips, n_active, link)
    if rule == "lmmse":
        sure = 1.0 if scheme.sign_only else sure_mean_square(read, factors, learned, shown)
        factor = lmmse_factor(factors, read.std**2, sure)
    else:
        is_power = adds_powers(scheme, chips, len(plan.precoders))
        factor = unbiased_factor(factors) if is_power else 1.0
    chips_std = factor * read.std
    if learned is not None:  # from sums whose chips leave so much open it cannot be known closer
        learned = max(learned, smallest_known(read.std**2, factors))
    here = next((q for q in (shown, learned) if q is not None), LARGEST_MEAN_SQUARE)
    widened = chips_std * student_widening(read.degrees_of_freedom)
    variance = here * gain_error_power(factors, factor) + widened**2
    square = (read.value**2 - read.std**2) / factor_power(factors)
    return DecodedSum(factor * read.value, math.sqrt(variance), chips_std, factor, square)


def smallest_known(chips_variance: float, factors: FactorMoments) -> float:
    """Return the mean square that earlier sums can tell from none: one deviation of their mean.

    A sum of noise alone has a square of variance $2 v^2$; `MEMORY_ROUNDS` of them count.
    """
    return math.sqrt(2 / MEMORY_ROUNDS) * chips_variance / factor_power(factors)


def sure_mean_square(
    read: ChipSum, factors: FactorMoments, learned: float | None, shown: float | None
) -> float:
    """Return the mean square that symbols have at least, but for chance; 0 where none is sure.

    Args:
        read: The sum as its chips show it.
        factors: With which symbols count in it.
        learned: Mean square from earlier sums.
        shown: From the chips of this one. Without either the sum's own square has to do.
    """
    noise = read.std**2
    if learned is not None:
        return max(learned - LEARNED_STDS * smallest_known(noise, factors), 0.0)
    square = read.value**2 / factor_power(factors) if shown is None else shown
    least = square - ONE_SUM_STDS**2 * noise / factor_power(factors)
    return min(max(least, 0.0), LARGEST_MEAN_SQUARE)


def factor_power(factors: FactorMoments) -> float:
    """Return the power of a sum of independent symbols of mean square 1, chips aside."""
    return float(np.trace(factors.covariance) + np.sum(factors.mean**2))


def gain_error_power(factors: FactorMoments, factor: float = 1.0) -> float:
    """Return the squared error that gains make of independent symbols with mean square 1."""
    spread = factor**2 * float(np.trace(factors.covariance))
    return spread + float(np.sum((factor * factors.mean - 1) ** 2))


def unbiased_factor(factors: FactorMoments) -> float:
    """Return the factor on a sum with which symbols count once, on average of the nodes."""
    return 1 / max(float(np.mean(factors.mean)), LEAST_MEAN_FACTOR)


def lmmse_factor(factors: FactorMoments, chips_variance: float, symbol_mean_square: float) -> float:
    """Return the factor on a sum that makes its expected squared error least; 0 without symbols."""
    if symbol_mean_square <= 0:
        return 0.0
    read_power = factor_power(factors) + chips_variance / symbol_mean_square
    return float(np.sum(factors.mean)) / read_power


def student_widening(degrees_of_freedom: float) -> float:
    """Return by how much a measured deviation is too small for 1.96 of it to hold 95 %."""
    if math.isinf(degrees_of_freedom):
        return 1.0
    return float(stats.t.ppf(0.975, degrees_of_freedom) / stats.norm.ppf(0.975))
