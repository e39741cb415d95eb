"""Known sequences: the chirp-pair preamble and the spreading chips."""

import math
from functools import lru_cache

import numpy as np

from sdr_ota.types import Chips, Samples

CHIRP_BANDWIDTH = 0.2
"""Bandwidth of the preamble's chirps in cycles per sample: a third of the pulse's band, so
that the search for them can run at a third of the rate."""


@lru_cache(maxsize=32)
def up_chirp(n_samples: int) -> Samples:
    r"""Return one linear up-chirp of unit amplitude.

    $u[n] = \exp(j \pi k (n - (N-1)/2)^2)$ with the chirp rate $k = B/N$ in
    cycles per sample squared sweeps the frequencies $-B/2 \dots B/2$. A carrier
    offset $\nu$ (cycles per sample) moves the peak of its matched filter by
    $-\nu/k$ samples instead of destroying it, which is what makes a chirp
    detectable at any offset (Klauder et al., Bell Syst. Tech. J. 39(4), 1960).

    Args:
        n_samples: Length $N$, at least 2.

    Returns:
        Read-only samples, shape ``(n_samples,)``.
    """
    n = np.arange(n_samples) - (n_samples - 1) / 2
    chirp: Samples = np.exp(1j * np.pi * chirp_rate(n_samples) * n**2).astype(np.complex64)
    chirp.flags.writeable = False
    return chirp


def chirp_rate(n_samples: int) -> float:
    """Return the chirp rate in cycles per sample squared."""
    return CHIRP_BANDWIDTH / n_samples


@lru_cache(maxsize=32)
def chirp_pair(n_chirp: int) -> Samples:
    """Return the preamble: an up-chirp followed by its conjugate, a down-chirp.

    A carrier offset moves the two matched-filter peaks in opposite directions,
    a delay moves both in the same one: together they give both.

    Args:
        n_chirp: Length of one chirp in samples.

    Returns:
        Read-only samples of unit amplitude, shape ``(2 * n_chirp,)``.
    """
    up = up_chirp(n_chirp)
    pair = np.concatenate([up, up.conj()])
    pair.flags.writeable = False
    return pair


@lru_cache(maxsize=32)
def spreading_chips(n_chips: int) -> Chips:
    r"""Return the public unit-modulus chips that carry a coherent symbol.

    $c[m] = \exp(j \pi u m^2 / M)$ for even $M$ and $\exp(j \pi u m (m+1) / M)$ for
    odd $M$: a sequence of Chu (IEEE Trans. Inf. Theory 18(4), 1972) of a root $u$ without
    a factor in common with $M$, whose cyclic autocorrelation is zero at every shift but zero. It
    spreads the symbol over the whole band, so a DC offset hardly reaches the decoded sum. The
    root is the smallest from M/8 on: every eighth of the chips sweeps the whole band, so that all
    parts of a payload see the same channel.

    Args:
        n_chips: Length $M$, at least 1.

    Returns:
        Read-only chips, shape ``(n_chips,)``.
    """
    m = np.arange(n_chips)
    root = next(u for u in range(max(n_chips // 8, 1), n_chips + 2) if math.gcd(u, n_chips) == 1)
    turns = (root * m * (m + n_chips % 2)) % (2 * n_chips)  # whole half turns of 1/M: exact
    chips: Chips = np.exp(1j * np.pi * turns / n_chips)
    chips.flags.writeable = False
    return chips


def tone_chips(n_chips: int, cycles_per_chip: float) -> Chips:
    """Return unit chips of one tone: a delay turns them but does not change them.

    Keep the tone inside the pulse's flat band, ``abs(cycles_per_chip) <= (1 - rolloff) / 2``:
    there sampling the matched filter a fraction of a chip late costs nothing.

    Args:
        n_chips: Length.
        cycles_per_chip: Frequency.
    """
    return np.asarray(np.exp(2j * np.pi * cycles_per_chip * np.arange(n_chips)))
