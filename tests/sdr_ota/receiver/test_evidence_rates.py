"""Every test of the node pilots refuses what is in order as often as it says, and no more rarely.

They are asked at a chance of 5 %, which few trials can count; noise is drawn here, of known power.
"""

import numpy as np
import pytest

from sdr_ota.erasure import Erasure, NodesAbsent
from sdr_ota.receiver import evidence
from sdr_ota.receiver.expectation import CodeGroups, Expectation
from sdr_ota.receiver.joint_frame import _quiet_power
from sdr_ota.receiver.pilot_fit import PilotFit
from sdr_ota.receiver.pilot_gains import PilotGains
from sdr_ota.signal.frame import FrameFormat

CHANCE, N_TRIALS, VARIANCE = 0.05, 2000, 0.01
WITHIN = 5 * np.sqrt(CHANCE * (1 - CHANCE) / N_TRIALS)
FRAME, ZEROS = FrameFormat(), np.zeros(2)
EXPECTED = Expectation((0, 1), 1.0, ZEROS, ZEROS, ZEROS, 0.0, 0.0)
GROUPS = CodeGroups.of(EXPECTED, FRAME, seed=1)


@pytest.fixture(autouse=True)
def _five_percent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "CHANCE", CHANCE)


def noise(rng: np.random.Generator, shape: int | tuple[int, ...], power: float) -> np.ndarray:
    return np.sqrt(power / 2) * (rng.normal(size=shape) + 1j * rng.normal(size=shape))


def pilots(gains: np.ndarray) -> PilotGains:
    return PilotGains(gains, np.full((2, 2), VARIANCE), ZEROS, ZEROS, 0.0)


def test_noise_passes_for_an_absent_node_as_rarely_as_stated() -> None:
    rng, n_passed = np.random.default_rng(1), 0
    for _ in range(N_TRIALS):
        received = noise(rng, (2, 2), VARIANCE) + np.array([1.0, 0.0])
        try:
            evidence._check_presence(pilots(received), EXPECTED, GROUPS)
            n_passed += 1
        except NodesAbsent as missing:
            assert missing.nodes == (1,)
    assert n_passed / N_TRIALS == pytest.approx(CHANCE, abs=WITHIN)


@pytest.mark.parametrize("needs_phase", [True, False])
def test_gains_that_stand_pass_for_moved_ones_as_rarely_as_stated(needs_phase: bool) -> None:
    rng, n_erased = np.random.default_rng(2), 0
    for _ in range(N_TRIALS):
        try:
            evidence._check_steady(
                pilots(1 + noise(rng, (2, 2), VARIANCE)), GROUPS, needs_phase=needs_phase
            )
        except Erasure:
            n_erased += 1
    assert n_erased / N_TRIALS == pytest.approx(CHANCE, abs=WITHIN)


def test_noise_passes_for_interference_as_rarely_as_stated() -> None:
    rng, n_degrees, n_erased = np.random.default_rng(3), 100, 0
    for _ in range(N_TRIALS):
        idle = _quiet_power(noise(rng, FRAME.n_idle_chips, 1.0))
        rest = float(np.mean(np.abs(noise(rng, n_degrees, 1.0)) ** 2))
        fit = PilotFit(np.ones((2, 2)), np.ones((2, 2)), ZEROS, ZEROS, rest, n_degrees)
        try:
            evidence._check_rest(fit, idle, 0.0, FRAME)
        except Erasure:
            n_erased += 1
    assert n_erased / N_TRIALS == pytest.approx(CHANCE, abs=WITHIN)
