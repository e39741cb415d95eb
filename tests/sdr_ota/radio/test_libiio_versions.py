"""Both generations of libiio, with stand-ins: a test environment has only one of them.

The stand-ins of 1.x behave as its Python binding does over a virtual board; the real one was tried
by hand, since no package index has its library.
"""

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sdr_ota.radio.libiio_versions import (
    boards_found,
    destroy_receive_buffer,
    destroy_transmit_buffer,
    keep_one_kernel_buffer,
    send,
)

CODES = np.arange(20, dtype=np.int16).reshape(2, 10)


class Adi:
    """What pyadi-iio shows of a board, whichever libiio is below."""

    def __init__(self, adc: object, dac: object) -> None:
        self._rxadc, self._txdac = adc, dac
        self._rxbuf: object = "buffer"
        self._txbuf: object = None
        self.done: list[object] = []

    def rx_destroy_buffer(self) -> None:
        self._rxbuf = None

    def tx_destroy_buffer(self) -> None:
        self._txbuf = None

    def disable_dds(self) -> None:
        self.done.append("tones off")

    def tx(self, samples: Any) -> None:
        self.done.append(samples)


class Block:
    """A block of libiio 1.x, whose length is in bytes."""

    def __init__(self, stream: Any, n_bytes: int) -> None:
        self.n_bytes, self.data = n_bytes, b""
        stream.block = self

    def write(self, data: bytes) -> None:
        self.data = data[: self.n_bytes]

    def enqueue(self, size: int | None, is_cyclic: bool) -> None:
        self.is_cyclic = is_cyclic


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> Adi:
    stream = SimpleNamespace(started=False)
    dac = SimpleNamespace(
        get_buffer=lambda: SimpleNamespace(open=lambda mask: stream),
        find_channel=lambda name, is_output: name,
    )
    module = SimpleNamespace(Block=Block, ChannelsMask=lambda device: SimpleNamespace())
    monkeypatch.setitem(sys.modules, "iio", module)
    return Adi(SimpleNamespace(), dac)


def test_a_cyclic_frame_is_repeated_whole_and_let_go_of(newer: Adi) -> None:
    send(newer, CODES, is_cyclic=True)
    stream: Any = newer._tx_buf_stream  # type: ignore[attr-defined]
    assert stream.started
    assert stream.block.is_cyclic
    assert stream.block.data == CODES.T.astype("<i2").tobytes()
    destroy_transmit_buffer(newer)
    left = [newer._txbuf, newer._tx_block, newer._tx_buf_stream]  # type: ignore[attr-defined]
    assert left == [None, None, None]


def test_a_burst_is_sent_by_pyadi_iio(newer: Adi) -> None:
    older = Adi(SimpleNamespace(), SimpleNamespace())
    for sdr, is_cyclic in ((newer, False), (older, False), (older, True)):
        send(sdr, CODES, is_cyclic)
        np.testing.assert_array_equal(sdr.done[-1], CODES[0] + 1j * CODES[1])


def test_one_kernel_buffer_is_asked_for_in_both_ways(newer: Adi) -> None:
    counts: list[int] = []
    older = Adi(SimpleNamespace(set_kernel_buffers_count=counts.append), SimpleNamespace())
    keep_one_kernel_buffer(older)
    keep_one_kernel_buffer(newer)
    assert counts == [1]
    assert newer._rx_buffer_num_blocks == 1  # type: ignore[attr-defined]
    newer._rx_stream = "stream"  # type: ignore[attr-defined]
    destroy_receive_buffer(newer)
    assert newer._rxbuf is newer._rx_stream is None  # type: ignore[attr-defined]


def test_boards_are_found_in_both_ways() -> None:
    asked: list[object] = []
    newer = SimpleNamespace(
        version=(1, 0),
        _scan=lambda parameters, way: asked.append(way) or "found",
        _scan_get_results_count=lambda found: 1,
        _scan_get_uri=lambda found, k: b"usb:1.2.5",
        _scan_get_description=lambda found, k: b"a Pluto",
        _scan_destroy=asked.append,
    )
    older = SimpleNamespace(
        version=(0, 24),
        _create_scan_context=lambda way, flags: asked.append(way),
        _POINTER=lambda kind: lambda: ["entry"],
        _ContextInfoPtr=None,
        _byref=lambda entries: entries,
        _get_context_info_list=lambda context, entries: 1,
        _context_info_get_uri=lambda entry: b"usb:1.2.5",
        _context_info_get_description=lambda entry: b"a Pluto",
    )
    for iio in (newer, older):
        assert boards_found(iio, "usb") == {"usb:1.2.5": "a Pluto"}
    assert asked == [b"usb", "found", b"usb"]
