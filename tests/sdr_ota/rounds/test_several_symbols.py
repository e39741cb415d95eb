"""Frames that carry several symbols a node: as many sums behind one preamble and one sounding."""

from dataclasses import replace

import numpy as np
import pytest
from ota_calibration.paths.sounding import make_plan
from scipy import stats

from sdr_ota.air.presets import AirPreset, air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.erasure import Erasure
from sdr_ota.radio.base import Capture
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.receiver.constancy import constancy
from sdr_ota.rounds.decoding import decode, expected_squared_errors
from sdr_ota.rounds.exchange import Bench, Link, Reception
from sdr_ota.rounds.given_symbols import receive_symbols
from sdr_ota.rounds.messages import PayloadOrder
from sdr_ota.rounds.round import FurtherSum, RoundResult, sum_by_sum
from sdr_ota.rounds.schedule import Schedule
from sdr_ota.rounds.sender import Signal, TimedSender, check_number, subcarrier_frame
from sdr_ota.rounds.timed_decoding import planned_quality
from sdr_ota.rounds.transmitter import payload_burst
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import PathErrors, Precoder, TransmitPlan
from tests.sounded_nodes import sound_nodes

RATE_HZ = 1e6
N_NODES, N_SYMBOLS = 3, 4
QUIET = AirPreset("quiet", path_gain_db=-6.0, snr_db=30.0, shared_clock=True)
FREE = replace(
    air_preset("free-running-pluto"),
    fading="none",
    multipath_profile="flat",
    interference_probability=0.0,
)
SCHEMES = ["coherent", "energy-difference", "tdma", "fsk-vote"]


def world(scheme: str, n_symbols: int = N_SYMBOLS, *, is_timed: bool = True) -> tuple[Bench, Link]:
    air = SimulatedAir(AirSettings(QUIET if is_timed else FREE, N_NODES, RATE_HZ, 915e6, seed=3))
    radios = [SimulatedRadio(air, k, has_hardware_time=is_timed) for k in range(N_NODES)]
    bench = Bench(SimulatedRadio(air, None, has_hardware_time=is_timed), tuple(radios), RATE_HZ)
    frame = FrameFormat(n_symbols=n_symbols)
    return bench, Link(frame, load_scheme(scheme), max_cfo_hz=1e3 if is_timed else 60e3)


def planned(bench: Bench, link: Link) -> TransmitPlan:
    return make_plan(sound_nodes(bench, link), peak_amplitude=0.5, truncation_db=20.0)


def drawn(scheme: str, rng: np.random.Generator) -> np.ndarray:
    symbols = rng.uniform(-1, 1, (N_NODES, N_SYMBOLS))
    return np.sign(symbols) if scheme == "fsk-vote" else symbols


class Kept:
    """A radio that keeps what it was given to send."""

    def __init__(self) -> None:
        self.sent: list[tuple[np.ndarray, int]] = []

    def transmit(self, samples: np.ndarray, start_tick: int) -> None:
        self.sent.append((samples, start_tick))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_frame_of_one_symbol_has_the_samples_that_it_always_had(scheme: str) -> None:
    frame, radio = FrameFormat(), Kept()
    order = PayloadOrder(0, (0.3, -0.4), 3e-7, 55.0, 991, False, N_NODES, 0.0, 1.0, 0.0, 12345)
    link = Link(frame, load_scheme(scheme), max_cfo_hz=1e3)
    TimedSender(link, RATE_HZ).send(radio, order, Signal(1, (0.75,), 9))  # type: ignore[arg-type]
    rng = np.random.default_rng([9, 1])
    payload = load_scheme(scheme).encode(0.75, 1, N_NODES, 512, rng)
    before, behind = frame.node_codes(9)[:, 1]
    chips = np.concatenate([before, [0], payload, [0], behind])
    burst = payload_burst(chips, frame, order.precoder, order.tick, RATE_HZ)
    ((samples, start_tick),) = radio.sent
    assert start_tick == burst.start_tick
    np.testing.assert_array_equal(samples, burst.samples)


