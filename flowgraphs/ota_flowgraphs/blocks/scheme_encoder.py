"""Scalars in, payload chips out: what one node contributes to the sums of a frame."""

import numpy as np
import pmt
from gnuradio import gr

from ota_flowgraphs.blocks.pdu import make_pdu
from ota_flowgraphs.failure import reports_error
from sdr_ota.schemes import load_scheme
from sdr_ota.schemes.base import encode_symbols
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.signal.modulation import AnalogPayload

_NUMBERS = (int, float, list, tuple, np.ndarray)


class SchemeEncoder(gr.basic_block):
    """Clips scalars, makes them symbols in [-1, 1] and encodes those into chips.

    Args:
        scheme: Name of an aggregation scheme: ``coherent``, ``energy-difference``, ...
        node: Which of the nodes this is, from 0.
        n_nodes: Nodes of the bench.
        frame: Format of the frames: how many scalars one carries, and the chips of each.
        scalar_limit: Scalars are clipped to plus and minus this, which becomes 1.
        seed: Of the node's random chips.

    Message ports:
        scalars (in): A number; of several, a PMT list or vector of as many as a frame carries.
        chips (out): PDU; vector: complex128 chips; meta: ``symbol``, the first, and ``symbols``.
    """

    def __init__(
        self,
        scheme: str,
        node: int,
        n_nodes: int,
        frame: FrameFormat,
        scalar_limit: float,
        seed: int,
    ) -> None:
        gr.basic_block.__init__(self, name="OTA scheme encoder", in_sig=None, out_sig=None)
        self._scheme = load_scheme(scheme)
        self._scheme.check(frame.n_payload_chips, n_nodes)
        self._place, self._frame = (node, n_nodes), frame
        self._payload = AnalogPayload(scalar_limit)
        self._rng = np.random.default_rng([seed, node])
        self._chips = pmt.intern("chips")
        self.message_port_register_out(self._chips)
        self.message_port_register_in(pmt.intern("scalars"))
        self.set_msg_handler(pmt.intern("scalars"), self._handle)

    @reports_error
    def _handle(self, message: object) -> None:
        symbols = [self._payload.symbol(scalar) for scalar in self._scalars(message)]
        n_chips = self._frame.n_payload_chips
        chips = encode_symbols(self._scheme, symbols, *self._place, n_chips, self._rng)
        meta = {"kind": "chips", "symbol": symbols[0], "symbols": symbols}
        self.message_port_pub(self._chips, make_pdu(meta, chips))

    def _scalars(self, message: object) -> list[float]:
        """Return the numbers of a message.

        Raises:
            ValueError: If they are not as many finite numbers as a frame carries.
        """
        given = pmt.to_python(message)
        numbers = np.atleast_1d(given) if isinstance(given, _NUMBERS) else np.zeros(0)
        is_real = numbers.ndim == 1 and numbers.dtype.kind in "iuf"
        if not (is_real and np.isfinite(numbers).all()):
            raise ValueError(f"scalars are finite numbers; {message} came in, nothing is sent")
        n_symbols = self._frame.n_symbols
        if len(numbers) != n_symbols:
            raise ValueError(
                f"a frame carries {n_symbols} scalars; {message} came in, nothing is sent"
            )
        return [float(number) for number in numbers]
