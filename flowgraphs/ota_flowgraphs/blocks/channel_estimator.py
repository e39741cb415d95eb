"""Bursts in, channel estimates out: what a node's sounding slot says about its path."""

import pmt
from gnuradio import gr

from ota_flowgraphs.blocks.pdu import make_pdu, read_burst
from ota_flowgraphs.failure import reports_error
from sdr_ota.receiver.burst_evidence import BurstDisturbed, judge_burst
from sdr_ota.receiver.burst_fit import fit_burst
from sdr_ota.receiver.detection import Detection
from sdr_ota.receiver.synchronisation import is_sounding_burst
from sdr_ota.signal.frame import FrameFormat


class ChannelEstimator(gr.basic_block):
    """Fits preamble and pilot of a sounding burst; joint frames are passed over.

    A burst that has changed on its way is judged as in `sdr_ota.receiver`: it is refused, or its
    deviations count the change.

    Args:
        frame: Format of the frames.
        sample_rate: In samples a second.

    Message ports:
        bursts (in): What the burst detector sends.
        estimates (out): PDU without a vector; meta: ``gain`` (complex, received over sent
            amplitude; its phase holds at the burst's centre), ``gain_std``, ``cfo_hz``,
            ``cfo_std_hz``, ``stream_start`` (index of the burst's first sample, with
            fraction), ``start_std`` (samples), ``noise_power`` (of one chip); or of a burst that
            did not arrive as it was sent ``detail`` and ``stream_start`` (``kind`` is
            ``disturbed``).
    """

    def __init__(self, frame: FrameFormat, sample_rate: float) -> None:
        gr.basic_block.__init__(self, name="OTA channel estimator", in_sig=None, out_sig=None)
        self._frame, self._sample_rate_hz = frame, sample_rate
        self._estimates = pmt.intern("estimates")
        self.message_port_register_out(self._estimates)
        self.message_port_register_in(pmt.intern("bursts"))
        self.set_msg_handler(pmt.intern("bursts"), self._handle)

    @reports_error
    def _handle(self, message: object) -> None:
        found = read_burst(message)
        samples = found.samples
        preamble = fit_burst(samples, self._frame.preamble(), found.detection)
        if not is_sounding_burst(samples, self._frame, preamble):
            return
        closer = Detection(preamble.start, preamble.cfo, preamble.metric)
        fit = fit_burst(samples, self._frame.sounding_burst(), closer)
        try:
            fit = judge_burst(samples, self._frame, fit)
        except BurstDisturbed as why:
            about = {"stream_start": found.first + fit.start, "detail": str(why)}
            self.message_port_pub(self._estimates, make_pdu({"kind": "disturbed", **about}))
            return
        estimate = {
            "kind": "estimate",
            "gain": fit.gain,
            "gain_std": fit.gain_std,
            "cfo_hz": fit.cfo * self._sample_rate_hz,
            "cfo_std_hz": fit.cfo_std * self._sample_rate_hz,
            "stream_start": found.first + fit.start,
            "start_std": fit.start_std,
            "noise_power": fit.noise_power / self._frame.pulse.energy,
        }
        self.message_port_pub(self._estimates, make_pdu(estimate))
