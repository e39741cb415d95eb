"""Chips on subcarriers: readable from any window, node pilots that prove themselves."""

import numpy as np
import pytest

from sdr_ota.air.impairments import apply_iq_imbalance, fractional_delay
from sdr_ota.schemes.base import random_phase_chips
from sdr_ota.signal.subcarriers import SubcarrierFrame, turned_block

FRAME = SubcarrierFrame(n_chips=512, n_nodes=4)


def period(node: int = 0, seed: int = 3) -> np.ndarray:
    chips = random_phase_chips(FRAME.n_chips, np.random.default_rng(seed))
    chips[FRAME.n_chips // 2 :] = 0
    return FRAME.compose(chips, node, FRAME.node_pilot_chips(node, seed))


def test_no_subcarrier_has_two_roles_and_all_lie_in_the_flat_band() -> None:
    roles = [FRAME.payload, FRAME.idle, *(FRAME.node_pilot(k) for k in range(4))]
    every = np.concatenate(roles)
    assert len(set(every.tolist())) == len(every) == 512 + 64 + 4 * 32
    assert np.abs(every).min() > 0
    assert np.abs(every).max() < 0.4 * FRAME.n_period


@pytest.mark.parametrize("delay", [0.0, 17.0, 400.37, 1000.5])
def test_energies_do_not_depend_on_when_the_node_started(delay: float) -> None:
    block = np.tile(period(), 12)
    late = fractional_delay(block, delay).samples
    first = 2 * FRAME.n_period + 5
    bins = FRAME.analyse(late[first : first + FRAME.n_window])
    sent = FRAME.analyse(block[: FRAME.n_window])
    np.testing.assert_allclose(np.abs(bins[FRAME.payload]), np.abs(sent[FRAME.payload]), atol=0.02)


def test_a_chip_of_one_is_read_as_one() -> None:
    bins = FRAME.analyse(np.tile(period(), FRAME.n_averaged))
    half = FRAME.n_chips // 2
    np.testing.assert_allclose(np.abs(bins[FRAME.payload[:half]]), 1, atol=1e-5)
    np.testing.assert_allclose(bins[FRAME.payload[half:]], 0, atol=1e-5)
    np.testing.assert_allclose(bins[FRAME.idle], 0, atol=1e-5)


def test_an_image_of_one_half_never_falls_on_the_other() -> None:
    chips = random_phase_chips(FRAME.n_chips, np.random.default_rng(3))
    chips[FRAME.n_chips // 2 :] = 0
    without_mark = FRAME.compose(chips, 0, np.zeros(FRAME.n_node_pilot))
    imbalanced = apply_iq_imbalance(np.tile(without_mark, 8), 1.0, 10.0)  # image 20 dB down
    bins = FRAME.analyse(imbalanced)[FRAME.payload]
    assert np.abs(bins[FRAME.n_chips // 2 :]).max() < 1e-4


def test_noise_of_a_chip_is_the_samples_over_the_chip_energy() -> None:
    rng, power, n_trials = np.random.default_rng(5), 0.1, 20
    shape = (n_trials, FRAME.n_window, 2)
    noise = rng.normal(scale=np.sqrt(power / 2), size=shape).view(np.complex128)[..., 0]
    chips = np.concatenate([FRAME.analyse(n)[FRAME.payload] for n in noise])
    measured = np.mean(np.abs(chips) ** 2) * FRAME.chip_energy / power
    assert measured == pytest.approx(1.0, abs=5 / np.sqrt(len(chips)))


@pytest.mark.parametrize("delay", [0.5, 123.25, 700.0])
def test_a_mark_is_found_at_any_delay_and_no_other_is(delay: float) -> None:
    block = fractional_delay(np.tile(period(node=2), 12), delay).samples[2048:]
    bins = FRAME.analyse(block[: FRAME.n_window])
    threshold = FRAME.node_pilot_threshold(1e-6)
    found = FRAME.find_node_pilot(bins, 2, FRAME.node_pilot_chips(2, 3))
    assert found.metric > 0.95
    assert abs(found.gain) == pytest.approx(1.0, abs=0.03)
    of_another_round = FRAME.find_node_pilot(bins, 2, FRAME.node_pilot_chips(2, 4))
    assert of_another_round.metric < threshold


def test_noise_passes_for_a_mark_as_rarely_as_promised() -> None:
    rng, wanted, n_trials = np.random.default_rng(7), 0.05, 1000
    node_pilot, threshold = (
        FRAME.node_pilot_chips(0, 1),
        FRAME.node_pilot_threshold(wanted),
    )
    false = 0
    for _ in range(n_trials):
        bins = rng.normal(size=(FRAME.n_period, 2)).view(np.complex128)[:, 0]
        false += FRAME.find_node_pilot(bins, 0, node_pilot).metric > threshold
    # The bound counts four delays a sample as if they were independent: it may be loose
    # by about that factor, never violated.
    deviation = np.sqrt(wanted * (1 - wanted) / n_trials)
    assert wanted / 6 < false / n_trials < wanted + 4 * deviation


def test_a_turned_block_repeats_without_a_seam_and_undoes_the_offset() -> None:
    cfo, n_repeats = 0.0123456, 64
    block = turned_block(period(), n_repeats, cfo)
    n = np.arange(2 * len(block))
    undone = np.tile(block, 2) * np.exp(2j * np.pi * cfo * n)
    at_seam = slice(len(block) - FRAME.n_window // 2, len(block) + FRAME.n_window // 2)
    bins = FRAME.analyse(undone[at_seam])
    np.testing.assert_allclose(np.abs(bins[FRAME.payload[:256]]), 1, atol=0.02)
