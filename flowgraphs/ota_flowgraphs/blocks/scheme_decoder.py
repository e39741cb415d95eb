"""Aligned payloads in, decoded sums out."""

import numpy as np
import pmt
from gnuradio import gr

from ota_flowgraphs.blocks.pdu import make_pdu, read_pdu
from ota_flowgraphs.failure import reports_error
from ota_flowgraphs.payload_fields import payload_of
from sdr_ota.erasure import Erasure
from sdr_ota.receiver.expectation import Expectation
from sdr_ota.receiver.joint_frame import ReceivedPayload
from sdr_ota.receiver.payload import Sending, decode_payload
from sdr_ota.rounds.judged_sum import judged_sum
from sdr_ota.schemes import LinkQuality, load_scheme
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import DecodedSum, Precoder, TransmitPlan

_LEVEL_STD, _PHASE_STD_RAD, _TURN_STD_RAD, _DELAY_STD_CHIPS = 0.3, 0.3, 0.1, 0.5
_CFO_STD = 1e-4
"""What is expected of the nodes where no tracker says better: wide, so that what the node pilots
show counts alone."""


class SchemeDecoder(gr.basic_block):
    """Estimates the sum of the nodes' symbols, with its standard deviation.

    Node pilots and payload are checked as in `sdr_ota.receiver`: what cannot be trusted is no sum.

    Args:
        frame: Format of the frames.
        scheme: Name of an aggregation scheme: ``coherent``, ``energy-difference``, ...
        n_nodes: Nodes of the bench; all of them send.
        rx_amplitude: Aligned chip amplitude at the receiver of a symbol of 1.
        seed: Of the nodes' pilots.

    Message ports:
        payloads (in): PDU of aligned chips, from the frame synchroniser or a block of yours that
            keeps the other fields of its messages.
        sums (out): PDU without a vector; meta: ``sum``, ``std``, or for a payload that cannot be
            trusted ``reason``, ``detail`` (its ``kind`` is then ``refused``); ``stream_start``,
            and ``noise_power`` and the preamble's fit, ``burst_...``, of what came in.
    """

    def __init__(
        self, frame: FrameFormat, scheme: str, n_nodes: int, rx_amplitude: float, seed: int
    ) -> None:
        gr.basic_block.__init__(self, name="OTA scheme decoder", in_sig=None, out_sig=None)
        self._frame = frame
        self._sending = Sending(load_scheme(scheme), n_nodes, seed)
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
            total = self._total(received)
        except Erasure as lost:
            refused = {**said, "kind": "refused", "reason": lost.reason, "detail": lost.detail}
            self.message_port_pub(self._sums, make_pdu(refused))
            return
        decoded = {**said, "kind": "sum", "sum": total.value, "std": total.std}
        self.message_port_pub(self._sums, make_pdu(decoded))

    def _total(self, received: ReceivedPayload) -> DecodedSum:
        """Return the sum with its whole uncertainty; raises `Erasure`."""
        frame, sending = self._frame, self._sending
        read, found = decode_payload(received, self._expected(), frame, sending)
        quality = LinkQuality(
            n_chips=frame.n_payload_chips,
            rx_amplitude=found.rx_amplitude,
            noise_power=received.noise_power,
            gains=found.gains,
            rolloff=frame.pulse.rolloff,
        )
        plan = TransmitPlan(
            (Precoder(1 + 0j),) * sending.n_nodes, self._rx_amplitude, received.noise_power
        )
        return judged_sum(read, found.chips, sending.scheme, quality, plan, "unbiased")

    def _expected(self) -> Expectation:
        every = np.ones(self._sending.n_nodes)
        return Expectation(
            nodes=tuple(range(self._sending.n_nodes)),
            rx_amplitude=self._rx_amplitude,
            phase_variances_rad2=_PHASE_STD_RAD**2 * every,
            level_variances=_LEVEL_STD**2 * every,
            turn_variances_rad2=_TURN_STD_RAD**2 * every,
            delay_std_chips=_DELAY_STD_CHIPS,
            cfo_variance=_CFO_STD**2,
        )
