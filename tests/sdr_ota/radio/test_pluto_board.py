"""A virtual Pluto against what pyadi-iio's own tests ask of a real one, through real pyadi-iio."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import adi
import iio
import numpy as np
import pytest
from numpy.typing import NDArray

from sdr_ota.air.presets import AirPreset
from sdr_ota.air.settings import AirSettings
from sdr_ota.radio.base import Range, SettingNotTaken
from sdr_ota.radio.libiio_versions import destroy_receive_buffer, destroy_transmit_buffer, send
from sdr_ota.radio.pluto import PlutoRadio
from sdr_ota.radio.pluto_ranges import center_freqs_hz, rx_gains_db, sample_rates_hz, tx_gains_db
from sdr_ota.radio.virtual.pluto_attributes import ADC, DAC, PHY, REGISTERS, context_xml
from sdr_ota.radio.virtual.pluto_board import OVERFLOW, UNDERFLOW, PlutoBoard, PlutoWorld
from sdr_ota.radio.virtual.pluto_buffers import ReceiveBuffer, TransmitBuffer
from sdr_ota.radio.virtual.pluto_chip import CHIPS
from sdr_ota.radio.virtual.pluto_server import VirtualPlutos
from sdr_ota.types import RadioSettings

QUIET = AirSettings(AirPreset("quiet", snr_db=60.0), 1, 1e6, 915e6, seed=1)
STATUS_REGISTER = 0x80000088
N_SAMPLES = 4096


@dataclass
class Opened:
    """The boards of a world, as pyadi-iio opens them."""

    world: PlutoWorld
    served: VirtualPlutos
    receiver: Any
    node: Any

    def close(self) -> None:
        for board in (self.receiver, self.node):
            destroy_receive_buffer(board)
            destroy_transmit_buffer(board)


def opened_by_pyadi(uri: str) -> Any:
    board = adi.Pluto(uri=uri)
    board.sample_rate = 1_000_000
    board.rx_lo = board.tx_lo = 915_000_000
    board.rx_rf_bandwidth = board.tx_rf_bandwidth = 1_000_000
    board.gain_control_mode_chan0 = "manual"
    board.rx_hardwaregain_chan0 = 0
    board.tx_hardwaregain_chan0 = 0
    board.disable_dds()
    board.rx_buffer_size = N_SAMPLES
    return board


@pytest.fixture
def boards() -> Iterator[Opened]:
    world = PlutoWorld(QUIET)
    with VirtualPlutos(world) as served:
        opened = Opened(
            world,
            served,
            opened_by_pyadi(served.receiver_uri),
            opened_by_pyadi(served.node_uris[0]),
        )
        yield opened
        opened.close()


def tone(cycles: int, level: float = 0.5, n_samples: int = N_SAMPLES) -> NDArray[np.complex128]:
    turns = cycles * np.arange(n_samples) / n_samples
    return np.asarray(level * 2**15 * np.exp(2j * np.pi * turns))


def heard(board: Any) -> NDArray[np.float64]:
    """Return levels over full scale of what a board hears, by cycles in a buffer."""
    for _ in range(8):  # kernel buffers hold older samples
        codes = board.rx()
    return np.asarray(np.abs(np.fft.fft(codes)) / len(codes) / 2**11)


@pytest.mark.parametrize("listener", ["receiver", "node"])
def test_a_board_hears_its_own_transmitter_and_the_other(boards: Opened, listener: str) -> None:
    for board, cycles in ((boards.receiver, 300), (boards.node, -500)):
        board.tx_cyclic_buffer = True
        board.tx(tone(cycles))
    lines = heard(getattr(boards, listener))
    assert lines[300] == pytest.approx(0.5, rel=0.02)
    assert lines[-500] == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize("listener", ["receiver", "node"])
def test_one_oscillator_feeds_a_boards_transmitter_and_receiver(listener: str) -> None:
    warming = AirPreset(
        "warming",
        snr_db=60.0,
        frequency_drift_hz_per_s=15.0,
        receiver_frequency_drift_hz_per_s=15.0,
    )
    world = PlutoWorld(AirSettings(warming, 1, 1e6, 915e6, seed=1))
    with VirtualPlutos(world) as served:
        is_node = listener == "node"
        board = opened_by_pyadi(served.node_uris[0] if is_node else served.receiver_uri)
        world.air.pass_time(10**9)
        board.tx_cyclic_buffer = True
        board.tx(tone(300))
        line = heard(board)[300]
        destroy_receive_buffer(board)
        destroy_transmit_buffer(board)
    assert line == pytest.approx(0.5, rel=0.02)


def test_a_tone_of_the_generator_is_heard_where_it_was_set(boards: Opened) -> None:
    boards.receiver.dds_single_tone(100_000, 0.5, 0)
    lines = heard(boards.receiver)
    assert abs(int(np.argmax(lines)) / N_SAMPLES * 1e6 - 100_000) < 1000


@pytest.mark.parametrize("board", ["receiver", "node"])
def test_the_digital_loop_is_exact(boards: Opened, board: str) -> None:
    sdr = getattr(boards, board)
    sdr.loopback, sdr.rx_rf_bandwidth = 1, 200_000  # no filter is in this loop
    ramp = np.arange(2**11, dtype=np.int16)
    sent = np.stack([ramp << 4, (-ramp - 1) << 4])
    sdr.rx_buffer_size = 3 * len(ramp)
    send(sdr, sent, is_cyclic=True)
    codes = [sdr.rx() for _ in range(8)][-1]
    first = int(np.flatnonzero(codes.real == 0)[0])
    period = codes[first : first + len(ramp)]
    np.testing.assert_array_equal(period.real, ramp)
    np.testing.assert_array_equal(period.imag, -ramp - 1)


def test_the_digital_loop_is_silent_without_a_buffer_and_lets_nothing_out(boards: Opened) -> None:
    boards.node.tx_cyclic_buffer = True
    boards.node.tx(tone(300))
    boards.receiver.loopback = 1
    assert not np.any([boards.receiver.rx() for _ in range(5)])
    boards.node.loopback = 1
    boards.receiver.loopback = 0
    assert heard(boards.receiver).max() < 0.01


def test_a_client_gets_the_channels_that_it_enables(boards: Opened) -> None:
    boards.node.tx_cyclic_buffer = True
    boards.node.tx(tone(64))
    device = boards.receiver._rxadc
    if not hasattr(iio, "Buffer") or iio.version[0] >= 1:
        pytest.skip("libiio 1.x has masks of its own")
    device.find_channel("voltage0").enabled = True
    device.find_channel("voltage1").enabled = False
    alone = iio.Buffer(device, N_SAMPLES, False)
    for _ in range(8):
        alone.refill()
    branch = np.frombuffer(alone.read(), np.int16)
    del alone
    assert len(branch) == N_SAMPLES
    lines = np.abs(np.fft.fft(branch)) / N_SAMPLES / 2**11
    assert lines[64] == pytest.approx(0.25, rel=0.02)  # a real branch has both halves
    assert lines[-64] == pytest.approx(0.25, rel=0.02)


def test_two_clients_may_use_buffers_of_different_sizes(boards: Opened) -> None:
    other = adi.Pluto(uri=boards.served.receiver_uri)
    other.rx_buffer_size = 1000
    boards.receiver.rx_buffer_size = 3000
    for _ in range(3):
        assert len(boards.receiver.rx()) == 3000
        assert len(other.rx()) == 1000
    destroy_receive_buffer(other)


def test_a_frame_is_not_ended_by_the_one_that_it_replaced(boards: Opened) -> None:
    board = boards.world.nodes[0]
    first = TransmitBuffer(board, (0, 1), is_cyclic=True)
    first.write(np.full(200, 1000, "<i2").tobytes())
    second = TransmitBuffer(board, (0, 1), is_cyclic=True)
    second.write(np.full(200, 2000, "<i2").tobytes())
    first.close()  # its end is read late
    assert board.place in boards.world.air._cyclic
    second.close()
    assert board.place not in boards.world.air._cyclic


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def paced() -> tuple[PlutoBoard, Clock]:
    board = PlutoWorld(QUIET, is_paced=True).receiver
    assert board.write((PHY, "input:voltage0", "sampling_frequency"), "1000000")
    return board, Clock()


def status(board: PlutoBoard, device: str) -> int:
    assert board.write((device, *REGISTERS), f"0x{STATUS_REGISTER:x}")
    return int(board.read((device, *REGISTERS)) or "", 16)


def test_a_receiver_that_is_read_too_late_marks_an_overflow(
    paced: tuple[PlutoBoard, Clock],
) -> None:
    board, clock = paced
    buffer = ReceiveBuffer(board, (0, 1), 10_000, clock)
    assert buffer.s_until_ready() == pytest.approx(0.01)
    for _ in range(20):
        clock.now_s += buffer.s_until_ready()
        assert len(buffer.read(10_000, board._world.lock) or b"") == 40_000
    assert clock.now_s == pytest.approx(100.2)  # as many samples as time
    clock.now_s += 0.049  # four kernel buffers and the one being filled are kept
    assert status(board, ADC) == 0
    before = board._world.air.now_tick
    clock.now_s += 1.0
    assert status(board, ADC) == OVERFLOW
    assert board._world.air.now_tick - before == pytest.approx(1e6, rel=0.01)
    assert board.write((ADC, *REGISTERS), f"0x{STATUS_REGISTER:x} 0x{OVERFLOW:x}")
    assert status(board, ADC) == 0
    buffer.close()
    clock.now_s += 10
    assert status(board, ADC) == 0


def test_a_transmitter_that_is_fed_too_late_marks_an_underflow(
    paced: tuple[PlutoBoard, Clock],
) -> None:
    board, clock = paced
    data = np.zeros(20_000, "<i2").tobytes()
    buffer = TransmitBuffer(board, (0, 1), is_cyclic=False, clock=clock)
    for _ in range(10):
        clock.now_s += buffer.s_until_ready()
        buffer.write(data)
    assert clock.now_s == pytest.approx(100.05)  # five of them wait in the kernel or are played
    assert status(board, DAC) == 0
    clock.now_s += 1.0
    buffer.write(data)
    assert status(board, DAC) == UNDERFLOW
    assert board.write((DAC, *REGISTERS), f"0x{STATUS_REGISTER:x} 1")
    assert status(board, DAC) == 0


def test_bursts_of_one_buffer_follow_each_other(boards: Opened) -> None:
    board, air = boards.world.nodes[0], boards.world.air
    buffer = TransmitBuffer(board, (0,), is_cyclic=False)
    for _ in range(3):
        buffer.write(np.full(1000, 2**14, "<i2").tobytes())
    received, _ = air.receive(air.now_tick, 4000)
    np.testing.assert_allclose(np.abs(received[20:2980]), 0.5, atol=0.02)
    assert np.abs(received[3100:]).max() < 0.02


def test_samples_of_a_paced_world_take_their_time() -> None:
    with VirtualPlutos(PlutoWorld(QUIET, is_paced=True)) as served:
        board = opened_by_pyadi(served.receiver_uri)
        board.rx_buffer_size = 20_000
        began_s = time.monotonic()
        for _ in range(5):
            board.rx()
        assert time.monotonic() - began_s > 0.099
        assert board._rxadc.reg_read(STATUS_REGISTER) & UNDERFLOW == 0
        destroy_receive_buffer(board)


def test_automatic_gain_shows_the_gain_that_it_chose(boards: Opened) -> None:
    boards.node.tx_cyclic_buffer = True
    boards.node.tx(tone(300, 0.01))
    boards.receiver.gain_control_mode_chan0 = "slow_attack"
    assert heard(boards.receiver)[300] == pytest.approx(0.25, rel=0.1)
    assert boards.receiver.rx_hardwaregain_chan0 == pytest.approx(28, abs=1)


NAMES = {
    "ad9361-phy": 90,
    "xadc": 22,
    "cf-ad9361-dds-core-lpc": 31,
    "cf-ad9361-lpc": 15,
}
"""Attributes that pyadi-iio's description of a Pluto lists, without those for debugging."""


