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
from sdr_ota.rounds import cyclic_exchange
from sdr_ota.rounds.exchange import Bench, Link, Reception
from sdr_ota.rounds.given_symbols import receive_symbols
from sdr_ota.rounds.sender import on_subcarriers
from sdr_ota.rounds.timed_decoding import planned_quality
from sdr_ota.schemes import GainErrors, load_scheme
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import PathErrors, TransmitPlan
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


SIZES = np.array([1.0, 2.0, 3.0])
"""What is expected of one node differs from what is expected of another."""


def gains(reception: Reception, link: Link, **errors: float) -> GainErrors:
    """Return the expected errors of the gains with some of the plan changed, node by node."""
    changed = tuple(PathErrors(**{k: v * size for k, v in errors.items()}) for size in SIZES)
    changed_plan = replace(reception, plan=replace(reception.plan, path_errors=changed))
    if reception.is_cyclic:
        _, subcarriers = on_subcarriers(link, len(SYMBOLS))
        return cyclic_exchange.planned_quality(changed_plan, subcarriers).gains
    return planned_quality(changed_plan, link.frame, noise_power=1e-5).gains


def test_phase_errors_grow_with_the_carrier_offset_and_the_walk() -> None:
    bench, link, plan = world(is_timed=True)
    reception = receive_symbols(SYMBOLS, plan, bench, link, seed=1)
    gone_s = elapsed_s(reception, link)
    assert gone_s.min() > 1e-3

    def variance(**errors: float) -> np.ndarray:
        return np.asarray(gains(reception, link, phase_std_rad=0.1, **errors).phase_variance_rad2)

    still = (0.1 * SIZES) ** 2
    assert variance() == pytest.approx(still)
    assert variance(phase_walk_rad2_per_s=2.0) - still == pytest.approx(2.0 * SIZES * gone_s)
    turned = (2 * np.pi * 5.0 * SIZES * gone_s) ** 2
    assert variance(cfo_std_hz=5.0) - still == pytest.approx(turned)


@pytest.mark.parametrize("is_timed", [True, False], ids=["timed", "cyclic"])
def test_amplitude_errors_grow_with_their_walk(is_timed: bool) -> None:
    bench, link, plan = world(is_timed)
    reception = receive_symbols(SYMBOLS, plan, bench, link, seed=1)
    still = gains(reception, link, amplitude_std=0.05)
    walked = gains(reception, link, amplitude_std=0.05, amplitude_walk_per_s=0.3)
    assert still.along_variance == pytest.approx((0.05 * SIZES) ** 2)
    grown = 0.3 * SIZES * elapsed_s(reception, link)
    assert np.subtract(walked.along_variance, still.along_variance) == pytest.approx(grown)
    assert walked.across_variance == pytest.approx(walked.along_variance)


def test_of_a_phase_that_is_off_the_fading_part_is_no_turn() -> None:
    bench, link, plan = world(is_timed=True)
    reception = receive_symbols(SYMBOLS, plan, bench, link, seed=1)
    found = gains(reception, link, amplitude_std=0.1, phase_std_rad=0.15)
    assert found.across_variance == pytest.approx((0.1 * SIZES) ** 2)
    assert found.phase_variance_rad2 == pytest.approx((0.15**2 - 0.1**2) * SIZES**2)


def test_lateness_is_counted_in_chips_and_losses_are_passed_on() -> None:
    bench, link, plan = world(is_timed=True)
    reception = receive_symbols(SYMBOLS, plan, bench, link, seed=1)
    found = gains(reception, link, timing_std_s=1e-6, loss_probability=0.1)
    chips = 1e-6 * SIZES * RATE_HZ / link.frame.pulse.samples_per_chip
    assert found.timing_variance_chips2 == pytest.approx(chips**2)
    assert found.loss_probability == pytest.approx(0.1 * SIZES)


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
