"""Aligned payloads in, decoded sums out."""

import numpy as np
import pmt
from gnuradio import gr

from ota_flowgraphs.blocks.pdu import make_pdu, read_pdu
from ota_flowgraphs.failure import reports_error
from ota_flowgraphs.payload_fields import payload_of
from ota_flowgraphs.recorded_round import RecordedRound
from sdr_ota.erasure import Erasure
from sdr_ota.receiver.joint_frame import ReceivedPayload
from sdr_ota.receiver.payload import Sending
from sdr_ota.rounds.unplanned import decode_unplanned
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import DecodedSum


class SchemeDecoder(gr.basic_block):
    """Estimates the sums of the nodes' symbols, each with its standard deviation.

    Node pilots and payload are checked as in `sdr_ota.receiver`: what cannot be trusted is no sum.

    Args:
        frame: Format of the frames.
        scheme: Name of an aggregation scheme: ``coherent``, ``energy-difference``, ...
        n_nodes: Nodes of the bench; all of them send.
        rx_amplitude: Aligned chip amplitude at the receiver of a symbol of 1.
        seed: Of the nodes' pilots.
        recorded: The round of ours that is decoded, by its plan; None where no plan is known.

    Message ports:
        payloads (in): PDU of aligned chips, from the frame synchroniser or a block of yours that
            keeps the other fields of its messages.
        sums (out): PDU without a vector; meta: ``sum`` and ``std`` of the first symbol, ``sums``
            and ``stds`` of all, or for a payload that cannot be
            trusted ``reason``, ``detail`` (its ``kind`` is then ``refused``); ``stream_start``,
            and ``noise_power`` and the preamble's fit, ``burst_...``, of what came in.
    """

    def __init__(
        self,
        frame: FrameFormat,
        scheme: str,
        n_nodes: int,
        rx_amplitude: float,
        seed: int,
        recorded: RecordedRound | None = None,
    ) -> None:
        gr.basic_block.__init__(self, name="OTA scheme decoder", in_sig=None, out_sig=None)
        self._frame = frame
        self._recorded = recorded
        named = load_scheme(scheme) if recorded is None else recorded.link.scheme
        self._sending = Sending(named, n_nodes, seed)
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
        received = payload_of(meta, chips.astype(np.complex128))
        said = {name: value for name, value in meta.items() if name != "pilots"}
        try:
            totals = self._decoded(received)
        except Erasure as lost:
            refused = {**said, "kind": "refused", "reason": lost.reason, "detail": lost.detail}
            self.message_port_pub(self._sums, make_pdu(refused))
            return
        first, sums, stds = totals[0], [t.value for t in totals], [t.std for t in totals]
        about = {"sum": first.value, "std": first.std, "sums": sums, "stds": stds}
        decoded = {**said, "kind": "sum", **about}
        self.message_port_pub(self._sums, make_pdu(decoded))

    def _decoded(self, received: ReceivedPayload) -> tuple[DecodedSum, ...]:
        if self._recorded is not None:
            return self._recorded.decode(received)
        return decode_unplanned(received, self._frame, self._sending, self._rx_amplitude)
