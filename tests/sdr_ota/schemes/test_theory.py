"""Measured mean, variance and own deviation of every scheme against its formulas.

About 150 comparisons at five standard errors: by chance one of 10^4 full runs fails.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from sdr_ota.air.impairments import awgn
from sdr_ota.schemes import (
    AggregationScheme,
    LinkQuality,
    load_scheme,
    scheme_names,
    theory_squared_error,
)

STANDARD_ERRORS = 5.0
N_TRIALS = 900


@dataclass(frozen=True)
class Case:
    n_nodes: int
    relative_noise: float
    n_chips: int
    rx_amplitude: float = 1.0
    phase_error_std_rad: float = 0.0
    amplitude_error_std: float = 0.0
    n_absent: int = 0


CASES = [
    Case(1, 0.1, 64),
    Case(1, 1.0, 256, rx_amplitude=0.02),
    Case(2, 0.01, 128, rx_amplitude=0.3),
    Case(2, 0.3, 64, phase_error_std_rad=0.3),
    Case(5, 0.001, 512),
    Case(5, 0.3, 128, amplitude_error_std=0.1),
    Case(5, 0.1, 256, rx_amplitude=0.1, phase_error_std_rad=0.7, amplitude_error_std=0.2),
    Case(5, 0.1, 320, n_absent=3),
    Case(20, 0.1, 512),
    Case(20, 0.03, 640, phase_error_std_rad=0.1, amplitude_error_std=0.05, n_absent=5),
]


def link_of(case: Case) -> LinkQuality:
    return LinkQuality(
        n_chips=case.n_chips,
        rx_amplitude=case.rx_amplitude,
        noise_power=case.relative_noise * case.rx_amplitude**2,
        phase_error_std_rad=case.phase_error_std_rad,
        amplitude_error_std=case.amplitude_error_std,
        n_absent=case.n_absent,
    )


def symbols_of(case: Case, rng: np.random.Generator) -> NDArray[np.float64]:
    symbols = rng.uniform(-1.0, 1.0, case.n_nodes)
    symbols[0] = -1.0  # the ends of the range are always there
    return symbols


def decoded(
    scheme: AggregationScheme, symbols: NDArray[np.float64], case: Case, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return values and claimed deviations of all trials, shape ``(n_trials, 2)``."""
    link, n_bench = link_of(case), case.n_nodes + case.n_absent
    senders = rng.permutation(n_bench)[: case.n_nodes]  # which slots stay empty
    rows = np.empty((N_TRIALS, 2))
    for row in rows:
        chips = awgn(case.n_chips, link.noise_power, rng).astype(np.complex128)
        phases = case.phase_error_std_rad * rng.standard_normal(case.n_nodes)
        levels = 1 + case.amplitude_error_std * rng.standard_normal(case.n_nodes)
        gains = case.rx_amplitude * levels * np.exp(1j * phases)
        for node, symbol, gain in zip(senders, symbols, gains, strict=True):
            chips += gain * scheme.encode(float(symbol), int(node), n_bench, case.n_chips, rng)
        total = scheme.decode(chips, n_bench, case.rx_amplitude)
        row[:] = total.value, total.std
    return rows


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("name", scheme_names())
def test_mean_variance_and_own_deviation_meet_theory(name: str, case: Case) -> None:
    scheme, link = load_scheme(name), link_of(case)
    rng = np.random.default_rng([case.n_nodes, case.n_chips, len(name)])
    symbols = symbols_of(case, rng)
    rows = decoded(scheme, symbols, case, rng)
    mean, variance = scheme.theory_mean(symbols, link), scheme.theory_variance(symbols, link)
    values = rows[:, 0]
    assert values.mean() == pytest.approx(mean, abs=STANDARD_ERRORS * (variance / N_TRIALS) ** 0.5)
    # The variance of a sample variance follows from the fourth moment.
    kurtosis = max(np.mean((values - values.mean()) ** 4) / values.var() ** 2, 3.0)
    spread = STANDARD_ERRORS * np.sqrt((kurtosis - 1) / N_TRIALS)
    assert values.var(ddof=1) == pytest.approx(variance, rel=spread)
    if not (case.phase_error_std_rad or case.amplitude_error_std):
        # tdma's own deviation is that of the data; theory adds the pilots' phase noise.
        claimed = scheme.theory_variance(0 * symbols, link) if name == "tdma" else variance
        squares = rows[:, 1] ** 2
        tolerance = STANDARD_ERRORS * squares.std(ddof=1) / np.sqrt(N_TRIALS)
        assert squares.mean() == pytest.approx(claimed, abs=tolerance)


@pytest.mark.parametrize("name", scheme_names())
def test_squared_error_is_bias_squared_plus_variance(name: str) -> None:
    case = Case(5, 0.1, 256, phase_error_std_rad=0.8, amplitude_error_std=0.3)
    scheme, link = load_scheme(name), link_of(case)
    rng = np.random.default_rng(8)
    symbols = np.sign(symbols_of(case, rng)) if scheme.sign_only else symbols_of(case, rng)
    errors = (decoded(scheme, symbols, case, rng)[:, 0] - symbols.sum()) ** 2
    tolerance = STANDARD_ERRORS * errors.std(ddof=1) / np.sqrt(N_TRIALS)
    assert errors.mean() == pytest.approx(
        theory_squared_error(scheme, symbols, link), abs=tolerance
    )


def test_coherent_noise_term_is_half_the_noise_over_the_chips() -> None:
    # Equation 12 of arXiv 2604.12401 over M chips, written out once more.
    link = LinkQuality(n_chips=200, rx_amplitude=0.25, noise_power=0.04)
    variance = load_scheme("coherent").theory_variance(np.zeros(5), link)
    assert variance == pytest.approx(0.04 / (2 * 0.25**2 * 200), rel=1e-12)


def test_energy_variance_without_noise_is_the_cross_terms_alone() -> None:
    # Two nodes of power 1 and 0.5 on one side: |1 + r e^{jx}|^2 varies by 2 v1 v2.
    link = LinkQuality(n_chips=2, rx_amplitude=1.0, noise_power=0.0)
    variance = load_scheme("energy-difference").theory_variance(np.array([1.0, 0.5]), link)
    assert variance == pytest.approx(2 * 1.0 * 0.5, rel=1e-12)
