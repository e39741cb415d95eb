"""What theory is told of a round: the plan's errors, grown until the payload."""

from dataclasses import replace

import numpy as np
import pytest
from ota_calibration.paths.sounding import make_plan

from sdr_ota.air.presets import AirPreset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.erasure import Erasure
from sdr_ota.radio.base import TimeError
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.rounds.decoding import decode
from sdr_ota.rounds.exchange import Bench, Link, Reception
from sdr_ota.rounds.given_symbols import receive_symbols
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import TransmitPlan
from tests.sounded_nodes import sound_nodes

RATE_HZ = 1e6
QUIET = AirPreset("quiet", path_gain_db=-6.0, snr_db=50.0, shared_clock=True)
SYMBOLS = (0.5, -0.25, 1.0)


def world(is_timed: bool) -> tuple[Bench, Link, TransmitPlan]:
    air = SimulatedAir(AirSettings(QUIET, len(SYMBOLS), RATE_HZ, 915e6, seed=3))
    nodes = tuple(SimulatedRadio(air, k, has_hardware_time=is_timed) for k in range(len(SYMBOLS)))
    bench = Bench(SimulatedRadio(air, None, has_hardware_time=is_timed), nodes, RATE_HZ)
    link = Link(FrameFormat(), load_scheme("energy-difference"), max_cfo_hz=1e3)
    return bench, link, make_plan(sound_nodes(bench, link), peak_amplitude=0.5, truncation_db=20.0)


def elapsed_s(reception: Reception, link: Link) -> np.ndarray:
    """Return the time from each node's sounding to the payload, by the frame's own numbers."""
    frame, tick = link.frame, float(reception.capture.start_tick)
    if not reception.is_cyclic:
        tick += frame.guard_samples + frame.payload_start + frame.n_payload // 2
    sounded = [reception.plan.precoders[node].reference_tick for node in range(len(SYMBOLS))]
    return (tick - np.array(sounded)) / RATE_HZ


def variances(reception: Reception, link: Link, **errors: float) -> np.ndarray:
    """Return the phase and amplitude variances with some errors of the plan changed."""
    changed = replace(reception, plan=replace(reception.plan, **errors))
    quality = decode(changed, link).quality
    return np.array([quality.phase_error_std_rad, quality.amplitude_error_std]) ** 2


def test_phase_errors_grow_with_the_carrier_offset_and_the_walk() -> None:
    bench, link, plan = world(is_timed=True)
    reception = receive_symbols(SYMBOLS, plan, bench, link, seed=1)
    gone_s = elapsed_s(reception, link)
    assert gone_s.min() > 1e-3
    none = {"phase_error_std_rad": 0.1, "cfo_error_std_hz": 0.0, "phase_walk_rad2_per_s": 0.0}
    still = variances(reception, link, **none)[0]
    walked = variances(reception, link, **none | {"phase_walk_rad2_per_s": 2.0})[0]
    turned = variances(reception, link, **none | {"cfo_error_std_hz": 5.0})[0]
    assert still == pytest.approx(0.01)
    assert walked - still == pytest.approx(2.0 * gone_s.mean())
    assert turned - still == pytest.approx((2 * np.pi * 5.0) ** 2 * np.mean(gone_s**2))


@pytest.mark.parametrize("is_timed", [True, False], ids=["timed", "cyclic"])
def test_amplitude_errors_grow_with_their_walk(is_timed: bool) -> None:
    bench, link, plan = world(is_timed)
    reception = receive_symbols(SYMBOLS, plan, bench, link, seed=1)
    still = variances(reception, link, amplitude_error_std=0.05, amplitude_walk_per_s=0.0)[1]
    walked = variances(reception, link, amplitude_error_std=0.05, amplitude_walk_per_s=0.3)[1]
    assert still == pytest.approx(0.0025)
    assert walked - still == pytest.approx(0.3 * elapsed_s(reception, link).mean())


class _TellsLater(SimulatedRadio):
    """Notices only when asked that its burst came too late."""

    def confirm_sent(self, timeout_s: float) -> None:
        raise TimeError("the burst was late")


def test_a_radio_that_knows_only_afterwards_is_asked_before_a_sum_is_trusted() -> None:
    bench, link, plan = world(is_timed=True)
    last = bench.nodes[-1]
    assert isinstance(last, SimulatedRadio)
    late = _TellsLater(last._air, len(SYMBOLS) - 1)
    with pytest.raises(Erasure, match="the burst was late") as erased:
        receive_symbols(
            SYMBOLS, plan, replace(bench, nodes=(*bench.nodes[:-1], late)), link, seed=1
        )
    assert erased.value.reason == "late"
