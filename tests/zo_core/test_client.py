"""A cohort is its clients, measured together and moved together."""

import copy
import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from torch import nn

from zo_core.client import (
    ClientsDisagreeError,
    Cohort,
    LossNotFiniteError,
    Training,
    _check_finite,
)
from zo_core.data.batches import fixed_batch
from zo_core.directions.fingerprint import weight_checksum
from zo_core.directions.generator import DirectionKind, direction
from zo_core.probing.estimator import Probe, ProbeLosses
from zo_core.stepping.learning_rate import Decay, LearningRate
from zo_core.stepping.rules import RuleName, Update, UpdateRule

Example = tuple[float, float]


def losses(model: nn.Module, examples: list[Example]) -> torch.Tensor:
    dtype = next(model.parameters()).dtype
    inputs = torch.tensor([[example[0]] for example in examples], dtype=dtype)
    targets = torch.tensor([example[1] for example in examples])
    return (model(inputs).float().squeeze(1) - targets) ** 2


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))


def data(n_clients: int, n_examples: int = 12) -> list[list[Example]]:
    rng = np.random.default_rng(3)
    inputs = rng.standard_normal((n_clients, n_examples))
    return [
        [(float(value), math.sin(value) + client) for value in values]
        for client, values in enumerate(inputs)
    ]


ROUNDS = itertools.count()


def training(**changes: object) -> Training:
    how = {"learning_rate": LearningRate(0.01), "draw": fixed_batch(4), **changes}
    return Training(**how)


def run_round(cohort: Cohort[Example], seed: int) -> float:
    mean = float(np.mean([client.local_scalars([seed])[0] for client in cohort.clients]))
    index = next(ROUNDS)
    for client in cohort.clients:
        client.apply(index, [mean], [seed])
    return mean


@pytest.mark.parametrize("n_clients", [1, 2, 5])
@pytest.mark.parametrize("kind", list(DirectionKind))
def test_a_cohort_equals_separate_clients(n_clients: int, kind: DirectionKind) -> None:
    sets = data(n_clients)
    how = training(probe=Probe(2.0**-7, kind))
    together = Cohort(network(), losses, sets, how)
    for seed in range(20):
        scalars = [client.local_scalars([seed])[0] for client in together.clients]
        alone = []
        for index, examples in enumerate(sets):
            drawn = [examples[i] for i in fixed_batch(4)(len(examples), (0, index, seed))]
            single = Cohort(copy.deepcopy(together._model), losses, [drawn], how).clients[0]
            alone.append(single.local_scalars([seed])[0])
            assert single.loss == pytest.approx(together.clients[index].loss, rel=1e-5)
        # A loss is float32: 2^-24 of it, over twice the scale, bounds the scalar's rounding.
        bound = 8 * max(together.losses) * 2.0**-24 * 2.0**7
        assert scalars == pytest.approx(alone, abs=bound)
        run_round(together, seed)


def test_the_weights_move_once_a_round_by_the_scalar_times_the_direction() -> None:
    model = network()
    cohort = Cohort(model, losses, data(3), training(learning_rate=LearningRate(0.125)))
    before = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
    mean = run_round(cohort, 77)
    after = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
    step = -0.125 * mean * torch.from_numpy(direction(77, 0, before.numel()))
    assert torch.allclose(after - before, step, atol=1e-6)


def test_two_forward_passes_a_round_serve_all_clients() -> None:
    sizes = []

    def counted(model: nn.Module, examples: list[Example]) -> torch.Tensor:
        sizes.append(len(examples))
        return losses(model, examples)

    for n_clients in (1, 5, 20):
        sizes.clear()
        cohort = Cohort(network(), counted, data(n_clients), training(probe=Probe()))
        run_round(cohort, 1)
        assert sum(sizes) == 2 * 4 * n_clients
        assert len(sizes) == 2 * math.ceil(4 * n_clients / 64)


def test_a_round_without_a_broadcast_moves_nothing() -> None:
    model = network()
    cohort = Cohort(model, losses, data(2), training())
    before = weight_checksum(model)
    for seed in range(5):
        cohort.clients[0].local_scalars([seed])[0]
    assert weight_checksum(model) == before
    run_round(cohort, 9)
    assert weight_checksum(model) != before


def test_the_same_seed_is_measured_again_after_an_update() -> None:
    cohort = Cohort(network(), losses, data(2), training())
    first = cohort.clients[0].local_scalars([4])[0]
    assert cohort.clients[0].local_scalars([4])[0] == first
    run_round(cohort, 4)
    assert cohort.clients[0].local_scalars([4])[0] != first


