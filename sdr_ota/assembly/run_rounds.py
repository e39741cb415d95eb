"""The rounds of a run: one after the other, each written down before the next begins."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ota_calibration.privacy.ledger import BudgetSpent

from sdr_ota.assembly.early_stop import why_stop
from sdr_ota.assembly.learning import Learning
from sdr_ota.assembly.limit_choice import limit_in_force
from sdr_ota.assembly.partners import Partners
from sdr_ota.assembly.planner import TrackingPlanner
from sdr_ota.assembly.privacy import Learned, admission
from sdr_ota.assembly.server import server_of
from sdr_ota.assembly.sounding_record import sounding_record
from sdr_ota.config.digest import config_digest
from sdr_ota.config.load import Config
from sdr_ota.failure import CommandFailed, EveryRoundErased
from sdr_ota.process.interruption import Interruption
from sdr_ota.report.erasure_words import first_check, situation_of
from sdr_ota.report.progress import RunView
from sdr_ota.rounds.clipping_watch import ClippingWatch
from sdr_ota.rounds.duty import DutyLimit
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.rounds.patience import patiently
from sdr_ota.rounds.round import RoundResult, run_rounds
from sdr_ota.rounds.schedule import Schedule
from sdr_ota.rounds.server import Server
from sdr_ota.runs.capture_folder import CaptureFolder
from sdr_ota.runs.checkpoint import RunState, save_run_state
from sdr_ota.runs.consistency import ALL_DONE
from sdr_ota.runs.run_folder import Evaluation, RunFolder, read_run


@dataclass(frozen=True)
class RunWatch:
    """Who learns how the run goes: the folder and the person who watches.

    Attributes:
        folder: Of the run.
        view: What shows it.
        ledger_digest: Returns the digest of the ledger as it stands; None without one.
        interruption: Raises where the user has stopped the run.
        clipping: Warns where the limit of scalars is too small.
    """

    folder: RunFolder
    view: RunView
    ledger_digest: Callable[[], str | None]
    interruption: Interruption
    clipping: ClippingWatch = field(default_factory=ClippingWatch)

    def round_done(self, result: RoundResult, planner: TrackingPlanner) -> None:
        """Write down a round, what it was paid from, and the sounding before it."""
        result = replace(result, ledger_digest=self.ledger_digest())
        self.folder.append_round(result)
        if result.sounding_s:
            self.folder.append_sounding(sounding_record(result.round, planner))
        self.view.round_done(result)
        self.clipping.look_at(result)

    def evaluate(self, rounds_done: int, learning: Learning) -> None:
        """Score the model if it can be scored, and write it down."""
        if learning.evaluate is None:
            return
        held_out = learning.evaluate()
        loss = held_out.loss if math.isfinite(held_out.loss) else None
        evaluation = Evaluation(rounds_done, held_out.score, loss, held_out.label_scores)
        self.folder.append_evaluation(evaluation)
        self.view.evaluated(evaluation, learning.score_name)


def go_round(
    config: Config,
    link: Link,
    partners: Partners,
    state: RunState[TrackingPlanner],
    watch: RunWatch,
) -> str:
    """Run all rounds, or as many as the privacy budget pays for, and say why it ended.

    Raises:
        CommandFailed: If a client cannot go on, or every round was erased.
    """
    bench, learning, position = partners.bench, partners.learning, state.position
    captures = CaptureFolder(watch.folder.path, config.captures, link, bench)
    captures.keep_before(position.next_round)
    make_plan, air, followers = state.planner, state.air, learning.followers
    try:
        limit = limit_in_force(config, partners.nodes, watch.folder)
        learned = Learned(learning.sampling_rate, limit, learning.data_set)
        with admission(config, bench, link, watch.folder.path, learned) as admitted:
            if position.next_round == 0:
                watch.evaluate(0, learning)
            nodes, admit = partners.nodes, admitted.admit
            server = server_of(
                config, bench, link, nodes, make_plan, admit, air, followers, partners.ordered
            )
            observers = watch, captures, admitted.between_rounds
            why = _all_rounds(config, bench, server, learning, state, observers)
    except learning.failures as lost:
        raise CommandFailed(str(lost)) from lost
    except BudgetSpent as spent:
        watch.evaluate(position.next_round, learning)
        return f"{spent}; {position.next_round} of {config.run.rounds} rounds done"
    run = read_run(watch.folder.path)
    if all(r.erasure for r in run.rounds):
        last = run.rounds[-1]
        check = first_check(str(last.erasure), situation_of(run.start))
        text = (
            f"every round was erased; the last: {last.erasure}: {last.detail}. Check first: {check}"
        )
        raise EveryRoundErased(text, watch.folder.path)
    return why


def _all_rounds(
    config: Config,
    bench: Bench,
    server: Server,
    learning: Learning,
    state: RunState[TrackingPlanner],
    observers: tuple[RunWatch, CaptureFolder, Callable[[int], None]],
) -> str:
    """Go round by round; after each, write it down and save where the run stands.

    Args:
        config: The experiment.
        bench: The open radios.
        server: Of the rounds.
        learning: What scores the model.
        state: Where the run stands.
        observers: Who learns of the rounds, what keeps captures, and what admission does between
            two rounds.

    Returns:
        Why no further round is done.
    """
    watch, captures, between_rounds = observers
    position, digest = state.position, config_digest(config)
    duty, is_elsewhere = DutyLimit(bench.air_time), config.clients.are_elsewhere
    schedule = Schedule(
        config.run.rounds, config.run.seed, config.link.sounding_every, config.frame.symbols
    )
    results = run_rounds(server, schedule, position, captures.observe)
    for result in patiently(results, config.radio.give_up_after):
        duty.count(result.sounding_s + result.exchange_s if is_elsewhere else 0.0)
        watch.round_done(result, state.planner)
        done = position.next_round
        if is_evaluated := done % config.run.evaluate_every == 0 or done == config.run.rounds:
            watch.evaluate(done, learning)
        if learning.at_step_boundary():
            save_run_state(state, watch.folder.path, digest, watch.ledger_digest())
        if is_evaluated and (why := why_stop(config.run, watch.folder.path, done)):
            return why
        watch.interruption.check()
        if done < config.run.rounds:
            duty.rest()
            between_rounds(done)
    return ALL_DONE
