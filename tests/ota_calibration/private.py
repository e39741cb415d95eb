"""What tests of private runs share: promises, plans, and a ledger for them."""

from pathlib import Path

import numpy as np
from ota_calibration.privacy.adjacency import Adjacency, Relation, Unit
from ota_calibration.privacy.ledger import Ledger, create_ledger
from ota_calibration.privacy.noisy_payload import NoisyPayload
from ota_calibration.privacy.private_rounds import PrivateRounds, ReceiverNoise, node_names
from ota_calibration.privacy.promise import Promise
from ota_calibration.privacy.round_levels import BudgetSchedule, ScheduleName, round_levels
from ota_calibration.privacy.trust import TrustModel

from sdr_ota.signal.modulation import AnalogPayload
from sdr_ota.types import Precoder, TransmitPlan

CLIENT = Adjacency(Unit.CLIENT, Relation.REPLACE)
RECORD = Adjacency(Unit.RECORD, Relation.ADD_REMOVE)


class SeededNoise:
    """Gaussians of a seeded generator, rounded: noise that can be repeated, drawn in another way.

    Args:
        seed: Of the generator.
        shrink: The noise is so many times too small, which an audit must see.
    """

    def __init__(self, seed: int, shrink: float = 1.0) -> None:
        self._rng, self._shrink = np.random.default_rng(seed), shrink

    def discrete_gaussian(self, std: int) -> int:
        return round(std / self._shrink * float(self._rng.standard_normal()))


def promise(
    trust: TrustModel,
    n_rounds: int = 10,
    adjacency: Adjacency = CLIENT,
    sampling_rate: float = 1.0,
    epsilon: float = 4.0,
) -> Promise:
    return Promise(adjacency, trust, epsilon, 1e-3, 5.0, 4, sampling_rate, n_rounds)


def plan(rx_amplitude: float = 0.1, n_nodes: int = 5, absent: int = 0) -> TransmitPlan:
    gains = [0j] * absent + [rx_amplitude / 0.5 + 0j] * (n_nodes - absent)
    return TransmitPlan(tuple(Precoder(gain) for gain in gains), rx_amplitude, noise_power=1e-3)


def private_rounds(
    promised: Promise,
    folder: Path,
    schedule: ScheduleName = ScheduleName.STATIC,
    contraction: float = 0.9,
    receiver: ReceiverNoise | None = None,
    n_nodes: int = 5,
) -> PrivateRounds:
    ledger: Ledger = create_ledger(
        folder / "privacy.jsonl", promised.ledger_terms(node_names(n_nodes))
    )
    spread = BudgetSchedule(schedule, contraction, n_nodes, 0.4)
    levels = round_levels(spread, promised)
    return PrivateRounds(promised, levels, ledger, AnalogPayload, receiver)


def protecting_std(rounds: PrivateRounds, sent: TransmitPlan, noise_std: float) -> float:
    """Return all noise on the sum that the trust model counts, in units of the scalar."""
    n_clients, trust = len(sent.active_nodes), rounds.promise.trust
    if trust is TrustModel.LOCAL:
        return noise_std
    clients = noise_std * np.sqrt(n_clients)
    if trust is TrustModel.SERVER_SEES_SUM or rounds.receiver is None:
        return float(clients)
    per_symbol = np.sqrt(rounds.receiver.noise_power_bound / 2 / rounds.receiver.n_chips)
    limit = rounds.promise.scalar_limit
    largest = limit + 4 * noise_std  # what a symbol of 1 stands for
    return float(np.hypot(clients, per_symbol / sent.rx_amplitude * largest))


def admitted(
    rounds: PrivateRounds, index: int, asked: TransmitPlan
) -> tuple[TransmitPlan, NoisyPayload]:
    """Return how a round is sent, and what a node that follows the order does with its scalar."""
    quote = rounds.admit(index, asked)
    return quote.plan, NoisyPayload(quote.payload, rounds.promise.scalar_limit, quote.noise_std)


def needed_client_noise_std(
    trust: TrustModel, sensitivity: float, mu: float, n_rounds: int, n_clients: int
) -> float:
    r"""Return the noise each client adds so that ``n_rounds`` equal rounds cost ``mu``.

    $\sqrt T \Delta / \mu$ in all for ``local``, divided by $\sqrt K$ where the noise of all
    clients protects. Receiver noise is left out, so the claim holds without it.

    Args:
        trust: Whether clients' noises add up.
        sensitivity: $\Delta$.
        mu: The run's limit, positive.
        n_rounds: Bursts that may be sent, retransmissions included.
        n_clients: Least number of clients that send in a round.
    """
    total = float(sensitivity * np.sqrt(n_rounds) / mu)
    return total if trust is TrustModel.LOCAL else float(total / np.sqrt(n_clients))
