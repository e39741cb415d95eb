"""When a node's burst arrives, and how fast its sample clock runs."""

import numpy as np

from ota_calibration.measure.sounding_sequence import SequenceFit


def train_delay_samples(fit: SequenceFit) -> float | None:
    """Return how much later than asked a sequence's first burst arrives, in samples with fraction.

    None where the radio has no hardware time: nothing was asked for.
    """
    if fit.sequence_tick is None:
        return None
    first = fit.arrivals - fit.period * np.arange(fit.n_bursts)
    slope = clock_error_ppm(fit) * 1e-6 * fit.period
    middle = (fit.n_bursts - 1) / 2
    return float(np.mean(first)) + slope * middle - fit.sequence_tick


def clock_error_ppm(fit: SequenceFit) -> float:
    """Return how much faster the node's sample clock runs than the receiver's, in ppm.

    A fast clock sends its periods too close to each other: the slope of the arrivals over
    their number, by least squares.
    """
    if fit.n_bursts < 2:
        return 0.0
    number = np.arange(fit.n_bursts) - (fit.n_bursts - 1) / 2
    slope = float(number @ (fit.arrivals - fit.arrivals.mean()) / (number @ number))
    return (fit.period / slope - 1) * 1e6
