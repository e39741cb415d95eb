"""Nobody without the key moves the models, and nothing that was said counts twice."""

import hashlib
import hmac

import numpy as np
import pytest

from sdr_ota.downlink.messages import AirOutcome, AirRequest, message_bytes
from sdr_ota.downlink.sealing import MAX_SEQUENCE, RunKey, Stamp, sealed, unsealed
from sdr_ota.receiver.control_frame import FrameRefused
from tests.sdr_ota.downlink.air_messages import drawn_messages

KEY = RunKey(bytes(range(32)), bench=11)
MESSAGE = AirOutcome(3, (0.25,))


def refusal(data: bytes, last_sequence: int = -1, key: RunKey = KEY) -> FrameRefused:
    with pytest.raises(FrameRefused) as refused:
        unsealed(data, last_sequence, key)
    return refused.value


def _is_taken(data: bytes, key: RunKey) -> bool:
    try:
        return bool(unsealed(data, -1, key))
    except FrameRefused:
        return False


def test_every_message_comes_out_as_it_went_in() -> None:
    rng = np.random.default_rng(1)
    for sequence, message in enumerate(drawn_messages(rng, 100)):
        stamp = Stamp(sequence, int(rng.integers(2**32)))
        assert unsealed(sealed(message, stamp, KEY), sequence - 1, KEY) == (stamp, message)


def test_the_seal_is_hmac_sha_256_cut_to_128_bits() -> None:
    stamped = b"\x00\x00\x01\x00\x00\x00\x02\x03" + message_bytes(MESSAGE)
    covered = b"sdr-ota downlink 1" + b"\x00\x00\x00\x0b" + stamped
    seal = hmac.new(KEY.secret, covered, hashlib.sha256).digest()[:16]
    assert sealed(MESSAGE, Stamp(256, 7 * 2**32 + 0x203), KEY) == stamped + seal


def test_a_message_of_which_any_bit_was_changed_is_not_authentic() -> None:
    data = sealed(MESSAGE, Stamp(5), KEY)
    for bit in range(8 * len(data)):
        tampered = bytearray(data)
        tampered[bit // 8] ^= 1 << bit % 8
        assert refusal(bytes(tampered)).reason == "not-authentic"
    for cut in range(len(data)):
        assert refusal(data[:cut]).reason == "not-authentic"
    assert refusal(data + b"\x00").reason == "not-authentic"


@pytest.mark.parametrize("key", [RunKey(bytes(32), 11), RunKey(bytes(range(32)), 12)])
def test_another_key_and_another_bench_are_not_authentic(key: RunKey) -> None:
    refused = refusal(sealed(MESSAGE, Stamp(5), key))
    assert refused.reason == "not-authentic"
    assert "this run's key for bench 11" in refused.detail


def test_a_node_has_a_key_of_its_own_that_the_run_s_key_makes() -> None:
    """So its numbers are its own, and nobody takes what a node says for the server's word."""
    keys = [KEY, *(KEY.of_node(k) for k in range(3)), RunKey(b"x" * 32, 11).of_node(0)]
    request = AirRequest(3, 1, bytes(8))
    for sender in keys:
        data = sealed(request, Stamp(3), sender)
        takers = [key for key in keys if _is_taken(data, key)]
        assert takers == [sender]


@pytest.mark.parametrize("last_sequence", [5, 6, MAX_SEQUENCE])
def test_what_was_said_before_is_refused(last_sequence: int) -> None:
    refused = refusal(sealed(MESSAGE, Stamp(5), KEY), last_sequence)
    assert refused.reason == "replayed"
    assert f"message 5 comes after message {last_sequence}" in refused.detail


def test_a_sealed_message_of_another_version_is_said_to_be_none() -> None:
    stamped = bytes(8) + b"\x92\x63\x01"
    assert refusal(stamped + KEY.seal(stamped)).reason == "not-a-message"


def test_a_key_that_is_too_short_is_refused_and_a_key_is_never_shown() -> None:
    with pytest.raises(ValueError, match=r"31 bytes; at least 32 .*secrets.token_bytes\(32\)"):
        RunKey(bytes(31), 11)
    assert "secret" not in repr(RunKey(b"\x01" * 32, 11))


@pytest.mark.parametrize("sequence", [-1, MAX_SEQUENCE + 1])
def test_a_key_ends_with_its_numbers(sequence: int) -> None:
    with pytest.raises(ValueError, match="make a new one"):
        sealed(MESSAGE, Stamp(sequence), KEY)
