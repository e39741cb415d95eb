"""Control frames lost in noise, beside what theory says of words and code alone.

Every frame has a time, a carrier offset and a phase of its own; it is sought, fitted and decoded as
a node does. What is lost beyond theory is the price of synchronisation.
"""

import argparse
import math

import numpy as np
from rows import Row, emit, parsed
from scipy import stats

from sdr_ota.downlink.coding import frame_error_rate
from sdr_ota.downlink.frames import control_burst, messages_of_a_round, receive_message
from sdr_ota.downlink.messages import AirMessage
from sdr_ota.downlink.sealing import RunKey, Stamp, sealed
from sdr_ota.receiver.control_frame import FrameRefused
from sdr_ota.signal.control_frame import ControlFormat
from sdr_ota.types import Samples

FRAME, KEY, MAX_CFO = ControlFormat(bench=1), RunKey(bytes(range(32)), 1), 0.06
SNRS_DB = (-5.0, -6.0, -7.0, -7.5, -8.0)


def placed(burst: Samples, snr: float, rng: np.random.Generator) -> Samples:
    """Return a burst somewhere in a capture, at any offset and phase, in noise."""
    start, cfo = int(rng.integers(300, 600)), rng.uniform(-0.05, 0.05)
    quiet = np.pad(burst, (start, 400)).astype(np.complex128)
    turn = np.exp(2j * np.pi * (cfo * np.arange(len(quiet)) + rng.random()))
    deviation = math.sqrt(FRAME.pulse.energy / snr / 2)
    noise = deviation * (rng.normal(size=len(quiet)) + 1j * rng.normal(size=len(quiet)))
    return np.asarray(quiet * turn + noise, np.complex64)


def n_lost(message: AirMessage, snr: float, n_frames: int, rng: np.random.Generator) -> int:
    """Return how many of so many frames did not arrive."""
    burst, lost = control_burst(message, Stamp(0), KEY, FRAME), 0
    for _ in range(n_frames):
        try:
            receive_message(placed(burst, snr, rng), -1, KEY, FRAME, MAX_CFO)
        except FrameRefused:
            lost += 1
    return lost


def main() -> None:
    """Print a line an SNR: frames lost, their 95 % interval, theory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=2000, help="at each SNR")
    options = parsed(parser, frames=50)
    message = messages_of_a_round(4)[0]
    n_message, rng, n = (
        len(sealed(message, Stamp(0), KEY)),
        np.random.default_rng(1),
        options.frames,
    )
    for snr_db in SNRS_DB:
        snr = 10 ** (snr_db / 10)
        lost = n_lost(message, snr, n, rng)
        theory = frame_error_rate(n_message, snr, FRAME.n_word_chips)
        interval = stats.binomtest(lost, n).proportion_ci(0.95, "exact")
        between = f"{interval.low:.5f} to {interval.high:.5f}"
        print(f"{snr_db:g} dB: {lost} of {n} lost, {between}; theory {theory:.2g}")
        if lost:
            emit(Row(f"lost at {snr_db:g} dB", lost / n, "theory", theory, "share", between))


if __name__ == "__main__":
    main()