def test_the_attributes_of_a_real_board_are_there() -> None:
    board = PlutoWorld(QUIET).receiver
    found = dict.fromkeys(NAMES, 0)
    for device in ElementTree.fromstring(context_xml(board.rules, board.about())).iter("device"):
        if (name := device.get("name")) in found:
            kinds = ("attribute", "buffer-attribute", "channel/attribute")
            found[name] = sum(len(device.findall(kind)) for kind in kinds)
    assert found == NAMES
    assert sum(found.values()) == 158


RANGES = {
    "ad9363": (Range(325e6, 3.8e9), 2.4e9),
    "ad9364": (Range(70e6, 6e9), 100e6),
    "ad9361": (Range(70e6, 6e9), 5.8e9),
}


@pytest.mark.parametrize("chip", RANGES)
def test_a_board_tunes_as_far_as_it_says(chip: str) -> None:
    known, carrier_hz = RANGES[chip]
    with VirtualPlutos(PlutoWorld(QUIET, chip)) as served, PlutoRadio(served.node_uris[0]) as radio:
        assert radio.info.center_freqs_hz == known
        assert radio.info.sample_rates_hz == Range(521e3, 61.44e6)
        assert radio.info.tx_gains_db == Range(-89.75, 0)
        there = radio.configure(RadioSettings(carrier_hz, 1e6, 0.8e6))
        assert there.center_freq_hz == carrier_hz
        for beyond_hz in (known.low - 1e6, known.high + 1e6):
            with pytest.raises(SettingNotTaken, match="allowed: "):
                radio.configure(RadioSettings(beyond_hz, 1e6, 0.8e6))


