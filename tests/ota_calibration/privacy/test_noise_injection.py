import numpy as np
import pytest
from ota_calibration.privacy.noise_injection import (
    Allocation,
    ReceivedSum,
    inject_under_average_power,
    inject_under_peak_limit,
    minimum_power,
)

from sdr_ota.units import real_noise_variance


def random_case(seed: int) -> tuple[np.ndarray, np.ndarray, ReceivedSum]:
    rng = np.random.default_rng(seed)
    received_sum = ReceivedSum(
        n_clients=int(rng.integers(1, 12)),
        noise_power=float(10.0 ** rng.uniform(-6, 1)),
        n_chips=int(rng.integers(1, 300)),
    )
    reach = rng.uniform(0.05, 1.0, 30)
    levels = reach**2 / received_sum.symbol_noise_variance * rng.uniform(0, 1, 30) ** 4
    levels[:2] = 0.0, reach[1] ** 2 / received_sum.symbol_noise_variance
    return levels, reach, received_sum


def variance_of_sum(allocation: Allocation, received_sum: ReceivedSum) -> np.ndarray:
    receiver = real_noise_variance(received_sum.noise_power) / received_sum.n_chips
    with np.errstate(divide="ignore"):
        own = receiver / allocation.rx_amplitude**2
    return own + received_sum.n_clients * allocation.symbol_noise_std**2


@pytest.mark.parametrize("seed", range(20))
def test_all_three_reach_the_same_noise_of_the_sum(seed: int) -> None:
    levels, reach, received_sum = random_case(seed)
    with np.errstate(divide="ignore"):
        wanted = 1 / levels
    for allocation in (
        minimum_power(levels, received_sum),
        inject_under_average_power(levels, reach, received_sum),
        inject_under_peak_limit(levels, reach, received_sum, headroom=3.0),
    ):
        np.testing.assert_allclose(variance_of_sum(allocation, received_sum), wanted, rtol=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_injection_uses_the_whole_limit_and_minimum_power_the_least(seed: int) -> None:
    levels, reach, received_sum = random_case(seed)
    levels, reach = levels[levels > 0], reach[levels > 0]
    average = inject_under_average_power(levels, reach, received_sum)
    mean_square = average.rx_amplitude**2 * (1 + average.symbol_noise_std**2)
    np.testing.assert_allclose(mean_square, reach**2, rtol=1e-12)
    for headroom in (0.0, 2.0, 4.0):
        peak = inject_under_peak_limit(levels, reach, received_sum, headroom)
        amplitude = peak.rx_amplitude * (1 + headroom * peak.symbol_noise_std)
        np.testing.assert_allclose(amplitude, reach, rtol=1e-12)
    least = minimum_power(levels, received_sum)
    assert np.all(least.rx_amplitude <= average.rx_amplitude * (1 + 1e-12))
    assert np.all(least.rx_amplitude <= peak.rx_amplitude * (1 + 1e-12))


def test_the_average_power_solution_is_the_papers() -> None:
    levels, reach, received_sum = random_case(3)
    gamma, power = 100.0, 2.0
    gains = reach[5] / np.sqrt(power)
    rho, noise = (
        power * gains**2,
        real_noise_variance(received_sum.noise_power) / received_sum.n_chips,
    )
    u = gamma**2 / levels[5]
    sigma2 = (u - noise * gamma**2 / rho) / (received_sum.n_clients + noise / rho)
    c2 = rho / (gamma**2 + sigma2)
    allocation = inject_under_average_power(levels, reach, received_sum)
    assert allocation.symbol_noise_std[5] * gamma == pytest.approx(np.sqrt(sigma2))
    assert allocation.rx_amplitude[5] == pytest.approx(np.sqrt(c2) * gamma)


def test_silent_rounds_send_nothing_and_rounds_at_full_power_add_nothing() -> None:
    levels, reach, received_sum = random_case(1)
    for inject in (inject_under_average_power, inject_under_peak_limit):
        allocation = inject(levels, reach, received_sum)
        assert allocation.rx_amplitude[0] == 0
        assert np.isinf(allocation.symbol_noise_std[0])
        assert allocation.rx_amplitude[1] == pytest.approx(reach[1])
        assert allocation.symbol_noise_std[1] == pytest.approx(0, abs=1e-6)
    assert minimum_power(levels, received_sum).rx_amplitude[0] == 0


def test_a_round_without_reach_is_silent() -> None:
    received_sum = ReceivedSum(n_clients=2, noise_power=0.1)
    allocation = inject_under_peak_limit(np.array([0.0, 1.0]), np.array([0.0, 1.0]), received_sum)
    assert allocation.rx_amplitude[0] == 0
    assert allocation.rx_amplitude[1] > 0


def test_a_noiseless_link_takes_all_its_noise_from_the_clients() -> None:
    received_sum = ReceivedSum(n_clients=4, noise_power=0.0)
    levels, reach = np.array([0.25]), np.array([0.5])
    for inject in (inject_under_average_power, inject_under_peak_limit):
        assert inject(levels, reach, received_sum).symbol_noise_std[0] == pytest.approx(1.0)


def test_more_than_the_weakest_node_reaches_is_refused() -> None:
    received_sum = ReceivedSum(n_clients=2, noise_power=2.0)
    levels, reach = np.array([0.0, 0.9, 1.1]), np.ones(3)
    for inject in (inject_under_average_power, inject_under_peak_limit):
        with pytest.raises(ValueError, match=r"round 2 asks for peak SNR 1\.1, .* reaches 1;"):
            inject(levels, reach, received_sum)
