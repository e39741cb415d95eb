"""A node verifies, pays and adds noise before anything leaves it."""

import math
from dataclasses import replace
from itertools import product
from pathlib import Path

import msgspec
import numpy as np
import pytest
from ota_calibration.privacy.ledger import BudgetSpent, create_ledger
from ota_calibration.privacy.noise import add_privacy_noise
from ota_calibration.privacy.private_encoder import OrderRefused, PrivateEncoder
from ota_calibration.privacy.private_rounds import ReceiverNoise
from ota_calibration.privacy.promise import Promise
from ota_calibration.privacy.trust import TrustModel

from sdr_ota.rounds.encoder import PowerLimitError
from sdr_ota.rounds.messages import PayloadOrder
from sdr_ota.rounds.server import payload_orders
from sdr_ota.signal.modulation import AnalogPayload
from tests.ota_calibration.private import RECORD, SeededNoise, plan, private_rounds, promise

N_NODES = len(plan().precoders)

DIGITAL = [TrustModel.LOCAL, TrustModel.SERVER_SEES_SUM]


def encoder(promised: Promise, folder: Path | None = None, seed: int = 1) -> PrivateEncoder:
    ledger = None
    if folder is not None:
        ledger = create_ledger(folder / "node.jsonl", promised.ledger_terms(("node-0",)))
    noise = SeededNoise(seed)
    return PrivateEncoder(promised, AnalogPayload, 0.5, "node-0", N_NODES, ledger, noise)


def orders(promised: Promise, folder: Path, n_rounds: int) -> list[PayloadOrder]:
    """Return the orders that the server's own account gives node 0."""
    alone = promised.trust is TrustModel.CHANNEL_NOISE_TRUSTED
    rounds = private_rounds(promised, folder, receiver=ReceiverNoise(1e-4, 64) if alone else None)
    return [payload_orders(rounds.admit(i, plan()), i)[0] for i in range(n_rounds)]


@pytest.mark.parametrize(
    ("trust", "is_subsampled"),
    [*product(DIGITAL, [False, True]), (TrustModel.CHANNEL_NOISE_TRUSTED, False)],
)
def test_the_servers_orders_are_followed_and_paid_for(
    tmp_path: Path, trust: TrustModel, is_subsampled: bool
) -> None:
    how = (RECORD, 0.1) if is_subsampled else ()
    promised = promise(trust, 3, *how)
    node = encoder(promised, tmp_path)
    for order in orders(promised, tmp_path, 3):
        assert abs(node.symbols(order, [100.0])[0]) <= 1.0
    assert node.ledger is not None
    spent = node.ledger.tally.spent["node-0"]
    assert spent == pytest.approx(3.0 if is_subsampled else promised.mu_budget() ** 2)
    with pytest.raises(BudgetSpent):
        node.symbols(msgspec.structs.replace(order, round=3), [0.1])


@pytest.mark.parametrize("trust", DIGITAL)
@pytest.mark.parametrize("is_subsampled", [False, True])
def test_an_order_with_too_little_noise_is_refused_and_not_charged(
    tmp_path: Path, trust: TrustModel, is_subsampled: bool
) -> None:
    promised = promise(trust, 3, *((RECORD, 0.1) if is_subsampled else ()))
    node = encoder(promised, tmp_path)
    (order,) = orders(promised, tmp_path, 1)
    wrong = [
        msgspec.structs.replace(order, noise_std=0.9 * order.noise_std),
        msgspec.structs.replace(order, noise_std=0.0),
        msgspec.structs.replace(order, noise_std=math.nan),
        msgspec.structs.replace(order, noise_std=-order.noise_std),
        msgspec.structs.replace(order, noise_std=math.inf),
        msgspec.structs.replace(order, cost=0.9 * order.cost),
        msgspec.structs.replace(order, cost=math.nan),
    ]
    for bad in wrong:
        with pytest.raises(OrderRefused, match="node-0 was ordered to add noise"):
            node.symbols(bad, [0.1])
    with pytest.raises(PowerLimitError, match=r"its limit is 0\.5"):
        node.symbols(msgspec.structs.replace(order, gain=(0.0, 0.6)), [0.1])
    assert node.ledger is not None
    assert node.ledger.tally.n_bursts == 0


@pytest.mark.parametrize("is_subsampled", [False, True])
def test_an_order_that_counts_noise_of_nodes_that_there_are_not_is_refused(
    tmp_path: Path, is_subsampled: bool
) -> None:
    promised = promise(TrustModel.SERVER_SEES_SUM, 3, *((RECORD, 0.1) if is_subsampled else ()))
    node = encoder(promised, tmp_path)
    (order,) = orders(promised, tmp_path, 1)
    softer = order.noise_std * math.sqrt(N_NODES / 10_000)
    for n_nodes, noise_std in ((10_000, softer), (-1, order.noise_std)):
        with pytest.raises(OrderRefused, match="node-0 was ordered to add noise"):
            node.symbols(
                msgspec.structs.replace(order, n_nodes=n_nodes, noise_std=noise_std), [0.1]
            )
    assert node.ledger is not None
    assert node.ledger.tally.n_bursts == 0


def test_a_scalar_is_in_no_message() -> None:
    with pytest.raises(ValueError, match="must be finite") as failed:
        add_privacy_noise(3.71, -1.0)
    assert "3.71" not in str(failed.value)


def test_the_scalar_is_clipped_before_the_noise_and_the_noise_is_as_ordered() -> None:
    promised = promise(TrustModel.LOCAL, 3)
    noise_std = 30.0
    cost = (promised.sensitivity / noise_std) ** 2
    order = PayloadOrder(0, (0.1, 0.0), 0.0, 0.0, 0, False, 5, noise_std, 400.0, cost)
    node = encoder(promised)
    values = np.array([400.0 * node.symbols(order, [1e9])[0] for _ in range(4000)])
    assert values.mean() == pytest.approx(5.0, abs=5 * noise_std / math.sqrt(4000))
    assert values.std() == pytest.approx(noise_std, rel=5 / math.sqrt(2 * 4000))


def test_noise_without_a_given_source_never_repeats() -> None:
    promised = promise(TrustModel.LOCAL, 3)
    cost = (promised.sensitivity / 30.0) ** 2
    order = PayloadOrder(0, (0.1, 0.0), 0.0, 0.0, 0, False, 5, 30.0, 400.0, cost)
    unseeded = PrivateEncoder(promised, AnalogPayload, 1, "n", N_NODES)
    node = replace(encoder(promised), source=unseeded.source)
    assert len({node.symbols(order, [1.0])[0] for _ in range(50)}) == 50
