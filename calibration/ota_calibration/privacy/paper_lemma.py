r"""The privacy rule of arXiv 2604.12401, Lemma 1, for comparison only.

$\sum_t 2 (c_t \gamma / m_t)^2 = \mu^2 / 2 \le R_{dp}(\epsilon, \delta)$. It is
a bound: the exact composition of :mod:`ota_calibration.privacy.gaussian_accountant`
allows more at the same ($\epsilon$, $\delta$) and is what the ledger uses.

References:
    arXiv 2604.12401v1, eqs. (16) and (17).
"""

import math

from scipy.special import lambertw


def inverse_mills(value: float) -> float:
    r"""Return $C^{-1}$ of $C(x) = \sqrt\pi\, x\, e^{x^2}$.

    Squared, $2 x^2 e^{2 x^2} = 2 C^2 / \pi$, so $x = \sqrt{W_0(2 C^2 / \pi) / 2}$.

    Args:
        value: $C(x)$, not negative.

    >>> round(inverse_mills(100.0), 3)
    1.849
    """
    return math.sqrt(float(lambertw(2.0 * value**2 / math.pi).real) / 2.0)


def lemma_budget(epsilon: float, delta: float) -> float:
    r"""Return $R_{dp} = \left(\sqrt{\epsilon + C^{-1}(1/\delta)^2} - C^{-1}(1/\delta)\right)^2$.

    Args:
        epsilon: Not negative.
        delta: In (0, 1].

    >>> round(lemma_budget(5.0, 0.01), 3)
    1.108
    """
    root = inverse_mills(1.0 / delta)
    return (math.sqrt(epsilon + root**2) - root) ** 2


def lemma_epsilon(mu: float, delta: float) -> float:
    r"""Return the $\epsilon$ that Lemma 1 states for a run with parameter ``mu``.

    The inverse of :func:`lemma_budget`: $\epsilon = R + 2 \sqrt R\, C^{-1}(1/\delta)$ at
    $R = \mu^2 / 2$.

    Args:
        mu: As of :func:`ota_calibration.privacy.gaussian_accountant.composed_mu`.
        delta: In (0, 1].
    """
    budget = mu**2 / 2.0
    return budget + 2.0 * math.sqrt(budget) * inverse_mills(1.0 / delta)
