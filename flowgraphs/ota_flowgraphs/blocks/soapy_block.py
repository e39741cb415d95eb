"""A SoapySDR radio as a source or a sink of GNU Radio, with one channel."""

from collections.abc import Callable
from typing import Any

from gnuradio import gr

from ota_flowgraphs.iq_address import IqAddress, soapy_device


def tuned_soapy(
    make: Callable[..., Any],
    read: IqAddress,
    sample_rate: float,
    center_freq: float,
    gain_db: float,
) -> gr.basic_block:
    """Open a radio and set it.

    Args:
        make: ``gnuradio.soapy.source`` or ``gnuradio.soapy.sink``.
        read: Which radio.
        sample_rate: In samples a second.
        center_freq: In Hz.
        gain_db: Over all its amplifiers.
    """
    block = make(soapy_device(read.options), "fc32", 1, "", "", [""], [""])
    block.set_sample_rate(0, sample_rate)
    block.set_frequency(0, center_freq)
    block.set_gain(0, gain_db)
    return block
