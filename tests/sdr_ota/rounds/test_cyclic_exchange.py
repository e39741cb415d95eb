"""Exchanges over radios without hardware time, judged by theory."""

from dataclasses import replace

import numpy as np
import pytest
from ota_calibration.paths.sounding import make_plan
from scipy import stats

from sdr_ota.air.presets import AirPreset, air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.erasure import Erasure
from sdr_ota.radio.base import RadioError
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.rounds.decoding import decode, expected_squared_errors
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.rounds.given_symbols import exchange_symbols, receive_symbols
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import Samples, TransmitPlan
from tests.sounded_nodes import sound_nodes

FREE = replace(
    air_preset("free-running-pluto"),
    fading="none",
    multipath_profile="flat",
    interference_probability=0.0,
)


def world(
    n_nodes: int = 4, seed: int = 1, scheme: str = "energy-difference", preset: AirPreset = FREE
) -> tuple[Bench, Link]:
    air = SimulatedAir(AirSettings(preset, n_nodes, 1e6, 915e6, seed))
    nodes = tuple(SimulatedRadio(air, node, has_hardware_time=False) for node in range(n_nodes))
    bench = Bench(SimulatedRadio(air, None, has_hardware_time=False), nodes, 1e6)
    return bench, Link(FrameFormat(), load_scheme(scheme), max_cfo_hz=60e3)


def planned(bench: Bench, link: Link) -> TransmitPlan:
    return make_plan(sound_nodes(bench, link), peak_amplitude=0.5, truncation_db=20.0)


def air_of(bench: Bench) -> SimulatedAir:
    radio = bench.receiver
    assert isinstance(radio, SimulatedRadio)
    return radio._air


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["energy-difference", "fsk-vote"])
def test_bias_and_spread_are_what_theory_says(scheme: str) -> None:
    bench, link = world(scheme=scheme)
    rng = np.random.default_rng(2)
    errors, expected = [], []
    for seed in range(150):
        symbols = rng.uniform(-1, 1, 4)
        symbols = np.sign(symbols) if scheme == "fsk-vote" else symbols
        reception = receive_symbols(symbols, planned(bench, link), bench, link, seed)
        exchange = decode(reception, link)
        errors.append(exchange.total.value - symbols.sum())
        expected.extend(expected_squared_errors(exchange, reception, link) or ())
    error, variance = np.array(errors), float(np.mean(expected))
    assert abs(error.mean()) < 4 * np.sqrt(variance / len(error))
    # A squared error that is nearly Gaussian spreads by sqrt(2); fourth moments of sums of
    # random phasors are a little larger.
    assert np.mean(error**2) / variance == pytest.approx(1, abs=4 * np.sqrt(2.5 / len(error)))


def test_soundings_find_offsets_and_levels_of_free_running_nodes() -> None:
    bench, link = world()
    receiver_hz = air_of(bench).receiver.cfo_hz
    for estimate, path in zip(sound_nodes(bench, link), air_of(bench).paths, strict=True):
        assert estimate is not None
        drifted = 40.0  # Hz: the drift of both ends over the soundings so far, and a margin
        assert estimate.cfo_hz == pytest.approx(path.cfo_hz - receiver_hz, abs=drifted)
        # The amplifier's compression and the pilot's level are in the gain as well.
        assert abs(estimate.gain) == pytest.approx(abs(path.gain), rel=0.1)


class _Deaf(SimulatedRadio):
    """A board that keeps sending what it was given first."""

    stuck = False

    def begin_cyclic(self, samples: Samples) -> None:
        if not self.stuck:
            super().begin_cyclic(samples)

    def end_cyclic(self) -> None:
        if not self.stuck:
            super().end_cyclic()


def test_a_node_that_repeats_an_older_round_is_an_erasure() -> None:
    bench, link = world()
    air = air_of(bench)
    deaf = _Deaf(air, 2, has_hardware_time=False)
    bench = Bench(bench.receiver, (*bench.nodes[:2], deaf, bench.nodes[3]), 1e6)
    plan = planned(bench, link)
    symbols = np.full(4, 0.5)
    exchange_symbols(symbols, plan, bench, link, seed=1)
    held: dict[str, Samples] = {}
    begin = SimulatedRadio.begin_cyclic

    def stick(samples: Samples) -> None:
        begin(deaf, held.setdefault("old", samples))

    deaf.begin_cyclic = stick  # type: ignore[method-assign]
    exchange_symbols(symbols, plan, bench, link, seed=2)
    with pytest.raises(Erasure, match="node 2's pilot of this round is not on the air"):
        exchange_symbols(symbols, plan, bench, link, seed=3)


