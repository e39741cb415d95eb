"""Models step together or not at all, whatever the air loses and whoever plays it again."""

import hashlib
import math
from dataclasses import dataclass, field

import msgspec
import numpy as np
import pytest

from sdr_ota.downlink.messages import AirAnnouncement, AirOutcome, AirRequest, AirStep
from sdr_ota.downlink.progress import (
    KEPT_STEPS,
    Progress,
    StepLog,
    first_hash,
    next_hash,
)

START = first_hash(b"configuration and weights")


def announcement(index: int, journal: bytes) -> AirAnnouncement:
    return AirAnnouncement(index, (7 * index, 7 * index + 1), journal)


def log_of(n_steps: int) -> StepLog:
    log = StepLog(START)
    for index in range(n_steps):
        log = log.with_step(announcement(index, log.journal), (0.5 * index, -1.0))
    return log


def test_a_hash_knows_every_number_of_every_step_before_it() -> None:
    step = AirStep(START, 3, (5, 6), (0.25, 0.5))
    changed = [
        AirStep(first_hash(b"another run"), 3, (5, 6), (0.25, 0.5)),
        AirStep(START, 4, (5, 6), (0.25, 0.5)),
        AirStep(START, 3, (6, 5), (0.25, 0.5)),
        AirStep(START, 3, (5, 6), (0.25, math.nextafter(0.5, 1))),
    ]
    assert len({next_hash(one) for one in (step, *changed)}) == 5
    # An array of the message's number, the hash before, round, seeds and means, in MessagePack.
    plain = msgspec.msgpack.encode([5, START, 3, [5, 6], [0.25, 0.5]])
    assert next_hash(step) == hashlib.sha256(plain).digest()[:8]


def test_a_node_whose_model_is_the_servers_steps_once() -> None:
    announced = announcement(0, START)
    in_round = Progress(START).with_announcement(announced)
    assert in_round.request(0, 5, announced) is None
    stepped, step = in_round.with_outcome(AirOutcome(0, (0.5, 0.25)))
    assert step == AirStep(START, 0, announced.seeds, (0.5, 0.25))
    assert stepped == Progress(next_hash(step))
    assert stepped.with_outcome(AirOutcome(0, (0.5, 0.25))) == (stepped, None)
    assert stepped.with_repeated(step) == (stepped, None)


def test_an_erasure_moves_nothing_and_nobody_falls_behind_by_missing_it() -> None:
    in_round = Progress(START).with_announcement(announcement(0, START))
    assert in_round.with_outcome(AirOutcome(0, (), "late")) == (Progress(START), None)
    assert in_round.with_announcement(announcement(1, START)).announced is not None


def test_a_node_that_missed_an_announcement_does_not_step_with_its_outcome() -> None:
    for missed in (Progress(START), Progress(START).with_announcement(announcement(0, START))):
        assert missed.with_outcome(AirOutcome(1, (0.5, 0.25))) == (missed, None)


def test_a_node_that_is_behind_stays_out_asks_and_takes_the_steps_in_order() -> None:
    log, behind = log_of(6), Progress(log_of(2).journal)
    announced = announcement(6, log.journal)
    behind = behind.with_announcement(announced)
    assert behind.announced is None
    requests = [behind.request(node, 4, announced) for node in range(4)]
    assert requests == [None, None, AirRequest(6, 2, log_of(2).journal), None], "6 is 2 modulo 4"
    assert [step.round for step in log.missing(behind.journal, 3)] == [2, 3, 4]
    steps = log.missing(behind.journal, 8)
    assert [step.round for step in steps] == [2, 3, 4, 5]
    assert behind.with_repeated(steps[1]) == (behind, None), "not its next"
    for step in steps:
        behind, taken = behind.with_repeated(step)
        assert taken == step
    assert behind == Progress(log.journal)
    assert behind.with_announcement(announced).announced == announced


def test_a_log_repeats_what_it_holds_and_nothing_to_a_model_that_is_another() -> None:
    log = log_of(KEPT_STEPS + 10)
    assert len(log.steps) == KEPT_STEPS
    assert log.missing(log.journal, 5) == ()
    assert log.missing(log_of(9).journal, 5) == (), "too far behind"
    assert [s.round for s in log.missing(log_of(10).journal, 5)] == [10, 11, 12, 13, 14]
    assert log.missing(first_hash(b"another run"), 5) == ()


@dataclass
class Model:
    """A node, or the server's copy: every step that it took."""

    progress: Progress = field(default_factory=lambda: Progress(START))
    steps: list[AirStep] = field(default_factory=list)

    def take(self, result: tuple[Progress, AirStep | None]) -> None:
        self.progress, step = result
        self.steps += [] if step is None else [step]


def said(
    message: AirAnnouncement | AirOutcome | AirStep, node: Model
) -> tuple[Progress, AirStep | None]:
    if isinstance(message, AirAnnouncement):
        return node.progress.with_announcement(message), None
    if isinstance(message, AirOutcome):
        return node.progress.with_outcome(message)
    return node.progress.with_repeated(message)


def told(
    nodes: list[Model],
    messages: list[AirAnnouncement | AirOutcome | AirStep],
    loss: float,
    rng: np.random.Generator,
) -> None:
    """Say something to all nodes; each of them loses what it loses."""
    for message in messages:
        for node in nodes:
            if rng.random() >= loss:
                node.take(said(message, node))


@pytest.mark.parametrize("loss", [0.0, 0.1, 0.5, 0.8])
def test_whatever_is_lost_no_model_ever_differs_and_all_catch_up_in_the_end(loss: float) -> None:
    """100 rounds of 5 nodes, frames lost at random for each, old ones played again; then 200."""
    rng, log = np.random.default_rng(round(10 * loss)), StepLog(START)
    nodes, server, played = [Model() for _ in range(5)], Model(), []
    took_part = [0, 0]
    for index in range(300):
        is_lossy = index < 100
        loses = loss if is_lossy else 0.0
        announced = announcement(index, log.journal)
        told(nodes, [announced], loses, rng)
        requests = [n.progress.request(k, 5, announced) for k, n in enumerate(nodes)]
        for asked in filter(None, requests):
            steps = log.missing(asked.journal, 10) if rng.random() >= loses else ()
            told(nodes, [*steps, announced], loses, rng)
        for node in nodes:
            if node.progress.announced == announced:
                took_part[is_lossy] += 1
                assert node.steps == server.steps, "a scalar of another model was sent"
        outcome = AirOutcome(index, (float(rng.normal()), float(rng.normal())))
        if rng.random() < 0.2:
            outcome = AirOutcome(index, (), "late")
        if outcome.means:
            log = log.with_step(announced, outcome.means)
            server.steps.append(log.steps[-1])
        replays = [played[i] for i in rng.integers(len(played), size=2)] if played else []
        told(nodes, [outcome, outcome, *replays], loses, rng)
        played += [announced, outcome]
        for node in nodes:
            assert node.steps == server.steps[: len(node.steps)]
    assert all(node.steps == server.steps for node in nodes)
    assert took_part[True] == 500 if loss == 0 else 0 < took_part[True] < 500
