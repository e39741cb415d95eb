"""Functions beyond the mean: exact without noise, and their stated error true with it."""

import numpy as np
import pytest
from scipy import stats

import sdr_ota
from sdr_ota.door.functions import AirFunction, GeometricMean, Histogram, Maximum, compute

NUMBERS = np.array([0.5, 4.0, 1.3, 2.2, 0.9])
EDGES = (0.0, 1.0, 2.0, 3.0, 5.0)
TRIALS = 200_000

FUNCTIONS = [GeometricMean(0.1, 10.0), Maximum(5.0, order=8.0), Histogram(EDGES)]


def noiseless(function: AirFunction, numbers: np.ndarray) -> np.ndarray:
    mean = np.atleast_1d(function.prepare(numbers).mean(axis=0))
    return function.finish(mean, np.zeros_like(mean), len(numbers))[0]


def test_without_noise_they_are_what_they_are_called() -> None:
    assert noiseless(FUNCTIONS[0], NUMBERS) == pytest.approx(stats.gmean(NUMBERS))
    assert noiseless(FUNCTIONS[2], NUMBERS) == pytest.approx(np.histogram(NUMBERS, EDGES)[0])


@pytest.mark.parametrize("order", [1.0, 4.0, 16.0])
def test_the_maximum_lies_within_the_stated_factor(order: float) -> None:
    rng = np.random.default_rng(1)
    function = Maximum(1.0, order)
    for n_nodes in (1, 2, 7, 40):
        for numbers in (rng.uniform(0.4, 1.0, (50, n_nodes)), np.full((1, n_nodes), 0.7)):
            for one in numbers:
                off = noiseless(function, one)[0] / one.max()
                assert 1 / function.slack(n_nodes) <= off * (1 + 1e-7)
                assert off <= function.slack(n_nodes) * (1 + 1e-7)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: type(f).__name__)
def test_the_stated_error_is_that_of_a_noisy_mean(function: AirFunction) -> None:
    std = 0.003
    exact = np.atleast_1d(function.prepare(NUMBERS).mean(axis=0))
    noise = std * np.random.default_rng(2).standard_normal((TRIALS, len(exact)))
    found = function.finish(exact + noise, np.full_like(exact, std), len(NUMBERS))[0]
    _, stated = function.finish(exact, np.full_like(exact, std), len(NUMBERS))
    # A deviation of n Gaussian errors is known to 1 / sqrt(2 n); 5 of these, and the slope's bend.
    np.testing.assert_allclose(found.std(axis=0), stated, rtol=5 / np.sqrt(2 * TRIALS) + 5e-3)


def test_a_geometric_mean_is_unbiased_with_much_noise() -> None:
    function, std = GeometricMean(0.01, 100.0), 0.3
    exact = np.atleast_1d(function.prepare(NUMBERS).mean())
    noise = std * np.random.default_rng(3).standard_normal(TRIALS)
    found, stated = function.finish(exact + noise, np.array(std), len(NUMBERS))
    error = found.std() / np.sqrt(TRIALS)
    assert found.mean() == pytest.approx(stats.gmean(NUMBERS), abs=5 * error)
    # Of a log-normal number the relative deviation holds for the value as it is expected.
    expected = stats.gmean(NUMBERS) * np.sqrt(np.expm1((np.log(1e4) / 2 * std) ** 2))
    assert stated.mean() == pytest.approx(expected, rel=0.05)


def test_a_count_is_wrong_as_often_as_stated() -> None:
    n_nodes, std = 20, 0.04
    function = Histogram((0.0, 1.0, 2.0))
    numbers = np.repeat([0.5, 1.5], [13, 7])
    exact = function.prepare(numbers).mean(axis=0)
    noise = std * np.random.default_rng(4).standard_normal((TRIALS, 2))
    counts, _ = function.finish(exact + noise, np.full(2, std), n_nodes)
    wrong = np.mean(np.rint(counts[:, 0]) != 13)
    stated = 2 * stats.norm.sf(1 / (n_nodes * std))
    assert wrong == pytest.approx(stated, abs=5 * np.sqrt(stated / TRIALS))


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: type(f).__name__)
def test_they_work_over_the_air(function: AirFunction) -> None:
    n_symbols = len(EDGES) - 1 if isinstance(function, Histogram) else 1
    settings = {"frame.symbols": n_symbols, "clients.count": len(NUMBERS)}
    with sdr_ota.open_bench(set=settings) as bench:
        found = compute(bench, function, NUMBERS)
    assert found.value is not None
    assert found.std is not None
    assert np.all(np.abs(found.value - noiseless(function, NUMBERS)) < 5 * found.std)
    assert np.all(found.std < 0.05 * max(noiseless(function, NUMBERS)))


def test_wrong_numbers_are_refused_before_anything_is_sent() -> None:
    with pytest.raises(ValueError, match=r"node 1 has -1; allowed: 0\.1 to 10"):
        FUNCTIONS[0].prepare(np.array([1.0, -1.0]))
    with pytest.raises(ValueError, match="node 0 has nan"):
        FUNCTIONS[1].prepare(np.array([np.nan, 1.0]))
    with pytest.raises(ValueError, match="node 0 has 5; allowed: 0 to below 5"):
        FUNCTIONS[2].prepare(np.array([5.0]))
    with pytest.raises(ValueError, match="lowest"):
        GeometricMean(0.0, 1.0)
    with pytest.raises(ValueError, match="ascending"):
        Histogram((1.0, 1.0))
    with sdr_ota.open_bench() as bench, pytest.raises(ValueError, match="a row a node"):
        compute(bench, FUNCTIONS[0], 1.0)
    votes = {"link.payload": "sign", "link.scheme": "fsk-vote"}
    with sdr_ota.open_bench(set=votes) as bench, pytest.raises(ValueError, match="votes"):
        compute(bench, FUNCTIONS[1], np.ones(bench.n_nodes))


class Unprepared:
    """A function of a user's own that forgets to scale."""

    def prepare(self, numbers: np.ndarray) -> np.ndarray:
        return 10 * numbers

    def finish(
        self, mean: np.ndarray, std: np.ndarray, n_nodes: int
    ) -> tuple[np.ndarray, np.ndarray]:
        return mean, std


def test_what_the_bench_would_clip_is_refused() -> None:
    with sdr_ota.open_bench() as bench:
        with pytest.raises(ValueError, match=r"Unprepared\.prepare .* 10 to 10; allowed: -1 to 1"):
            compute(bench, Unprepared(), np.ones(bench.n_nodes))
        assert compute(bench, Unprepared(), np.full(bench.n_nodes, 0.1)).value is not None