@pytest.mark.parametrize(
    ("carrier_hz", "gains_db"),
    [(100e6, Range(-1, 73)), (2.4e9, Range(-3, 71)), (5.8e9, Range(-10, 62))],
)
def test_receive_gains_are_those_of_the_band(carrier_hz: float, gains_db: Range) -> None:
    with (
        VirtualPlutos(PlutoWorld(QUIET, "ad9364")) as served,
        PlutoRadio(served.receiver_uri) as radio,
    ):
        most = RadioSettings(carrier_hz, 1e6, 0.8e6, rx_gain_db=gains_db.high)
        assert radio.configure(most).rx_gain_db == gains_db.high
        assert radio.info.rx_gains_db == gains_db
        too_much = RadioSettings(carrier_hz, 1e6, 0.8e6, rx_gain_db=gains_db.high + 1)
        with pytest.raises(SettingNotTaken, match=f"rx gain of .*allowed: {gains_db}"):
            radio.configure(too_much)


class _Nothing:
    """A board whose driver reports no ranges."""

    attrs: dict[str, object] = {}  # noqa: RUF012

    def find_channel(self, name: str, is_output: bool) -> "_Nothing":
        return self


def test_where_a_driver_reports_no_range_the_known_one_holds() -> None:
    assert center_freqs_hz(_Nothing()) == Range(325e6, 3.8e9)
    assert sample_rates_hz(_Nothing()) == Range(521e3, 61.44e6)
    assert tx_gains_db(_Nothing()) == Range(-89.75, 0.0)
    assert rx_gains_db(_Nothing()) == Range(-1.0, 62.0)


def test_a_transceiver_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=f"there are: {', '.join(CHIPS)}"):
        PlutoWorld(QUIET, "ad9999")
