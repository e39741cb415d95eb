"""The receiver's 33 to 34 dB step is caught; what single nodes do is not taken for it."""

import dataclasses

import numpy as np
import pytest
from ota_calibration.paths.gain_step import receiver_step
from ota_calibration.paths.tracker import PathTracker

from sdr_ota.air.presets import air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import ChannelEstimate
from tests.sounded_nodes import sound_nodes

RATE_HZ = 1e6
LINK = Link(FrameFormat(), load_scheme("coherent"), max_cfo_hz=60e3)


def bench_on(preset_name: str, seed: int) -> tuple[SimulatedAir, Bench]:
    preset = dataclasses.replace(air_preset(preset_name), interference_probability=0.0)
    air = SimulatedAir(AirSettings(preset, 5, RATE_HZ, 915e6, seed))
    nodes = tuple(SimulatedRadio(air, node) for node in range(5))
    return air, Bench(SimulatedRadio(air, None), nodes, RATE_HZ)


@pytest.mark.parametrize("preset", ["lab-wired", "lab-indoor", "usrp-shared-clock"])
def test_a_silent_step_is_caught_and_is_no_wander(preset: str) -> None:
    for seed in range(5):
        air, bench = bench_on(preset, seed)
        tracker = PathTracker(RATE_HZ)
        before = sound_nodes(bench, LINK)
        tracker.observe(before)
        assert tracker.step is None
        air._gain_is_up = True
        now = sound_nodes(bench, LINK)
        tracker.observe(now)
        assert tracker.step is not None
        assert tracker.step.step_db == pytest.approx(1.0, abs=0.5)
        assert abs(tracker.step.turn_deg) == pytest.approx(177.0, abs=15.0)
        tracker.observe(sound_nodes(bench, LINK))
        assert tracker.step is None


def test_no_step_is_seen_where_there_is_none() -> None:
    _, bench = bench_on("lab-indoor", 9)
    tracker = PathTracker(RATE_HZ)
    for _ in range(40):
        tracker.observe(sound_nodes(bench, LINK))
        assert tracker.step is None


@pytest.mark.parametrize("jumping", [1, 2])
def test_nodes_that_were_started_anew_are_not_the_receiver(jumping: int) -> None:
    before = [ChannelEstimate(0.1 + 0j, 1e-4, 0, 1e-9, 0, 0.1, 1e-6, 0) for _ in range(4)]
    turn = 1.12 * np.exp(3.09j)
    now = [
        dataclasses.replace(e, gain=e.gain * turn if k < jumping else e.gain, measured_tick=9000)
        for k, e in enumerate(before)
    ]
    assert receiver_step(before, now, RATE_HZ) is None
    assert receiver_step(before[:1], now[:1], RATE_HZ) is None
