"""Scalars in, payload chips out: what one node contributes to a sum."""

import math

import numpy as np
import pmt
from gnuradio import gr

from ota_flowgraphs.blocks.pdu import make_pdu
from ota_flowgraphs.failure import reports_error
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.modulation import AnalogPayload


class SchemeEncoder(gr.basic_block):
    """Clips a scalar, makes it a symbol in [-1, 1] and encodes that into chips.

    Args:
        scheme: Name of an aggregation scheme: ``coherent``, ``energy-difference``, ...
        node: Which of the nodes this is, from 0.
        n_nodes: Nodes of the bench.
        n_chips: Chips of the payload.
        scalar_limit: Scalars are clipped to plus and minus this, which becomes 1.
        seed: Of the node's random chips.

    Message ports:
        scalars (in): A number.
        chips (out): PDU; vector: complex128 chips; meta: ``symbol``.
    """

    def __init__(
        self,
        scheme: str,
        node: int,
        n_nodes: int,
        n_chips: int,
        scalar_limit: float,
        seed: int,
    ) -> None:
        gr.basic_block.__init__(self, name="OTA scheme encoder", in_sig=None, out_sig=None)
        self._scheme = load_scheme(scheme)
        self._scheme.check(n_chips, n_nodes)
        self._place, self._n_chips = (node, n_nodes), n_chips
        self._payload = AnalogPayload(scalar_limit)
        self._rng = np.random.default_rng([seed, node])
        self._chips = pmt.intern("chips")
        self.message_port_register_out(self._chips)
        self.message_port_register_in(pmt.intern("scalars"))
        self.set_msg_handler(pmt.intern("scalars"), self._handle)

    @reports_error
    def _handle(self, message: object) -> None:
        scalar = pmt.to_python(message) if pmt.is_real(message) or pmt.is_integer(message) else None
        if scalar is None or not math.isfinite(scalar):
            raise ValueError(f"scalars are finite numbers; {message} came in, nothing is sent")
        symbol = self._payload.symbol(float(scalar))
        chips = self._scheme.encode(symbol, *self._place, self._n_chips, self._rng)
        self.message_port_pub(self._chips, make_pdu({"kind": "chips", "symbol": symbol}, chips))
