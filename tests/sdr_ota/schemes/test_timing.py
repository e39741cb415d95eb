"""What arriving late costs, against the formulas, through real pulses and matched filters."""

import numpy as np
import pytest

from sdr_ota.air.impairments import fractional_delay
from sdr_ota.schemes import GainErrors, LinkQuality, load_scheme
from sdr_ota.signal.waveform import Pulse, raised_cosine
from sdr_ota.types import Chips

PULSE = Pulse()
N_CHIPS, N_TRIALS = 256, 500


def received(chips: Chips, late_chips: float) -> Chips:
    """Return chips that went through pulse, delay and matched filter."""
    placed = fractional_delay(PULSE.shape(chips), late_chips * PULSE.samples_per_chip)
    room = 40
    samples = np.zeros(PULSE.n_samples(len(chips)) + 2 * room, np.complex64)
    first = room + placed.first_tick
    samples[first : first + len(placed.samples)] = placed.samples
    return PULSE.match(samples[room:-room], len(chips))


def test_raised_cosine_meets_nyquist_and_its_own_singular_point() -> None:
    t = np.arange(-5.0, 6.0)
    np.testing.assert_allclose(raised_cosine(t, 0.35), t == 0, atol=1e-12)
    near = raised_cosine(np.array([1 / 0.7 - 1e-4, 1 / 0.7, 1 / 0.7 + 1e-4]), 0.35)
    assert near[1] == pytest.approx((near[0] + near[2]) / 2, abs=1e-6)


@pytest.mark.parametrize("name", ["coherent", "energy-difference"])
@pytest.mark.parametrize("timing_std", [0.1, 0.3, 0.6])
def test_mean_and_variance_under_a_timing_error(name: str, timing_std: float) -> None:
    scheme, rng = load_scheme(name), np.random.default_rng(round(10 * timing_std))
    symbols = np.array([0.9, -0.4, 0.7])
    link = LinkQuality(
        N_CHIPS,
        1.0,
        1e-12,
        GainErrors(timing_variance_chips2=(0.0, timing_std**2 / 2, timing_std**2)),
        rolloff=PULSE.rolloff,
    )
    sums = []
    for _ in range(N_TRIALS):
        late = timing_std * np.sqrt([0.0, 0.5, 1.0]) * rng.standard_normal(len(symbols))
        parts = [
            received(scheme.encode(float(s), k, len(symbols), N_CHIPS, rng), t)
            for k, (s, t) in enumerate(zip(symbols, late, strict=True))
        ]
        sums.append(scheme.decode(np.sum(parts, axis=0), len(symbols), 1.0).value)
    variance = scheme.theory_variance(symbols, link)
    mean = scheme.theory_mean(symbols, link)
    # Edges of the payload and the pulse's finite length: a percent of the sum.
    assert abs(np.mean(sums) - mean) < 4 * np.sqrt(variance / N_TRIALS) + 0.01
    kurtosis = np.mean((sums - np.mean(sums)) ** 4) / np.var(sums) ** 2
    tolerance = 4 * np.sqrt((kurtosis - 1) / N_TRIALS) + 0.05
    assert np.var(sums) / variance == pytest.approx(1.0, abs=tolerance)


@pytest.mark.parametrize("name", ["coherent", "energy-difference"])
def test_what_a_known_arrival_leaves_of_a_symbol(name: str) -> None:
    scheme, rng, late = load_scheme(name), np.random.default_rng(5), (0.0, 0.3, -0.6)
    gains = GainErrors(timing_chips=late)
    moments = scheme.gain_moments(3, LinkQuality(N_CHIPS, 1.0, 1e-12, gains, rolloff=PULSE.rolloff))
    for node, late_chips in enumerate(late):
        sent = [scheme.encode(1.0, node, 3, N_CHIPS, rng) for _ in range(20)]
        left = [scheme.decode(received(chips, late_chips), 3, 1.0).value for chips in sent]
        # Edges of the payload and the pulse's finite length: a percent of the sum.
        chance = 4 * np.std(left) / np.sqrt(len(sent))
        assert np.mean(left) == pytest.approx(moments.mean[node], abs=0.01 + chance)
    np.testing.assert_allclose(moments.covariance, 0, atol=1e-12)


@pytest.mark.parametrize("timing_std", [0.05, 0.1, 0.3])
def test_moments_of_late_energies_are_those_of_drawn_ones(timing_std: float) -> None:
    gains, n_draws = GainErrors(timing_chips=0.1, timing_variance_chips2=timing_std**2), 200_000
    link = LinkQuality(N_CHIPS, 1.0, 1e-12, gains, rolloff=PULSE.rolloff)
    late = 0.1 + timing_std * np.random.default_rng(6).standard_normal(n_draws)
    kept = 1 - PULSE.rolloff / 4 * (1 - np.cos(2 * np.pi * late))
    moments = load_scheme("energy-difference").gain_moments(1, link)
    chance = 5 / np.sqrt(n_draws)
    assert moments.mean[0] == pytest.approx(kept.mean(), abs=chance * kept.std())
    fourth = np.mean((kept - kept.mean()) ** 4)
    spread = chance * np.sqrt(fourth - kept.var() ** 2)
    assert moments.covariance[0, 0] == pytest.approx(kept.var(), abs=spread)


@pytest.mark.parametrize("late_chips", [0.25, 0.5])
def test_tones_and_slots_do_not_care_for_half_a_chip(late_chips: float) -> None:
    rng = np.random.default_rng(3)
    for name, symbol in (("tdma", 0.6), ("fsk-vote", 1.0)):
        scheme = load_scheme(name)
        chips = received(scheme.encode(symbol, 0, 1, N_CHIPS, rng), late_chips)
        assert scheme.decode(chips, 1, 1.0).value == pytest.approx(symbol, rel=0.07)
