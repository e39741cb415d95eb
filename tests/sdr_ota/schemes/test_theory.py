"""Measured mean, variance and own deviation of every scheme against its formulas.

The trials share no code with the formulas: chips, gains, turns, losses and noise are drawn one by
one. About 200 comparisons at five standard errors: by chance one of 10^4 full runs fails.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sdr_ota.air.impairments import awgn
from sdr_ota.schemes import (
    AggregationScheme,
    GainErrors,
    LinkQuality,
    load_scheme,
    scheme_names,
    theory_squared_error,
)

STANDARD_ERRORS = 5.0
N_TRIALS = 1200


EXACT = GainErrors()


@dataclass(frozen=True)
class Case:
    n_nodes: int
    relative_noise: float
    n_chips: int
    gains: GainErrors = field(default=EXACT, repr=False)
    rx_amplitude: float = 1.0
    common_rad2: float = 0.0
    n_absent: int = 0
    name: str = ""


SPREAD = (0.0, 0.01, 0.05, 0.1, 0.4)
"""Error power of five nodes: from exact to a faded one whose gain is hardly known."""


def spread(part: float) -> tuple[float, ...]:
    return tuple(part * power for power in SPREAD)


CASES = [
    Case(1, 0.1, 64),
    Case(1, 1.0, 256, rx_amplitude=0.02),
    Case(2, 0.01, 128, rx_amplitude=0.3),
    Case(2, 0.3, 64, GainErrors(phase_variance_rad2=0.09), name="turned"),
    Case(5, 0.001, 512),
    Case(5, 0.3, 128, GainErrors(along_variance=0.01), name="levels"),
    Case(
        5,
        0.1,
        256,
        GainErrors(phase_variance_rad2=0.5, along_variance=0.04),
        rx_amplitude=0.1,
        name="turned levels",
    ),
    Case(5, 0.1, 320, n_absent=3),
    Case(20, 0.1, 512),
    Case(20, 1.0, 512, name="tdma at 0 dB"),
    Case(
        20,
        0.03,
        640,
        GainErrors(phase_variance_rad2=0.01, along_variance=0.0025),
        n_absent=5,
        name="many turned levels",
    ),
    Case(
        5,
        0.1,
        256,
        GainErrors(along_variance=spread(1 / 2), across_variance=spread(1 / 2)),
        name="fading, each its own",
    ),
    Case(
        5,
        0.1,
        256,
        GainErrors(
            along_variance=spread(1 / 4), across_variance=SPREAD, phase_variance_rad2=SPREAD
        ),
        rx_amplitude=0.2,
        name="all, each its own",
    ),
    Case(
        5,
        0.05,
        256,
        GainErrors(phase_variance_rad2=spread(1 / 8), along_variance=spread(1 / 8)),
        common_rad2=0.3,
        name="receiver turns",
    ),
    Case(
        5,
        0.05,
        256,
        GainErrors(
            mean=(1.0, 0.9, 1.0 + 0.4j, 0.5, 1j),
            along_variance=spread(1 / 8),
            across_variance=spread(1 / 4),
        ),
        common_rad2=0.1,
        name="means known",
    ),
    Case(
        5,
        0.05,
        256,
        GainErrors(along_variance=0.02, loss_probability=(0.0, 0.02, 0.1, 0.3, 0.1)),
        name="losses",
    ),
]


def link_of(case: Case) -> LinkQuality:
    return LinkQuality(
        n_chips=case.n_chips,
        rx_amplitude=case.rx_amplitude,
        noise_power=case.relative_noise * case.rx_amplitude**2,
        gains=case.gains,
        common_phase_variance_rad2=case.common_rad2,
        n_absent=case.n_absent,
    )


def symbols_of(case: Case, rng: np.random.Generator) -> NDArray[np.float64]:
    symbols = rng.uniform(-1.0, 1.0, case.n_nodes)
    symbols[0] = -1.0  # the ends of the range are always there
    return symbols


def drawn_gain(gains: GainErrors, node: int, rng: np.random.Generator) -> complex:
    """Return one node's gain in one trial, as `GainErrors` defines it."""

    def of_node(values: Any) -> complex:
        return complex(values[node] if isinstance(values, tuple) else values)

    mean = of_node(gains.mean)
    x = np.sqrt(of_node(gains.along_variance).real) * rng.standard_normal()
    y = np.sqrt(of_node(gains.across_variance).real) * rng.standard_normal()
    turn = np.sqrt(of_node(gains.phase_variance_rad2).real) * rng.standard_normal()
    leaves = rng.random() >= of_node(gains.loss_probability).real
    return leaves * complex(np.exp(1j * (turn + np.angle(mean))) * (abs(mean) + x + 1j * y))


