"""Play the adversary of a config: can it tell neighbouring data better than the promise allows?

Nodes as those of a run (`sdr_ota.assembly.audited_nodes`) follow orders that a run's admission has
written, and paid for in a ledger on disk; what the ledger says was spent is the claim. The
adversary knows all data but one unit, and which batches that is in, and hears what the trust model
lets it hear: one node's symbols, or the sum of all, without or with the receiver's noise. Where
batches are Poisson samples it is asked besides whether a unit is drawn as seldom as was promised.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count, islice, product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from ota_calibration.privacy.adjacency import Relation
from ota_calibration.privacy.audit import (
    epsilon_lower_bound,
    rate_lower_bound,
    told_apart,
)
from ota_calibration.privacy.ledger import BudgetSpent, read_tally
from ota_calibration.privacy.ledger_record import Tally
from ota_calibration.privacy.poisson_accountant import MissingAccountantError
from ota_calibration.privacy.promise import Promise, promise_of
from ota_calibration.privacy.spending import LEDGER
from ota_calibration.privacy.trust import TrustModel

from sdr_ota.assembly.audited_nodes import FAR_BEYOND_THE_CLIP, Ear, audited_nodes
from sdr_ota.assembly.learning import draw_of, sampling_rate_of
from sdr_ota.assembly.plan import promise_in_words
from sdr_ota.assembly.privacy import Learned, admission
from sdr_ota.assembly.snr_max import expected_levels
from sdr_ota.config.load import Config, ConfigError, load_config
from sdr_ota.config.parts import link_of, simulated_air
from sdr_ota.erasure import Erasure
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.rounds.exchange import Bench
from sdr_ota.rounds.messages import Announcement, PayloadOrder
from sdr_ota.rounds.node import LocalNode
from sdr_ota.rounds.server import Quote, payload_orders
from sdr_ota.types import Precoder, TransmitPlan
from sdr_ota.units import real_noise_variance

Reals = NDArray[np.float64]

CONFIDENCE = 0.999
"""Of mu and of epsilon each. Both rates would have to err for a false alarm, so it is far rarer."""

N_DRAWS, DRAWS_CONFIDENCE = 200_000, 1 - 1e-5
"""Of Poisson batches: a chance of 1/40 is known to 1.4 %. Here a single rate decides."""


@dataclass(frozen=True)
class AuditReport:
    """What an audit found.

    Attributes:
        rows: Names and values for a person.
        contradiction: What speaks against the promise, in one sentence; empty if nothing does.
    """

    rows: Sequence[tuple[str, str]]
    contradiction: str = ""


@dataclass(frozen=True)
class _Heard:
    """A round of an audited run: who is told what, and what protects.

    Attributes:
        orders: By node.
        largest_scalar: What a symbol of 1 stands for.
        receiver_std: Of the receiver's noise in the adversary's sum, in units of the scalar.
        noise_std: Of all noise there, as the order has it.
    """

    orders: Mapping[int, PayloadOrder]
    largest_scalar: float
    receiver_std: float
    noise_std: float


def audit_config(
    experiment: Path | None, settings: Sequence[str], n_runs: int, n_rounds: int
) -> AuditReport:
    """Audit the promise of a config; no radio is opened and no model loaded.

    Args:
        experiment: Config file; None for the demo.
        settings: Keys to change in it, as ``table.key=value``.
        n_runs: Runs on each of two neighbouring data sets.
        n_rounds: Rounds of each; the same promise is made for so many.

    Raises:
        CommandFailed: If the config is wrong or promises nothing, or the accountant is missing.
    """
    try:
        config = load_config(experiment, [*settings, f"run.rounds={n_rounds}"])
        if config.privacy.protect == "nothing":
            raise ConfigError(
                'privacy.protect = "nothing": there is no promise to audit; add for example '
                "--set privacy.protect=record"
            )
        if config.link.is_auto:
            raise ConfigError(
                'link.scheme = "auto" is decided by sounding the nodes, and an audit opens no '
                "radio: add --set link.scheme=coherent, or another"
            )
        rate = sampling_rate_of(config, experiment.parent if experiment else Path())
        return _audited(config, rate, n_runs)
    except (ConfigError, MissingAccountantError) as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong


def _audited(config: Config, sampling_rate: float, n_runs: int) -> AuditReport:
    air = simulated_air(config)
    radios = tuple(SimulatedRadio(air, node) for node in range(config.clients.count))
    bench = Bench(SimulatedRadio(air, None), radios, config.radio.sample_rate_hz)
    with TemporaryDirectory() as folder:
        rounds = list(_admitted(config, bench, Path(folder), sampling_rate))
        terms, tally = read_tally(Path(folder) / LEDGER)
    promise = promise_of(terms)
    is_replaced = promise.adjacency.relation is Relation.REPLACE
    heard = radios[:1] if promise.trust is TrustModel.LOCAL else radios
    weights = np.array([one.noise_std**-2 for one in rounds])
    middle = 0.0 if is_replaced else promise.sensitivity / 2

    def scores(canary: float) -> Reals:
        nodes = audited_nodes(config, sampling_rate, heard, canary, ear := Ear())
        seen = _seen(nodes, ear, rounds, n_runs, config.frame.symbols)
        return np.asarray((seen - middle) @ weights)

    both = scores(FAR_BEYOND_THE_CLIP), scores(-FAR_BEYOND_THE_CLIP if is_replaced else 0.0)
    rows = [
        ("promise", promise_in_words(promise)),
        ("audited", f"{n_runs} runs of {_rounds(len(rounds))} on each of two data sets"),
    ]
    return _report(rows, [*_told_apart(promise, tally, both), *_drawn(config, promise)])


def _rounds(n_rounds: int) -> str:
    return "1 round" if n_rounds == 1 else f"{n_rounds} rounds"


def _admitted(config: Config, bench: Bench, folder: Path, sampling_rate: float) -> Iterator[_Heard]:
    """Yield the rounds that a run's admission lets pass, each paid for in the folder's ledger."""
    link = link_of(config)
    reach, noise_power = expected_levels(config, link)
    precoders = (Precoder(complex(config.link.peak_amplitude)),) * config.clients.count
    plan, limit = TransmitPlan(precoders, reach, noise_power), config.link.fixed_scalar_limit()
    symbol_std = np.sqrt(real_noise_variance(noise_power) / link.frame.n_payload_chips)
    learned = Learned(sampling_rate, limit)  # no data set: nothing is learned from one
    with admission(config, bench, link, folder, learned) as admitted, suppress(BudgetSpent):
        for index in range(config.run.rounds):
            with suppress(Erasure):  # a schedule may skip a round
                yield _heard(admitted.admit(index, plan), index, config, float(symbol_std))


def _heard(quote: Quote, index: int, config: Config, symbol_std: float) -> _Heard:
    """Return what the adversary hears of an admitted round."""
    trust, n_nodes = TrustModel(config.privacy.trust), config.clients.count
    trusted = trust is TrustModel.CHANNEL_NOISE_TRUSTED
    receiver_std = quote.largest_scalar * symbol_std / quote.plan.rx_amplitude if trusted else 0.0
    n_noises = 1 if trust is TrustModel.LOCAL else n_nodes
    noise_std = float(np.hypot(np.sqrt(n_noises) * quote.noise_std, receiver_std))
    return _Heard(payload_orders(quote, index), quote.largest_scalar, receiver_std, noise_std)


def _seen(
    nodes: Sequence[LocalNode], ear: Ear, rounds: Sequence[_Heard], n_runs: int, n_symbols: int
) -> Reals:
    """Return what was heard of many runs, in units of the scalar, shape ``(n_runs, n_rounds)``."""
    seeds, symbols = count(), np.empty((n_runs, len(rounds)))
    for run, (index, heard) in product(range(n_runs), enumerate(rounds)):
        ear.heard.clear()
        for node, order in zip(nodes, heard.orders.values(), strict=False):
            node.announce(Announcement(order.round, tuple(islice(seeds, n_symbols))))
            node.ready()
            node.send(order)
            node.sent(0.0)
        # Data differ by the same along every direction.
        symbols[run, index] = np.sum(ear.heard) / np.sqrt(n_symbols)
    noise = np.random.default_rng().standard_normal(symbols.shape)
    largest = np.array([heard.largest_scalar for heard in rounds])
    receiver_std = np.array([heard.receiver_std for heard in rounds])
    return np.asarray(symbols * largest + noise * receiver_std)


@dataclass(frozen=True)
class _Finding:
    """A figure of the adversary's beside the one that is promised.

    Attributes:
        name: Of the figure.
        found: What it is, at least.
        promised: What it may be.
        said: Both, for a person.
        most: Largest that it could have been.
    """

    name: str
    found: float
    promised: float
    said: str
    most: float = math.inf


def _told_apart(promise: Promise, tally: Tally, scores: tuple[Reals, Reals]) -> Iterator[_Finding]:
    """Yield what the scores with the canary and without it tell."""
    found, mu = told_apart(*scores, confidence=CONFIDENCE), promise.spent_mu(tally)
    most = told_apart(np.ones_like(scores[0]), -np.ones_like(scores[1]), confidence=CONFIDENCE).mu
    said = (
        f"{found.mu:.3f} ({found.true_positives:.3f} right at {found.false_positives:.3f} wrong); "
        f"the ledger has {mu:.3f}"
    )
    if mu > most:
        said += f", more than the {most:.2f} that so many runs can show: raise --runs"
    yield _Finding("mu, at least", found.mu, mu, said, most)
    if not promise.is_subsampled:
        epsilon = epsilon_lower_bound(*scores, promise.delta, CONFIDENCE)
        said = f"{epsilon:.3f}; {promise.epsilon:g} is promised"
        yield _Finding("epsilon, at least", epsilon, promise.epsilon, said)


def _drawn(config: Config, promise: Promise) -> Iterator[_Finding]:
    """Yield how often an example is in a Poisson batch."""
    if not promise.is_subsampled:
        return
    draw = draw_of(config, promise.sampling_rate)
    hits = sum(len(draw(1, (n,))) for n in range(N_DRAWS))
    found = rate_lower_bound(hits, N_DRAWS, DRAWS_CONFIDENCE)
    said = f"{found:.4f} of batches; the ledger has {promise.sampling_rate:.4f}"
    yield _Finding("drawn, at least", found, promise.sampling_rate, said)


def _report(rows: Sequence[tuple[str, str]], findings: Sequence[_Finding]) -> AuditReport:
    """Judge what was found."""
    rows = [*rows, *((finding.name, finding.said) for finding in findings)]
    broken = [one for one in findings if one.found > one.promised]
    if not broken:
        verdict = "nothing contradicts the promise"
        if any(one.promised > one.most for one in findings):
            verdict += "; of its mu so few runs could not"
        return AuditReport([*rows, ("verdict", verdict)])
    why = "; ".join(f"{one.name} {one.said}" for one in broken)
    return AuditReport(
        [*rows, ("verdict", "the promise is not kept")],
        f"the promise is not kept, with a confidence of {CONFIDENCE:.1%}: {why}; do not run this "
        "configuration on data that matter",
    )
