"""A control frame is read at -5 dB as theory says; what is none is refused with a reason.

Frames come from `independent_control`, which shares no code with the receiver or its transmitter.
"""

import math

import numpy as np
import pytest
from scipy import stats

from sdr_ota.receiver.control_frame import (
    COMMON_CLOCK,
    FrameRefused,
    ReceivedControl,
    SenderClock,
    receive_control_frame,
)
from sdr_ota.receiver.detection import detect_bursts
from sdr_ota.signal.control_frame import ControlFormat
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.signal.orthogonal_words import word_error_rate
from sdr_ota.types import Samples
from tests.sdr_ota.receiver.independent_control import BENCH, Reception, captured

FRAME = ControlFormat(bench=BENCH)
MAX_CFO = 0.06
CARRIER_HZ, RATE_HZ = 915e6, 1e6


def received(samples: Samples, clock: SenderClock = COMMON_CLOCK) -> ReceivedControl:
    return receive_control_frame(samples, FRAME, MAX_CFO, clock)


def reason(samples: Samples) -> FrameRefused:
    with pytest.raises(FrameRefused) as refused:
        received(samples)
    return refused.value


def n_wrong(found: bytes, sent: bytes) -> int:
    return sum(a != b for a, b in zip(found, sent, strict=True))


@pytest.mark.parametrize("n_bytes", [1, 64, 255])
@pytest.mark.parametrize("cfo", [-0.05, 0.0, 0.046])
def test_bytes_arrive_at_any_offset_of_a_crystal(n_bytes: int, cfo: float) -> None:
    rng = np.random.default_rng([n_bytes, round(1e3 * abs(cfo))])
    data = rng.bytes(n_bytes)
    how = Reception(700 + rng.random(), cfo, 0.03 * np.exp(2j), chip_snr_db=3, dc_offset=0.02j)
    found = received(captured(data, FRAME, how, rng))
    assert found.data == data
    assert abs(found.burst.start - how.start) < 6 * found.burst.start_std
    assert 10 * math.log10(found.chip_snr) == pytest.approx(3, abs=1)


def test_bytes_are_wrong_as_often_as_theory_says() -> None:
    """At -7 dB, where one in fourteen is; synchronisation may cost up to 0.2 dB."""
    rng, n_frames, n_bytes = np.random.default_rng(5), 40, 60
    wrong = 0
    for _ in range(n_frames):
        data = rng.bytes(n_bytes)
        how = Reception(500 + 100 * rng.random(), rng.uniform(-0.05, 0.05), chip_snr_db=-7)
        wrong += n_wrong(received(captured(data, FRAME, how, rng)).data, data)
    n = n_frames * n_bytes
    least, most = (
        1 - (1 - word_error_rate(48 * 10 ** (snr_db / 10))) ** 2 for snr_db in (-7.0, -7.2)
    )
    assert stats.binom.ppf(1e-4, n, least) <= wrong <= stats.binom.isf(1e-4, n, most)
    assert wrong > 100


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_long_frame_is_read_over_clocks_that_differ(sign: int) -> None:
    """25 ppm on either side make 2.6 samples in the 51 ms of the longest frame."""
    rng, clock_error = np.random.default_rng(6), sign * 50e-6
    data, cfo = rng.bytes(255), clock_error * CARRIER_HZ / RATE_HZ
    samples = captured(data, FRAME, Reception(cfo=cfo, clock_error=clock_error), rng)
    assert received(samples, SenderClock(RATE_HZ / CARRIER_HZ)).data == data
    assert n_wrong(received(samples).data, data) > 50, "or nothing is tested"


def test_noise_alone_is_not_found() -> None:
    rng = np.random.default_rng(7)
    noise = (rng.normal(size=20_000) + 1j * rng.normal(size=20_000)).astype(np.complex64)
    assert "best metric" in reason(noise).detail
    assert reason(noise).reason == "not-found"
    for n_samples in (0, 1, 2000):
        assert reason(noise[:n_samples]).reason == "not-found"


def test_a_frame_that_runs_out_of_the_capture_is_cut_off() -> None:
    rng = np.random.default_rng(8)
    samples = captured(rng.bytes(60), FRAME, Reception(chip_snr_db=5, n_after=0), rng)
    refused = reason(samples[:-50])
    assert refused.reason == "cut-off"
    assert f"there are {len(samples) - 50}; capture longer" in refused.detail


def test_frames_of_other_benches_are_told_from_ours() -> None:
    """With the stated chance of an exception: 200 frames, a thousandth of them."""
    rng = np.random.default_rng(9)
    ours, others = 0, 0
    for trial in range(200):
        theirs = ControlFormat(bench=BENCH + 1 + trial)
        data = rng.bytes(20)
        samples = captured(data, theirs, Reception(chip_snr_db=10), rng)
        assert receive_control_frame(samples, theirs, MAX_CFO).data == data
        try:
            ours += received(samples).data == data
        except FrameRefused as refused:
            others += refused.reason == "other-bench"
    assert ours == 0
    assert others >= 197
    assert "are not those of bench 11: they stand" in reason(samples).detail


def test_soundings_and_joint_frames_are_no_control_frames_nor_the_other_way() -> None:
    rng, joint = np.random.default_rng(10), FrameFormat(bench=BENCH)
    quiet = np.zeros(3000, np.complex64)
    for burst in (joint.sounding_burst(), joint.preamble()):
        samples = np.concatenate([quiet, burst, quiet])
        noise = 0.05 * (rng.normal(size=len(samples)) + 1j * rng.normal(size=len(samples)))
        assert reason((samples + noise).astype(np.complex64)).reason == "not-found"
    control = captured(rng.bytes(60), FRAME, Reception(chip_snr_db=20), rng)
    assert detect_bursts(control, joint.n_chirp, MAX_CFO) == []