def decoded(
    scheme: AggregationScheme, symbols: NDArray[np.float64], case: Case, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return value, claimed deviation and mean square of all trials, shape ``(n_trials, 3)``."""
    link, n_bench = link_of(case), case.n_nodes + case.n_absent
    senders = rng.permutation(n_bench)[: case.n_nodes]  # which slots stay empty
    rows = np.empty((N_TRIALS, 3))
    for row in rows:
        chips = awgn(case.n_chips, link.noise_power, rng).astype(np.complex128)
        common = np.exp(1j * np.sqrt(case.common_rad2) * rng.standard_normal())
        for k, (node, symbol) in enumerate(zip(senders, symbols, strict=True)):
            gain = case.rx_amplitude * common * drawn_gain(case.gains, k, rng)
            chips += gain * scheme.encode(float(symbol), int(node), n_bench, case.n_chips, rng)
        total = scheme.decode(chips, n_bench, case.rx_amplitude)
        seen = scheme.symbol_mean_square(chips, case.n_nodes, link)
        row[:] = total.value, total.std, np.nan if seen is None else seen
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
    tolerance = STANDARD_ERRORS * np.sqrt((kurtosis - 1) / N_TRIALS)
    assert values.var(ddof=1) == pytest.approx(variance, rel=tolerance)
    if case.gains is EXACT:
        # tdma's own deviation is that of the data; theory adds the pilots' phase noise.
        claimed = scheme.theory_variance(0 * symbols, link) if name == "tdma" else variance
        squares = rows[:, 1] ** 2
        tolerance = STANDARD_ERRORS * squares.std(ddof=1) / np.sqrt(N_TRIALS)
        assert squares.mean() == pytest.approx(claimed, abs=tolerance)


@pytest.mark.parametrize("factor", [1.0, 0.6])
@pytest.mark.parametrize("name", scheme_names())
def test_squared_error_is_bias_squared_plus_variance(name: str, factor: float) -> None:
    gains = GainErrors(
        phase_variance_rad2=SPREAD, along_variance=SPREAD, across_variance=SPREAD[::-1]
    )
    case = Case(5, 0.1, 256, gains)
    scheme, link = load_scheme(name), link_of(case)
    rng = np.random.default_rng(8)
    symbols = np.sign(symbols_of(case, rng)) if scheme.sign_only else symbols_of(case, rng)
    errors = (factor * decoded(scheme, symbols, case, rng)[:, 0] - symbols.sum()) ** 2
    tolerance = STANDARD_ERRORS * errors.std(ddof=1) / np.sqrt(N_TRIALS)
    assert errors.mean() == pytest.approx(
        theory_squared_error(scheme, symbols, link, factor), abs=tolerance
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


def test_squared_error_of_energies_is_that_of_a_complex_gaussian_gain() -> None:
    # With error powers s_k: (sum s p)^2 + sum (2 s + s^2) p^2, without chips and noise.
    symbols = np.array([0.5, -0.3, 1.0, -1.0, 0.2])
    gains = GainErrors(along_variance=spread(1 / 2), across_variance=spread(1 / 2))
    link = LinkQuality(n_chips=1 << 40, rx_amplitude=1.0, noise_power=0.0, gains=gains)
    power = np.array(SPREAD)
    expected = (power @ symbols) ** 2 + np.sum((2 * power + power**2) * symbols**2)
    error = theory_squared_error(load_scheme("energy-difference"), symbols, link)
    assert error == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ["energy-difference", "tdma"])
@pytest.mark.parametrize("relative_noise", [0.01, 0.3])
def test_the_mean_square_of_gaussian_symbols_is_seen_without_bias(
    name: str, relative_noise: float
) -> None:
    gains = GainErrors(along_variance=spread(1 / 8), across_variance=spread(1 / 8))
    case, scheme = Case(5, relative_noise, 256, gains), load_scheme(name)
    rng, seen = np.random.default_rng(4), []
    for _ in range(N_TRIALS):
        symbols = 0.3 * rng.standard_normal(5)
        chips = awgn(256, relative_noise, rng).astype(np.complex128)
        for k, symbol in enumerate(symbols):
            chips += drawn_gain(gains, k, rng) * scheme.encode(float(symbol), k, 5, 256, rng)
        seen.append(scheme.symbol_mean_square(chips, 5, link_of(case)))
    tolerance = STANDARD_ERRORS * np.std(seen) / np.sqrt(N_TRIALS)
    # Chips and their noise enter squared: a tenth is allowed beyond chance.
    assert np.mean(seen) == pytest.approx(0.09, abs=tolerance + 0.009)
