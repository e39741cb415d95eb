"""Every control frame is taken once and in order, however captures cut them."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from sdr_ota.downlink.coding import coded
from sdr_ota.downlink.frames import ReceivedMessage, receive_message
from sdr_ota.downlink.listening import listen, take_frames
from sdr_ota.downlink.messages import AirMessage
from sdr_ota.downlink.sealing import RunKey, Stamp, sealed
from sdr_ota.downlink.setup import AirSetup, AirTimes
from sdr_ota.radio.base import Capture, Overflow, PendingCapture, TimeError
from sdr_ota.signal.control_frame import ControlFormat
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import RadioSettings, Samples
from tests.sdr_ota.downlink.air_messages import drawn_messages
from tests.sdr_ota.receiver.independent_control import BENCH, Reception, captured

KEY, CONTROL, FIRST_TICK = RunKey(bytes(range(32)), BENCH), ControlFormat(bench=BENCH), 700_000
SETTINGS = RadioSettings(915e6, 1e6, 1e6)
SETUP = AirSetup(4, KEY, CONTROL, FrameFormat(), SETTINGS, 0.06, AirTimes(2000, 5000), False)


@dataclass
class NotingNode:
    """Takes what an `AirNode` takes and acts on nothing; may be late with what it is to send."""

    taken: list[AirMessage] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    last_sequence: int = -1
    is_late: bool = False

    def take(self, capture: Capture, timeout_s: float) -> ReceivedMessage:
        found = receive_message(capture.samples, self.last_sequence, KEY, CONTROL, 0.06)
        self.last_sequence = found.stamp.sequence
        self.taken.append(found.message)
        self.starts.append(capture.start_tick + found.burst.start)
        if self.is_late:
            raise TimeError("the order came late")
        return found


def tape(
    n_rounds: int, rng: np.random.Generator, gap: int, n_after: int = 40
) -> tuple[Samples, list[AirMessage], list[float]]:
    """Frames at -5 dB with so many samples between them, and where each begins."""
    messages, parts, starts, place = list(drawn_messages(rng, n_rounds)), [], [], 0
    for sequence, message in enumerate(messages):
        how = Reception(
            start=gap + rng.random(), cfo=0.01, gain=np.exp(2j * np.pi * rng.random()),
            chip_snr_db=-5, n_after=n_after,
        )  # fmt: skip
        data = coded(sealed(message, Stamp(sequence), KEY))
        parts.append(captured(data, CONTROL, how, rng))
        starts.append(FIRST_TICK + place + how.start)
        place += len(parts[-1])
    tail = captured(b"x", CONTROL, Reception(chip_snr_db=-5), rng)[:600]
    return np.concatenate([*parts, tail]), messages, starts


@pytest.mark.parametrize("n_window", [900, 7000, 100_000])
def test_frames_are_taken_however_captures_cut_them(n_window: int) -> None:
    rng = np.random.default_rng(n_window)
    samples, messages, starts = tape(1, rng, gap=100)
    node, kept = NotingNode(), Capture(np.zeros(0, np.complex64), FIRST_TICK)
    longest = 0
    for at in range(0, len(samples), n_window):
        both = np.concatenate([kept.samples, samples[at : at + n_window]])
        kept = take_frames(Capture(both, kept.start_tick), node, SETUP, 1.0)  # type: ignore[arg-type]
        longest = max(longest, len(kept.samples))
    assert node.taken == messages
    assert np.abs(np.array(node.starts) - starts).max() < 1
    assert longest <= CONTROL.n_samples(255) + 2 * 64 + n_window
    assert len(kept.samples) <= 2 * CONTROL.n_preamble


@pytest.mark.parametrize("n_window", [7000, 100_000])
def test_frames_that_follow_each_other_at_once_are_all_taken(n_window: int) -> None:
    """As the server says them: an outcome, and the next announcement behind it."""
    rng = np.random.default_rng(n_window)
    samples, messages, _ = tape(2, rng, gap=0, n_after=0)
    node, kept = NotingNode(), Capture(np.zeros(0, np.complex64), FIRST_TICK)
    for at in range(0, len(samples), n_window):
        both = np.concatenate([kept.samples, samples[at : at + n_window]])
        kept = take_frames(Capture(both, kept.start_tick), node, SETUP, 1.0)  # type: ignore[arg-type]
    assert node.taken == messages


def test_a_frame_that_is_torn_or_foreign_costs_no_other() -> None:
    rng = np.random.default_rng(2)
    samples, messages, _ = tape(1, rng, gap=300)
    torn = np.concatenate([samples[: 300 + CONTROL.n_preamble + 3000], samples])
    foreign = captured(rng.bytes(40), ControlFormat(bench=BENCH + 1), Reception(), rng)
    node = NotingNode()
    take_frames(Capture(np.concatenate([torn, foreign]), FIRST_TICK), node, SETUP, 1.0)  # type: ignore[arg-type]
    assert node.taken == messages


def test_an_order_that_came_late_does_not_end_the_loop() -> None:
    rng = np.random.default_rng(3)
    samples, messages, _ = tape(1, rng, gap=300)
    node = NotingNode(is_late=True)
    take_frames(Capture(samples, FIRST_TICK), node, SETUP, 1.0)  # type: ignore[arg-type]
    assert node.taken == messages


@dataclass
class TapeRadio:
    """Plays a tape, whose samples are there when they are asked for, and loses one capture."""

    samples: Samples
    tick: int = FIRST_TICK
    lost_at: int = -1
    asked: list[int] = field(default_factory=list)

    def now_tick(self) -> int:
        return self.tick

    def begin_receive(self, n_samples: int, start_tick: int) -> PendingCapture:
        radio, first = self, start_tick - FIRST_TICK
        self.asked.append(start_tick)

        class Pending:
            def result(self, timeout_s: float) -> Capture:
                radio.tick = start_tick + n_samples
                if first <= radio.lost_at < first + n_samples:
                    raise Overflow("samples were lost")
                return Capture(radio.samples[first : first + n_samples], start_tick)

        return Pending()


@pytest.mark.parametrize("loses", [False, True])
def test_the_loop_receives_without_a_gap_and_begins_anew_after_a_loss(loses: bool) -> None:
    rng, n_window = np.random.default_rng(4), 6000
    samples, messages, starts = tape(1, rng, gap=13_000)
    third = int(starts[2]) - FIRST_TICK
    radio, node = TapeRadio(samples, lost_at=third + 9000 if loses else -1), NotingNode()
    listen(
        radio, node, SETUP, n_window,  # type: ignore[arg-type]
        is_over=lambda: radio.tick + 2 * n_window > FIRST_TICK + len(samples),
    )  # fmt: skip
    expected = [m for k, m in enumerate(messages) if not (loses and k == 2)]
    assert node.taken[: len(expected) - 1] == expected[:-1]  # the last one may not be over
    assert (np.diff(radio.asked) == n_window).all() != loses
