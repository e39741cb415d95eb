"""The PlutoSDR back-end against virtual boards, through real pyadi-iio and libiio."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from ota_calibration.paths.sounding import make_plan

from sdr_ota.air.presets import AirPreset, air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.radio.address import AddressError, open_radio, parse_address
from sdr_ota.radio.base import RadioError, RadioNotFound, SettingNotTaken
from sdr_ota.radio.pluto import PlutoRadio
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.radio.virtual.pluto_attributes import DAC, DDS_TONES, PHY, RX, TX, TX_LO
from sdr_ota.radio.virtual.pluto_board import PlutoWorld
from sdr_ota.radio.virtual.pluto_server import VirtualPlutos
from sdr_ota.rounds.decoding import decode, expected_squared_errors
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.rounds.given_symbols import receive_symbols
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import RadioSettings, Samples
from tests.sounded_nodes import sound_nodes

SETTINGS = RadioSettings(915e6, 1e6, 0.8e6)
QUIET = AirPreset("quiet", snr_db=70.0)
N_SETTLE = 5000


@dataclass
class Served:
    world: PlutoWorld
    plutos: VirtualPlutos

    def node(self, index: int = 0) -> PlutoRadio:
        return PlutoRadio(self.plutos.node_uris[index])

    def receiver(self) -> PlutoRadio:
        return PlutoRadio(self.plutos.receiver_uri)


@pytest.fixture
def served() -> Iterator[Served]:
    world = PlutoWorld(AirSettings(QUIET, 2, 1e6, 915e6, seed=1))
    with VirtualPlutos(world) as plutos:
        yield Served(world, plutos)


def tone(level: float = 0.5, cycles: int = 80, n_samples: int = 1000) -> Samples:
    turn = np.exp(2j * np.pi * cycles / n_samples * np.arange(n_samples))
    return (level * turn).astype(np.complex64)


def listen(receiver: PlutoRadio, n_samples: int = 2000) -> Samples:
    return receiver.begin_receive(N_SETTLE + n_samples).result(5.0).samples[N_SETTLE:]


def level(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.abs(samples) ** 2)))


def test_two_boards_add_up_in_the_air(served: Served) -> None:
    with served.node(0) as one, served.node(1) as two, served.receiver() as receiver:
        for radio in (one, two, receiver):
            radio.configure(SETTINGS)
        one.begin_cyclic(tone(0.5, 80))
        two.begin_cyclic(tone(0.25, -120))
        lines = np.abs(np.fft.fft(listen(receiver, 1000))) / 1000
    assert lines[80] == pytest.approx(0.5, rel=0.01)
    assert lines[-120] == pytest.approx(0.25, rel=0.01)


@pytest.mark.parametrize("tx_gain_db", [0.0, -10.0, -20.25])
def test_the_attenuator_acts_on_the_air(served: Served, tx_gain_db: float) -> None:
    with served.node() as node, served.receiver() as receiver:
        receiver.configure(SETTINGS)
        there = node.configure(replace(SETTINGS, tx_gain_db=tx_gain_db))
        assert there.tx_gain_db == tx_gain_db  # although the rate change has reset it
        node.begin_cyclic(tone(0.5))
        expected = 0.5 * 10 ** (tx_gain_db / 20)
        assert level(listen(receiver)) == pytest.approx(expected, rel=0.02)


def test_receive_gain_is_taken_although_the_board_starts_with_automatic_gain(
    served: Served,
) -> None:
    with served.node() as node, served.receiver() as receiver:
        node.configure(SETTINGS)
        there = receiver.configure(replace(SETTINGS, rx_gain_db=6.0))
        assert there.rx_gain_db == 6.0
        node.begin_cyclic(tone(0.2))
        assert level(listen(receiver)) == pytest.approx(0.2 * 10 ** (6 / 20), rel=0.02)


def test_too_much_gain_is_seen_as_clipping(served: Served) -> None:
    with served.node() as node, served.receiver() as receiver:
        node.configure(SETTINGS)
        receiver.configure(replace(SETTINGS, rx_gain_db=20.0))
        node.begin_cyclic(tone(0.5))
        assert receiver.begin_receive(20000).result(5.0).n_clipped > 1000


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sample_rate_hz": 100e3}, "sample rate of 100000 Hz, allowed: 521000"),
        ({"center_freq_hz": 100e6}, "center freq of 1e[+]08 Hz"),
        ({"tx_gain_db": 3.0}, "tx gain of 3 dB, allowed: -89.75 to 0"),
        ({"rx_gain_db": 90.0}, "rx gain of 90 dB"),
    ],
)
def test_a_setting_out_of_range_is_refused_with_the_range(
    served: Served, changes: dict[str, float], words: str
) -> None:
    with served.node() as node, pytest.raises(SettingNotTaken, match=words):
        node.configure(replace(SETTINGS, **changes))


def test_a_setting_that_does_not_take_is_noticed(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = served.world.nodes[0]
    write = board.write

    def stuck(key: tuple[str, str, str], text: str) -> bool:
        return True if key == (PHY, TX, "hardwaregain") else write(key, text)

    with served.node() as node:
        monkeypatch.setattr(board, "write", stuck)
        with pytest.raises(SettingNotTaken, match="asked for tx_gain_db = -3, it reads back"):
            node.configure(replace(SETTINGS, tx_gain_db=-3.0))
        with pytest.raises(SettingNotTaken, match="asked for tx_gain_db = -20, it reads back -10"):
            node.configure(replace(SETTINGS, tx_gain_db=-20.0))


def test_samples_come_from_after_the_last_change_not_from_stale_buffers(served: Served) -> None:
    with served.node() as node, served.receiver() as receiver:
        node.configure(SETTINGS)
        receiver.configure(SETTINGS)
        assert level(listen(receiver)) < 0.01
        node.begin_cyclic(tone(0.5))
        assert level(listen(receiver)) == pytest.approx(0.5, rel=0.02)
        node.end_cyclic()
        assert level(listen(receiver)) < 0.01


def is_on_the_air(served: Served, node: int = 0) -> bool:
    return node in served.world.air._cyclic


def wait_until(served: Served, is_sending: bool, node: int = 0) -> None:
    """libiio does not wait until the board has opened or closed its buffer: that is later."""
    deadline_s = time.monotonic() + 60
    while is_on_the_air(served, node) != is_sending:
        assert time.monotonic() < deadline_s, "the board goes on as before"
        time.sleep(0.001)


def assert_switched_off(served: Served, node: int = 0) -> None:
    board = served.world.nodes[node]
    assert not is_on_the_air(served, node)
    assert board.number((PHY, TX, "hardwaregain")) == -89.75
    assert board.number((PHY, TX_LO, "powerdown")) == 1
    assert {board.values[DAC, channel, "raw"] for channel in DDS_TONES} == {"0"}


def test_nothing_is_radiated_before_the_first_frame_and_after_the_last(served: Served) -> None:
    with served.node() as node, served.receiver() as receiver:
        receiver.configure(SETTINGS)
        assert_switched_off(served)
        node.configure(SETTINGS)
        assert not is_on_the_air(served)
        assert served.world.nodes[0].number((PHY, TX_LO, "powerdown")) == 1
        node.begin_cyclic(tone())
        wait_until(served, is_sending=True)
        node.end_cyclic()
        wait_until(served, is_sending=False)
    assert_switched_off(served)


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt, SystemExit])
def test_an_exception_switches_the_transmitter_off(
    served: Served, error: type[BaseException]
) -> None:
    with pytest.raises(error), served.node() as node:
        node.configure(SETTINGS)
        node.begin_cyclic(tone())
        raise error
    assert_switched_off(served)


def test_a_transmitter_that_was_left_on_is_switched_off_first(served: Served) -> None:
    board = served.world.nodes[0]
    with served.world.lock:
        for attribute, value in (("raw", "1"), ("scale", "0.5")):
            board.write((DAC, "output:altvoltage0", attribute), value)
        served.world.receiver.write((PHY, "output:altvoltage0", "frequency"), "2450000000")
    assert is_on_the_air(served)
    with served.node():
        assert_switched_off(served)


def test_a_frame_over_full_scale_is_not_sent(served: Served) -> None:
    with served.node() as node:
        node.configure(SETTINGS)
        with pytest.raises(RadioError, match=r"peak amplitude 1\.200"):
            node.begin_cyclic(tone(1.2))
        assert not is_on_the_air(served)


def test_use_after_close_is_refused_and_closing_twice_is_closing_once(served: Served) -> None:
    node = served.node()
    node.close()
    node.close()
    for use in (
        lambda: node.begin_cyclic(tone()),
        lambda: node.configure(SETTINGS),
        lambda: node.begin_receive(10),
    ):
        with pytest.raises(RadioError, match="is closed"):
            use()


def test_correction_of_the_oscillator_moves_the_carrier(served: Served) -> None:
    with served.node() as node, served.receiver() as receiver:
        for radio in (node, receiver):
            radio.configure(SETTINGS)
        xo_hz = 40e6 * (1 - 10e-6)  # the driver believes in a slower crystal: carriers rise
        with served.world.lock:
            served.world.nodes[0].write((PHY, "", "xo_correction"), f"{xo_hz:.0f}")
        node.begin_cyclic(tone(0.5, 0))
        turns = np.angle(np.vdot(*np.stack([(s := listen(receiver))[:-1], s[1:]])))
    assert turns / (2 * np.pi) * 1e6 == pytest.approx(9150, abs=5)


def test_temperature_has_a_unit(served: Served) -> None:
    with served.node() as node:
        assert node.temperature_c() == 38.5


def test_nobody_there_is_said_at_once() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(RadioNotFound, match=f"uri=ip:127.0.0.1:{port}"):
        PlutoRadio(f"ip:127.0.0.1:{port}")


def test_an_address_opens_a_radio(served: Served) -> None:
    with open_radio(f"driver=pluto,uri={served.plutos.receiver_uri}") as radio:
        assert radio.info.serial == "virtual-receiver"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ip:1.2.3.4", "not of the form"),
        ("driver=lime", "no known driver"),
        ("driver=pluto", "driver=pluto,uri=URI"),
        ("driver=pluto,uri=ip:1,gain=3", "nothing else"),
    ],
)
def test_a_wrong_address_is_refused_with_the_right_form(address: str, words: str) -> None:
    with pytest.raises(AddressError, match=words):
        open_radio(address)
    if "driver=pluto" not in address:
        with pytest.raises(AddressError):
            parse_address(address)


def test_the_tools_of_libiio_read_the_board(served: Served) -> None:
    tool = shutil.which("iio_info")
    assert tool, "iio_info is missing: apt-get install libiio-utils"
    uri = served.plutos.node_uris[0]
    said = subprocess.run([tool, "-u", uri], capture_output=True, text=True, timeout=60, check=True)
    assert "ad9361-phy" in said.stdout
    assert "hw_serial: virtual-node-0" in said.stdout
    errors = [line for line in said.stdout.splitlines() if "ERROR" in line]
    assert all("Invalid argument" in line for line in errors)
    assert len(errors) == 8  # that cannot be read on a real board either
    assert not said.stderr


def squared_errors(bench: Bench, n_rounds: int) -> tuple[float, float]:
    """Return the mean squared error of sums over a bench, measured and by theory."""
    link = Link(FrameFormat(), load_scheme("energy-difference"), max_cfo_hz=60e3)
    rng, measured, expected = np.random.default_rng(3), 0.0, 0.0
    plan = make_plan(sound_nodes(bench, link), 0.5, 20.0)
    for seed in range(n_rounds):
        symbols = rng.uniform(-1, 1, len(bench.nodes))
        reception = receive_symbols(symbols, plan, bench, link, seed)
        exchange = decode(reception, link)
        measured += (exchange.total.value - symbols.sum()) ** 2
        expected += sum(expected_squared_errors(exchange, reception, link) or ())
    return measured / n_rounds, expected / n_rounds


@pytest.mark.slow
def test_the_sum_is_as_good_as_over_simulated_radios() -> None:
    preset = replace(air_preset("free-running-pluto"), fading="none", multipath_profile="flat")
    preset, n_rounds = replace(preset, frequency_drift_hz_per_s=0.0), 60
    preset = replace(preset, interference_probability=0.0)
    air = SimulatedAir(AirSettings(preset, 4, 1e6, 915e6, 1))
    radios = [SimulatedRadio(air, node, has_hardware_time=False) for node in (None, 0, 1, 2, 3)]
    simulated = squared_errors(Bench(radios[0], tuple(radios[1:]), 1e6), n_rounds)
    world = PlutoWorld(AirSettings(preset, 4, 1e6, 915e6, 1))
    with VirtualPlutos(world) as plutos:
        uris = (plutos.receiver_uri, *plutos.node_uris)
        boards = [PlutoRadio(uri) for uri in uris]
        with Bench(boards[0], tuple(boards[1:]), 1e6) as bench:
            for board in boards:
                board.configure(SETTINGS)
            virtual = squared_errors(bench, n_rounds)
    # Noise, levels and symbols, of which theory makes the error, are the same in both. When the
    # nodes begin is not, and with it how their chips add up: fourth moments of sums of random
    # phasors are a little larger than a Gaussian's.
    assert abs(10 * np.log10(virtual[1] / simulated[1])) < 0.3
    for measured, expected in (simulated, virtual):
        assert measured / expected == pytest.approx(1, abs=4 * np.sqrt(2.5 / n_rounds))
    assert abs(world.receiver.number((PHY, RX, "hardwaregain"))) == 0.0
