"""Where in the band the power of samples lies."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from sdr_ota.types import Samples

N_BINS = 256

OCCUPIED_SHARE = 0.99
"""ITU Radio Regulations No. 1.153, as in ITU-R SM.328: 0.5 % of the power lies on either side."""


@dataclass(frozen=True)
class Spectrum:
    """A mean power spectrum.

    Attributes:
        freqs_hz: Centres of the bins, from the carrier, ascending and equally far apart.
        power: In each bin, full scale 1.0: a tone in the middle of a bin shows its own power.
    """

    freqs_hz: NDArray[np.float64]
    power: NDArray[np.float64]

    @property
    def power_dbfs(self) -> NDArray[np.float64]:
        """Power in each bin in dB over full scale, at least -200 dBFS."""
        return 10 * np.log10(np.maximum(self.power, 1e-20))

    @property
    def strongest_hz(self) -> float:
        """Centre of the bin that holds the most power."""
        return float(self.freqs_hz[np.argmax(self.power)])


def power_spectrum(samples: Samples, sample_rate_hz: float, n_bins: int = N_BINS) -> Spectrum:
    """Return the mean power spectrum of samples (Welch's method, Hann window, half overlapping).

    Args:
        samples: Shape ``(n_samples,)``, at least one.
        sample_rate_hz: Samples a second.
        n_bins: At most; fewer samples make fewer bins.
    """
    freqs_hz, power = signal.welch(
        samples,
        sample_rate_hz,
        nperseg=min(n_bins, len(samples)),
        detrend=False,
        return_onesided=False,
        scaling="spectrum",
    )
    order = np.argsort(freqs_hz)
    return Spectrum(np.asarray(freqs_hz[order], float), np.asarray(power[order], float))


def occupied_band_hz(spectrum: Spectrum, share: float = OCCUPIED_SHARE) -> tuple[float, float]:
    """Return the edges of the band that holds a share of the power, from the carrier.

    Below the lower edge and above the upper one lies the same part of the rest: the occupied
    bandwidth of ITU Radio Regulations No. 1.153 (ITU-R SM.328) where the share is 99 %. Noise of
    the receiver counts like everything else: the band of noise alone is 99 % of the sample rate.

    Args:
        spectrum: Of several bins; each bin's power counts as spread over the bin.
        share: Above 0, below 1.

    Returns:
        Lower and upper edge in Hz, not a number where there is no power at all.
    """
    total = float(np.sum(spectrum.power))
    if not total > 0:
        return float("nan"), float("nan")
    step_hz = float(spectrum.freqs_hz[1] - spectrum.freqs_hz[0])
    edges_hz = np.append(spectrum.freqs_hz - step_hz / 2, spectrum.freqs_hz[-1] + step_hz / 2)
    below = np.append(0.0, np.cumsum(spectrum.power)) / total
    low, high = np.interp([(1 - share) / 2, (1 + share) / 2], below, edges_hz)
    return float(low), float(high)
