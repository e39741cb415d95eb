"""A message goes the whole way at -5 dB; what strangers send goes nowhere."""

import math

import numpy as np
import pytest
from scipy import stats

from sdr_ota.downlink.coding import coded, frame_error_rate
from sdr_ota.downlink.frames import (
    control_burst,
    message_cost,
    messages_of_a_round,
    receive_message,
)
from sdr_ota.downlink.messages import AirOutcome, message_bytes
from sdr_ota.downlink.sealing import RunKey, Stamp, sealed
from sdr_ota.receiver.control_frame import FrameRefused
from sdr_ota.signal.control_frame import ControlFormat
from sdr_ota.types import Samples
from tests.sdr_ota.downlink.air_messages import drawn_messages
from tests.sdr_ota.receiver.independent_control import BENCH, Reception, captured

KEY = RunKey(bytes(range(32)), BENCH)
FRAME = ControlFormat(bench=BENCH)
MAX_CFO = 0.06


def capture(data: bytes, snr_db: float, rng: np.random.Generator) -> Samples:
    how = Reception(
        start=300 + 300 * rng.random(),
        cfo=rng.uniform(-0.05, 0.05),
        gain=0.1 * np.exp(2j * np.pi * rng.random()),
        chip_snr_db=snr_db,
    )
    return captured(data, FRAME, how, rng)


def test_messages_of_every_kind_arrive_at_minus_five_db() -> None:
    """Theory loses none of them, synchronisation included at least 99 % of them must arrive."""
    rng = np.random.default_rng(1)
    messages = list(drawn_messages(rng, 15))
    arrived = 0
    for sequence, message in enumerate(messages):
        samples = capture(coded(sealed(message, Stamp(sequence), KEY)), -5, rng)
        try:
            found = receive_message(samples, sequence - 1, KEY, FRAME, MAX_CFO)
        except FrameRefused:
            continue
        assert (found.message, found.stamp) == (message, Stamp(sequence))
        arrived += 1
    # The exact upper limit of the loss (Clopper and Pearson), at 95 %.
    lost, n = len(messages) - arrived, len(messages)
    assert stats.beta.ppf(0.95, lost + 1, n - lost) < 0.04
    assert lost <= stats.binom.isf(1e-4, n, 0.01)


@pytest.mark.parametrize("snr_db", [-7.5, -8.0])
def test_the_loss_over_the_air_is_that_of_theory_and_what_synchronisation_costs(
    snr_db: float,
) -> None:
    """Up to 0.2 dB and one preamble in a hundred; see `test_control_frame` for the former."""
    rng, n, message = np.random.default_rng(2), 120, AirOutcome(3, (0.25,))
    data = sealed(message, Stamp(0), KEY)
    lost = 0
    for _ in range(n):
        try:
            found = receive_message(capture(coded(data), snr_db, rng), -1, KEY, FRAME, MAX_CFO)
            assert found.message == message
        except FrameRefused:
            lost += 1
    least = frame_error_rate(len(data), 10 ** (snr_db / 10), FRAME.n_word_chips)
    most = frame_error_rate(len(data), 10 ** ((snr_db - 0.2) / 10), FRAME.n_word_chips) + 0.01
    assert stats.binom.ppf(1e-4, n, least) <= lost <= stats.binom.isf(1e-4, n, most)
    assert lost > 0


def test_the_burst_is_the_sealed_and_coded_message() -> None:
    message = AirOutcome(3, (0.25,))
    burst = control_burst(message, Stamp(9), KEY, FRAME)
    assert np.array_equal(burst, FRAME.burst(coded(sealed(message, Stamp(9), KEY))))
    found = receive_message(np.pad(burst, 200), 8, KEY, FRAME, MAX_CFO)
    assert (found.message, found.stamp) == (message, Stamp(9))
    with pytest.raises(FrameRefused, match="replayed"):
        receive_message(np.pad(burst, 200), 9, KEY, FRAME, MAX_CFO)
    with pytest.raises(FrameRefused, match="not-authentic"):
        receive_message(np.pad(burst, 200), 8, RunKey(b"x" * 32, BENCH), FRAME, MAX_CFO)


def test_a_stranger_who_knows_all_but_the_key_is_refused() -> None:
    """Right code, checksum, bench and number, a seal by guessing."""
    rng = np.random.default_rng(3)
    forged = b"\x00\x00\x00\x07" + bytes(4) + message_bytes(AirOutcome(3, (1e6,))) + rng.bytes(16)
    with pytest.raises(FrameRefused, match="not-authentic"):
        receive_message(capture(coded(forged), 10, rng), -1, KEY, FRAME, MAX_CFO)


@pytest.mark.parametrize("n_nodes", [1, 4, 11])
def test_costs_are_those_of_the_frames_that_are_sent(n_nodes: int) -> None:
    for message in messages_of_a_round(n_nodes, 2):
        cost = message_cost(message, FRAME)
        sent = coded(sealed(message, Stamp(2**31), KEY))
        assert cost.n_message_bits == 8 * len(message_bytes(message))
        assert cost.n_sent_bits == 8 * len(sent)
        assert cost.n_samples == len(control_burst(message, Stamp(2**31), KEY, FRAME))
        assert cost.n_message_bits < cost.n_sent_bits <= 8 * 255


def test_more_spreading_costs_air_time_in_proportion() -> None:
    message = messages_of_a_round(4)[0]
    narrow, wide = (message_cost(message, ControlFormat(n_word_chips=n)) for n in (16, 64))
    words = [cost.n_samples - FRAME.n_preamble for cost in (narrow, wide)]
    assert math.isclose(words[1] / words[0], 4, rel_tol=0.01)