@pytest.mark.parametrize(
    ("scheme", "is_timed"),
    [*((scheme, True) for scheme in SCHEMES), ("energy-difference", False), ("fsk-vote", False)],
)
def test_every_sum_errs_as_theory_says(scheme: str, is_timed: bool) -> None:
    bench, link = world(scheme, is_timed=is_timed)
    rng, n_rounds = np.random.default_rng(5), 40
    errors, expected, within = [], [], []
    for seed in range(n_rounds):
        symbols = drawn(scheme, rng)
        reception = receive_symbols(symbols, planned(bench, link), bench, link, seed)
        exchange = decode(replace(reception, symbols=None), link)
        assert len(exchange.sums) == N_SYMBOLS
        errors.append([s.value for s in exchange.sums] - symbols.sum(axis=0))
        expected.append(expected_squared_errors(exchange, reception, link))
        within.append(
            [abs(e) < 1.96 * s.std for e, s in zip(errors[-1], exchange.sums, strict=True)]
        )
    ratio = np.square(errors) / np.array(expected)
    # Means of squared errors of one symbol: chi-square, and a little heavier tails of random
    # phasors. Symbols of a frame share the errors of its gains: frames count.
    spread = 4 * np.sqrt(2.5 / n_rounds)
    assert ratio.mean() < 1 + spread / 2
    assert (ratio.mean(axis=0) < 1 + spread).all()
    assert ratio.mean() > 0.4
    low = stats.binom.ppf(1e-5, n_rounds * N_SYMBOLS, 0.93) / (n_rounds * N_SYMBOLS)
    assert np.mean(within) > low


def test_gains_are_expected_worse_the_later_a_symbol_is_sent() -> None:
    bench, link = world("coherent")
    plan = planned(bench, link)
    errors = PathErrors(cfo_std_hz=5.0, phase_walk_rad2_per_s=2.0, amplitude_walk_per_s=0.1)
    plan = replace(plan, path_errors=(errors,) * N_NODES)
    reception = receive_symbols(np.zeros((N_NODES, N_SYMBOLS)), plan, bench, link, seed=1)
    frame, sounded = link.frame, plan.precoders[0].reference_tick
    first = reception.capture.start_tick + frame.guard_samples + frame.payload_start
    for symbol in range(N_SYMBOLS):
        gains = planned_quality(reception, frame, 1e-5, symbol).gains
        chips = frame.n_node_pilot_chips + 1 + (symbol + 0.5) * frame.n_payload_chips
        tick = first + frame.pulse.half_samples + chips * frame.pulse.samples_per_chip
        after_s = (tick - sounded) / RATE_HZ
        assert np.asarray(gains.along_variance)[0] == pytest.approx(0.1 * after_s, rel=1e-2)
        turn = (2 * np.pi * 5.0 * after_s) ** 2 + 2.0 * after_s - 0.1 * after_s
        assert np.asarray(gains.phase_variance_rad2)[0] == pytest.approx(turn, rel=1e-2)


def test_a_gain_is_read_where_its_symbol_lies() -> None:
    """A node that turns evenly through a long payload is known at every symbol of it."""
    bench, link = world("coherent", 16)
    plan = planned(bench, link)
    off_hz, errors = 12.0, PathErrors(cfo_std_hz=6.0, phase_std_rad=0.01, amplitude_std=0.01)
    precoders = list(plan.precoders)
    other = next(k for k in range(N_NODES) if k != plan.lead_node)
    precoders[other] = replace(precoders[other], cfo_hz=precoders[other].cfo_hz + off_hz)
    plan = replace(plan, precoders=tuple(precoders), path_errors=(errors,) * N_NODES)
    symbols = np.ones((N_NODES, 16)) / 2
    reception = receive_symbols(symbols, plan, bench, link, seed=1)
    exchange = decode(reception, link)
    turns = np.array([np.angle(quality.gains.mean[other]) for quality in exchange.qualities])  # type: ignore[index]
    mean = np.array([np.mean(np.angle(q.gains.mean)) for q in exchange.qualities])
    chip_s = link.frame.pulse.samples_per_chip / RATE_HZ
    slope = np.polyfit(np.arange(16) * link.frame.n_payload_chips * chip_s, turns - mean, 1)[0]
    assert slope / (2 * np.pi) == pytest.approx(-off_hz * 2 / 3, rel=0.2)


