"""What pilots before and behind a payload say of the gains in between, and what is undone by it."""

import numpy as np
import pytest

from sdr_ota.receiver.burst_fit import BurstFit
from sdr_ota.receiver.evidence import Needs, weigh
from sdr_ota.receiver.expectation import Expectation
from sdr_ota.receiver.joint_frame import ReceivedPayload
from sdr_ota.receiver.pilot_gains import PilotGains
from sdr_ota.signal.frame import FrameFormat

FRAME, N_DRAWS = FrameFormat(), 100_000


@pytest.mark.parametrize(("place", "width"), [(0.5, 1.0), (0.3, 0.2), (0.9, 0.2), (0.5, 0.25)])
def test_a_step_at_an_unknown_place_spreads_a_gain_as_stated(place: float, width: float) -> None:
    before, behind = 0.8 + 0.1j, 1.1 - 0.3j
    zero = np.zeros(1)
    gains = np.array([[before], [behind]])
    pilots = PilotGains(gains, np.zeros((2, 1)), zero, zero, 0.0, place, width)
    steps = np.random.default_rng(1).random(N_DRAWS)
    share_behind = np.clip((place + width / 2 - steps) / width, 0, 1)
    off = before + share_behind * (behind - before) - pilots.mean[0]
    squares = np.abs(off) ** 2
    chance = 5 * squares.std() / np.sqrt(N_DRAWS)
    assert pilots.wander_variances[0] == pytest.approx(squares.mean(), abs=chance)


@pytest.mark.parametrize("turn_rad", [0.4, -0.4])
def test_a_turn_that_all_nodes_have_in_common_is_undone_along_the_payload(turn_rad: float) -> None:
    rng, seed, phase_rad = np.random.default_rng(2), 7, 0.3
    codes = FRAME.node_codes(seed)[:, :2].sum(axis=1)
    sides = np.exp(1j * (phase_rad + turn_rad * np.array([[-0.5], [0.5]])))
    sent = np.exp(2j * np.pi * rng.random(FRAME.n_carried_chips))
    place = np.arange(len(sent)) - (len(sent) - 1) / 2
    turned = sent * np.exp(1j * (phase_rad + turn_rad * place / FRAME.pilot_distance_chips))
    burst = BurstFit(0.0, 0.0, 0.0, 0.0, 1 + 0j, 0.0, 0.0, 0.0, 1.0)
    received = ReceivedPayload(turned, codes * sides, 1e-6, burst)
    open_rad2 = np.ones(2)  # the plan leaves phases and their turns open
    expected = Expectation((0, 1), 1.0, open_rad2, np.full(2, 1e-4), open_rad2, 0.0, 0.0)
    needs = Needs(phase=True, amplitude=True, distortion_share=0.02)
    found = weigh(received, expected, FRAME, seed, needs)
    assert found.phase_rad == pytest.approx(phase_rad, abs=1e-3)
    assert np.abs(found.chips - sent).max() < 2e-3
