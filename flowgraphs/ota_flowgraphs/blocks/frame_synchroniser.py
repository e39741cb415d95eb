"""Bursts in, aligned payloads out: carrier correction, fine timing, matched filter, noise."""

import pmt
from gnuradio import gr

from ota_flowgraphs.blocks.pdu import make_pdu, read_burst
from ota_flowgraphs.failure import reports_error
from ota_flowgraphs.payload_fields import payload_fields
from sdr_ota.erasure import Erasure
from sdr_ota.receiver.burst_fit import fit_burst
from sdr_ota.receiver.joint_frame import align_joint_frame
from sdr_ota.receiver.synchronisation import is_sounding_burst
from sdr_ota.signal.frame import FrameFormat


class FrameSynchroniser(gr.basic_block):
    """Fits a joint frame's preamble and cuts payload and noise out of the samples.

    Sounding bursts are none of its business; the channel estimator takes them.

    Args:
        frame: Format of the frames.

    Message ports:
        bursts (in): What the burst detector sends.
        payloads (out): PDU; vector: complex128 chips, aligned to a fraction of a sample;
            meta: all fields of `ReceivedPayload` and of its burst, ``stream_start`` (where the
            preamble began in the stream) and ``power``.
        erasures (out): PDU without a vector; meta: ``reason``, ``detail``.
        skipped (out): PDU without a vector for every sounding burst.
    """

    def __init__(self, frame: FrameFormat) -> None:
        gr.basic_block.__init__(self, name="OTA frame synchroniser", in_sig=None, out_sig=None)
        self._frame = frame
        self._payloads, self._erasures = pmt.intern("payloads"), pmt.intern("erasures")
        self._skipped = pmt.intern("skipped")
        for port in (self._payloads, self._erasures, self._skipped):
            self.message_port_register_out(port)
        self.message_port_register_in(pmt.intern("bursts"))
        self.set_msg_handler(pmt.intern("bursts"), self._handle)

    @reports_error
    def _handle(self, message: object) -> None:
        found = read_burst(message)
        samples = found.samples
        burst = fit_burst(samples, self._frame.preamble(), found.detection)
        common = {"power": found.power, "stream_start": found.first + burst.start}
        if is_sounding_burst(samples, self._frame, burst):
            self.message_port_pub(self._skipped, make_pdu({"kind": "skipped", **common}))
            return
        try:
            received = align_joint_frame(samples, self._frame, burst)
        except Erasure as lost:
            erased = {"kind": "erasure", "reason": lost.reason, "detail": lost.detail, **common}
            self.message_port_pub(self._erasures, make_pdu(erased))
            return
        fields = {"kind": "payload", **payload_fields(received), **common}
        payload = make_pdu(fields, received.chips)
        self.message_port_pub(self._payloads, payload)
