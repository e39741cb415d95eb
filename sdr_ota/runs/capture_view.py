"""What a person looks at in a capture: its spectrum, and its payload once it is aligned."""

import numpy as np
from numpy.typing import NDArray

from sdr_ota.receiver.joint_frame import receive_joint_frame
from sdr_ota.rounds.sender import subcarrier_frame
from sdr_ota.runs.captures import StoredCapture
from sdr_ota.signal.sequences import spreading_chips
from sdr_ota.signal.spectrum import power_spectrum
from sdr_ota.types import Chips


def capture_spectrum(
    stored: StoredCapture,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean power spectrum of a whole capture (Welch's method, Hann window).

    Returns:
        Frequencies in Hz from the carrier, and power in a bin in dB over full scale.
    """
    reception = stored.reception
    spectrum = power_spectrum(reception.capture.samples, reception.sample_rate_hz)
    return spectrum.freqs_hz, spectrum.power_dbfs


def payload_constellation(stored: StoredCapture) -> Chips:
    """Return the aligned payload's chips in units of a symbol of 1.

    Where symbols are amplitudes on public spreading chips, these are taken off: all chips then
    lie around the sum. Otherwise phases are random, and the chips' energy carries the sum.

    Raises:
        Erasure: If no frame is found in the capture.
    """
    reception, link = stored.reception, stored.link
    if reception.is_cyclic:
        frame = subcarrier_frame(link, reception.n_nodes)
        chips = frame.analyse(reception.capture.samples)[frame.payload]
    else:
        max_cfo = link.max_cfo_hz / reception.sample_rate_hz
        chips = receive_joint_frame(reception.capture, link.frame, max_cfo).chips
        if link.scheme.needs_phase:
            n_symbols, n_chips = link.frame.n_symbols, link.frame.n_payload_chips
            chips = chips * np.tile(spreading_chips(n_chips), n_symbols).conj()
    return np.asarray(chips / reception.plan.rx_amplitude, np.complex128)
