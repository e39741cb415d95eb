"""What a promise leaves to spend, what a ledger says of it, and the paper's own numbers."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from ota_calibration.privacy.adjacency import Adjacency, Relation, Unit
from ota_calibration.privacy.gaussian_accountant import gaussian_epsilon
from ota_calibration.privacy.ledger_record import Tally, terms_line, terms_of
from ota_calibration.privacy.paper_lemma import lemma_budget
from ota_calibration.privacy.promise import Promise, promise_of
from ota_calibration.privacy.trust import TrustModel

from tests.ota_calibration.private import CLIENT, RECORD, needed_client_noise_std, promise

ADJACENCIES = [Adjacency(unit, relation) for unit in Unit for relation in Relation]


@pytest.mark.parametrize("trust", list(TrustModel))
@pytest.mark.parametrize("adjacency", ADJACENCIES)
@pytest.mark.parametrize("sampling_rate", [1.0, 0.1])
def test_a_ledger_gives_the_promise_back(
    trust: TrustModel, adjacency: Adjacency, sampling_rate: float
) -> None:
    promised = promise(trust, 7, adjacency, sampling_rate)
    terms = promised.ledger_terms(("node-0", "node-1"))
    assert promise_of(terms) == promised
    assert promise_of(terms_of(terms_line(terms))) == promised
    assert set(terms.limits) == {"node-0", "node-1"}


@pytest.mark.parametrize("adjacency", ADJACENCIES)
def test_equal_rounds_of_the_allowed_noise_end_at_the_promised_epsilon(
    adjacency: Adjacency,
) -> None:
    promised = promise(TrustModel.LOCAL, 40, adjacency)
    std = promised.sensitivity * math.sqrt(40) / promised.mu_budget()
    assert promised.epsilon_of(np.full(40, std)) == pytest.approx(4.0, rel=1e-9)
    silent = np.concatenate((np.full(40, std), np.full(5, math.inf)))
    assert promised.epsilon_of(silent) == pytest.approx(4.0, rel=1e-9)
    assert promised.epsilon_of(np.full(39, std)) < 4.0 < promised.epsilon_of(np.full(41, std))
    assert promised.epsilon_of(np.array([std, 0.0])) == math.inf


def test_the_dearest_node_decides_what_was_spent() -> None:
    promised = promise(TrustModel.LOCAL)
    budget = promised.mu_budget() ** 2
    spent = promised.spent_epsilon(Tally({"node-0": 0.0, "node-1": budget / 4}))
    assert spent == pytest.approx(gaussian_epsilon(math.sqrt(budget / 4), promised.delta))
    assert promised.spent_epsilon(Tally({"node-0": budget})) == pytest.approx(4.0)
    assert promised.spent_epsilon(Tally({"node-0": 0.0})) == 0.0


def test_poisson_bursts_are_counted_and_end_at_the_promise() -> None:
    promised = promise(TrustModel.LOCAL, 8, RECORD, sampling_rate=0.2)
    limits = promised.ledger_terms(("node-0",))
    assert (limits.unit, limits.limits, limits.burst_limit) == ("bursts", {"node-0": 8.0}, 1.0)
    half, whole = (promised.spent_epsilon(Tally({"node-0": n})) for n in (4.0, 8.0))
    assert 0 < half < whole <= 4.0
    # The search for the noise stops within 1e-3 of it.
    assert whole == pytest.approx(4.0, rel=5e-3)
    louder = replace(promised, sampling_rate=1.0)
    assert promised.burst_noise_std() < louder.sensitivity * math.sqrt(8) / louder.mu_budget()


def test_whole_clients_gain_nothing_from_poisson_batches() -> None:
    assert not promise(TrustModel.LOCAL, 8, CLIENT, sampling_rate=0.2).is_subsampled
    assert promise(TrustModel.LOCAL, 8, RECORD, sampling_rate=0.2).is_subsampled


@pytest.mark.parametrize(
    ("name", "value"), [("epsilon", 0.0), ("delta", 1.0), ("sampling_rate", 0.0)]
)
def test_impossible_promises_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        replace(promise(TrustModel.LOCAL), **{name: value})


def test_the_papers_own_numbers_hide_the_mean_under_noise_of_24_clip_levels() -> None:
    """arXiv 2604.12401: epsilon 5, delta 0.01, gamma 100, K = 5, T = 8000, Lemma 1.

    Lemma 1 limits mu^2 / 2, so each of T equal rounds has a noise of 2 gamma / (mu / sqrt T)
    on the sum, and a fifth of it on the mean.
    """
    gamma, n_clients, n_rounds = 100.0, 5, 8000
    adjacency, trust = Adjacency(Unit.CLIENT, Relation.REPLACE), TrustModel.SERVER_SEES_SUM
    paper = Promise(adjacency, trust, 5.0, 0.01, gamma, 1, 1.0, n_rounds)

    def mean_noise_std(mu: float) -> float:
        each = needed_client_noise_std(trust, paper.sensitivity, mu, n_rounds, n_clients)
        return each * math.sqrt(n_clients) / n_clients

    by_lemma = mean_noise_std(math.sqrt(2 * lemma_budget(5.0, 0.01)))
    assert by_lemma == pytest.approx(2403, abs=1)
    assert by_lemma / gamma == pytest.approx(24.0, abs=0.05)
    assert mean_noise_std(paper.mu_budget()) / gamma == pytest.approx(20.4, abs=0.05)


def test_the_terms_are_plain_json() -> None:
    terms = promise(TrustModel.LOCAL).ledger_terms(("node-0",))
    assert json.loads(terms_line(terms))["configuration"]["trust"] == "local"
