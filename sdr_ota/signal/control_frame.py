"""The server's control frame on the air: a chirp pair, the length, then bytes as orthogonal words.

    | preamble: up-chirp, down-chirp | length, sent 4 times | byte 0 | byte 1 | ... |
      as in the joint frame, longer    2 words each time      2 words each

One sender, so phases need not agree with anybody's: words are read by their magnitude. The chips
carry the quarter turns of the bench, to which another bench's receiver correlates as to noise. The
chirps are longer than those of a sounding: a receiver that looks for the one does not find the
other. What the bytes mean, and how errors among them are mended, is not known here.
"""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from sdr_ota.signal.node_pilots import control_scramble
from sdr_ota.signal.orthogonal_words import WORDS_PER_BYTE, word_chips, words_of
from sdr_ota.signal.sequences import chirp_pair
from sdr_ota.signal.waveform import Pulse
from sdr_ota.types import Chips, Samples

MAX_BYTES = 255
"""In a frame: its length is a byte."""

LENGTH_REPEATS = 4
"""Times that the length is sent; their magnitudes are added, so it is surer than any byte."""

N_LENGTH_WORDS = LENGTH_REPEATS * WORDS_PER_BYTE


@dataclass(frozen=True)
class ControlFormat:
    """Lengths of the parts of a control frame.

    Attributes:
        n_chirp: Samples of one of the preamble's two chirps.
        n_word_chips: Chips of a word, a multiple of 16: the spreading.
        known_amplitude: Amplitude of the preamble, full scale 1.0; its power is then that of the
            words, so that both need the same receive gain.
        pulse: How chips become samples.
        bench: Number of the bench, 0 to 2^32 - 1.
    """

    n_chirp: int = 1024
    n_word_chips: int = 48
    known_amplitude: float = 0.62
    pulse: Pulse = field(default_factory=Pulse)
    bench: int = 0

    @property
    def n_preamble(self) -> int:
        """Samples of the preamble."""
        return 2 * self.n_chirp

    @property
    def n_length_chips(self) -> int:
        """Chips of the length."""
        return N_LENGTH_WORDS * self.n_word_chips

    def n_chips(self, n_bytes: int) -> int:
        """Return the chips of a frame of ``n_bytes`` bytes, the length included."""
        return self.n_length_chips + n_bytes * WORDS_PER_BYTE * self.n_word_chips

    def n_samples(self, n_bytes: int) -> int:
        """Return the samples of a frame of ``n_bytes`` bytes."""
        return self.n_preamble + self.pulse.n_samples(self.n_chips(n_bytes))

    def chip_place(self, chip: int) -> int:
        """Return the sample of the frame at which a chip's centre lies."""
        return self.n_preamble + self.pulse.half_samples + chip * self.pulse.samples_per_chip

    def preamble(self) -> Samples:
        """Return the known preamble."""
        return np.asarray(self.known_amplitude * chirp_pair(self.n_chirp), np.complex64)

    def scramble(self, n_chips: int) -> Chips:
        """Return the phases that the bench puts on the first chips, shape ``(n_chips,)``."""
        return _scramble(self.n_chips(MAX_BYTES), self.bench)[:n_chips]

    def burst(self, data: bytes) -> Samples:
        """Return a frame's samples, none of a modulus above 1.

        Args:
            data: 1 to 255 bytes.

        Raises:
            ValueError: If they are none, or too many for one frame.
        """
        if not 1 <= len(data) <= MAX_BYTES:
            raise ValueError(f"{len(data)} bytes in a control frame: it holds 1 to {MAX_BYTES}")
        words = words_of(bytes([len(data)]) * LENGTH_REPEATS + data)
        chips = word_chips(self.n_word_chips)[words].ravel() * self.scramble(
            self.n_chips(len(data))
        )
        return np.concatenate([self.preamble(), self.pulse.shape(chips)])


@lru_cache(maxsize=8)
def _scramble(n_chips: int, bench: int) -> Chips:
    chips = control_scramble(n_chips, bench)
    chips.flags.writeable = False
    return chips
