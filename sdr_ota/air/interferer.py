"""A recording that is played on the air beside the nodes: somebody else's signal, as it was."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from sdr_ota.signal.iq_file import read_iq_file
from sdr_ota.signal.iq_words import IqFileError
from sdr_ota.types import Samples
from sdr_ota.units import db_to_power

MOST_SAMPLES = 2**23
"""Of a recording that are played over and over; a longer one is cut."""

LARGEST_FACTOR = 1000
"""Rates are taken as a quotient of whole numbers up to this: a rate is off by 1e-6 at most, much
less than oscillators are."""


@dataclass(frozen=True)
class Interferer:
    """A recorded signal at the receiver's sample rate, repeated without end on the air's clock.

    Attributes:
        samples: At the level at which they arrive, full scale 1.0, shape ``(n_samples,)``.
        first: Sample at tick 0.
    """

    samples: Samples
    first: int

    @classmethod
    def read(
        cls, path: Path, level_db: float, sample_rate_hz: float, rng: np.random.Generator
    ) -> "Interferer":
        """Read a recording, bring it to rate and level, and draw where it begins.

        Args:
            path: SigMF, ``.npy`` or ``.wav``, as `read_iq_file` takes them; it names its rate.
            level_db: Mean power of a sample over full scale.
            sample_rate_hz: Of the receiver; what lies outside of its band is filtered away.
            rng: Draws ``first``.

        Raises:
            IqFileError: If it cannot be read, says no sample rate, is all zero or not all finite.
        """
        recorded_hz = recorded_rate_hz(path)
        try:
            samples = read_iq_file(path).samples(0, MOST_SAMPLES)
        except IqFileError as unusable:
            raise IqFileError(f"{path} cannot be played: {unusable}") from None
        ratio = Fraction(sample_rate_hz / recorded_hz).limit_denominator(LARGEST_FACTOR)
        if ratio != 1:
            from scipy.signal import resample_poly  # noqa: PLC0415 - slow to import

            # complex64 in, complex64 out; its ends are faded by the filter: the loop has no click
            samples = resample_poly(samples, ratio.numerator, ratio.denominator)
        power = float(np.mean(np.abs(samples) ** 2, dtype=np.float64))
        if power == 0:
            raise IqFileError(f"{path} is silent: there is no level to bring to {level_db:g} dB")
        scaled = samples * np.float32(np.sqrt(db_to_power(level_db) / power))
        return cls(scaled.astype(np.complex64), int(rng.integers(len(scaled))))

    def at(self, start_tick: int, n_samples: int) -> Samples:
        """Return what arrives in a window, shape ``(n_samples,)``."""
        places = np.arange(self.first + start_tick, self.first + start_tick + n_samples)
        return self.samples[places % len(self.samples)]


def recorded_rate_hz(path: Path) -> float:
    """Return the sample rate that a recording names.

    Raises:
        IqFileError: If it cannot be read or names none.
    """
    rate_hz = read_iq_file(path).sample_rate_hz
    if rate_hz is None:
        raise IqFileError(
            f"{path} does not say its sample rate, so it cannot be played: give it as SigMF "
            "(two files, core:sample_rate) or .wav"
        )
    return rate_hz
