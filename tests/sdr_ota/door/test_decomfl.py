"""The aggregation function for DeComFL: shapes as they came in, means as the air gives them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import sdr_ota
from sdr_ota.door.decomfl import over_the_air

N_CLIENTS, N_UPDATES, N_PERTURBATIONS = 4, 2, 3


@pytest.fixture(params=[1, 2, N_UPDATES * N_PERTURBATIONS])
def bench(request: pytest.FixtureRequest) -> sdr_ota.MeanBench:
    settings = {"clients.count": N_CLIENTS, "frame.symbols": request.param}
    opened = sdr_ota.open_bench(set=settings)
    yield opened
    opened.close()


def scalars(shape: tuple[int, ...] = (N_PERTURBATIONS,)) -> list[list[torch.Tensor]]:
    """What DeComFL's server hands to its aggregation function."""
    rng = np.random.default_rng(1)
    return [
        [torch.tensor(rng.uniform(-2, 2, shape), dtype=torch.float32) for _ in range(N_UPDATES)]
        for _ in range(N_CLIENTS)
    ]


class Watched:
    """A bench that keeps what each round brought, and loses one of them."""

    def __init__(self, bench: sdr_ota.MeanBench, lost: int = -1) -> None:
        self.n_nodes, self.n_symbols = bench.n_nodes, bench.n_symbols
        self.means, self._bench, self._lost = [], bench, lost

    def mean(self, numbers: np.ndarray) -> sdr_ota.Mean:
        got = self._bench.mean(numbers)
        self.means.append(got)
        if got.round == self._lost:
            return replace(got, value=None, erasure="not-found", detail="no frame")
        return got

    def of_numbers(self, name: str) -> list[float]:
        """Return a column of all numbers, what fills the last frame up included."""
        return np.concatenate([np.atleast_1d(getattr(got, name)) for got in self.means]).tolist()


@pytest.mark.parametrize("shape", [(N_PERTURBATIONS,), ()])
def test_every_number_is_the_mean_of_the_clients(
    bench: sdr_ota.MeanBench, shape: tuple[int, ...]
) -> None:
    watched, given = Watched(bench), scalars(shape)
    got = over_the_air(watched)(given)
    assert [(one.shape, one.dtype) for one in got] == [(torch.Size(shape), torch.float32)] * 2
    true = [torch.stack(update).mean(0) for update in zip(*given, strict=True)]
    wrong = (torch.stack(got) - torch.stack(true)).flatten().tolist()
    assert len(watched.means) == -(-len(wrong) // bench.n_symbols)
    # One of six errors beyond five deviations: below 1e-5.
    expected = watched.of_numbers("theory_std")[: len(wrong)]
    assert all(abs(e) < 5 * std + 1e-6 for e, std in zip(wrong, expected, strict=True))


def test_an_erased_frame_is_zeros_and_the_others_are_what_they_were(
    bench: sdr_ota.MeanBench,
) -> None:
    lost = 0 if bench.n_symbols == N_UPDATES * N_PERTURBATIONS else 1
    watched = Watched(bench, lost=lost)
    found = torch.cat(over_the_air(watched)(scalars())).tolist()
    place = slice(lost * bench.n_symbols, (lost + 1) * bench.n_symbols)
    assert found[place] == [0.0] * bench.n_symbols
    expected = watched.of_numbers("value")
    del found[place], expected[place]
    assert found == pytest.approx(expected)


def test_other_numbers_of_clients_and_updates_are_refused(bench: sdr_ota.MeanBench) -> None:
    with pytest.raises(ValueError, match="sampled 3 clients and the bench has 4 nodes"):
        over_the_air(bench)(scalars()[:3])
    uneven = scalars()
    uneven[1].pop()
    with pytest.raises(ValueError, match="shorter"):
        over_the_air(bench)(uneven)
