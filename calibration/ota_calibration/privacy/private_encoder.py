"""What a node with a promise does before it sends: verify, charge its ledger, add its noise.

Whoever sends the order, the node sends nothing that its own ledger has not paid for, and nothing
with less noise than the stated cost allows.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ota_calibration.privacy.ledger import ROUNDING, Charges
from ota_calibration.privacy.noise import NoiseSource, SystemNoise
from ota_calibration.privacy.noisy_payload import NoisyPayload
from ota_calibration.privacy.promise import Promise
from ota_calibration.privacy.round_levels import level_cost
from ota_calibration.privacy.trust import TrustModel
from sdr_ota.rounds.encoder import check_power
from sdr_ota.rounds.messages import PayloadOrder
from sdr_ota.signal.modulation import Payload


class OrderRefused(ValueError):  # noqa: N818 - it is the outcome, not an error of ours
    """An order would cost more privacy than it states; nothing is sent."""


@dataclass(frozen=True)
class PrivateEncoder:
    """For a node that has made a promise about its data.

    Attributes:
        promise: What the run promises.
        payload_of: From the largest scalar that is to be sent to a payload for it.
        peak_amplitude: The node's own limit of a chip's amplitude, full scale 1.0.
        node: What the ledger calls this node.
        n_nodes: Nodes of the run: so many noises may protect a sum, whatever an order says.
        ledger: The node's own; None where the server's account lies on the same machine and
            pays for this node too.
        source: Of the noise; in a run the operating system's entropy.
    """

    promise: Promise
    payload_of: Callable[[float], Payload]
    peak_amplitude: float
    node: str
    n_nodes: int
    ledger: Charges | None = None
    source: NoiseSource = field(default_factory=SystemNoise)

    is_private = True

    def symbols(self, order: PayloadOrder, scalars: Sequence[float]) -> tuple[float, ...]:
        """Return the symbols of scalars, clipped together and each noisy, once they are paid for.

        Raises:
            PowerLimitError: If the order is beyond the node's power.
            OrderRefused: If its noise is not what its cost states.
            BudgetSpent: If the node's ledger cannot pay; nothing is sent.
        """
        check_power(order, self.peak_amplitude)
        self._verify(order)
        if self.ledger is not None:
            self.ledger.charge(order.round, {self.node: order.cost})
        inner = self.payload_of(order.largest_scalar)
        limit = self.promise.scalar_limit
        return NoisyPayload(inner, limit, order.noise_std, self.source).symbols(scalars)

    def _verify(self, order: PayloadOrder) -> None:
        """Refuse an order with too little noise for its cost.

        Under ``channel-noise-trusted`` part of the noise is the receiver's, which a node cannot
        verify: there the server's statement is what is trusted.
        """
        if not 0 <= order.noise_std < math.inf:
            raise OrderRefused(
                f"{self.node} was ordered to add noise of standard deviation {order.noise_std}; it "
                "must be finite and not negative"
            )
        if self.promise.trust is TrustModel.CHANNEL_NOISE_TRUSTED:
            return
        is_alone = self.promise.trust is TrustModel.LOCAL
        n_noises = 1 if is_alone else min(order.n_nodes, self.n_nodes)
        protecting_std = math.sqrt(max(n_noises, 0)) * order.noise_std
        if self.promise.is_subsampled:
            enough = protecting_std >= self._burst_noise_std * (1 - ROUNDING) and order.cost >= 1.0
        else:
            level = (
                (self.promise.scalar_limit / protecting_std) ** 2 if protecting_std else math.inf
            )
            enough = level_cost(level, self.promise) <= order.cost * (1 + ROUNDING)
        if not enough:
            raise OrderRefused(
                f"{self.node} was ordered to add noise of standard deviation {order.noise_std:.4g} "
                f"at a stated cost of {order.cost:.4g}; under trust {self.promise.trust} so little "
                "noise costs more"
            )

    @cached_property
    def _burst_noise_std(self) -> float:
        return self.promise.burst_noise_std()
