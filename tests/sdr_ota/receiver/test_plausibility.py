"""What a clean payload may look like by chance, however few chips it has.

Chips are made here: symbols of 1 on the scheme's own chips, and Gaussian noise of known power.
"""

import numpy as np
import pytest
from scipy import stats

from sdr_ota.erasure import Erasure
from sdr_ota.receiver.evidence import CHANCE
from sdr_ota.receiver.plausibility import check_sums_in_range
from sdr_ota.schemes import LinkQuality, load_scheme

N_NODES, N_TRIALS = 5, 1_000


def n_erased(n_chips: int, noise: float, payload_noise: float) -> int:
    """Return how many of `N_TRIALS` coherent sums are erased.

    Args:
        n_chips: Of the payload.
        noise: Power of a chip in the idle slot, at the sounding, too.
        payload_noise: Power of a chip in the payload.
    """
    rng, scheme = (
        np.random.default_rng([n_chips, round(100 * payload_noise)]),
        load_scheme("coherent"),
    )
    sent = scheme.encode(1.0, 0, N_NODES, n_chips, rng)
    link = LinkQuality(n_chips=n_chips, rx_amplitude=1.0, noise_power=noise)
    parts = rng.normal(size=(N_TRIALS, n_chips, 2)) * np.sqrt(payload_noise / 2)
    erased = 0
    for chips in sent + parts @ [1, 1j]:
        read = (scheme.decode(chips, N_NODES, 1.0),)
        try:
            check_sums_in_range(read, scheme, [link], N_NODES, noise)
        except Erasure:
            erased += 1
    return erased


@pytest.mark.parametrize("n_chips", [2, 4, 8])
@pytest.mark.parametrize("snr_db", [-5, 15])
def test_few_chips_are_not_interference(n_chips: int, snr_db: float) -> None:
    noise = 10 ** (-snr_db / 10)
    most = stats.poisson.isf(1e-4, CHANCE * N_TRIALS)
    assert n_erased(n_chips, noise, noise) <= most


@pytest.mark.parametrize("n_chips", [2, 4, 8])
def test_a_pulse_on_few_chips_is_interference(n_chips: int) -> None:
    """40 dB over the noise: the spread is below the limit no oftener than a chi-square allows."""
    times, freedom = 1e4, n_chips - 1
    limit = max(2.0**2, stats.chi2.isf(CHANCE, freedom) / freedom)
    ripple = 1 + N_NODES * 0.05**2 / (1e-3 / 2)  # counted as noise of a real chip
    missed = stats.chi2.cdf(limit * ripple * freedom / times, freedom)
    assert N_TRIALS - n_erased(n_chips, 1e-3, 1e-3 * times) <= stats.poisson.isf(
        1e-4, missed * N_TRIALS
    )
