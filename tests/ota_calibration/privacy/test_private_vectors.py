"""Several scalars of a node in one burst: clipped together, hidden each, paid for as one."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from ota_calibration.privacy.adjacency import clipped_mean
from ota_calibration.privacy.audit import told_apart
from ota_calibration.privacy.gaussian_accountant import gaussian_delta, gaussian_epsilon
from ota_calibration.privacy.ledger import create_ledger
from ota_calibration.privacy.noise import NoiseSource, SystemNoise
from ota_calibration.privacy.private_encoder import PrivateEncoder
from ota_calibration.privacy.private_rounds import ReceiverNoise
from ota_calibration.privacy.promise import Promise
from ota_calibration.privacy.trust import TrustModel
from scipy.stats import chi2, norm

from sdr_ota.radio.base import Radio
from sdr_ota.rounds.messages import Announcement, PayloadOrder, SoundingOrder
from sdr_ota.rounds.node import LocalNode, ScalarClient
from sdr_ota.rounds.sender import Signal
from sdr_ota.rounds.server import payload_orders
from sdr_ota.signal.modulation import AnalogPayload, SignPayload
from tests.ota_calibration.private import (
    CLIENT,
    RECORD,
    SeededNoise,
    plan,
    private_rounds,
    promise,
)
from zo_core.client import Cohort, LossNotFiniteError, Training, mean_slopes
from zo_core.data.batches import fixed_batch
from zo_core.probing.estimator import Probe
from zo_core.stepping.learning_rate import LearningRate

N_NODES = len(plan().precoders)


class NoNoise:
    """Adds nothing, so that what goes into the sum can be looked at."""

    def discrete_gaussian(self, std: int) -> int:
        return 0


class Kept:
    """A sender that keeps what it is given."""

    def __init__(self) -> None:
        self.symbols: list[tuple[float, ...]] = []

    def sound(self, radio: Radio, order: SoundingOrder) -> None: ...

    def send(self, radio: Radio, order: PayloadOrder, signal: Signal) -> None:
        self.symbols.append(signal.symbols)

    def confirm(self, radio: Radio, timeout_s: float) -> None: ...

    def silence(self, radio: Radio) -> None: ...


def losses(model: torch.nn.Module, examples: Sequence[tuple[float, float]]) -> torch.Tensor:
    """Return losses that are what an example says where the weight is above or below 0."""
    weight = float(next(model.parameters()).detach().flatten()[0])
    return torch.tensor([one[0] if weight > 0 else one[1] for one in examples])


def node_with(
    examples: Sequence[tuple[float, float]], promised: Promise, source: NoiseSource, sender: Kept
) -> LocalNode:
    """Return a node of this process with a model of one weight, as a run makes it."""

    def combine(scalars: np.ndarray) -> np.ndarray:
        return clipped_mean(scalars, promised.scalar_limit, promised.batch_divisor)

    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(model.weight)
    how = Training(LearningRate(0.1), fixed_batch(len(examples)), combine, probe=Probe(1.0))
    client: ScalarClient = Cohort(model, losses, [list(examples)], how).clients[0]
    encoder = PrivateEncoder(promised, AnalogPayload, 0.5, "node-0", N_NODES, None, source)
    return LocalNode(0, client, None, sender, encoder)  # type: ignore[arg-type]


def order_of(promised: Promise, folder: Path) -> PayloadOrder:
    return payload_orders(private_rounds(promised, folder).admit(0, plan()), 0)[0]


@pytest.mark.parametrize(
    "promised", [promise(TrustModel.LOCAL), promise(TrustModel.LOCAL, 10, RECORD)]
)
@pytest.mark.parametrize("n_symbols", [1, 2, 16])
def test_what_enters_the_sum_is_never_longer_than_the_clip(
    tmp_path: Path, promised: Promise, n_symbols: int
) -> None:
    """A batch of any losses: huge, infinite, NaN, of any sign."""
    rng = np.random.default_rng([n_symbols, promised.adjacency.unit == CLIENT.unit])
    order = order_of(promised, tmp_path)
    lengths = []
    for index in range(90):
        values = rng.standard_cauchy((int(rng.integers(1, 9)), 2)) * 10.0 ** rng.integers(-9, 30)
        wild = rng.random(values.shape) < rng.choice([0.0, 0.3])
        values[wild] = rng.choice([math.inf, -math.inf, math.nan, 3e38], wild.sum())
        node = node_with([tuple(one) for one in values], promised, NoNoise(), sender := Kept())
        node.announce(Announcement(index, tuple(range(index, index + n_symbols))))
        assert not node.ready().absent_reason
        node.send(msgspec.structs.replace(order, round=index))
        node.sent(1.0)
        (symbols,) = sender.symbols
        assert len(symbols) == n_symbols
        assert node.truth(index) is None
        lengths.append(float(np.linalg.norm(symbols)) * order.largest_scalar)
    assert max(lengths) <= promised.scalar_limit * (1 + 1e-12)
    assert max(lengths) >= 0.9 * promised.scalar_limit


def test_one_broken_example_stops_no_private_client_and_every_other_one() -> None:
    """That a run stops would tell of the example; a client without a promise says so."""
    broken = [(math.nan, 1.0), (2.0, 1.0)]
    node = node_with(broken, promise(TrustModel.LOCAL), NoNoise(), Kept())
    node.announce(Announcement(0, (1, 2)))
    assert not node.ready().absent_reason
    how = Training(LearningRate(0.1), fixed_batch(2), mean_slopes, probe=Probe(1.0))
    client = Cohort(torch.nn.Linear(1, 1, bias=False), losses, [broken], how).clients[0]
    with pytest.raises(LossNotFiniteError, match="client 0 has a probe loss of nan"):
        client.local_scalars([1, 2])


@pytest.mark.parametrize("n_symbols", [2, 16])
def test_every_symbol_has_the_noise_that_was_ordered_and_its_own(
    tmp_path: Path, n_symbols: int
) -> None:
    n_bursts = 1500
    promised = promise(TrustModel.LOCAL, 10)
    order = order_of(promised, tmp_path)
    # Nothing is clipped after the noise.
    roomy = msgspec.structs.replace(order, largest_scalar=20 * order.noise_std)
    node = PrivateEncoder(promised, AnalogPayload, 0.5, "n", N_NODES, None, SystemNoise())
    sent = np.array([node.symbols(roomy, [0.0] * n_symbols) for _ in range(n_bursts)])
    noise = sent * roomy.largest_scalar / order.noise_std
    # Each bound is passed by chance once in a million.
    low, high = chi2.ppf([5e-7 / n_symbols, 1 - 5e-7 / n_symbols], n_bursts)
    squares = np.sum(noise**2, axis=0)
    assert np.all((low < squares) & (squares < high))
    pairs = np.corrcoef(noise.T)[np.triu_indices(n_symbols, 1)]
    assert np.abs(pairs).max() < norm.ppf(1 - 5e-7 / pairs.size) / math.sqrt(n_bursts)
    assert len(np.unique(sent)) == sent.size


def delta_of_vectors(shift: np.ndarray, noise_std: float, epsilon: float, seed: int) -> np.ndarray:
    """Return draws whose mean is delta(epsilon) of a Gaussian vector that moves by ``shift``."""
    rng = np.random.default_rng(seed)
    seen = shift + noise_std * rng.standard_normal((400_000, shift.size))
    loss = (np.sum(seen**2, axis=1) - np.sum((seen - shift) ** 2, axis=1)) / (2 * noise_std**2)
    return np.maximum(1 - np.exp(epsilon - loss), 0)


@pytest.mark.parametrize("n_symbols", [1, 3, 16])
def test_a_vector_costs_what_a_scalar_with_its_clip_costs(tmp_path: Path, n_symbols: int) -> None:
    """By its own privacy loss, drawn; the accountant uses no more than the clip and the noise."""
    promised = promise(TrustModel.LOCAL, 1)
    order = order_of(promised, tmp_path)
    stated = gaussian_epsilon(promised.sensitivity / order.noise_std, promised.delta)
    assert promised.epsilon_of(np.array([order.noise_std])) == stated
    assert stated == pytest.approx(promised.epsilon, rel=1e-6)
    rng = np.random.default_rng(n_symbols)
    direction = rng.standard_normal(n_symbols)
    shift = promised.sensitivity * direction / np.linalg.norm(direction)
    for epsilon in (1.0, 2.0):
        draws = delta_of_vectors(shift, order.noise_std, epsilon, n_symbols)
        expected = gaussian_delta(promised.sensitivity / order.noise_std, epsilon)
        assert draws.mean() == pytest.approx(expected, abs=5 * draws.std() / math.sqrt(draws.size))


@pytest.mark.parametrize("trust", [TrustModel.LOCAL, TrustModel.SERVER_SEES_SUM])
@pytest.mark.parametrize("is_subsampled", [False, True])
def test_a_burst_of_several_is_paid_for_once(
    tmp_path: Path, trust: TrustModel, is_subsampled: bool
) -> None:
    promised = promise(trust, 3, *((RECORD, 0.1) if is_subsampled else ()))
    (tmp_path / "server").mkdir()
    rounds = private_rounds(promised, tmp_path / "server")
    tallies = []
    for n_symbols in (1, 16):
        path = tmp_path / f"{n_symbols}.jsonl"
        with create_ledger(path, promised.ledger_terms(("node-0",))) as ledger:
            node = PrivateEncoder(promised, AnalogPayload, 0.5, "node-0", N_NODES, ledger)
            for index in range(3):
                order = payload_orders(rounds.quote(index, plan()), index)[0]
                assert len(node.symbols(order, [1e6] * n_symbols)) == n_symbols
            tallies.append(dict(ledger.tally.spent))
            assert promised.spent_epsilon(ledger.tally) <= promised.epsilon * (1 + 1e-6)
    assert tallies[0] == tallies[1]


def test_the_receivers_noise_is_counted_for_each_symbol(tmp_path: Path) -> None:
    """Its bound is that of one symbol's chips, whatever else the frame carries."""
    promised = promise(TrustModel.CHANNEL_NOISE_TRUSTED, 1)
    receiver = ReceiverNoise(1e-3, 64)
    rounds = private_rounds(promised, tmp_path, receiver=receiver)
    quote = rounds.quote(0, plan())
    own = quote.noise_std * math.sqrt(N_NODES)
    per_symbol = math.sqrt(receiver.noise_power_bound / 2 / receiver.n_chips)
    there = per_symbol / quote.plan.rx_amplitude * quote.largest_scalar
    total = math.hypot(own, there)
    assert 0 < own < total
    assert promised.epsilon_of(np.array([total])) == pytest.approx(promised.epsilon, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("payload_of", [AnalogPayload, lambda largest: SignPayload()])
@pytest.mark.parametrize("shrink", [1.0, 2.0])
def test_an_adversary_that_sees_all_symbols_learns_no_more_than_promised(
    tmp_path: Path, payload_of: object, shrink: float
) -> None:
    """The whole vector turned round; the score weighs each symbol as the two vectors differ."""
    n_rounds, n_runs, n_symbols = 4, 800, 8
    promised = promise(TrustModel.LOCAL, n_rounds)
    rounds = replace(private_rounds(promised, tmp_path), payload_of=payload_of)
    orders = [payload_orders(rounds.quote(i, plan()), i)[0] for i in range(n_rounds)]
    noise = SeededNoise(5, shrink)
    node = PrivateEncoder(promised, payload_of, 0.5, "n", N_NODES, None, noise)
    worst = np.linspace(0.2, 1.0, n_symbols) * 1e3

    def score(sign: float) -> float:
        sent = [np.array(node.symbols(order, (sign * worst).tolist())) for order in orders]
        return float(np.sum(sent @ worst))

    with_, without = (np.array([score(s) for _ in range(n_runs)]) for s in (1.0, -1.0))
    found = told_apart(with_, without, confidence=1 - 1e-4)
    assert (found.mu > promised.mu_budget()) is (shrink > 1)