@pytest.mark.parametrize("lost_symbol", [0, 3])
@pytest.mark.parametrize("scheme", ["coherent", "energy-difference"])
def test_a_frame_is_judged_as_one(scheme: str, lost_symbol: int) -> None:
    bench, link = world(scheme)
    symbols = np.full((N_NODES, N_SYMBOLS), 0.8)
    reception = receive_symbols(symbols, planned(bench, link), bench, link, seed=1)
    assert len(decode(reception, link).sums) == N_SYMBOLS
    frame = link.frame
    n_symbol = frame.n_payload_chips * frame.pulse.samples_per_chip
    first = frame.guard_samples + frame.payload_start + frame.n_payload // 2
    first += round((lost_symbol - N_SYMBOLS / 2) * n_symbol) + n_symbol // 8
    samples = reception.capture.samples.copy()
    samples[first : first + n_symbol // 4] = 0
    damaged = replace(reception, capture=Capture(samples, reception.capture.start_tick))
    with pytest.raises(Erasure):
        decode(damaged, link)


def test_symbols_of_any_size_stand_beside_each_other() -> None:
    """Each symbol has its own amplitude: steps from one to the next are no fault."""
    for scheme in ("coherent", "energy-difference", "tdma"):
        bench, link = world(scheme)
        steps = np.array([1.0, -1.0, 0.0, 0.5])
        reception = receive_symbols(
            np.tile(steps, (N_NODES, 1)), planned(bench, link), bench, link, seed=1
        )
        sums = decode(reception, link).sums
        errors = np.array([total.value for total in sums]) - N_NODES * steps
        assert (np.abs(errors) < 5 * np.array([total.std for total in sums])).all()
    assert constancy(np.repeat(steps, 128) + np.random.default_rng(1).normal(0, 0.1, 512)) < 1e-9


def test_as_many_symbols_as_the_frame_carries() -> None:
    with pytest.raises(ValueError, match=r"2 symbols .* carries 4"):
        check_number((0.1, 0.2), 4)
    bench, link = world("coherent")
    with pytest.raises(ValueError, match="carries 4"):
        receive_symbols(np.zeros((N_NODES, 2)), planned(bench, link), bench, link, seed=1)


@pytest.mark.parametrize("n_symbols", [1, 2, 4, 16])
def test_subcarriers_of_different_symbols_are_different_ones(n_symbols: int) -> None:
    link = Link(FrameFormat(n_symbols=n_symbols), load_scheme("energy-difference"), 1.0)
    frame = subcarrier_frame(link, 5)
    used = [frame.payload, frame.idle, *(frame.node_pilot(node) for node in range(5))]
    together = np.concatenate(used)
    assert len(set(together.tolist())) == len(together)
    assert len(frame.payload) == n_symbols * 512
    for own in frame.payload.reshape(n_symbols, 2, 256):
        np.testing.assert_array_equal(own[0] + 1, own[1])
    assert frame.n_averaged % 2 == 0


def test_further_sums_are_told_as_rounds_of_their_own() -> None:
    first = RoundResult(3, 7, mean_scalar=0.5, decoded_sum=1.0, true_sum=1.1)
    assert list(sum_by_sum([first])) == [first]
    more = replace(first, further_sums=(FurtherSum(8, 0.25, 2.0, true_sum=2.2),))
    assert [(r.round, r.seed, r.decoded_sum, r.true_sum) for r in sum_by_sum([more])] == [
        (3, 7, 1.0, 1.1),
        (3, 8, 2.0, 2.2),
    ]
    assert more.mean_scalars == (0.5, 0.25)
    assert RoundResult(3, 7, erasure="late").mean_scalars == ()


def test_every_direction_of_a_run_has_a_seed_of_its_own() -> None:
    schedule = Schedule(50, seed=1, n_symbols=4)
    seeds = [seed for index in range(50) for seed in schedule.announcement(index).seeds]
    assert len(set(seeds)) == 200
    assert seeds[::4] == [Schedule(50, seed=1).round_seed(index) for index in range(50)]
    others = [Schedule(50, seed=2, n_symbols=4).announcement(index).seeds for index in range(50)]
    assert len({*seeds, *(seed for other in others for seed in other)}) == 400


def test_a_reception_knows_the_sums_of_its_symbols() -> None:
    plan = TransmitPlan((Precoder(1 + 0j), Precoder(0j), Precoder(1 + 0j)), 1.0, 0.0)
    symbols = np.arange(6).reshape(3, 2) / 10
    reception = Reception(Capture(np.zeros(1, np.complex64), 0), RATE_HZ, plan, 1, symbols=symbols)
    assert reception.true_sums == pytest.approx((0.4, 0.6))
    assert replace(reception, symbols=symbols[:, 0]).true_sums == pytest.approx((0.4,))
