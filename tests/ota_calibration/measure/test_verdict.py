"""Verdicts follow the formulas: each error that grows costs the scheme that suffers from it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ota_calibration.measure.verdict import LIMITS_DB, Fitness, advice, judge, predicted_nmse_db

from sdr_ota.schemes import GainErrors, LinkQuality, load_scheme, theory_squared_error
from sdr_ota.schemes.gain_errors import oscillator_and_fading

GOOD = LinkQuality(n_chips=512, rx_amplitude=0.05, noise_power=1e-4)
TURNED = GainErrors(phase_variance_rad2=1.0)
UNSTEADY = GainErrors(along_variance=0.28**2)
LATE = GainErrors(timing_variance_chips2=0.6**2)


@pytest.mark.parametrize(
    ("change", "fitness", "cause", "remedy"),
    [
        ({}, Fitness.COHERENT, "a sum to", ""),
        ({"gains": TURNED}, Fitness.ENERGY, "phase error of 57", "10 MHz"),
        ({"gains": LATE}, Fitness.ENERGY, "timing error of 0.60", "pulse per"),
        ({"gains": UNSTEADY}, Fitness.VOTE, "amplitude error of 28 %", "keep people"),
        ({"noise_power": 2.5e-1}, Fitness.UNUSABLE, "noise at 20 dB", "attenuation"),
    ],
)
def test_the_reason_is_what_was_worsened(
    change: dict[str, Any], fitness: Fitness, cause: str, remedy: str
) -> None:
    verdict = judge(dict.fromkeys(LIMITS_DB, replace(GOOD, **change)), 5, can_be_timed=True)
    assert verdict.fitness is fitness
    assert cause in verdict.reason
    assert remedy in advice(verdict)


def test_what_cannot_be_timed_is_not_coherent() -> None:
    verdict = judge(dict.fromkeys(LIMITS_DB, GOOD), 5, can_be_timed=False)
    assert verdict.fitness is Fitness.ENERGY
    assert "no hardware time" in verdict.reason
    assert "trigger" in advice(verdict)


def test_each_scheme_is_judged_by_its_own_chips() -> None:
    """Long chips mend a late sum and spare the energies, which have many short ones."""
    late = replace(GOOD, gains=LATE)
    better = replace(GOOD, gains=GainErrors(timing_variance_chips2=0.1**2))
    links = {**dict.fromkeys(LIMITS_DB, late), "coherent": better}
    assert judge(links, 5, can_be_timed=True).fitness is Fitness.COHERENT


@pytest.mark.parametrize("name", list(LIMITS_DB))
@pytest.mark.parametrize("n_nodes", [1, 5])
def test_a_prediction_is_the_formula_over_random_symbols(name: str, n_nodes: int) -> None:
    scheme, rng = load_scheme(name), np.random.default_rng(5)
    link = replace(GOOD, gains=oscillator_and_fading(0.04, 0.01, loss_probability=0.02))
    symbols = np.clip(0.5 * rng.standard_normal((4000, n_nodes)), -1, 1)
    if scheme.sign_only:
        symbols = np.sign(symbols)
    errors = [theory_squared_error(scheme, row, link) for row in symbols]
    expected = 10 * np.log10(np.sum(errors) / np.sum(symbols.sum(axis=1) ** 2))
    # The prediction averages over 64 sums: their power is known to sqrt(2 / 64).
    chance = 4 * 10 * np.log10(1 + np.sqrt(2 / 64))
    assert predicted_nmse_db(scheme, link, n_nodes) == pytest.approx(expected, abs=chance)


@pytest.mark.parametrize("lost", [0.0, 0.05, 0.3])
def test_lost_bursts_cost_what_the_formula_says(lost: float) -> None:
    scheme, rng = load_scheme("coherent"), np.random.default_rng(6)
    symbols = np.array([0.5, -0.3, 0.9, 0.7, -0.1])
    link = replace(GOOD, noise_power=1e-12, gains=GainErrors(loss_probability=lost))
    arrives = rng.random((20_000, 5)) >= lost
    errors = ((arrives * symbols).sum(axis=1) - symbols.sum()) ** 2
    spread = 4 * errors.std() / np.sqrt(len(errors)) + 1e-9
    assert theory_squared_error(scheme, symbols, link) == pytest.approx(errors.mean(), abs=spread)
