"""Payload chips in, the samples of a whole frame out."""

import numpy as np
import pmt
from gnuradio import gr

from ota_flowgraphs.blocks.pdu import make_pdu, read_pdu
from ota_flowgraphs.failure import reports_error
from sdr_ota.rounds.transmitter import lead_burst, payload_burst
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import Precoder, Samples


class BurstFramer(gr.basic_block):
    """Puts a node's part of a joint frame where it belongs; silence everywhere else.

    Frames of all nodes are equally long, so that streams of them add up.

    Args:
        frame: Format of the frames.
        node: Which of the nodes this is, from 0: it chooses the node pilot.
        seed: Of the nodes' pilots, the same at all nodes and the receiver.
        is_lead: Whether this node sends the preamble; one of the nodes must.
        gain: Complex factor on the chips: the precoder of this node.
        cfo: Carrier offset to undo, in cycles per sample.

    Message ports:
        chips (in): PDU of payload chips, from the scheme encoder.
        sound (in): Anything: a sounding burst is sent, in silence as long as a joint frame.
        frames (out): PDU; vector: complex64 samples, modulus at most 1.
    """

    def __init__(
        self, frame: FrameFormat, node: int, seed: int, is_lead: bool, gain: complex, cfo: float
    ) -> None:
        gr.basic_block.__init__(self, name="OTA burst framer", in_sig=None, out_sig=None)
        self._frame, self._node, self._seed = frame, node, seed
        self._make_burst = lead_burst if is_lead else payload_burst
        # At one sample a second a frequency in hertz is one in cycles per sample.
        self._precoder = Precoder(complex(gain), cfo_hz=cfo)
        self._frames = pmt.intern("frames")
        self.message_port_register_out(self._frames)
        for port, handle in (("chips", self._send_payload), ("sound", self._send_sounding)):
            self.message_port_register_in(pmt.intern(port))
            self.set_msg_handler(pmt.intern(port), handle)

    @reports_error
    def _send_payload(self, message: object) -> None:
        meta, payload = read_pdu(message)
        chips = self._frame.sent_chips(payload.astype(np.complex128), self._node, self._seed)
        burst = self._make_burst(chips, self._frame, self._precoder, 0, 1.0)
        self._send(burst.samples, burst.start_tick, {**meta, "kind": "frame"})

    @reports_error
    def _send_sounding(self, message: object) -> None:
        self._send(self._frame.sounding_burst(), self._frame.guard_samples, {"kind": "sounding"})

    def _send(self, samples: Samples, start: int, meta: dict[str, object]) -> None:
        whole = np.zeros(self._frame.n_joint_frame + self._frame.guard_samples, np.complex64)
        whole[start : start + len(samples)] = samples
        self.message_port_pub(self._frames, make_pdu(meta, whole))
