"""Messages in, ZeroMQ out: how results leave the flowgraph's process."""

import json
import sys

import pmt
import zmq
from gnuradio import gr

from ota_flowgraphs.blocks.pdu import read_pdu
from ota_flowgraphs.failure import reports_error

FINDINGS = {"sum", "refused", "erasure", "estimate", "disturbed"}
"""Kinds of messages that say what became of a burst."""

_PATIENCE_MS = 5000


class ResultSink(gr.basic_block):
    """Pushes every message over ZeroMQ: one part of JSON, one of the vector's bytes.

    Complex values become ``[real, imaginary]``; the vector keeps its numbers' precision,
    named in the key ``dtype``.

    Args:
        address: Of a ZeroMQ PULL socket that is bound, as ``ipc:///tmp/results``; empty:
            the JSON is printed, a line each.

    Attributes:
        n_found: Messages so far that said what became of a burst.

    Message ports:
        results (in): PDUs.
    """

    def __init__(self, address: str) -> None:
        gr.basic_block.__init__(self, name="OTA result sink", in_sig=None, out_sig=None)
        self.n_found = 0
        self._socket: zmq.Socket[bytes] | None = None
        if address:
            self._socket = zmq.Context.instance().socket(zmq.PUSH)
            self._socket.setsockopt(zmq.LINGER, 0)
            self._socket.setsockopt(zmq.SNDTIMEO, _PATIENCE_MS)
            self._socket.connect(address)
        self.message_port_register_in(pmt.intern("results"))
        self.set_msg_handler(pmt.intern("results"), self._handle)

    @reports_error
    def _handle(self, message: object) -> None:
        meta, vector = read_pdu(message)
        self.n_found += meta.get("kind") in FINDINGS
        text = json.dumps({**meta, "dtype": vector.dtype.name}, default=_pair)
        if self._socket is None:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        else:
            self._socket.send_multipart([text.encode(), vector.tobytes()])


def _pair(value: complex) -> list[float]:
    return [value.real, value.imag]