def test_clients_that_share_weights_take_one_update_a_round() -> None:
    model = network()
    cohort = Cohort(model, losses, data(3), training())
    cohort.clients[0].apply(7, [0.5], [1])
    once = weight_checksum(model)
    for client in cohort.clients:
        client.apply(7, [0.5], [1])
    assert weight_checksum(model) == once
    for index, scalar, seed in [(7, 0.5, 2), (7, 0.25, 1), (6, 0.5, 1)]:
        with pytest.raises(ClientsDisagreeError, match="have already taken"):
            cohort.clients[1].apply(index, [scalar], [seed])
    cohort.clients[2].apply(8, [0.5], [1])
    assert weight_checksum(model) != once


def kept(seen: list[Update]) -> Callable[[Update, float | None], None]:
    return lambda update, _: seen.append(update)


def test_updates_are_reported_in_order() -> None:
    seen: list[Update] = []
    cohort = Cohort(network(), losses, data(2), training(), on_update=kept(seen))
    means = [run_round(cohort, seed) for seed in (5, 3, 5)]
    assert seen == [Update(seed, mean, 0.01) for seed, mean in zip((5, 3, 5), means, strict=True)]


def test_a_loss_that_is_not_finite_names_the_client() -> None:
    sets = data(3)
    sets[1][0] = (math.nan, 0.0)
    cohort = Cohort(network(), losses, sets, training(draw=fixed_batch(12)))
    with pytest.raises(LossNotFiniteError, match=r"client 1 has a probe loss of nan.*lower the"):
        cohort.clients[0].local_scalars([1])[0]


@pytest.mark.parametrize("plus", [math.inf, -math.inf])
def test_a_finite_loss_beside_one_that_is_not_stays_unsaid(plus: float) -> None:
    probed = ProbeLosses(np.array([plus]), np.array([3.71]))
    with pytest.raises(LossNotFiniteError) as failed:
        _check_finite(0, np.array([plus]), [probed], [1])
    assert "3.71" not in str(failed.value)
    assert f"a probe loss of {plus}" in str(failed.value)


def test_global_random_state_is_left_alone() -> None:
    cohort = Cohort(network(), losses, data(2), training())
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    for seed in range(3):
        run_round(cohort, seed)
    assert torch.equal(torch_state, torch.get_rng_state())
    assert np.array_equal(numpy_state[1], np.random.get_state()[1])  # noqa: NPY002


def test_wrong_use_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one client"):
        Cohort(network(), losses, [], training())
    with pytest.raises(ValueError, match="client 1 of 2 holds no example"):
        Cohort(network(), losses, [[(0.0, 0.0)], []], training())
    with pytest.raises(ValueError, match="learning_rate"):
        LearningRate(0.0)


def test_loss_is_unknown_before_the_first_probe() -> None:
    cohort = Cohort(network(), losses, data(2), training())
    assert math.isnan(cohort.clients[0].loss)
    cohort.clients[0].local_scalars([1])[0]
    assert math.isfinite(cohort.clients[1].loss)


def test_every_example_is_clipped_before_the_sum_is_divided() -> None:
    sets = data(1)
    sets[0][3] = (1.0, 300.0)  # one example that would drown all others
    limit, divisor = 0.5, 7
    seen: list[np.ndarray] = []

    def combine(scalars: np.ndarray) -> np.ndarray:
        seen.append(scalars)
        return np.clip(scalars, -limit, limit).sum(axis=1) / divisor

    how = training(draw=fixed_batch(12), combine=combine)
    scalar = Cohort(network(), losses, sets, how).clients[0].local_scalars([5])[0]
    assert seen[0].shape == (1, 12)
    assert np.abs(seen[0]).max() > 10 * limit
    assert scalar == np.clip(seen[0], -limit, limit).sum() / divisor
    assert abs(scalar) <= limit * 12 / divisor


def test_an_empty_batch_has_no_slope_and_no_loss() -> None:
    how = training(draw=lambda n_examples, name: [], combine=lambda scalars: scalars.sum(axis=1))
    cohort = Cohort(network(), losses, data(2), how)
    assert [client.local_scalars([1])[0] for client in cohort.clients] == [0.0, 0.0]
    assert math.isnan(cohort.clients[0].loss)


def test_a_group_is_probed_at_the_same_weights_and_moves_them_once() -> None:
    model = network()
    how = training(rule=UpdateRule(directions_per_step=3))
    cohort = Cohort(model, losses, data(2), how)
    before = weight_checksum(model)
    for seed, settled in [(1, False), (2, False), (3, True)]:
        assert weight_checksum(model) == before
        run_round(cohort, seed)
        assert cohort.at_step_boundary is settled
    assert weight_checksum(model) != before


