r"""Admission of private rounds on the server: find the noise, enter it in the account, or refuse.

The privacy of a round is decided and written to the account before any node is ordered to send.
Each node verifies the order, charges its own ledger and adds its own noise
(:mod:`ota_calibration.privacy.private_encoder`). If one node has paid and another refuses, the
first stays charged and the round is lost.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ota_calibration.privacy.ledger import BudgetSpent, Charges
from ota_calibration.privacy.noise_injection import (
    Allocation,
    ReceivedSum,
    inject_under_peak_limit,
    minimum_power,
)
from ota_calibration.privacy.promise import Promise
from ota_calibration.privacy.round_levels import RoundLevels, level_cost
from ota_calibration.privacy.trust import TrustModel
from sdr_ota.erasure import Erasure
from sdr_ota.rounds.server import Quote
from sdr_ota.signal.modulation import Payload
from sdr_ota.types import TransmitPlan

HEADROOM = 4.0
"""Standard deviations of noise that fit beside the scalar limit; more is clipped."""

AMPLITUDE_ERROR_STDS = 3.0
"""How many standard deviations louder than planned a node may arrive in a privacy claim.

One in 740 arrives louder still, if the tracker's covariance is right and errors are Gaussian. That
is no part of delta: it is a confidence in what was measured, and how far the tails of a covariance
hold nobody has measured. Costs add up over the rounds, so what one round exceeds others make up.
"""


@dataclass(slots=True)
class ReceiverNoise:
    """The noise that the receiver adds to a coherent sum, at least.

    It may be measured again during a run; what is claimed of it only ever falls.

    Attributes:
        noise_power_bound: Lower confidence bound of the total noise power of one complex
            chip, linear; see :mod:`ota_calibration.privacy.noise_bound`.
        n_chips: Chips that are averaged.
        alone: Whether it is the only protection: clients add no noise and transmit at the
            lower amplitude that this needs (the minimum-power solution).
    """

    noise_power_bound: float
    n_chips: int
    alone: bool = False

    def lower_to(self, noise_power_bound: float) -> None:
        """Take in a newer bound: noise that has grown may be a signal, and is not counted."""
        self.noise_power_bound = min(self.noise_power_bound, noise_power_bound)


@dataclass(frozen=True, slots=True)
class PrivateRounds:
    """Admits rounds until the budget is spent; call :meth:`admit` once a round.

    Attributes:
        promise: What the run promises.
        levels: How the budget is spread.
        ledger: Open ledger with the promise's terms; nodes are named by :func:`node_names`.
        payload_of: From the largest scalar that is to be sent to a payload for it.
        receiver: Its noise, for trust ``channel-noise-trusted``; None otherwise.
    """

    promise: Promise
    levels: RoundLevels
    ledger: Charges
    payload_of: Callable[[float], Payload]
    receiver: ReceiverNoise | None = None

    def admit(self, index: int, plan: TransmitPlan) -> Quote:
        """Enter a round in the account and return how it is sent.

        Args:
            index: The round, from 0.
            plan: Who can send, and how loud the weakest of them arrives.

        Raises:
            BudgetSpent: If the round cannot be paid for; nothing may be sent.
            Erasure: If the schedule skips the round; nothing may be sent, and nothing is charged.
        """
        quote = self.quote(index, plan)
        nodes = [f"node-{node}" for node in plan.active_nodes]
        self.ledger.charge(index, dict.fromkeys(nodes, quote.cost))
        return quote

    def quote(self, index: int, plan: TransmitPlan) -> Quote:
        """Return how a round would be sent, and what it would cost.

        The plan is softer where the receiver's noise protects alone.

        Raises:
            BudgetSpent: If the schedule has nothing left for the round.
            Erasure: If it skips the round, in favour of later ones.
        """
        level = self.levels(index, self._largest_level(plan))
        if level is None:
            raise Erasure("schedule", f"privacy.schedule sends nothing in round {index}")
        if not level > 0:
            nodes = [f"node-{node}" for node in plan.active_nodes]
            raise BudgetSpent("the privacy budget is spent; the round was not sent", nodes)
        sent, noise_std = self._allocated(level, plan)
        limit = self.promise.scalar_limit
        largest = limit * (1.0 + HEADROOM * noise_std)
        cost = level_cost(level, self.promise)
        return Quote(sent, self.payload_of(largest), largest, limit * noise_std, cost)

    def _largest_level(self, plan: TransmitPlan) -> float:
        """Return the level at which clients would add no noise at all."""
        if self.promise.trust is not TrustModel.CHANNEL_NOISE_TRUSTED:
            return float(np.inf)
        received = self._received_sum(plan)
        if not received.symbol_noise_variance > 0:
            return float(np.inf)
        return _loudest(plan) ** 2 / received.symbol_noise_variance

    def _allocated(self, level: float, plan: TransmitPlan) -> tuple[TransmitPlan, float]:
        """Return the plan and the clients' noise, per symbol, that make up ``level``."""
        n_clients = len(plan.active_nodes)
        if self.promise.trust is TrustModel.LOCAL:
            return plan, float(level**-0.5)
        if self.promise.trust is TrustModel.SERVER_SEES_SUM:
            return plan, float((level * n_clients) ** -0.5)
        received, levels = self._received_sum(plan), np.array([level])
        if self.receiver is not None and self.receiver.alone:
            return _softened(plan, minimum_power(levels, received)), 0.0
        max_rx_amplitude = np.array([_loudest(plan)])
        return plan, float(
            inject_under_peak_limit(levels, max_rx_amplitude, received, HEADROOM).symbol_noise_std[
                0
            ]
        )

    def _received_sum(self, plan: TransmitPlan) -> ReceivedSum:
        receiver = self.receiver or ReceiverNoise(0.0, 1)
        return ReceivedSum(len(plan.active_nodes), receiver.noise_power_bound, receiver.n_chips)


def node_names(n_nodes: int) -> tuple[str, ...]:
    """Return what the ledger calls the nodes, in node order."""
    return tuple(f"node-{node}" for node in range(n_nodes))


def _loudest(plan: TransmitPlan) -> float:
    """Return an upper bound of the amplitude at which a symbol of 1 arrives, at the payload."""
    worst = max(plan.payload_amplitude_stds)
    return plan.rx_amplitude * (1.0 + AMPLITUDE_ERROR_STDS * worst)


def _softened(plan: TransmitPlan, allocation: Allocation) -> TransmitPlan:
    """Return the plan with every node received at the allocation's amplitude."""
    factor = float(allocation.rx_amplitude[0]) / _loudest(plan)
    precoders = tuple(replace(p, gain=p.gain * factor) for p in plan.precoders)
    return replace(plan, precoders=precoders, rx_amplitude=plan.rx_amplitude * factor)
