r"""Bytes as words of orthogonal chips, which are read without knowing the carrier's phase.

Four bits choose one of 16 words. The receiver correlates with all of them and takes the largest
magnitude: no pilot, no tracking of phase, and a carrier that turns a little inside a word costs
little. For words of $L$ chips at a chip SNR $\gamma$ it is wrong with the probability of
orthogonal signals of unknown phase (Proakis, Digital Communications, section 5.4),

$$P = \sum_{n=1}^{15} \binom{15}{n} \frac{(-1)^{n+1}}{n+1} e^{-\frac{n}{n+1} L \gamma}.$$
"""

from math import comb, exp

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import hadamard

N_WORDS = 16
"""Of four bits."""

WORDS_PER_BYTE = 2


def word_chips(n_chips: int) -> NDArray[np.float64]:
    """Return the words: rows of a Hadamard matrix of order 16, each value repeated.

    Args:
        n_chips: Chips of a word, a multiple of 16.

    Returns:
        Values 1 and -1, shape ``(16, n_chips)``; different rows have the product 0.
    """
    return np.asarray(np.repeat(hadamard(N_WORDS), n_chips // N_WORDS, axis=1), np.float64)


def words_of(data: bytes) -> NDArray[np.uint8]:
    """Return the words of some bytes, each byte's upper four bits first, shape ``(2 n_bytes,)``."""
    values = np.frombuffer(data, np.uint8)
    return np.stack([values >> 4, values & 15], axis=1).ravel()


def bytes_of(words: NDArray[np.integer]) -> bytes:
    """Return the bytes of some words, an even number of values from 0 to 15."""
    upper, lower = words.reshape(-1, WORDS_PER_BYTE).astype(np.uint8).T
    return bytes((upper << 4 | lower).astype(np.uint8))


def word_error_rate(word_snr: float) -> float:
    """Return how often noise makes a word another one, by the formula above.

    Args:
        word_snr: Energy of a word over the total noise power of a complex chip, L times the chip
            SNR, linear.

    >>> round(word_error_rate(0.0), 4)
    0.9375
    """
    others = N_WORDS - 1
    terms = (comb(others, n) / (n + 1) * exp(-n / (n + 1) * word_snr) for n in range(1, N_WORDS))
    return sum(term if n % 2 else -term for n, term in enumerate(terms, 1))