def test_directions_of_a_round_are_probed_with_the_same_examples() -> None:
    cohort = Cohort(network(), losses, data(3), training(directions_per_round=3))
    together = [client.local_scalars([5, 6, 7]) for client in cohort.clients]
    for index, examples in enumerate(data(3)):
        drawn = [examples[i] for i in fixed_batch(4)(len(examples), (0, index, 5))]
        alone = Cohort(network(), losses, [drawn], training()).clients[0]
        # A loss is float32: 2^-24 of it, over twice the scale, bounds the scalar's rounding.
        bound = 8 * max(cohort.losses) * 2.0**-24 * 2.0**10
        scalars = [alone.local_scalars([seed])[0] for seed in (5, 6, 7)]
        assert together[index] == pytest.approx(scalars, abs=bound)
        assert len(cohort.clients[index].example_scalars) == 3 * 4


def test_a_round_of_several_directions_moves_the_weights_by_their_mean() -> None:
    seen: list[Update] = []
    model, rate = network(), LearningRate(0.125, 2)  # a warm-up of 2 rounds
    how = training(
        learning_rate=rate, rule=UpdateRule(directions_per_step=3), directions_per_round=3
    )
    cohort = Cohort(model, losses, data(2), how, on_update=lambda update, _: seen.append(update))
    for index in range(2):
        before = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
        seeds, means = [10 * index + k for k in range(3)], [0.5, -1.0, 2.0]
        for client in cohort.clients:
            client.apply(index, means, seeds)
        assert cohort.at_step_boundary
        after = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
        step = sum(
            mean * torch.from_numpy(direction(seed, 0, before.numel()))
            for mean, seed in zip(means, seeds, strict=True)
        )
        assert torch.allclose(after - before, -rate.at(index) * step / 3, atol=1e-6)
    assert [update.learning_rate for update in seen] == [rate.at(0)] * 3 + [rate.at(1)] * 3
    with pytest.raises(ClientsDisagreeError, match="same update of a round"):
        cohort.clients[0].apply(1, [0.5, -1.0, 2.5], [10, 11, 12])


LOCAL_RULES = [
    UpdateRule(2),
    UpdateRule(2, momentum=0.5, window=3, weight_decay=0.1),
    UpdateRule(2, name=RuleName.NORMALISED),
    UpdateRule(2, momentum=0.5, window=3, name=RuleName.ADAMEZO),
    UpdateRule(2, stochastic_rounding=True),
]


@pytest.mark.parametrize("rule", LOCAL_RULES, ids=lambda rule: str(rule.name))
@pytest.mark.parametrize("n_clients", [1, 4])
def test_clients_with_the_same_data_walk_as_one_does_alone(
    rule: UpdateRule, n_clients: int
) -> None:
    """Their local steps are those that all take afterwards, bit for bit."""
    own = data(1)[0]
    precision = torch.bfloat16 if rule.stochastic_rounding else torch.float32
    how = training(rule=rule, draw=fixed_batch(len(own)), directions_per_round=2)
    alone = Cohort(network().to(precision), losses, [own], how)
    several = training(rule=rule, draw=fixed_batch(len(own)), directions_per_round=6, local_steps=3)
    together = Cohort(network().to(precision), losses, [own] * n_clients, several)
    for index in range(4):
        seeds = [10 * index + k for k in range(6)]
        before = weight_checksum(together._model)
        found = [client.local_scalars(seeds) for client in together.clients]
        assert weight_checksum(together._model) == before
        for client in together.clients:
            client.apply(index, np.mean(found, axis=0).tolist(), seeds)
        walked: list[float] = []
        for step in range(3):
            here = seeds[2 * step : 2 * step + 2]
            walked += alone.clients[0].local_scalars(here)
            alone.clients[0].apply(3 * index + step, walked[-2:], here)
        assert found == [tuple(walked)] * n_clients
        assert weight_checksum(together._model) == weight_checksum(alone._model)
        assert len(together.clients[-1].example_scalars) == 6 * len(own)


def test_local_steps_are_each_clients_own_and_the_round_takes_their_mean() -> None:
    seen: list[Update] = []
    model, rate = network(), LearningRate(0.125, 2)  # a warm-up of 2 rounds
    how = training(learning_rate=rate, directions_per_round=3, local_steps=3)
    cohort = Cohort(model, losses, data(2), how, on_update=kept(seen))
    before = torch.cat([p.detach().flatten() for p in model.parameters()])
    seeds = [5, 6, 7]
    found = [client.local_scalars(seeds) for client in cohort.clients]
    for index, (examples, scalars) in enumerate(zip(data(2), found, strict=True)):
        walker, others = network(), training(learning_rate=LearningRate(0.0625))
        for seed, scalar in zip(seeds, scalars, strict=True):
            drawn = [examples[i] for i in fixed_batch(4)(len(examples), (0, index, seed))]
            single = Cohort(walker, losses, [drawn], others).clients[0]
            assert single.local_scalars([seed]) == (scalar,)
            single.apply(0, [scalar], [seed])
    means = np.mean(found, axis=0).tolist()
    for client in cohort.clients:
        client.apply(0, means, seeds)
    after = torch.cat([p.detach().flatten() for p in model.parameters()])
    step = sum(
        mean * torch.from_numpy(direction(seed, 0, before.numel()))
        for mean, seed in zip(means, seeds, strict=True)
    )
    assert torch.allclose(after - before, -0.0625 * step, atol=1e-6)
    assert [update.learning_rate for update in seen] == [rate.at(0)] * 3


