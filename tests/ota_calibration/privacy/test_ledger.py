import json
import os
import random
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from ota_calibration.privacy.ledger import (
    BudgetSpent,
    Ledger,
    create_ledger,
    read_tally,
    resume_ledger,
)
from ota_calibration.privacy.ledger_record import LedgerError, LedgerTerms

TERMS = LedgerTerms(
    limits={"a": 1.0, "b": 0.5},
    burst_limit=0.2,
    configuration={"delta": 1e-5, "trust": "server-sees-sum", "digest": "1f2e"},
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "privacy.jsonl"


def test_a_ledger_is_its_owners_alone_whatever_the_users_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        create_ledger(path, TERMS).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_bursts_retransmissions_and_silent_nodes_are_counted(path: Path) -> None:
    with create_ledger(path, TERMS) as ledger:
        ledger.charge(0, {"a": 0.1, "b": 0.05})
        ledger.charge(0, {"a": 0.1, "b": 0.05})
        ledger.charge(1, {"a": 0.2})
        assert ledger.tally.spent == pytest.approx({"a": 0.4, "b": 0.1})
        assert ledger.remaining("b") == pytest.approx(0.4)
    terms, tally = read_tally(path)
    assert terms == TERMS
    assert (tally.n_bursts, tally.attempts, tally.n_unreadable) == (3, {0: 2, 1: 1}, 0)
    assert tally.spent == pytest.approx({"a": 0.4, "b": 0.1})


def test_the_line_is_on_disk_and_synced_when_charge_returns(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bytes] = []
    sync = os.fsync

    def record(file: int) -> None:
        sync(file)
        synced.append(path.read_bytes())

    with create_ledger(path, TERMS) as ledger:
        monkeypatch.setattr(os, "fsync", record)
        ledger.charge(7, {"a": 0.125})
        assert json.loads(synced[-1].splitlines()[-1]) == {
            "round": 7,
            "attempt": 1,
            "cost": {"a": 0.125},
        }
        assert synced[-1] == path.read_bytes()


def test_it_refuses_when_any_node_would_pass_its_limit(path: Path) -> None:
    with create_ledger(path, TERMS) as ledger:
        for round_index in range(4):
            ledger.charge(round_index, {"a": 0.125, "b": 0.125})
        before = path.read_bytes()
        with pytest.raises(BudgetSpent, match=r"up to 0\.1 mu-squared, b has 0 of 0\.5") as refusal:
            ledger.charge(4, {"a": 0.1, "b": 0.1})
        assert refusal.value.nodes == ("b",)
        assert path.read_bytes() == before
        ledger.charge(4, {"a": 0.1})
    with resume_ledger(path, TERMS) as ledger, pytest.raises(BudgetSpent):
        ledger.charge(5, {"b": 1e-6})


@pytest.mark.parametrize("n_rounds", [3, 7, 1000])
def test_an_even_split_of_the_budget_lasts_exactly_as_long_as_planned(
    path: Path, n_rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda file: None)
    with create_ledger(path, LedgerTerms({"a": 0.3}, burst_limit=0.3)) as ledger:
        for round_index in range(n_rounds):
            ledger.charge(round_index, {"a": 0.3 / n_rounds})
        with pytest.raises(BudgetSpent):
            ledger.charge(n_rounds, {"a": 0.3 / n_rounds})


@pytest.mark.parametrize(
    "cost", [{}, {"c": 0.1}, {"a": -0.1}, {"a": 0.3}, {"a": float("nan")}, {"b": float("inf")}]
)
def test_a_cost_that_makes_no_sense_is_refused(path: Path, cost: dict[str, float]) -> None:
    with create_ledger(path, TERMS) as ledger:
        before = path.read_bytes()
        with pytest.raises(ValueError, match="cost"):
            ledger.charge(0, cost)
        assert path.read_bytes() == before
        assert ledger.tally.n_bursts == 0


def test_a_line_torn_at_any_byte_never_counts_less_than_it_cost(path: Path) -> None:
    with create_ledger(path, TERMS) as ledger:
        ledger.charge(0, {"a": 0.1, "b": 0.1})
        whole_before = path.read_bytes()
        ledger.charge(1, {"a": 0.15, "b": 0.05})
    whole = path.read_bytes()
    for length in range(len(whole_before), len(whole) + 1):
        path.write_bytes(whole[:length])
        torn = len(whole_before) < length < len(whole) - 1
        for _ in range(2):  # repairing twice changes nothing
            with resume_ledger(path, TERMS) as ledger:
                started = length > len(whole_before)
                assert ledger.tally.n_bursts == 1 + started
                assert ledger.tally.n_unreadable == torn
                last = TERMS.burst_limit if torn else 0.15
                assert ledger.tally.spent["a"] == pytest.approx(0.1 + last * started)
        with resume_ledger(path, TERMS) as ledger:
            ledger.charge(2, {"a": 0.01})
            expected = ledger.tally.spent
        assert read_tally(path)[1].spent == expected


@pytest.mark.parametrize(
    "line",
    [
        b"\x00" * 30,
        b'{"round": 1}',
        b'{"round": 1, "attempt": 1, "cost": {"a": NaN}}',
        b'{"round": 1e999, "attempt": 1, "cost": {"a": 0.1}}',
        b'{"round": 1, "attempt": 1, "cost": {"a": 1' + b"0" * 400 + b"}}",
        b"7",
    ],
)
def test_a_line_of_rubbish_counts_as_the_dearest_burst(path: Path, line: bytes) -> None:
    create_ledger(path, TERMS).close()
    path.write_bytes(path.read_bytes() + line + b"\n")
    with resume_ledger(path, TERMS) as ledger:
        assert ledger.tally.spent == {"a": 0.2, "b": 0.2}
        assert (ledger.tally.n_bursts, ledger.tally.n_unreadable) == (1, 1)


def test_a_disk_that_fails_stops_the_run_and_counts_the_burst(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    with create_ledger(path, TERMS) as ledger:
        monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:9]))
        with pytest.raises(OSError, match="only 9 of"):
            ledger.charge(0, {"a": 0.1})
        monkeypatch.undo()
        assert ledger.tally.spent["a"] == pytest.approx(0.1)
        with pytest.raises(LedgerError, match="could not be written"):
            ledger.charge(1, {"a": 0.1})
    with resume_ledger(path, TERMS) as ledger:
        assert ledger.tally.spent == {"a": 0.2, "b": 0.2}


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (LedgerTerms({"a": 2.0, "b": 0.5}, 0.2, TERMS.configuration), "limits"),
        (LedgerTerms(TERMS.limits, 0.1, TERMS.configuration), "burst_limit"),
        (LedgerTerms(TERMS.limits, 0.2, {**TERMS.configuration, "trust": "local"}), "trust"),
        (LedgerTerms(TERMS.limits, 0.2, {"delta": 1e-5}), "digest, trust"),
        (LedgerTerms(TERMS.limits, 0.2, TERMS.configuration, unit="bursts"), "unit"),
    ],
)
def test_another_runs_terms_are_refused(path: Path, other: LedgerTerms, difference: str) -> None:
    create_ledger(path, TERMS).close()
    before = path.read_bytes()
    with pytest.raises(LedgerError, match=f"differs in {difference};"):
        resume_ledger(path, other)
    assert path.read_bytes() == before
    resume_ledger(path, TERMS).close()  # the refusal released the file


