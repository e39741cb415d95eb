"""Aligned payloads in, decoded sums out."""

import numpy as np
import pmt
from gnuradio import gr

from ota_flowgraphs.blocks.pdu import make_pdu, read_pdu
from ota_flowgraphs.failure import reports_error
from sdr_ota.schemes import load_scheme


class SchemeDecoder(gr.basic_block):
    """Estimates the sum of the nodes' symbols, with its standard deviation.

    Args:
        scheme: Name of an aggregation scheme: ``coherent``, ``energy-difference``, ...
        n_nodes: Nodes of the bench.
        rx_amplitude: Aligned chip amplitude at the receiver of a symbol of 1.

    Message ports:
        payloads (in): PDU of aligned chips, from the frame synchroniser or a block of yours.
        sums (out): PDU without a vector; meta: ``sum``, ``std``, and what came in.
    """

    def __init__(self, scheme: str, n_nodes: int, rx_amplitude: float) -> None:
        gr.basic_block.__init__(self, name="OTA scheme decoder", in_sig=None, out_sig=None)
        self._scheme, self._n_nodes = load_scheme(scheme), n_nodes
        self._rx_amplitude = rx_amplitude
        self._sums = pmt.intern("sums")
        self.message_port_register_out(self._sums)
        self.message_port_register_in(pmt.intern("payloads"))
        self.set_msg_handler(pmt.intern("payloads"), self._handle)

    def set_rx_amplitude(self, rx_amplitude: float) -> None:
        """Change the level while the flowgraph runs."""
        self._rx_amplitude = rx_amplitude

    @reports_error
    def _handle(self, message: object) -> None:
        meta, chips = read_pdu(message)
        total = self._scheme.decode(chips.astype(np.complex128), self._n_nodes, self._rx_amplitude)
        decoded = {**meta, "kind": "sum", "sum": total.value, "std": total.std}
        self.message_port_pub(self._sums, make_pdu(decoded))
