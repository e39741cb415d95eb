"""Samples to a file, a ZeroMQ connection or a radio: one block, an address decides."""

from collections.abc import Callable, Mapping
from pathlib import Path

from gnuradio import blocks, gr, zeromq

from ota_flowgraphs.blocks.soapy_block import tuned_soapy
from ota_flowgraphs.iq_address import IqAddress, read_iq_address, refuse_outside_band
from ota_flowgraphs.sigmf_file import describe_recording

_BUFFER = 1 << 16
_POLL_MS = 20


class IqSink(gr.hier_block2):
    """A sink of complex baseband samples, full scale 1.0.

    Args:
        address: As in `ota_flowgraphs.iq_address`.
        sample_rate: In samples a second; what a radio is set to.
        center_freq: In Hz.
        gain_db: Transmit gain of a radio; 0 and below for an attenuator.
        band: Lowest and highest frequency in which a radio may send, in Hz; empty: none may.

    Raises:
        ValueError: For an address that cannot be understood, or a radio outside the band.
    """

    def __init__(
        self,
        address: str,
        sample_rate: float,
        center_freq: float,
        gain_db: float,
        band: tuple[float, ...],
    ) -> None:
        gr.hier_block2.__init__(
            self, "OTA IQ sink", gr.io_signature(1, 1, 8), gr.io_signature(0, 0, 0)
        )
        read = read_iq_address(address)
        if read.driver in {"pluto", "soapy"}:
            refuse_outside_band(band, center_freq, sample_rate)
        self._kept = _OPENERS[read.driver](read, sample_rate, center_freq, gain_db)
        self.connect(self, self._kept)


def _file(
    read: IqAddress, sample_rate: float, center_freq: float, gain_db: float
) -> gr.basic_block:
    data = describe_recording(Path(read.options["path"]), sample_rate, center_freq)
    sink = blocks.file_sink(gr.sizeof_gr_complex, str(data))
    sink.set_unbuffered(True)  # whoever kills the flowgraph loses nothing
    return sink


def _zmq(read: IqAddress, *_: float) -> gr.basic_block:
    return zeromq.push_sink(gr.sizeof_gr_complex, 1, read.options["address"], _POLL_MS, False, 1)


def _nothing(*_: object) -> gr.basic_block:
    return blocks.null_sink(gr.sizeof_gr_complex)


def _pluto(
    read: IqAddress, sample_rate: float, center_freq: float, gain_db: float
) -> gr.basic_block:
    from gnuradio import iio  # noqa: PLC0415 - loads libiio

    sink = iio.fmcomms2_sink_fc32(read.options["uri"], [True, True], _BUFFER, False)
    sink.set_attenuation(0, -gain_db)
    sink.set_frequency(round(center_freq))
    sink.set_samplerate(round(sample_rate))
    return sink


def _soapy(read: IqAddress, *settings: float) -> gr.basic_block:
    from gnuradio import soapy  # noqa: PLC0415 - loads SoapySDR

    return tuned_soapy(soapy.sink, read, *settings)


_OPENERS: Mapping[str, Callable[[IqAddress, float, float, float], gr.basic_block]] = {
    "file": _file,
    "zmq": _zmq,
    "pluto": _pluto,
    "soapy": _soapy,
    "none": _nothing,
}
