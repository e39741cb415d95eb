"""What is found in a stream does not depend on how it is cut into pieces."""

import numpy as np
import pytest

from sdr_ota.air.impairments import add_awgn, apply_cfo
from sdr_ota.receiver.burst_stream import BurstSearch, BurstStream
from sdr_ota.receiver.synchronisation import is_sounding_burst, locate_burst
from sdr_ota.rounds.transmitter import lead_burst
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import Precoder, Samples

FRAME = FrameFormat()
SEARCH = BurstSearch(FRAME, 0.06)
EVERY = 9973
"""A prime: pieces end at all places of a frame."""


def stream(n_frames: int, snr_db: float = 20.0) -> tuple[Samples, list[int]]:
    """Return joint frames and sounding bursts in turn, and where their preambles begin."""
    rng = np.random.default_rng(1)
    quiet = np.zeros((n_frames + 1) * EVERY, np.complex64)
    starts = []
    for index in range(n_frames):
        chips = load_scheme("coherent").encode(0.5, 0, 1, FRAME.n_payload_chips, rng)
        chips = FRAME.sent_chips(chips, 0, index)
        burst = lead_burst(chips, FRAME, Precoder(0.5 + 0j), index * EVERY, 1e6)
        sent = FRAME.sounding_burst() if index % 2 else burst.samples
        starts.append(burst.start_tick)
        offset = float(rng.uniform(-0.05, 0.05))
        quiet[burst.start_tick : burst.start_tick + len(sent)] += apply_cfo(sent, offset, 1.0)
    return add_awgn(quiet, 0.25 * 10 ** (-snr_db / 10), rng), starts


@pytest.mark.parametrize("n_chunk", [5000, 20_000, 100_000])
@pytest.mark.parametrize("n_piece", [777, 8191, 65_536])
def test_every_burst_of_a_stream_is_found_once(n_chunk: int, n_piece: int) -> None:
    samples, starts = stream(12)
    searched = BurstStream(SEARCH, n_chunk)
    whole = np.concatenate([samples, np.zeros(2 * n_chunk + 20_000, np.complex64)])
    found = [
        burst
        for first in range(0, len(whole), n_piece)
        for burst in searched.push(whole[first : first + n_piece])
    ]
    found_starts = [burst.first + burst.detection.start for burst in found]
    np.testing.assert_allclose(found_starts, starts, atol=1.0)
    for burst in found:
        first = burst.first
        np.testing.assert_array_equal(burst.samples, whole[first : first + len(burst.samples)])


def test_the_input_is_not_kept() -> None:
    samples, starts = stream(2)
    searched, found = BurstStream(SEARCH, len(samples)), []
    for first in range(0, len(samples) + 3000, 3000):
        piece = np.zeros(3000, np.complex64)
        piece[: len(samples[first : first + 3000])] = samples[first : first + 3000]
        found += searched.push(piece)
        piece[:] = np.nan
    assert len(found) == len(starts)


@pytest.mark.parametrize("snr_db", [0.0, 20.0])
def test_sounding_bursts_are_told_from_joint_frames(snr_db: float) -> None:
    samples, _ = stream(16, snr_db)
    bursts, best = SEARCH.find(samples)
    assert best > SEARCH.threshold
    for index, burst in enumerate(bursts):
        preamble = locate_burst(burst.samples, FRAME.preamble(), FRAME.n_chirp, 0.06)
        assert is_sounding_burst(burst.samples, FRAME, preamble) == bool(index % 2)
    assert len(bursts) == 16


def test_a_packet_tells_of_bursts_that_its_end_cuts_off() -> None:
    samples, starts = stream(1)
    cut = samples[: starts[0] + FRAME.n_preamble + 10]
    (burst,), _ = SEARCH.find(cut, first=5000)
    assert burst.first + burst.detection.start == pytest.approx(5000 + starts[0], abs=1.0)
    assert SEARCH.find(cut[: starts[0] + FRAME.n_preamble - 10])[0] == []


@pytest.mark.parametrize("scheme", ["coherent", "energy-difference", "tdma"])
@pytest.mark.parametrize("amplitude", [0.02, 0.4, 20.0])
def test_no_payload_passes_for_a_pilot(scheme: str, amplitude: float) -> None:
    rng = np.random.default_rng(2)
    chips = load_scheme(scheme).encode(1.0, 0, 1, FRAME.n_payload_chips, rng)
    capture = np.zeros(FRAME.n_joint_frame + 200, np.complex64)
    at = 100 + FRAME.preamble_start
    capture[at : at + FRAME.n_preamble] = FRAME.preamble()
    at = 100 + FRAME.payload_start
    # The sum of many nodes is much stronger than the one that leads.
    sent = FRAME.pulse.shape(FRAME.sent_chips(chips, 0, 1))
    capture[at : at + FRAME.n_payload] = amplitude * sent
    received = add_awgn(capture, 1e-3, rng)
    (burst,), _ = SEARCH.find(received)
    preamble = locate_burst(burst.samples, FRAME.preamble(), FRAME.n_chirp, 0.06)
    assert not is_sounding_burst(burst.samples, FRAME, preamble)
