r"""What a run promises about privacy, and what that leaves to spend.

Two ways of counting. With Poisson batches every burst has the same noise and the
budget is a number of bursts (:mod:`ota_calibration.privacy.poisson_accountant`). Otherwise
each round costs $\mu_t^2 = (\Delta / \sigma_t)^2$ and the budget is $\mu_\star^2$,
split over the rounds as a schedule says (:mod:`ota_calibration.privacy.gaussian_accountant`).
"""

import math
from collections import Counter
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from ota_calibration.privacy.adjacency import (
    Adjacency,
    Relation,
    Unit,
    largest_contribution,
    sensitivity,
)
from ota_calibration.privacy.gaussian_accountant import composed_mu, gaussian_epsilon, largest_mu
from ota_calibration.privacy.ledger_record import LedgerTerms, Setting, Tally
from ota_calibration.privacy.poisson_accountant import (
    FINE_LOSS_STEP,
    poisson_epsilon,
    poisson_noise_multiplier,
    rounds_by_level,
)
from ota_calibration.privacy.trust import TrustModel

BURSTS = "bursts"
MU_SQUARED = "mu-squared"

# Different noise levels that the accountant of subsampled rounds is given one by one;
# more would take it long, and are rounded to coarser levels.
EXACT_LEVELS = 16


@dataclass(frozen=True, slots=True)
class Promise:
    r"""What holds for every client when the run is over.

    Attributes:
        adjacency: Whose presence is hidden, and how neighbours differ.
        trust: Whose noise counts.
        epsilon: $\epsilon$, positive.
        delta: $\delta$, in (0, 1).
        scalar_limit: $\gamma$, clip of the norm of every example's scalars of a round and of the
            client's.
        batch_divisor: $b$, what the sum over a batch is divided by.
        sampling_rate: Chance of a record to be in a batch, secretly and on its own;
            1 where batches are not Poisson samples or whole clients are protected.
        n_rounds: Rounds that may be sent.
    """

    adjacency: Adjacency
    trust: TrustModel
    epsilon: float
    delta: float
    scalar_limit: float
    batch_divisor: int
    sampling_rate: float
    n_rounds: int

    def __post_init__(self) -> None:
        if not (self.epsilon > 0 and 0 < self.delta < 1 and 0 < self.sampling_rate <= 1):
            raise ValueError(
                f"epsilon = {self.epsilon} must be positive, delta = {self.delta} in (0, 1), "
                f"sampling_rate = {self.sampling_rate} in (0, 1]"
            )

    @property
    def is_subsampled(self) -> bool:
        """Whether secret Poisson batches add to the protection."""
        return self.sampling_rate < 1 and self.adjacency.unit is Unit.RECORD

    @property
    def sensitivity(self) -> float:
        r"""$\Delta$, how far neighbouring data move one client's scalars at most."""
        return sensitivity(self.adjacency, self.scalar_limit, self.batch_divisor)

    def mu_budget(self) -> float:
        r"""Return $\mu_\star$ of the whole run, without subsampling."""
        return largest_mu(self.epsilon, self.delta)

    def burst_noise_std(self) -> float:
        """Return the protecting noise that each scalar of a subsampled run's bursts needs."""
        return self.burst_noise_multiplier() * self._contribution

    def burst_noise_multiplier(self) -> float:
        """Return that noise over the largest contribution of one record."""
        return poisson_noise_multiplier(
            self.epsilon, self.delta, self.sampling_rate, self.n_rounds, self.adjacency.relation
        )

    def ledger_terms(self, nodes: tuple[str, ...]) -> LedgerTerms:
        """Return what the nodes may spend, as the ledger writes it down."""
        limit, burst_limit, unit = self._budget()
        words: dict[str, Setting] = {
            name: value for name, value in asdict(self).items() if name != "adjacency"
        }
        words["trust"] = str(self.trust)
        words["unit"] = str(self.adjacency.unit)
        words["relation"] = str(self.adjacency.relation)
        return LedgerTerms(dict.fromkeys(nodes, limit), burst_limit, words, unit)

    def budget(self) -> float:
        """Return what each node may spend, in the unit of the ledger."""
        return self._budget()[0]

    def _budget(self) -> tuple[float, float, str]:
        if self.is_subsampled:
            return float(self.n_rounds), 1.0, BURSTS
        budget = self.mu_budget() ** 2
        return budget, budget, MU_SQUARED

    def spent_epsilon(self, tally: Tally, loss_step: float = FINE_LOSS_STEP) -> float:
        r"""Return the $\epsilon$ at ``delta`` that the bursts so far cost the dearest node.

        Args:
            tally: What the ledger counts.
            loss_step: Of the accountant of subsampled rounds, see `poisson_epsilon`.
        """
        spent = max(tally.spent.values())
        if not self.is_subsampled:
            return gaussian_epsilon(math.sqrt(spent), self.delta)
        return self.epsilon_of(np.full(math.ceil(spent), self.burst_noise_std()), loss_step)

    def spent_mu(self, tally: Tally) -> float:
        r"""Return the $\mu$ that the bursts so far cost the dearest node.

        With Poisson batches against one who knows which of them a record was in: the account's
        noise alone, without what drawing in secret adds.
        """
        spent = max(tally.spent.values())
        if not self.is_subsampled:
            return math.sqrt(spent)
        return math.sqrt(math.ceil(spent)) * self.sensitivity / self.burst_noise_std()

    def epsilon_of(
        self, noise_stds: NDArray[np.float64], loss_step: float = FINE_LOSS_STEP
    ) -> float:
        r"""Return the $\epsilon$ at ``delta`` of rounds with any protecting noise.

        Args:
            noise_stds: Standard deviation that protects each round, in units of the
                scalar, shape ``(n_rounds,)``; ``inf`` for a silent round.
            loss_step: Of the accountant of subsampled rounds, see `poisson_epsilon`.
        """
        if not np.all(noise_stds > 0):
            return math.inf
        if not self.is_subsampled:
            return gaussian_epsilon(composed_mu(self.sensitivity / noise_stds), self.delta)
        sent = (noise_stds[np.isfinite(noise_stds)] / self._contribution).tolist()
        if not sent:
            return 0.0
        rounds = Counter(sent) if len(set(sent)) <= EXACT_LEVELS else rounds_by_level(sent)
        relation = self.adjacency.relation
        return poisson_epsilon(rounds, self.sampling_rate, self.delta, relation, loss_step)

    @property
    def _contribution(self) -> float:
        return largest_contribution(self.adjacency.unit, self.scalar_limit, self.batch_divisor)


def promise_of(terms: LedgerTerms) -> Promise:
    """Return the promise that a ledger was started with."""
    words = dict(terms.configuration)
    adjacency = Adjacency(Unit(str(words.pop("unit"))), Relation(str(words.pop("relation"))))
    trust = TrustModel(str(words.pop("trust")))
    return Promise(adjacency, trust, **words)  # type: ignore[arg-type]
