"""What a node without cables sends, when, and when it stays silent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from sdr_ota.downlink.air_node import AirNode
from sdr_ota.downlink.coding import coded
from sdr_ota.downlink.frames import receive_message
from sdr_ota.downlink.messages import (
    AirAnnouncement,
    AirMessage,
    AirOutcome,
    AirPayload,
    AirRequest,
    AirSounding,
    AirStep,
)
from sdr_ota.downlink.precoder_word import packed
from sdr_ota.downlink.progress import Progress, first_hash
from sdr_ota.downlink.sealing import RunKey, Stamp, sealed
from sdr_ota.downlink.setup import AirSetup, AirTimes
from sdr_ota.radio.base import Capture
from sdr_ota.receiver.control_frame import FrameRefused
from sdr_ota.rounds.encoder import OpenEncoder, PowerLimitError
from sdr_ota.rounds.exchange import Link
from sdr_ota.rounds.node import LocalNode
from sdr_ota.rounds.sender import TimedSender
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.control_frame import ControlFormat
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.signal.modulation import AnalogPayload
from sdr_ota.types import Precoder, RadioSettings, Samples
from tests.sdr_ota.receiver.independent_air import at_times
from tests.sdr_ota.receiver.independent_control import BENCH, Reception, captured

RATE_HZ, CARRIER_HZ, CAPTURE_TICK = 1e6, 915e6, 4_000_000
KEY, CONTROL = RunKey(bytes(range(32)), BENCH), ControlFormat(bench=BENCH)
FRAME = FrameFormat(bench=BENCH)
START = first_hash(b"this run")
ANNOUNCED = AirAnnouncement(7, (5,), START)
NODE, N_NODES, AFTER, LEAD = 1, 3, 70_000, 4000


@dataclass
class NotingRadio:
    """Keeps what it is given to send."""

    sent: list[tuple[Samples, int]] = field(default_factory=list)

    def transmit(self, samples: Samples, start_tick: int) -> None:
        self.sent.append((samples, start_tick))

    def confirm_sent(self, timeout_s: float) -> None: ...


@dataclass
class NotingClient:
    """Computes 0.5, and keeps the steps that it takes."""

    loss: float = 0.1
    example_scalars: tuple[float, ...] = ()
    asked: list[tuple[int, ...]] = field(default_factory=list)
    steps: list[tuple[int, tuple[float, ...], tuple[int, ...]]] = field(default_factory=list)

    def local_scalars(self, seeds: Sequence[int]) -> tuple[float, ...]:
        self.asked.append(tuple(seeds))
        return (0.5,) * len(seeds)

    def apply(self, index: int, means: Sequence[float], seeds: Sequence[int]) -> None:
        self.steps.append((index, tuple(means), tuple(seeds)))


class Room:
    """A node and the server's frames as they arrive at it.

    Args:
        clock_error: By what share the server's clock is faster than the node's.
        absent_reason: Of the client.
        journal: Of the node's model.
    """

    def __init__(
        self,
        clock_error: float = 0.0,
        absent_reason: Callable[[], str] = str,
        journal: bytes = START,
    ) -> None:
        self.radio, self.client = NotingRadio(), NotingClient()
        link = Link(FRAME, load_scheme("coherent"), 60e3)
        encoder = OpenEncoder(AnalogPayload, 0.9)
        local = LocalNode(
            NODE,
            self.client,
            self.radio,
            TimedSender(link, RATE_HZ),
            encoder,
            absent_reason,  # type: ignore[arg-type]
        )
        settings = RadioSettings(CARRIER_HZ, RATE_HZ, RATE_HZ)
        setup = AirSetup(N_NODES, KEY, CONTROL, FRAME, settings, 0.06, AirTimes(0, LEAD))
        self.node = AirNode(NODE, local, setup, Progress(journal))
        self.clock_error = clock_error
        self.sequence = -1
        self.rng = np.random.default_rng(1)

    def say(self, message: AirMessage, start: float = 500.3) -> None:
        """Let a frame arrive that begins at a place in the capture."""
        self.sequence += 1
        cfo = self.clock_error * CARRIER_HZ / RATE_HZ
        how = Reception(start, cfo, 0.1, self.clock_error, chip_snr_db=25)
        samples = captured(
            coded(sealed(message, Stamp(self.sequence), KEY)), CONTROL, how, self.rng
        )
        self.node.take(Capture(samples, CAPTURE_TICK), 1.0)


def payload(gain: complex = 0.5, nodes: tuple[int, ...] = (0, NODE)) -> AirPayload:
    words = packed(Precoder(gain, 3e-6), 0, RATE_HZ) * len(nodes)
    return AirPayload(7, AFTER, NODE, N_NODES, 0.0, 1.0, 0.0, nodes, words)


@pytest.mark.parametrize("clock_error", [-50e-6, 0.0, 50e-6])
def test_the_sounding_leaves_in_its_slot_between_samples_by_the_servers_clock(
    clock_error: float,
) -> None:
    room = Room(clock_error)
    room.say(ANNOUNCED)
    assert room.client.asked == [(5,)]
    room.say(AirSounding(7, AFTER), start=612.8)
    ((samples, tick),) = room.radio.sent
    slot = FRAME.guard_samples + FRAME.n_sounding_burst + FRAME.guard_samples
    due = 612.8 + (AFTER + slot) / (1 + clock_error)
    ticks = tick - CAPTURE_TICK + np.arange(len(samples))
    wanted = at_times(FRAME.sounding_burst().astype(np.complex128), ticks - due)
    # 25 dB leave a hundredth of a sample; the burst's fastest slope is one and a half a sample.
    inside = (ticks - due > 8) & (ticks - due < FRAME.n_sounding_burst - 8)
    assert np.abs(samples - wanted)[inside].max() < 0.03
    assert inside.sum() == FRAME.n_sounding_burst - 16


def test_the_payload_is_what_a_node_on_the_network_sends() -> None:
    room = Room()
    room.say(ANNOUNCED)
    room.say(payload(), start=500.0)
    ((samples, tick),) = room.radio.sent
    local = Room().node._node
    local.announce(ANNOUNCED.announcement)
    local.ready()
    frame_tick = CAPTURE_TICK + 500 + AFTER
    order = payload().order(NODE, frame_tick, RATE_HZ)
    assert order is not None
    local.send(order)
    ((wanted, wanted_tick),) = local.radio.sent  # type: ignore[attr-defined]
    first = max(tick, wanted_tick)
    overlap = min(tick + len(samples), wanted_tick + len(wanted)) - first
    off = samples[first - tick :][:overlap] - wanted[first - wanted_tick :][:overlap]
    assert np.abs(off).max() < 0.03
    assert overlap > FRAME.n_payload


def test_a_node_sends_nothing_that_was_not_ordered_from_it_in_this_round() -> None:
    room = Room()
    room.say(AirSounding(7, AFTER))  # nothing was announced
    room.say(ANNOUNCED)
    room.say(AirSounding(6, AFTER))
    room.say(payload(nodes=(0, 2)))
    room.say(AirOutcome(7, (), "late"))
    room.say(payload())  # the round is over
    assert room.radio.sent == []
    assert room.client.steps == []


def test_an_absent_client_is_silent_and_steps_with_the_others() -> None:
    room = Room(absent_reason=lambda: "its budget is spent")
    for message in (ANNOUNCED, AirSounding(7, AFTER), payload(), AirOutcome(7, (0.25,))):
        room.say(message)
    assert room.radio.sent == []
    assert room.client.asked == []
    assert room.client.steps == [(7, (0.25,), (5,))]


def test_a_node_that_is_behind_asks_in_its_turn_and_is_silent_otherwise() -> None:
    room, before = Room(), Room(journal=first_hash(b"one step less"))
    assert room.node.progress.request(NODE, N_NODES, ANNOUNCED) is None
    before.say(ANNOUNCED, start=500.0)  # round 7 is node 1's turn of three
    ((burst, tick),) = before.radio.sent
    n_said = CONTROL.n_samples(len(coded(sealed(ANNOUNCED, Stamp(0), KEY))))
    assert abs(tick - CAPTURE_TICK - 500 - n_said - LEAD) <= 1
    key = KEY.of_node(NODE)
    found = receive_message(np.pad(burst, 300), 6, key, CONTROL, 0.06)
    assert found.message == AirRequest(7, NODE, first_hash(b"one step less"))
    before.say(AirAnnouncement(8, (6,), START))
    before.say(AirSounding(8, AFTER))
    before.say(AirOutcome(8, (0.25,)))
    assert len(before.radio.sent) == 1
    assert before.client.asked == before.client.steps == []


def test_repeated_steps_are_taken_once_with_their_own_seeds() -> None:
    room = Room()
    step = AirStep(START, 6, (11, 12), (0.5, -1.0))
    room.say(step)
    room.say(step)
    assert room.client.steps == [(6, (0.5, -1.0), (11, 12))]


def test_an_order_that_the_node_refuses_is_raised_and_nothing_is_sent() -> None:
    room = Room()
    room.say(ANNOUNCED)
    with pytest.raises(PowerLimitError, match=r"its limit is 0\.9"):
        room.say(payload(gain=0.95))
    assert room.radio.sent == []


def test_a_frame_that_was_taken_is_not_taken_again() -> None:
    room = Room()
    room.say(ANNOUNCED)
    room.sequence -= 1
    with pytest.raises(FrameRefused, match="replayed"):
        room.say(ANNOUNCED)
    assert room.client.asked == [(5,)]
