"""What crosses the control seam crosses the air: every order as it was, precoders in 64 bits."""

import math

import numpy as np
import pytest

from sdr_ota.air.impairments.delay import PlacedSamples
from sdr_ota.downlink.messages import (
    NODES_PER_MESSAGE,
    AirAnnouncement,
    message_bytes,
    message_from,
    payload_batches,
    payload_message,
    sounding_message,
)
from sdr_ota.rounds.messages import (
    Announcement,
    MessageError,
    PayloadOrder,
)
from sdr_ota.rounds.transmitter import precompensated
from sdr_ota.types import Samples
from tests.sdr_ota.downlink.air_messages import drawn_messages

RATE_HZ = 1e6
CONTROL, FRAME = 10_000, 90_000


def order(rng: np.random.Generator, **changed: object) -> PayloadOrder:
    gain = 10 ** rng.uniform(-1.9, 0) * np.exp(2j * np.pi * rng.random())
    fields = dict(
        round=4, gain=(float(gain.real), float(gain.imag)), delay_s=rng.uniform(-1, 1) * 1e-4,
        cfo_hz=rng.uniform(-1, 1) * 5e4, reference_tick=int(rng.integers(0, FRAME)), leads=False,
        n_nodes=40, noise_std=0.1, largest_scalar=8.0, cost=0.02, tick=FRAME,
    )  # fmt: skip
    return PayloadOrder(**(fields | changed))  # type: ignore[arg-type]


def on_the_air(order: PayloadOrder, burst: Samples) -> Samples:
    """What a node sends, from 300 samples before the frame on."""
    sent = precompensated(order.precoder.gain * burst, order.precoder, FRAME, RATE_HZ)
    return PlacedSamples(sent.samples, sent.start_tick).window(FRAME - 300, len(burst) + 600)


def bench(n_nodes: int) -> dict[int, PayloadOrder]:
    rng = np.random.default_rng(n_nodes)
    return {2 * k: order(rng, leads=k == 0) for k in range(n_nodes)}


def test_every_message_has_a_byte_form_that_holds_all_of_it() -> None:
    for message in drawn_messages(np.random.default_rng(1), 200):
        assert message_from(message_bytes(message)) == message


def test_bytes_that_are_no_message_are_refused_with_a_sentence() -> None:
    rng, n_refused = np.random.default_rng(2), 0
    for message in drawn_messages(rng, 100):
        damaged = bytearray(message_bytes(message))
        damaged[rng.integers(len(damaged))] = rng.integers(256)
        try:
            message_from(bytes(damaged[: rng.integers(len(damaged) + 1)]))
        except MessageError as wrong:
            n_refused += 1
            assert "no message of the server" in str(wrong)
    assert n_refused > 250


def test_an_announcement_is_that_of_the_seam() -> None:
    announced = AirAnnouncement(3, (5, 2**64 - 1), bytes(8))
    assert announced.announcement == Announcement(3, (5, 2**64 - 1))


@pytest.mark.parametrize("tick", [CONTROL, CONTROL - 1, CONTROL + 2**32])
def test_an_order_for_a_time_that_cannot_be_told_is_refused(tick: int) -> None:
    with pytest.raises(ValueError, match="1 to 4294967295 can be told"):
        sounding_message(7, tick, CONTROL)


@pytest.mark.parametrize("n_nodes", [1, 5, NODES_PER_MESSAGE, NODES_PER_MESSAGE + 1, 40])
def test_a_node_sends_what_it_would_have_sent_by_the_seam(n_nodes: int) -> None:
    """Its samples agree up to the words' steps: delay, offset, amplitude and phase."""
    orders = bench(n_nodes)
    rng = np.random.default_rng(3)
    burst = (0.5 * np.exp(1j * np.cumsum(rng.normal(size=600) / 4))).astype(np.complex64)
    batches = payload_batches(orders)
    assert len(batches) == -(-n_nodes // NODES_PER_MESSAGE)
    messages = [payload_message(batch, 0, CONTROL + k, RATE_HZ) for k, batch in enumerate(batches)]
    for node, asked in orders.items():
        told = [m.order(node, CONTROL + k + m.after, RATE_HZ) for k, m in enumerate(messages)]
        (got,) = [found for found in told if found is not None]
        for name in ("round", "leads", "n_nodes", "noise_std", "largest_scalar", "cost", "tick"):
            assert getattr(got, name) == getattr(asked, name)
        assert abs(got.delay_s - asked.delay_s) * RATE_HZ <= 0.5 / 256 + 1e-9
        assert abs(got.cfo_hz - asked.cfo_hz) <= 0.5 / 64
        assert abs(20 * math.log10(abs(got.precoder.gain / asked.precoder.gain))) <= 0.005 + 1e-9
        off = np.abs(on_the_air(asked, burst) - on_the_air(got, burst)).max()
        off /= abs(asked.precoder.gain)
        assert off < 0.5 * (math.pi / 4096 + 0.0006 + 2 * math.pi * 600e-6 / 128) + 2e-3
    assert [m.order(1, FRAME, RATE_HZ) for m in messages] == [None] * len(messages)


def test_orders_of_one_frame_agree_and_one_node_leads() -> None:
    orders = bench(3)
    for wrong in ({}, orders | {1: order(np.random.default_rng(4), cost=0.03)}):
        with pytest.raises(ValueError, match="differ in precoders alone"):
            payload_batches(wrong)
    for leaders in ((), (0, 1)):
        rng = np.random.default_rng(5)
        wrong = {k: order(rng, leads=k in leaders) for k in range(3)}
        with pytest.raises(ValueError, match="lead; it must be one"):
            payload_batches(wrong)


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"delay_s": 128e-6}, "delay"),
        ({"delay_s": -129e-6}, "delay"),
        ({"cfo_hz": 131_073.0}, "offset"),
        ({"gain": (0.008, 0.0)}, "level"),
        ({"gain": (1.1, 0.0)}, "level"),
    ],
)
def test_a_precoder_that_its_word_cannot_say_is_refused(
    changed: dict[str, object], name: str
) -> None:
    asked = order(np.random.default_rng(6), **changed)
    with pytest.raises(ValueError, match=f"a precoder's {name} of .* the node cannot be told"):
        payload_message({0: asked}, 0, CONTROL, RATE_HZ)
