import math

import numpy as np
import pytest
from ota_calibration.paths.power_control import (
    NoNodeFoundError,
    invert_channels,
)

from sdr_ota.types import ChannelEstimate


def estimate(gain: complex, gain_std: float = 1e-4) -> ChannelEstimate:
    return ChannelEstimate(
        gain=gain,
        gain_std=gain_std,
        delay_s=3e-6,
        delay_std_s=1e-8,
        cfo_hz=100.0,
        cfo_std_hz=1.0,
        noise_power=1e-6,
        measured_tick=0,
    )


def random_estimates(rng: np.random.Generator, n_nodes: int) -> list[ChannelEstimate]:
    gains = rng.standard_normal(n_nodes) + 1j * rng.standard_normal(n_nodes)
    return [estimate(complex(gain)) for gain in gains]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("truncation_db", [0.0, 6.0, 20.0, math.inf])
def test_active_nodes_align_and_no_node_passes_its_limit(seed: int, truncation_db: float) -> None:
    rng = np.random.default_rng(seed)
    n_nodes = int(rng.integers(1, 30))
    estimates = random_estimates(rng, n_nodes)
    limits = rng.uniform(0.1, 1.0, n_nodes)
    inversion = invert_channels(estimates, list(limits), truncation_db)
    gains = np.array([item.gain for item in estimates])
    received = gains * inversion.precoders
    np.testing.assert_allclose(received[inversion.active], inversion.rx_amplitude, rtol=1e-12)
    assert np.all(inversion.precoders[~inversion.active] == 0)
    assert np.all(np.abs(inversion.precoders) <= limits)
    # The weakest node kept sends at full power: nobody could be louder.
    assert np.max(np.abs(inversion.precoders) / limits) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_truncation_keeps_exactly_the_nodes_within_the_threshold_of_the_median(seed: int) -> None:
    rng = np.random.default_rng(seed)
    estimates = random_estimates(rng, 11)
    reach = np.array([abs(item.gain) for item in estimates]) * 0.5
    inversion = invert_channels(estimates, 0.5, truncation_db=3.0)
    np.testing.assert_array_equal(inversion.active, reach >= np.median(reach) * 10 ** (-3 / 20))


def test_no_shortfall_is_within_a_threshold_of_zero() -> None:
    alike = [estimate(0.5), estimate(0.5j), estimate(-0.5)]
    assert invert_channels(alike, 1.0, truncation_db=0.0).active.all()
    mixed = [estimate(0.4), estimate(0.5), estimate(0.6)]
    active = invert_channels(mixed, 1.0, truncation_db=0.0).active
    assert active.tolist() == [False, True, True]  # the median node is its own measure


def test_one_radio_next_to_the_receiver_truncates_nobody() -> None:
    estimates = [estimate(1000.0), estimate(1.0), estimate(0.9j), estimate(-1.1)]
    assert invert_channels(estimates, 1.0, truncation_db=10.0).active.all()


def test_truncated_nodes_are_reported_by_name_and_reason() -> None:
    estimates = [estimate(1.0), estimate(1.0j), estimate(0.01), estimate(0.2, gain_std=0.1)]
    inversion = invert_channels(estimates, 1.0, truncation_db=20.0)
    assert inversion.truncated(["a", "b", "far", "mute"]) == (
        "far reaches 40.0 dB less than the median node",
        "mute was not received",
    )
    np.testing.assert_array_equal(inversion.active, [True, True, False, False])


def test_a_ceiling_lowers_the_amplitude_of_all() -> None:
    estimates = [estimate(0.5), estimate(2.0j)]
    inversion = invert_channels(estimates, 1.0, math.inf, max_rx_amplitude=0.1)
    assert inversion.rx_amplitude == 0.1
    np.testing.assert_allclose(inversion.precoders, [0.2, -0.05j])


@pytest.mark.parametrize("gain", [0.0, complex(math.nan, 0.0), complex(math.inf, 0.0)])
def test_a_gain_that_is_no_gain_is_not_received(gain: complex) -> None:
    inversion = invert_channels([estimate(1.0), estimate(gain)], 1.0, math.inf)
    assert inversion.active.tolist() == [True, False]
    with pytest.raises(NoNodeFoundError, match="none of 1 nodes"):
        invert_channels([estimate(gain)], 1.0, math.inf)


@pytest.mark.parametrize(
    ("peak_amplitude", "truncation_db", "ceiling", "message"),
    [
        (0.0, 10.0, 1.0, "peak_amplitude"),
        ([0.5, -1.0], 10.0, 1.0, "peak_amplitude"),
        ([0.5], 10.0, 1.0, "1 values of peak_amplitude for 2 nodes"),
        (0.5, -1.0, 1.0, "truncation_db"),
        (0.5, math.nan, 1.0, "truncation_db"),
        (0.5, 10.0, 0.0, "max_rx_amplitude"),
    ],
)
def test_limits_out_of_range_are_refused(
    peak_amplitude: float | list[float], truncation_db: float, ceiling: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        invert_channels([estimate(1.0), estimate(1.0)], peak_amplitude, truncation_db, ceiling)
