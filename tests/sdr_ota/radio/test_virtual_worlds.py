"""Time passes in virtual worlds as on a bench with real hosts; sums are as good as simulated."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.config.air_time import planned_gap_s
from sdr_ota.config.load import Config
from sdr_ota.config.parts import link_of
from sdr_ota.radio.address import open_radios
from sdr_ota.radio.base import RadioError, TimeError
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.radio.virtual.pluto_board import PULSE_SAMPLES, PlutoWorld
from sdr_ota.radio.virtual.pluto_server import VirtualPlutos
from sdr_ota.radio.virtual.soapy_server import VirtualSoapy
from sdr_ota.radio.virtual.soapy_world import COMMAND_S, SoapyWorld
from sdr_ota.radio.virtual_time import in_virtual_time
from sdr_ota.types import RadioSettings
from tests.virtual_rounds import (
    N_NODES,
    Difference,
    Rounds,
    difference,
    experiment,
    nmse_db,
    rounds_over,
    world_of,
)

SAMPLE_RATE_HZ = 1e6
MOST_DB = 1.5
"""That sums over virtual radios may be worse, or better, than over simulated ones."""


@contextmanager
def soapy(preset: str, seed: int) -> Iterator[tuple[SoapyWorld, tuple[str, ...]]]:
    """Serve devices that share a clock if those of the air do."""
    world = SoapyWorld(world_of(preset, seed))
    with VirtualSoapy(world) as served:
        addresses = (served.receiver_address, *served.node_addresses)
        if not world.air.preset.shared_clock:
            addresses = tuple(
                a.replace("clock_source=external", "clock_source=internal") for a in addresses
            )
        yield world, addresses


@contextmanager
def plutos(preset: str, seed: int, more: str = "") -> Iterator[tuple[PlutoWorld, tuple[str, ...]]]:
    """Serve boards."""
    world = PlutoWorld(world_of(preset, seed))
    with VirtualPlutos(world) as served:
        uris = (served.receiver_uri, *served.node_uris)
        yield world, tuple(f"driver=pluto,uri={uri}{more}" for uri in uris)


def soapy_rounds(preset: str, scheme: str, seed: int, n_rounds: int) -> Rounds:
    with soapy(preset, seed) as (world, addresses):
        return rounds_over(experiment(preset, scheme, seed, n_rounds, addresses), world.air)


def pluto_rounds(preset: str, seed: int, n_rounds: int) -> Rounds:
    with plutos(preset, seed) as (world, addresses):
        config = experiment(
            preset, "energy-difference", seed, n_rounds, addresses, link__tune_above_hz="never"
        )
        return rounds_over(config, world.air)


def triggered(
    preset: str, seed: int, n_rounds: int, addresses: tuple[str, ...], **more: object
) -> Config:
    """Return an experiment over boards that share a reference and a trigger."""
    more = {"link__max_cfo_hz": 0.0, **more}
    return experiment(preset, "coherent", seed, n_rounds, addresses, **more)


def triggered_rounds(preset: str, seed: int, n_rounds: int) -> Rounds:
    with plutos(preset, seed, ",trigger=external") as (world, addresses):
        return rounds_over(triggered(preset, seed, n_rounds, addresses), world.air)


def process_rounds(preset: str, seed: int, n_rounds: int) -> Rounds:
    config = experiment(
        preset, "energy-difference", seed, n_rounds, radio__processes=True, air__round_s=0.1
    )
    return rounds_over(config)


def check_round_s(rounds: Rounds, round_s: float) -> None:
    """Check how long rounds took, but for guards and the settling that frames are counted with."""
    n_ticks = rounds.ended_tick - rounds.began_tick
    n_rounds = len(rounds.results)
    assert n_ticks / n_rounds / SAMPLE_RATE_HZ == pytest.approx(round_s, abs=2e-3)


def check_alike(virtual: Rounds, simulated: Rounds) -> Difference:
    """Check that errors are alike, as far as so many rounds can tell."""
    apart = difference(virtual.results, simulated.results)
    text = (
        f"virtual {nmse_db(virtual.results):.2f} dB, simulated {nmse_db(simulated.results):.2f} "
        f"dB; {apart}"
    )
    assert apart.std_db < MOST_DB, f"too few rounds to tell: {text}"
    assert abs(apart.db) < MOST_DB + 2 * apart.std_db, text
    return apart


@pytest.mark.usefixtures("virtual_soapy_driver")
def test_a_round_over_virtual_soapy_devices_takes_its_time() -> None:
    check_round_s(soapy_rounds("lab-wired", "coherent", 1, 4), 0.25)


def test_a_round_over_virtual_plutos_takes_its_time() -> None:
    check_round_s(pluto_rounds("lab-wired", 1, 2), 0.25)


def test_a_round_over_triggered_plutos_takes_two_pulses() -> None:
    n_rounds = 3
    rounds = triggered_rounds("lab-wired", 1, n_rounds)
    n_ticks = rounds.ended_tick - rounds.began_tick
    assert n_ticks // PULSE_SAMPLES == 2 * n_rounds  # the nodes compute until the first one
    gaps_s = [r.sounding_to_payload_s for r in rounds.results]
    assert gaps_s == pytest.approx([PULSE_SAMPLES / SAMPLE_RATE_HZ] * n_rounds, abs=5e-3)
    with plutos("lab-wired", 1, ",trigger=external") as (_, addresses):
        config = triggered("lab-wired", 1, 1, addresses)
    # Precoders are predicted for the payload's middle; the round is timed to its first sample.
    link = link_of(config)
    planned_s = planned_gap_s(config, link, N_NODES) - link.frame.n_payload / 2 / SAMPLE_RATE_HZ
    assert planned_s == pytest.approx(gaps_s[0], abs=5e-5)  # half a chip's edge is not counted


@pytest.mark.slow
@pytest.mark.usefixtures("virtual_soapy_driver")
@pytest.mark.parametrize("preset", ["usrp-shared-clock", "lab-indoor"])
def test_sums_over_virtual_soapy_devices_are_as_good_as_simulated(preset: str) -> None:
    virtual = soapy_rounds(preset, "coherent", 1, 40)
    simulated = rounds_over(experiment(preset, "coherent", 1, 40), None, virtual.began_tick)
    apart = check_alike(virtual, simulated)
    if preset == "usrp-shared-clock":  # the same oscillators: nothing but a converter differs
        assert abs(apart.db) < 0.1
    pairs = zip(virtual.results, simulated.results, strict=True)
    there = [(v, s) for v, s in pairs if v.active_nodes and s.active_nodes]
    gaps_s = [[one[k].sounding_to_payload_s for one in there] for k in (0, 1)]
    assert len(there) > 30
    assert gaps_s[0] == pytest.approx(gaps_s[1], abs=1e-5)


@pytest.mark.slow
def test_sums_over_virtual_plutos_are_as_good_as_simulated() -> None:
    virtual = pluto_rounds("lab-indoor", 1, 80)
    config = experiment("lab-indoor", "energy-difference", 1, 80, radio__has_hardware_time=False)
    check_alike(virtual, rounds_over(config))


@pytest.mark.slow
def test_sums_over_triggered_plutos_are_as_good_as_simulated_ones_a_pulse_apart() -> None:
    virtual = triggered_rounds("lab-wired", 1, 50)
    gap_s = virtual.results[0].sounding_to_payload_s or 0.0
    at_once = rounds_over(experiment("lab-wired", "coherent", 1, 1))
    lead_s = 0.05 + gap_s - (at_once.results[0].sounding_to_payload_s or 0.0)
    simulated = rounds_over(experiment("lab-wired", "coherent", 1, 50, radio__lead_s=lead_s))
    assert simulated.results[0].sounding_to_payload_s == pytest.approx(gap_s, abs=1e-5)
    check_alike(virtual, simulated)


@pytest.mark.slow
@pytest.mark.gnuradio
@pytest.mark.usefixtures("gnuradio")
def test_sums_over_processes_are_as_good_as_simulated() -> None:
    virtual = process_rounds("lab-indoor", 1, 40)
    config = experiment("lab-indoor", "energy-difference", 1, 40, radio__has_hardware_time=False)
    simulated = rounds_over(config)
    check_alike(virtual, simulated)
    gaps_s = [[r.sounding_to_payload_s for r in one.results] for one in (virtual, simulated)]
    piece_s = 2048 / SAMPLE_RATE_HZ  # changes happen between two pieces
    assert np.nanmax(np.abs(np.array(gaps_s[0], float) - np.array(gaps_s[1], float))) < 3 * piece_s


@pytest.mark.gnuradio
@pytest.mark.usefixtures("gnuradio")
def test_two_runs_over_processes_are_alike() -> None:
    once, again = (process_rounds("lab-indoor", 1, 2).results for _ in range(2))
    assert [r.decoded_sum for r in once] == [r.decoded_sum for r in again]
    assert once[0].decoded_sum is not None


@pytest.mark.usefixtures("virtual_soapy_driver")
@pytest.mark.parametrize(("ahead", "is_late"), [(0.9, True), (1.1, False)])
def test_a_virtual_host_needs_its_time_to_get_a_burst_to_the_device(
    ahead: float, is_late: bool
) -> None:
    with soapy("lab-wired", 1) as (_, addresses), open_radios(addresses) as (receiver, node, *_):
        for radio in (receiver, node):
            radio.configure(RadioSettings(915e6, SAMPLE_RATE_HZ, 0.8e6))
        start = receiver.now_tick() + round(ahead * COMMAND_S * SAMPLE_RATE_HZ)
        node.transmit(np.full(100, 0.1, np.complex64), start)
        if is_late:
            with pytest.raises(TimeError):
                node.confirm_sent(1.0)
        else:
            node.confirm_sent(1.0)


@pytest.mark.usefixtures("virtual_soapy_driver")
def test_devices_with_one_reference_do_not_drift_apart() -> None:
    world = SoapyWorld(world_of("lab-indoor", 1))
    drawn = [path.drift_hz_per_s for path in world.air.paths]
    assert min(map(abs, drawn)) > 0
    for clock, expected in (("external", [0.0] * len(drawn)), ("internal", drawn)):
        for device in world.devices:
            device.clock_source = clock
        silence = np.zeros(8, np.complex64)
        for device in world.devices[:-1]:
            assert device.channels[0].write(silence, device.now + 10_000, True) == 8
        assert [path.drift_hz_per_s for path in world.air.paths] == expected
        assert bool(world.air.receiver.drift_hz_per_s) == (clock == "internal")


@pytest.mark.usefixtures("virtual_soapy_driver")
def test_time_passes_in_a_virtual_world_when_it_is_told() -> None:
    with soapy("lab-wired", 1) as (world, addresses), open_radios(addresses) as (receiver, *_):
        before = world.air.now_tick
        in_virtual_time(receiver).pass_time(12_345)
        assert world.air.now_tick - before == 12_345
    with plutos("lab-wired", 1) as (boards, addresses), open_radios(addresses) as (receiver, *_):
        before = boards.air.now_tick
        in_virtual_time(receiver).pass_time(12_345)
        assert boards.air.now_tick - before == receiver.now_tick() == 12_345


def test_time_of_other_radios_passes_by_itself() -> None:
    with (
        SimulatedRadio(SimulatedAir(world_of("ideal", 1)), None) as radio,
        pytest.raises(RadioError, match="its time passes by itself"),
    ):
        in_virtual_time(radio)
