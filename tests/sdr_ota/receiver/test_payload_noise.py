"""The noise of a payload is that of its own time: the idle slot may have caught a pulse.

The noise is made here, of known power.
"""

import numpy as np
import pytest
from scipy import stats

from sdr_ota.erasure import Erasure
from sdr_ota.receiver.payload import payload_noise
from sdr_ota.receiver.plausibility import check_sums_in_range
from sdr_ota.schemes import LinkQuality, load_scheme

N_CHIPS, N_NODES, AMPLITUDE, NOISE, N_TRIALS = 512, 5, 0.3, 0.02, 300
A_PULSE = 50 * NOISE


def complex_noise(rng: np.random.Generator, power: float) -> np.ndarray:
    return np.sqrt(power / 2) * (rng.normal(size=N_CHIPS) + 1j * rng.normal(size=N_CHIPS))


@pytest.mark.parametrize("name", ["coherent", "tdma"])
@pytest.mark.parametrize("idle", [NOISE, A_PULSE])
def test_amplitudes_show_the_noise_whatever_the_idle_slot_held(name: str, idle: float) -> None:
    rng, scheme = np.random.default_rng(7), load_scheme(name)
    codes = np.random.default_rng(1)
    sent = sum(scheme.encode(s, k, N_NODES, N_CHIPS, codes) for k, s in enumerate(symbols(rng)))
    measured = []
    for _ in range(N_TRIALS):
        chips = AMPLITUDE * sent + complex_noise(rng, NOISE)
        alike = scheme.alike(chips, N_NODES, AMPLITUDE)
        measured.append(payload_noise(chips, alike, AMPLITUDE, idle))
    # Chi-square with at least 200 chips a trial.
    assert np.mean(measured) == pytest.approx(NOISE, rel=4 / np.sqrt(200 * N_TRIALS))


def test_energies_take_the_idle_slots_noise_where_the_payload_can_hold_it() -> None:
    rng, scheme = np.random.default_rng(8), load_scheme("energy-difference")
    phases = np.exp(2j * np.pi * rng.random(N_CHIPS))
    chips = AMPLITUDE * np.sqrt(np.repeat([0.9, 0.4], N_CHIPS // 2)) * phases
    alike = scheme.alike(chips, N_NODES, AMPLITUDE)
    quieter = 0.4 * AMPLITUDE**2 * N_CHIPS / stats.chi2.ppf(1e-6, N_CHIPS)
    assert quieter < 2 * 0.4 * AMPLITUDE**2
    assert payload_noise(chips, alike, AMPLITUDE, NOISE) == NOISE
    assert payload_noise(chips, alike, AMPLITUDE, A_PULSE) == pytest.approx(quieter)


@pytest.mark.parametrize("n_chips", [4, 16, 512])
def test_silent_energies_do_not_make_the_idle_slots_noise_less(n_chips: int) -> None:
    rng = np.random.default_rng(11)
    for _ in range(200):
        chips = complex_noise(rng, NOISE)[:n_chips]
        assert payload_noise(chips, [np.abs(chips) ** 2], AMPLITUDE, NOISE) == NOISE


def test_one_chip_a_group_shows_no_noise() -> None:
    chips = complex_noise(np.random.default_rng(12), NOISE)[:3]
    assert payload_noise(chips, [chips[:1], chips[1:2], chips[2:]], AMPLITUDE, NOISE) == NOISE


def test_noise_above_all_that_was_received_shows_no_symbols() -> None:
    scheme = load_scheme("energy-difference")
    chips = complex_noise(np.random.default_rng(9), NOISE)
    link = LinkQuality(n_chips=N_CHIPS, rx_amplitude=AMPLITUDE, noise_power=A_PULSE)
    assert scheme.symbol_mean_square(chips, N_NODES, link) == 0.0


@pytest.mark.parametrize("name", ["coherent", "energy-difference", "tdma", "fsk-vote"])
def test_a_sum_lost_in_noise_that_came_later_is_erased_and_one_in_planned_noise_is_not(
    name: str,
) -> None:
    scheme, loud = load_scheme(name), 1e5 * AMPLITUDE**2
    link = LinkQuality(n_chips=N_CHIPS, rx_amplitude=AMPLITUDE, noise_power=loud)
    chips = complex_noise(np.random.default_rng(10), loud)
    read = (scheme.decode(chips, N_NODES, AMPLITUDE),)
    assert read[0].std > N_NODES
    check_sums_in_range(read, scheme, [link], N_NODES, planned_noise=loud)
    with pytest.raises(Erasure, match="says nothing") as erased:
        check_sums_in_range(read, scheme, [link], N_NODES, planned_noise=NOISE)
    assert erased.value.reason == "interference"


def symbols(rng: np.random.Generator) -> list[float]:
    return rng.uniform(-1, 1, N_NODES).tolist()