def test_a_ledger_is_never_overwritten_nor_invented(path: Path) -> None:
    with pytest.raises(LedgerError, match="missing"):
        resume_ledger(path, TERMS)
    create_ledger(path, TERMS).close()
    with pytest.raises(LedgerError, match="exists"):
        create_ledger(path, TERMS)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("first", [b"", b"\n", b'{"ledger": 1, "limi', b"[]\n", b'{"ledger": 9}\n'])
def test_without_readable_terms_nothing_may_be_spent(path: Path, first: bytes) -> None:
    path.write_bytes(first)
    with pytest.raises(LedgerError):
        resume_ledger(path, TERMS)


def test_two_runs_cannot_share_a_ledger(path: Path) -> None:
    with create_ledger(path, TERMS), pytest.raises(LedgerError, match="in use"):
        Ledger(path)


def test_terms_without_limits_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one node"):
        LedgerTerms({}, 1.0)
    with pytest.raises(ValueError, match="positive"):
        LedgerTerms({"a": 0.0}, 1.0)


# A run that charges and then lets a burst leave, which is a line on its standard output.
CHILD = """
import sys
from pathlib import Path
from ota_calibration.privacy.ledger import resume_ledger
from ota_calibration.privacy.ledger_record import terms_of
path = Path(sys.argv[1])
terms = terms_of(path.read_bytes().split(b"\\n")[0])
with resume_ledger(path, terms) as ledger:
    print("ready", flush=True)
    for round_index in range(10**9):
        ledger.charge(round_index, {"a": 1e-6})
        print(round_index, flush=True)
"""


def kill_after(path: Path, delay_s: float) -> int:
    """Start a run on the ledger, kill it and return how many bursts had left."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, env=environment
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        try:
            child.wait(delay_s)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
        whole_lines = child.stdout.read().split(b"\n")[:-1]
    assert child.returncode == -signal.SIGKILL
    return len(whole_lines)


def test_after_kill_9_at_any_moment_no_burst_that_left_is_missing(path: Path) -> None:
    terms = LedgerTerms({"a": 1.0}, burst_limit=1e-6)
    create_ledger(path, terms).close()
    moments = random.Random(11)
    n_left = 0
    for n_kills in range(1, 11):
        n_left += kill_after(path, moments.uniform(0.0, 0.08))
        _, tally = read_tally(path)
        # A kill can fall between the sync and the burst: one more counted, never one less.
        assert n_left <= tally.n_bursts <= n_left + n_kills
        assert tally.spent["a"] >= n_left * 1e-6 * (1 - 1e-9)
    assert n_left > 0
