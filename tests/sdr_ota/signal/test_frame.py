import dataclasses

import numpy as np
import pytest

from sdr_ota.signal.frame import FrameFormat
from sdr_ota.signal.waveform import Pulse

FRAMES = [
    FrameFormat(),
    FrameFormat(n_chirp=64, n_pilot_chips=32, n_payload_chips=100, n_idle_chips=64),
    FrameFormat(guard_samples=200, pulse=Pulse(4, 0.5, 12)),
]


@pytest.mark.parametrize("frame", FRAMES, ids=["default", "short", "wide guard"])
def test_parts_of_a_joint_frame_follow_each_other_with_guards(frame: FrameFormat) -> None:
    parts = [
        (frame.preamble_start, frame.n_preamble),
        (frame.payload_start, frame.n_payload),
        (frame.idle_start, frame.n_idle),
    ]
    end = 0
    for start, length in parts:
        assert start == end + frame.guard_samples
        end = start + length
    assert end == frame.n_joint_frame


@pytest.mark.parametrize("frame", FRAMES, ids=["default", "short", "wide guard"])
@pytest.mark.parametrize("n_nodes", [1, 2, 7])
def test_sounding_slots_follow_each_other_with_guards(frame: FrameFormat, n_nodes: int) -> None:
    end = 0
    for node in range(n_nodes):
        assert frame.sounding_start(node) == end + frame.guard_samples
        end = frame.sounding_start(node) + frame.n_sounding_burst
    assert frame.n_sounding_frame(n_nodes) == end + frame.guard_samples


@pytest.mark.parametrize("frame", FRAMES, ids=["default", "short", "wide guard"])
def test_bursts_have_their_announced_lengths_and_full_scale(frame: FrameFormat) -> None:
    assert frame.preamble().shape == (frame.n_preamble,)
    burst = frame.sounding_burst()
    assert burst.shape == (frame.n_sounding_burst,)
    assert np.abs(burst).max() == pytest.approx(frame.known_amplitude, rel=1e-6)
    np.testing.assert_array_equal(burst[: frame.n_preamble], frame.preamble())
    power = np.mean(np.abs(frame.preamble()) ** 2)
    assert power == pytest.approx(frame.known_amplitude**2, rel=1e-6)


@pytest.mark.parametrize(
    ("part", "n_samples"),
    [("n_chirp", 2), ("n_payload_chips", 2), ("n_idle_chips", 2), ("guard_samples", 3)],
)
def test_every_length_counts(part: str, n_samples: int) -> None:
    """Two chirps, two samples a chip, a guard before each of three parts."""
    frame = FrameFormat(pulse=Pulse(2))
    longer = dataclasses.replace(frame, **{part: getattr(frame, part) + 10})
    assert longer.n_joint_frame - frame.n_joint_frame == 10 * n_samples


def test_a_bench_undoes_its_own_turns_and_no_others() -> None:
    n_chips, rng = 512, np.random.default_rng(1)
    payload = np.exp(2j * np.pi * rng.random(n_chips))
    ours, theirs = FrameFormat(bench=3), FrameFormat(bench=4)
    sent, _ = ours.parted(ours.sent_chips(payload, 0, 5))
    np.testing.assert_allclose(ours.undo_bench(sent), payload, atol=1e-12)
    assert abs(np.vdot(payload, theirs.undo_bench(sent))) < 0.5 * n_chips
    # Straight lines of up to half a turn in 16 chips: what a node that is late turns by.
    steps = np.angle(sent[1:] / sent[:-1] * payload[:-1] / payload[1:]) / (2 * np.pi)
    assert np.abs(steps).max() <= 1 / 32 + 1e-9


def test_phases_of_two_benches_do_not_add_up() -> None:
    """32 parts that turn by random shares: the mean of their product is that of a random walk."""
    n_chips, left = 512, []
    for n in range(1, 401):
        ours, theirs = FrameFormat(bench=2 * n), FrameFormat(bench=2 * n + 1)
        left.append(abs(np.mean(ours.undo_bench(theirs.undo_bench(np.ones(n_chips)).conj()))))
    assert np.mean(np.square(left)) < 1.5 / 32
    assert max(left) < 0.6


def test_the_bench_without_a_number_turns_nothing() -> None:
    frame, payload = FrameFormat(), np.exp(1j * np.arange(512.0))
    np.testing.assert_array_equal(frame.parted(frame.sent_chips(payload, 0, 5))[0], payload)


@pytest.mark.parametrize("n_symbols", [1, 2, 5])
def test_a_symbol_lies_where_its_chips_do_between_the_middles_of_the_pilots(n_symbols: int) -> None:
    frame = FrameFormat(n_symbols=n_symbols)
    middles = np.arange(frame.n_sent_chips)
    payload, pilots = frame.parted(middles.astype(np.complex128))
    before, behind = pilots.real.mean(axis=1)
    for symbol, chips in enumerate(frame.symbol_chips(payload).real):
        place = (chips.mean() - before) / (behind - before)
        assert frame.symbol_place(symbol) == pytest.approx(place)
