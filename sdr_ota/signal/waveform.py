"""Chips to samples and back: a root-raised-cosine pulse and its matched filter."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sdr_ota.types import Chips, Samples


@dataclass(frozen=True)
class Pulse:
    r"""A root-raised-cosine pulse, scaled so that unit chips never exceed full scale.

    The scale makes $\max_n \sum_k |h[n + kP]| = 1$: whatever the phases of the
    chips are, chips of modulus at most one give samples of modulus at most one.

    Attributes:
        samples_per_chip: $P$, an integer of at least 2.
        rolloff: Excess bandwidth, in (0, 1]; the occupied bandwidth is
            ``(1 + rolloff) / samples_per_chip`` cycles per sample.
        span_chips: Length of the pulse in chips, even.
    """

    samples_per_chip: int = 2
    rolloff: float = 0.35
    span_chips: int = 16  # leaves 60 dB between a chip and the interference of all others

    @cached_property
    def taps(self) -> NDArray[np.float64]:
        """Pulse $h$, shape ``(span_chips * samples_per_chip + 1,)``, symmetric."""
        half = self.span_chips * self.samples_per_chip // 2
        times = np.arange(-half, half + 1) / self.samples_per_chip
        taps = _root_raised_cosine(times, self.rolloff)
        worst = max(
            np.abs(taps[p :: self.samples_per_chip]).sum() for p in range(self.samples_per_chip)
        )
        return np.asarray(taps / worst)

    @property
    def half_samples(self) -> int:
        """Samples of the pulse before (and after) its chip's centre."""
        return self.span_chips * self.samples_per_chip // 2

    @cached_property
    def energy(self) -> float:
        """Sum of the squared taps: the noise of a chip is the sample's over this."""
        return float(np.sum(self.taps**2))

    def n_samples(self, n_chips: int) -> int:
        """Return how many samples ``n_chips`` shaped chips occupy."""
        return (n_chips - 1) * self.samples_per_chip + 2 * self.half_samples + 1

    def shape(self, chips: Chips) -> Samples:
        """Return the waveform of some chips.

        Args:
            chips: Complex chips of modulus at most 1, shape ``(n_chips,)``.

        Returns:
            Samples of modulus at most 1, shape ``(self.n_samples(n_chips),)``; the
            first chip's centre is at sample ``self.half_samples``.
        """
        impulses = np.zeros((len(chips) - 1) * self.samples_per_chip + 1, np.complex128)
        impulses[:: self.samples_per_chip] = chips
        return np.convolve(impulses, self.taps).astype(np.complex64)

    def match(self, samples: Samples, n_chips: int) -> Chips:
        """Return the chips of an aligned waveform: matched filter, one value a chip.

        ``match(shape(chips), n_chips)`` gives the chips back (the pulse meets
        Nyquist's first criterion up to its finite length). White noise of power
        N in the samples becomes white noise of power ``N / self.energy`` in the chips.

        Args:
            samples: Shape ``(self.n_samples(n_chips),)``.
            n_chips: Number of chips.
        """
        filtered = np.convolve(samples, self.taps, mode="valid")
        chips = filtered[:: self.samples_per_chip] / self.energy
        return np.asarray(chips[:n_chips], np.complex128)


def raised_cosine(t: NDArray[np.float64], rolloff: float) -> NDArray[np.float64]:
    """Return the pulse behind its matched filter, at times in chips; 1 at its centre.

    What is left of a chip that is sampled ``t`` chips late (Proakis, Digital
    Communications, section 9.2).
    """
    edge = np.abs(np.abs(2 * rolloff * t) - 1) < 1e-6
    bend = np.where(edge, 1.0, 1 - (2 * rolloff * t) ** 2)
    shape = np.where(edge, np.pi / 4, np.cos(np.pi * rolloff * t) / bend)
    return np.asarray(np.sinc(t) * shape)


def _root_raised_cosine(t: NDArray[np.float64], rolloff: float) -> NDArray[np.float64]:
    """Sample the pulse at times in chips (Proakis, Digital Communications, section 9.2)."""
    singular = np.abs(np.abs(4 * rolloff * t) - 1) < 1e-9
    safe = np.where(singular | (t == 0), 0.1, t)
    numerator = np.sin(np.pi * safe * (1 - rolloff)) + 4 * rolloff * safe * np.cos(
        np.pi * safe * (1 + rolloff)
    )
    pulse = numerator / (np.pi * safe * (1 - (4 * rolloff * safe) ** 2))
    pulse[t == 0] = 1 + rolloff * (4 / np.pi - 1)
    angle = np.pi / (4 * rolloff)
    at_singular = (
        rolloff / np.sqrt(2) * ((1 + 2 / np.pi) * np.sin(angle) + (1 - 2 / np.pi) * np.cos(angle))
    )
    return np.asarray(np.where(singular, at_singular, pulse))
