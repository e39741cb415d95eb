"""What crosses the control seam is what was meant, or is refused."""

import math
import random
from typing import Any

import msgspec
import pytest

from sdr_ota.rounds.messages import (
    Announcement,
    MessageError,
    Outcome,
    PayloadOrder,
    Ready,
    SoundingOrder,
    Truth,
    bits_per_round,
    from_bytes,
    to_bytes,
)
from sdr_ota.types import Precoder

ORDER = PayloadOrder(3, (0.25, -0.5), 1e-6, -12.5, 991, True, 5, 0.1, 8.0, 0.02, 12345)
RECORDS: list[msgspec.Struct] = [
    Announcement(3, (2**64 - 1, 0)),
    Ready(3),
    Ready(3, "the attic is starting"),
    SoundingOrder(3, 1, 2**40),
    ORDER,
    Outcome(3, (0.1 + 0.2,)),
    Outcome(3, (), "late"),
    Truth(3, (1.0,), (0.693,)),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: type(r).__name__)
def test_the_byte_form_holds_every_bit_of_a_record(record: msgspec.Struct) -> None:
    assert from_bytes(type(record), to_bytes(record)) == record


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: type(r).__name__)
def test_damaged_bytes_are_a_record_or_a_sentence(record: msgspec.Struct) -> None:
    rng, data = random.Random(1), to_bytes(record)
    n_refused = 0
    for _ in range(500):
        damaged = bytearray(data)
        for _ in range(rng.randint(1, 3)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        try:
            found: Any = from_bytes(type(record), bytes(damaged[: rng.randint(0, len(data))]))
        except MessageError as wrong:
            n_refused += 1
            assert type(record).__name__ in str(wrong)
        else:
            assert type(found) is type(record)
    assert n_refused > 250


def test_one_record_is_not_taken_for_another() -> None:
    with pytest.raises(MessageError, match="are not a PayloadOrder"):
        from_bytes(PayloadOrder, to_bytes(Outcome(3, (0.5,))))
    with pytest.raises(MessageError, match="are not a Announcement"):
        from_bytes(Announcement, to_bytes(Truth(3, (1.0,))))


def test_an_order_carries_its_precoder_and_moves_to_a_tick() -> None:
    assert ORDER.precoder == Precoder(0.25 - 0.5j, 1e-6, -12.5, 991)
    assert ORDER.at(7).tick == 7
    assert ORDER.at(7).at(12345) == ORDER


def test_a_round_costs_a_node_hundreds_of_bits_whatever_the_model() -> None:
    up, down = bits_per_round()
    assert 0 < up < 100
    assert up < down < 2000


def test_no_number_is_lost_that_a_float_can_be() -> None:
    for value in (math.inf, -0.0, 5e-324):
        assert from_bytes(Outcome, to_bytes(Outcome(0, (value,)))).means == (value,)
