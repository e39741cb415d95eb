"""A config's own nodes under audit: what keeps its promise passes, what does not is found."""

from collections.abc import Callable
from random import Random

import pytest
from ota_calibration.privacy import noise
from ota_calibration.privacy.discrete_gaussian import discrete_gaussian

from sdr_ota.assembly.audit import AuditReport, audit_config
from sdr_ota.cli.audit import audit
from sdr_ota.failure import WRONG_USE, CommandFailed

N_ROUNDS = 2
N_RUNS = {4.0: 1200, 1.0: 2000}
"""By epsilon: of the faults below, one in a million or fewer is then missed."""

FEW_NODES = ["clients.count=3", "privacy.delta=1e-3"]
CLIENT = ["clients.source=synthetic", "privacy.protect=client"]
REPLACED = ["privacy.neighbours=replace"]
RECORD = ["privacy.protect=record"]
FIXED = [*RECORD, "privacy.batches=fixed", *REPLACED]
SUM = ["link.scheme=coherent", "privacy.trust=server-sees-sum"]
RECEIVER = ["link.scheme=coherent", "privacy.trust=channel-noise-trusted"]

CLEAN = {
    "clients": [*CLIENT, "privacy.neighbours=add-remove"],
    "clients replaced": [*CLIENT, *REPLACED],
    "records": RECORD,
    "records replaced": [*RECORD, *REPLACED],
    "records in fixed batches": FIXED,
    "several symbols": [*CLIENT, "frame.symbols=4"],
    "signs": [*CLIENT, *REPLACED, "link.scheme=fsk-vote", "link.payload=sign"],
    "more for later rounds": [*FIXED, "privacy.schedule=solution", "privacy.contraction=0.5"],
    "the sum": [*CLIENT, *SUM],
    "behind the receiver": [*CLIENT, *REPLACED, *RECEIVER],
}

TOO_LITTLE = {
    (4.0, 1.5): [CLIENT, [*CLIENT, *SUM], FIXED, RECORD],
    (1.0, 2.0): [CLIENT, RECORD],
}


def audited(*settings: str, epsilon: float = 4.0) -> AuditReport:
    asked = [*FEW_NODES, *settings, f"privacy.epsilon={epsilon}"]
    return audit_config(None, asked, N_RUNS[epsilon], N_ROUNDS)


@pytest.fixture
def shrunk(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Make the noise of all nodes so many times too small."""

    def shrink(factor: float) -> None:
        def too_small(std: int, entropy: Random) -> int:
            return discrete_gaussian(round(std / factor), entropy)

        monkeypatch.setattr(noise, "discrete_gaussian", too_small)

    return shrink


@pytest.mark.slow
@pytest.mark.parametrize("epsilon", [4.0, 1.0])
@pytest.mark.parametrize("case", list(CLEAN))
def test_twenty_clean_configs_raise_no_false_alarm(case: str, epsilon: float) -> None:
    """The noise is the system's, unseeded. By the laws of the rates an audit in 100 000 errs."""
    report = audited(*CLEAN[case], epsilon=epsilon)
    assert not report.contradiction
    assert dict(report.rows)["verdict"].startswith("nothing contradicts the promise")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("epsilon", "shrink", "settings"),
    [(*size, settings) for size, cases in TOO_LITTLE.items() for settings in cases],
)
def test_too_little_noise_is_found(
    shrunk: Callable[[float], None], epsilon: float, shrink: float, settings: list[str]
) -> None:
    shrunk(shrink)
    report = audited(*settings, epsilon=epsilon)
    assert "the promise is not kept" in report.contradiction
    found, ledger = dict(report.rows)["mu, at least"].split("; the ledger has ")
    assert float(found.split(" (")[0]) > float(ledger)


@pytest.mark.slow
def test_batches_that_hold_an_example_too_often_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from sdr_ota.assembly import audit as module  # noqa: PLC0415

    original = module.draw_of
    monkeypatch.setattr(module, "draw_of", lambda config, rate: original(config, 1.2 * rate))
    report = audited(*RECORD)
    assert "drawn, at least" in report.contradiction
    assert "mu, at least" not in report.contradiction


@pytest.mark.slow
def test_a_ledger_that_counts_too_little_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of rounds that cost twice as much as is written down."""
    from ota_calibration.privacy import private_rounds  # noqa: PLC0415

    original = private_rounds.level_cost
    monkeypatch.setattr(
        private_rounds, "level_cost", lambda level, promise: original(level, promise) / 2
    )
    monkeypatch.setattr(
        "ota_calibration.privacy.private_encoder.level_cost",
        lambda level, promise: original(level, promise) / 2,
    )
    report = audited(*CLIENT, *REPLACED)
    assert "the promise is not kept" in report.contradiction
    assert "mu, at least" in report.contradiction


def test_the_command_prints_what_was_found_and_fails_where_the_promise_is_broken(
    shrunk: Callable[[float], None], capsys: pytest.CaptureFixture[str]
) -> None:
    settings = [*FEW_NODES, *CLIENT, "privacy.epsilon=4"]
    audit(None, settings, 300, 1)
    out = capsys.readouterr().out
    assert "nothing contradicts the promise" in out
    assert "300 runs of 1 round on each of two data sets" in out
    shrunk(8.0)
    with pytest.raises(CommandFailed, match="the promise is not kept") as failed:
        audit(None, settings, 300, 1)
    assert failed.value.exit_code == 1
    assert "the promise is not kept" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ([], "there is no promise to audit"),
        ([*CLIENT, "link.scheme=auto"], "decided by sounding the nodes"),
        (["privacy.protect=record", "privacy.schedule=online"], "schedule"),
    ],
)
def test_what_cannot_be_audited_is_wrong_use(settings: list[str], words: str) -> None:
    with pytest.raises(CommandFailed, match=words) as failed:
        audit(None, settings, 100, 1)
    assert failed.value.exit_code == WRONG_USE


def test_too_few_runs_are_told() -> None:
    report = audit_config(None, [*FEW_NODES, *CLIENT, "privacy.epsilon=400"], 100, 1)
    assert dict(report.rows)["verdict"].endswith("of its mu so few runs could not")
    assert "raise --runs" in dict(report.rows)["mu, at least"]
    assert "100 runs of 1 round on each" in dict(report.rows)["audited"]
    assert not report.contradiction