def test_weights_are_put_back_where_a_local_probe_fails() -> None:
    calls = itertools.count()

    def failing(model: nn.Module, examples: list[Example]) -> torch.Tensor:
        return losses(model, examples) * (math.nan if next(calls) >= 4 else 1.0)

    model = network()
    cohort = Cohort(model, failing, data(1), training(directions_per_round=3, local_steps=3))
    before = weight_checksum(model)
    with pytest.raises(LossNotFiniteError, match=r"client 0 .* at seed 3"):
        cohort.clients[0].local_scalars([1, 2, 3])
    assert weight_checksum(model) == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"directions_per_round": 4}, "local_steps = 3 in a round of 4 directions"),
        ({"directions_per_round": 6}, "with 1 directions a step"),
        ({"directions_per_round": 3, "rule": UpdateRule(name=RuleName.HISO)}, "hiso rule"),
    ],
)
def test_local_steps_that_do_not_fit_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        training(local_steps=3, **changes)


def test_one_sided_probes_of_a_round_share_the_pass_at_the_weights() -> None:
    sizes: list[int] = []

    def counted(model: nn.Module, examples: list[Example]) -> torch.Tensor:
        sizes.append(len(examples))
        return losses(model, examples)

    scale, seeds = 2.0**-7, [1, 2, 3, 4]
    central = Cohort(network(), losses, data(2), training(probe=Probe(scale)))
    one_sided = Cohort(network(), counted, data(2), training(probe=Probe(scale, is_central=False)))
    both = [cohort.clients[1].local_scalars(seeds) for cohort in (central, one_sided)]
    assert sizes == [8] * (len(seeds) + 1)
    # The curvature along a direction of 25 elements of 1 is bounded here by some hundreds.
    difference = np.subtract(*both)
    assert 0 < np.abs(difference).max() < 300 * scale / 2
    finer = [
        Cohort(
            network(), losses, data(2), training(probe=Probe(scale / 4, is_central=is_central))
        ).clients[1].local_scalars(seeds)
        for is_central in (True, False)
    ]  # fmt: skip
    assert np.abs(np.subtract(*finer)).max() < np.abs(difference).max() / 2.5
    here = float(torch.mean(losses(network(), drawn_of(data(2)[1], 1, seeds[0]))).item())
    assert one_sided.clients[1].loss == pytest.approx(here, abs=0.2)


def drawn_of(examples: list[Example], client: int, seed: int) -> list[Example]:
    return [examples[i] for i in fixed_batch(4)(len(examples), (0, client, seed))]


def test_directions_of_a_pool_come_again() -> None:
    seen: list[Update] = []
    how = training(seed_pool=4)
    cohort = Cohort(network(), losses, data(1), how, on_update=kept(seen))
    for seed in range(1000, 1020):
        run_round(cohort, seed)
    assert {update.seed for update in seen} == {0, 1, 2, 3}
    assert len({update.scalar for update in seen}) == 20


def test_draws_are_named_by_seed_and_place_among_all_clients_of_the_run() -> None:
    names = []

    def draw(n_examples: int, name: Sequence[int]) -> Sequence[int]:
        names.append(tuple(name))
        return range(n_examples)

    how = training(draw=draw, data_seed=7, first_client=3)
    Cohort(network(), losses, data(2), how).scalars([11, 12])
    assert names == [(7, 3, 11), (7, 4, 11)]


@pytest.mark.parametrize("n_directions", [1, 2])
def test_the_learning_rate_follows_its_schedule_by_rounds(n_directions: int) -> None:
    seen: list[Update] = []
    rate = LearningRate(0.1, 3, Decay.LINEAR, n_updates=9)
    how = training(learning_rate=rate, directions_per_round=n_directions)
    (client,) = Cohort(network(), losses, data(1), how, kept(seen)).clients
    for index in range(10):
        seeds = range(index * n_directions, (index + 1) * n_directions)
        client.apply(index, client.local_scalars(seeds), seeds)
    rates = [update.learning_rate for update in seen]
    assert rates == [rate.at(index) for index in range(10) for _ in range(n_directions)]
    assert rate.at(2) == pytest.approx(0.1) == rate.at(3) and rate.at(9) == 0.0