def test_a_silent_node_is_an_erasure() -> None:
    bench, link = world()
    plan = planned(bench, link)
    air_of(bench).paths[1].gain *= 1e-4
    with pytest.raises(Erasure, match="node 1's pilot"):
        exchange_symbols(np.full(4, 0.5), plan, bench, link, seed=1)


def test_a_changed_gain_is_an_erasure() -> None:
    bench, link = world()
    plan = planned(bench, link)
    air_of(bench).paths[3].gain *= 2
    with pytest.raises(Erasure, match="gain-changed: node 3"):
        exchange_symbols(np.full(4, 0.5), plan, bench, link, seed=1)


@pytest.mark.parametrize("factors", [(1.2, 1.2, 1.2, 1.2), (1, 1, 1, 1.2)])
def test_a_changed_level_below_the_limit_is_known(factors: tuple[float, ...]) -> None:
    bench, link = world(preset=replace(FREE, snr_db=60.0))
    plan = planned(bench, link)
    for path, factor in zip(air_of(bench).paths, factors, strict=True):
        path.gain *= factor
    exchange = exchange_symbols(np.full(4, 0.5), plan, bench, link, seed=1)
    (quality,) = exchange.qualities
    amplitudes = quality.gains.amplitudes(4) * quality.rx_amplitude
    # 30 dB a chip leave 0.4 % to 32 subcarriers, the grid of the correction 3 % of the level.
    np.testing.assert_allclose(amplitudes / plan.rx_amplitude, factors, atol=0.05)
    assert exchange.total.std > exchange.total.chips_std


CLEAN_WORLDS = [
    pytest.param("free-running-pluto", 1, 10),
    pytest.param("lab-wired", 1, 10),
    pytest.param("free-running-pluto", 10, 40, marks=pytest.mark.slow),
    pytest.param("lab-wired", 5, 40, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("name", "n_worlds", "n_rounds"), CLEAN_WORLDS)
def test_clean_rounds_are_not_erased(name: str, n_worlds: int, n_rounds: int) -> None:
    preset = replace(air_preset(name), interference_probability=0.0, burst_loss_probability=0.0)
    erased, off_stds = [], []
    for seed in range(n_worlds):
        bench, link = world(seed=seed, preset=preset)
        rng = np.random.default_rng(seed)
        for round_seed in range(1, n_rounds + 1):
            symbols = rng.uniform(-1, 1, 4)
            plan = planned(bench, link)
            try:
                total = exchange_symbols(symbols, plan, bench, link, round_seed).total
            except Erasure as found:
                erased.append(str(found))
            else:
                sent = symbols[list(plan.active_nodes)]
                off_stds.append(abs(total.value - sent.sum()) / total.std)
    # 1 % of clean rounds may be lost; more than that happens to a receiver so good once in 1,000.
    assert len(erased) <= stats.binom.isf(1e-3, n_worlds * n_rounds, 0.01), erased
    assert max(off_stds) < 5


def test_everybody_is_silent_after_an_exchange_and_after_a_failure() -> None:
    bench, link = world()
    plan = planned(bench, link)
    exchange_symbols(np.full(4, 0.5), plan, bench, link, seed=1)
    assert np.mean(np.abs(received(bench)) ** 2) < 1.2 * air_of(bench).noise_power
    bench.nodes[3].close()
    with pytest.raises(Erasure, match="radio: node-3 is closed"):
        exchange_symbols(np.full(4, 0.5), plan, bench, link, seed=2)
    assert np.mean(np.abs(received(bench)) ** 2) < 1.2 * air_of(bench).noise_power


def received(bench: Bench) -> Samples:
    return bench.receiver.begin_receive(5000).result(1.0).samples - 10 ** (FREE.dc_offset_dbfs / 20)


def test_start_ticks_are_refused_without_hardware_time() -> None:
    bench, _ = world()
    with pytest.raises(RadioError, match="no hardware time"):
        bench.nodes[0].transmit(np.zeros(4, np.complex64), 100)
    with pytest.raises(RadioError, match="no hardware time"):
        bench.receiver.begin_receive(10, 100)


def test_a_scheme_that_needs_phases_has_no_cyclic_form() -> None:
    bench, link = world(scheme="coherent")
    with pytest.raises(Erasure, match="needs to know when"):
        exchange_symbols(np.zeros(4), planned(bench, link), bench, link, seed=1)
