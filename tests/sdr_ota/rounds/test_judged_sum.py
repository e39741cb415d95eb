"""What is said of a sum's error against the errors of trials that share no code with it.

Expected squares are compared at five standard errors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from sdr_ota.air.impairments import awgn
from sdr_ota.rounds.exchange import DecodeRule
from sdr_ota.rounds.judged_sum import (
    judged_sum,
    lmmse_factor,
    student_widening,
    sure_mean_square,
)
from sdr_ota.rounds.symbol_power import SymbolPower
from sdr_ota.schemes import GainErrors, LinkQuality, load_scheme
from sdr_ota.schemes.gain_errors import independent_factors
from sdr_ota.types import ChipSum, Precoder, TransmitPlan

N_NODES, N_CHIPS, N_TRIALS = 5, 256, 500
SYMBOL_STD = 0.4
SPREAD = (0.0, 0.02, 0.05, 0.1, 0.6)
RULES: tuple[DecodeRule, ...] = ("unbiased", "lmmse")
ALL = ("coherent", "energy-difference", "tdma", "fsk-vote")


@dataclass(frozen=True)
class Trials:
    """What came of many rounds: sums, their true values, and what was said of them."""

    errors: np.ndarray
    sums: np.ndarray
    stds: np.ndarray
    chips_stds: np.ndarray


@cache
def trials(
    name: str,
    spread: tuple[float, ...] = SPREAD,
    relative_noise: float = 0.3,
    is_learned: bool = True,
) -> Mapping[str, Trials]:
    """Return what came of the same rounds by either rule."""
    scheme, rng = load_scheme(name), np.random.default_rng(len(name))
    parts = tuple(power / 2 for power in spread)
    gains = GainErrors(along_variance=parts, across_variance=parts)
    link = LinkQuality(N_CHIPS, 1.0, relative_noise, gains)
    learned = (1.0 if scheme.sign_only else SYMBOL_STD**2) if is_learned else None
    plan = TransmitPlan((Precoder(1),) * N_NODES, 1.0, relative_noise, symbol_mean_square=learned)
    rows: dict[str, list[tuple[float, ...]]] = {"unbiased": [], "lmmse": []}
    for _ in range(N_TRIALS):
        symbols = SYMBOL_STD * rng.standard_normal(N_NODES)
        symbols = np.sign(symbols) if scheme.sign_only else symbols
        chips = awgn(N_CHIPS, relative_noise, rng).astype(np.complex128)
        for node, symbol in enumerate(symbols):
            error = np.sqrt(spread[node] / 2) * (rng.standard_normal(2) @ [1, 1j])
            chips += (1 + error) * scheme.encode(float(symbol), node, N_NODES, N_CHIPS, rng)
        read, true = scheme.decode(chips, N_NODES, 1.0), symbols.sum()
        for rule in RULES:
            total = judged_sum(read, chips, scheme, link, plan, rule)
            rows[rule].append((total.value - true, true, total.std, total.chips_std))
    return {rule: Trials(*np.array(kept).T) for rule, kept in rows.items()}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", ALL)
def test_the_variance_that_is_said_is_that_of_the_errors(name: str, rule: DecodeRule) -> None:
    got = trials(name)[rule]
    surplus = got.stds**2 - got.errors**2
    assert surplus.mean() == pytest.approx(0, abs=5 * surplus.std() / np.sqrt(N_TRIALS))
    assert np.mean(got.chips_stds**2) < 0.8 * np.mean(got.stds**2)  # gains count here


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("spread", [(0.0,) * 5, SPREAD])
def test_1_96_deviations_hold_95_percent(name: str, spread: tuple[float, ...]) -> None:
    got = trials(name, spread)["unbiased"]
    covered = float(np.mean(np.abs(got.errors) < 1.96 * got.stds))
    # Gains that are off multiply symbols: such errors have heavier tails than a Gaussian.
    assert covered == pytest.approx(0.95, abs=5 * np.sqrt(0.05 * 0.95 / N_TRIALS) + 0.01)


@pytest.mark.parametrize("name", ALL)
def test_the_factor_makes_the_squared_error_least(name: str) -> None:
    unbiased, lmmse = (trials(name)[rule] for rule in RULES)
    decoded = unbiased.sums + unbiased.errors
    best = float(decoded @ unbiased.sums / (decoded @ decoded))  # of these very sums
    least = float(np.mean((best * decoded - unbiased.sums) ** 2))
    assert np.mean(lmmse.errors**2) < np.mean(unbiased.errors**2)
    assert np.mean(lmmse.errors**2) == pytest.approx(least, rel=0.1)


@pytest.mark.parametrize("name", ALL)
def test_symbols_count_once_on_average(name: str) -> None:
    """Energies too, of which gains that are off add a part: 15 % here."""
    got = trials(name)["unbiased"]
    slope = float(got.sums @ (got.sums + got.errors) / (got.sums @ got.sums))
    spread = np.sqrt(np.sum((got.sums * got.errors) ** 2)) / (got.sums @ got.sums)
    assert slope == pytest.approx(1, abs=5 * spread + (0.1 if name == "tdma" else 0.0))


@pytest.mark.parametrize("name", ALL)
def test_a_sum_worse_than_0_is_not_with_the_factor(name: str) -> None:
    faded, noise = (1.0, 2.0, 4.0, 4.0, 8.0), 10.0
    plain, shrunk = (trials(name, faded, noise)[rule] for rule in RULES)
    power = np.mean(plain.sums**2)
    assert np.mean(plain.errors**2) > power
    assert np.mean(shrunk.errors**2) < power


@pytest.mark.parametrize("sum_over_noise_db", [-30.0, -20.0, -10.0, 0.0, 10.0])
@pytest.mark.parametrize("is_first", [False, True], ids=["learned", "first"])
def test_shrunk_sums_are_no_worse_than_0_however_small_symbols_are(
    sum_over_noise_db: float, is_first: bool
) -> None:
    """Their mean square is learned from sums of noise: what chance adds is 1e-3 of the noise."""
    n_trials, variance, rng = 20_000, 1e-3, np.random.default_rng(4)
    factors, power = independent_factors(np.ones(5), np.ones(5)), SymbolPower()
    true = np.sqrt(10 ** (sum_over_noise_db / 10) * variance) * rng.standard_normal(n_trials)
    read = true + np.sqrt(variance) * rng.standard_normal(n_trials)
    surplus = []
    for value, wanted in zip(read.tolist(), true.tolist(), strict=True):
        learned = None if is_first else power.symbol_mean_square(1.0)
        total = ChipSum(value, np.sqrt(variance), 511)
        factor = lmmse_factor(factors, variance, sure_mean_square(total, factors, learned, None))
        power.observe((value**2 - variance) / 5, 1.0)
        surplus.append((factor * value - wanted) ** 2 - wanted**2)
    spread = float(np.std(surplus)) / np.sqrt(n_trials)
    assert np.mean(surplus) < 1e-3 * variance + 4 * spread
    assert is_first or sum_over_noise_db < 0 or np.mean(surplus) < -0.3 * variance


def test_without_knowledge_of_the_symbols_a_coherent_sum_errs_on_the_safe_side() -> None:
    learned, unknown = (trials("coherent", is_learned=known)["unbiased"] for known in (True, False))
    assert np.mean(unknown.stds) > 1.5 * np.mean(learned.stds)
    assert np.mean(np.abs(unknown.errors) < 1.96 * unknown.stds) > 0.95


def test_the_factor_of_energies_is_the_one_written_out() -> None:
    power = np.array(SPREAD)
    half = tuple(power / 2)
    link = LinkQuality(N_CHIPS, 1.0, 0.1, GainErrors(along_variance=half, across_variance=half))
    moments = load_scheme("energy-difference").gain_moments(N_NODES, link)
    expected = np.sum(1 + power) / (np.sum(1 + 4 * power + 2 * power**2) + 0.03 / 0.2)
    assert lmmse_factor(moments, 0.03, 0.2) == pytest.approx(expected)
    assert lmmse_factor(moments, 0.03, 0.0) == 0.0


def test_a_sum_of_noise_alone_says_on_average_that_there_are_no_symbols() -> None:
    plan, link = TransmitPlan((Precoder(1),) * N_NODES, 1.0, 0.1), LinkQuality(N_CHIPS, 1.0, 0.1)
    scheme, chips = load_scheme("coherent"), np.ones(N_CHIPS, np.complex128)
    noise = 0.2 * np.random.default_rng(3).standard_normal(2000)
    squares = [
        judged_sum(ChipSum(value, 0.2, 255), chips, scheme, link, plan, "unbiased").symbol_square
        for value in noise.tolist()
    ]
    of_noise = 0.2**2 / N_NODES  # what each would say with the noise left in
    assert np.mean(squares) == pytest.approx(0, abs=5 * of_noise * np.sqrt(2 / 2000))


def test_few_looks_widen_the_interval_as_students_t_does() -> None:
    # Quantiles of t at 97.5 % from its table: 4.303, 2.228 and 2.042 for 2, 10, 30.
    for freedom, quantile in ((2, 4.303), (10, 2.228), (30, 2.042)):
        assert student_widening(freedom) == pytest.approx(quantile / 1.96, rel=1e-3)
    assert student_widening(np.inf) == 1.0
