import math
from typing import get_args

import numpy as np
import pytest

from sdr_ota.air.impairments import (
    DelayProfile,
    ProfileName,
    apply_multipath,
    delay_profile,
    draw_scatter,
    path_gains,
)
from sdr_ota.air.impairments.multipath import _TABLES

NAMES = get_args(ProfileName)
FADING = [name for name in NAMES if name != "flat"]


@pytest.mark.parametrize(
    ("name", "n_paths", "longest", "spread", "digit"),
    [
        ("EPA", 7, 410.0, 43.0, 0.5),
        ("EVA", 9, 2510.0, 357.0, 0.5),
        ("TDL-A", 23, 9.6586, 1.0, 1e-4),
        ("TDL-B", 23, 4.7834, 1.0, 1e-4),
        ("TDL-C", 24, 8.6523, 1.0, 1e-4),
    ],
)
def test_table_has_the_delay_spread_of_the_standard(
    name: str, n_paths: int, longest: float, spread: float, digit: float
) -> None:
    # TDL delays are normalised to a spread of 1, which a wrong entry would break.
    delays, powers_db = np.array(_TABLES[name]).T
    powers = 10 ** (powers_db / 10)
    profile = DelayProfile(delays, powers / powers.sum())
    assert delays.size == n_paths
    assert delays.max() == longest
    assert delays[0] == 0.0
    assert profile.delay_spread_s == pytest.approx(spread, abs=digit)


@pytest.mark.parametrize("name", FADING)
@pytest.mark.parametrize("spread_s", [0.0, 20e-9, 363e-9])
def test_profile_is_scaled_to_the_delay_spread(name: ProfileName, spread_s: float) -> None:
    profile = delay_profile(name, spread_s)
    assert profile.powers.sum() == pytest.approx(1.0, rel=1e-12)
    assert profile.delay_spread_s == pytest.approx(spread_s, rel=1e-9, abs=1e-20)


def test_profiles_of_the_standard_keep_its_nanoseconds() -> None:
    np.testing.assert_allclose(
        delay_profile("EPA").delays_s * 1e9, [0, 30, 70, 90, 110, 190, 410], rtol=1e-12
    )
    assert delay_profile("EVA").delay_spread_s == pytest.approx(357e-9, abs=0.5e-9)
    assert delay_profile("flat", 50e-9).delays_s.tolist() == [0.0]


def test_bad_profiles_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'ITU' is unknown.*TDL-C"):
        delay_profile("ITU")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="give delay_spread_s"):
        delay_profile("TDL-A")
    with pytest.raises(ValueError, match="must not be negative"):
        delay_profile("EPA", -1e-9)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rician_k_db", [-math.inf, 0.0, 7.0])
def test_paths_have_unit_mean_power_in_sum(name: ProfileName, rician_k_db: float) -> None:
    # At any frequency the response is a sum of independent gains of unit power.
    rng, n = np.random.default_rng(1), 4000
    profile = delay_profile(name, 100e-9)
    turns = np.exp(-2j * np.pi * 300e3 * profile.delays_s)
    responses = np.array(
        [path_gains(profile, draw_scatter(turns.size, rng), rician_k_db) @ turns for _ in range(n)]
    )
    k = 10 ** (rician_k_db / 10)
    spread = math.sqrt(1 + 2 * k) / (1 + k)
    assert np.mean(np.abs(responses) ** 2) == pytest.approx(1.0, abs=4 * spread / math.sqrt(n))
    assert abs(np.mean(responses) - math.sqrt(k / (1 + k))) < 4 / math.sqrt((1 + k) * n)


@pytest.mark.parametrize("name", FADING)
@pytest.mark.parametrize("rate_hz", [1e6, 20e6])
@pytest.mark.parametrize("cycles", [-0.3, 0.1])
def test_tone_meets_the_frequency_response(
    name: ProfileName, rate_hz: float, cycles: float
) -> None:
    profile = delay_profile(name, 150e-9)
    gains = path_gains(profile, draw_scatter(profile.powers.size, np.random.default_rng(2)))
    n = 400
    sent = np.exp(2j * np.pi * cycles * np.arange(n)).astype(np.complex64)
    placed = apply_multipath(sent, profile, gains, rate_hz)
    ticks = placed.first_tick + np.arange(placed.samples.size)
    response = gains @ np.exp(-2j * np.pi * cycles * rate_hz * profile.delays_s)
    settled = (ticks > 16 + profile.delays_s.max() * rate_hz) & (ticks < n - 17)
    expected = response * np.exp(2j * np.pi * cycles * ticks)
    np.testing.assert_allclose(
        placed.samples[settled], expected[settled], atol=1e-4 * np.abs(gains).sum()
    )
