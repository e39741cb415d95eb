"""Samples from a file, a ZeroMQ connection or a radio: one block, an address decides."""

from collections.abc import Callable, Mapping
from pathlib import Path

from gnuradio import blocks, gr, zeromq

from ota_flowgraphs.blocks.recording_source import RecordingSource
from ota_flowgraphs.blocks.soapy_block import tuned_soapy
from ota_flowgraphs.iq_address import IqAddress, read_iq_address

_BUFFER = 1 << 16
"""Samples of the buffer behind the source: Python blocks are fast on large pieces only."""

_PIECE = 2048
"""Samples of a virtual node's message, `sdr_ota.radio.virtual.zmq_control.PIECE`. Without room for
a whole one the source would hold the first half back until another message comes."""

_POLL_MS = 1000
"""After a poll that brought nothing the scheduler sleeps for a quarter of a second."""


class IqSource(gr.hier_block2):
    """A source of complex baseband samples, full scale 1.0.

    Args:
        address: As in `ota_flowgraphs.iq_address`.
        sample_rate: In samples a second; what a radio is set to.
        center_freq: In Hz.
        gain_db: Receive gain of a radio.

    Raises:
        ValueError: For an address that cannot be understood, or a file that cannot be read.
    """

    def __init__(
        self, address: str, sample_rate: float, center_freq: float, gain_db: float
    ) -> None:
        gr.hier_block2.__init__(
            self, "OTA IQ source", gr.io_signature(0, 0, 0), gr.io_signature(1, 1, 8)
        )
        read = read_iq_address(address)
        opened = _OPENERS[read.driver](read, sample_rate, center_freq, gain_db)
        if read.options.get("buffer") != "small":
            opened.set_min_output_buffer(_BUFFER)
        self._kept = opened  # a block without a Python reference crashes
        self.connect(opened, self)


def _file(read: IqAddress, sample_rate: float, *_: float) -> gr.basic_block:
    return RecordingSource(Path(read.options["path"]), sample_rate)


def _zmq(read: IqAddress, *_: float) -> gr.basic_block:
    tagged = read.options.get("tags") == "yes"
    is_small = read.options.get("buffer") == "small"
    n_waiting = 1 if is_small else -1  # messages; -1: ZeroMQ's own
    source = zeromq.pull_source(
        gr.sizeof_gr_complex, 1, read.options["address"], _POLL_MS, tagged, n_waiting
    )
    if is_small:
        source.set_output_multiple(_PIECE)
    return source


def _nothing(*_: object) -> gr.basic_block:
    return blocks.null_source(gr.sizeof_gr_complex)


def _pluto(
    read: IqAddress, sample_rate: float, center_freq: float, gain_db: float
) -> gr.basic_block:
    from gnuradio import iio  # noqa: PLC0415 - loads libiio

    source = iio.fmcomms2_source_fc32(read.options["uri"], [True, True], _BUFFER)
    source.set_frequency(round(center_freq))
    source.set_samplerate(round(sample_rate))
    source.set_gain_mode(0, "manual")  # an automatic one changes amplitudes, which bear the sum
    source.set_gain(0, gain_db)
    return source


def _soapy(read: IqAddress, *settings: float) -> gr.basic_block:
    from gnuradio import soapy  # noqa: PLC0415 - loads SoapySDR

    return tuned_soapy(soapy.source, read, *settings)


_Opener = Callable[[IqAddress, float, float, float], gr.basic_block]
_OPENERS: Mapping[str, _Opener] = {
    "file": _file,
    "zmq": _zmq,
    "pluto": _pluto,
    "soapy": _soapy,
    "none": _nothing,
}
