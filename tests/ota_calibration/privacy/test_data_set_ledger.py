"""Runs on the same data add up, whatever becomes of their folders and processes."""

import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest
from ota_calibration.privacy.adjacency import Adjacency, Relation, Unit
from ota_calibration.privacy.data_set_ledger import (
    DataSet,
    PaidTwice,
    enter_data_set,
    standing_of,
)
from ota_calibration.privacy.gaussian_accountant import gaussian_epsilon
from ota_calibration.privacy.ledger import Ledger, create_ledger
from ota_calibration.privacy.ledger_record import LedgerError, LedgerTerms, run_name
from ota_calibration.privacy.promise import Promise
from ota_calibration.privacy.trust import TrustModel

PROMISE = Promise(
    Adjacency(Unit.RECORD, Relation.REPLACE), TrustModel.LOCAL, 2.0, 1e-5, 5.0, 4, 1.0, 10
)
BUDGET = PROMISE.budget()
LIMIT = 2.5
"""Of all runs: not enough for two, which come to 2.95."""


@pytest.fixture
def data_set(tmp_path: Path) -> DataSet:
    return DataSet(tmp_path / "data-sets" / "3f2a", epsilon=LIMIT)


@pytest.fixture
def own(tmp_path: Path) -> Callable[[], Ledger]:
    """Begin the ledger of a new run in a folder of its own."""

    def begin() -> Ledger:
        terms = PROMISE.ledger_terms(("node-0", "node-1"))
        name = run_name()
        (tmp_path / name).mkdir()
        named = LedgerTerms(terms.limits, terms.burst_limit, terms.configuration, terms.unit, name)
        return create_ledger(tmp_path / name / "privacy.jsonl", named)

    return begin


def _run(data_set: DataSet, own: Ledger, share: float) -> Path:
    """Spend a share of the promise in two bursts; return the copy's path."""
    with own, enter_data_set(data_set, PROMISE, own) as copy:
        for index in range(2):
            PaidTwice(own, copy).charge(index, {"node-1": share * BUDGET / 2})
        return copy.path


def _epsilon(*shares: float) -> float:
    return gaussian_epsilon((sum(shares) * BUDGET) ** 0.5, PROMISE.delta)


def test_runs_add_up_though_their_folders_are_gone(
    data_set: DataSet, own: Callable[[], Ledger]
) -> None:
    assert standing_of(data_set, PROMISE).spent == "nothing by other runs"
    assert not data_set.folder.exists()  # who only looks makes nothing
    for share in (0.25, 0.5):
        ledger = own()
        _run(data_set, ledger, share)
        ledger.path.unlink()
    found = standing_of(data_set, PROMISE)
    assert found.spent_epsilon == pytest.approx(_epsilon(0.25, 0.5))
    assert found.total_epsilon == pytest.approx(_epsilon(0.25, 0.5, 1.0))
    assert found.spent == f"epsilon {_epsilon(0.75):.3g} by 2 runs"


def test_a_run_that_the_budget_does_not_pay_for_is_refused_with_what_is_left(
    data_set: DataSet, own: Callable[[], Ledger]
) -> None:
    _run(data_set, own(), 1.0)
    with own() as late, pytest.raises(LedgerError) as refused:
        enter_data_set(data_set, PROMISE, late)
    said = str(refused.value)
    assert "epsilon 2 by 1 run was spent of epsilon 2.5" in said
    assert f"it would be {_epsilon(2.0):.3g} (delta 1e-05, record level (replace), trust" in said
    left = float(re.search(r"as privacy.epsilon: epsilon ([\d.]+);", said)[1])  # type: ignore[index]
    mu_squared = BUDGET + _mu_squared(left)
    assert gaussian_epsilon(mu_squared**0.5, PROMISE.delta) == pytest.approx(LIMIT, rel=3e-3)
    assert len(list(data_set.folder.glob("*.jsonl"))) == 1


def _mu_squared(epsilon: float) -> float:
    return Promise(
        PROMISE.adjacency, PROMISE.trust, epsilon, PROMISE.delta, 5.0, 4, 1.0, 10
    ).budget()


def test_the_first_run_may_have_all_that_the_data_set_has(
    tmp_path: Path, own: Callable[[], Ledger]
) -> None:
    exact = DataSet(tmp_path / "exact", epsilon=PROMISE.epsilon)
    _run(exact, own(), 1.0)
    with own() as late, pytest.raises(LedgerError, match=r"as privacy\.epsilon: nothing;"):
        enter_data_set(exact, PROMISE, late)
    _run(DataSet(exact.folder), own(), 1.0)  # no limit


def test_a_run_in_progress_counts_whole_and_later_what_it_paid(
    data_set: DataSet, own: Callable[[], Ledger]
) -> None:
    with own() as first, enter_data_set(data_set, PROMISE, first) as copy:
        PaidTwice(first, copy).charge(0, {"node-0": 0.1 * BUDGET})
        assert standing_of(data_set, PROMISE).spent == (
            "epsilon 2 by 1 run, 1 in progress and counted whole"
        )
        with own() as second, pytest.raises(LedgerError, match="in progress"):
            enter_data_set(data_set, PROMISE, second)
    assert standing_of(data_set, PROMISE).spent_epsilon == pytest.approx(_epsilon(0.1))


def test_of_many_that_begin_at_once_as_many_get_in_as_are_paid_for(
    data_set: DataSet, own: Callable[[], Ledger]
) -> None:
    ledgers, together = [own() for _ in range(8)], Barrier(8)

    def enter(ledger: Ledger) -> Ledger | None:
        together.wait()
        try:
            return enter_data_set(data_set, PROMISE, ledger)
        except LedgerError:
            return None

    with ThreadPoolExecutor(8) as pool:
        entered = [copy for copy in pool.map(enter, ledgers) if copy is not None]
    for one in (*entered, *ledgers):
        one.close()
    assert len(entered) == 1


_KILLED = """
import os, signal, sys
from pathlib import Path
from tests.ota_calibration.privacy.test_data_set_ledger import BUDGET, LIMIT, PROMISE
from ota_calibration.privacy.data_set_ledger import DataSet, PaidTwice, enter_data_set
from ota_calibration.privacy.ledger import create_ledger

own = create_ledger(Path(sys.argv[1]) / "killed.jsonl", PROMISE.ledger_terms(("node-0",)))
copy = enter_data_set(DataSet(Path(sys.argv[2]), LIMIT), PROMISE, own)
PaidTwice(own, copy).charge(0, {"node-0": 0.3 * BUDGET})
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_run_has_spent_what_it_paid_and_lets_others_in(
    data_set: DataSet, own: Callable[[], Ledger], tmp_path: Path
) -> None:
    root = Path(__file__).parents[3]
    paths = os.pathsep.join(str(root / name) for name in (".", "calibration"))
    ended = subprocess.run(
        [sys.executable, "-c", _KILLED, tmp_path, data_set.folder],
        env={**os.environ, "PYTHONPATH": paths},
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL
    found = standing_of(data_set, PROMISE)
    assert (found.spent_epsilon, found.n_in_progress) == (pytest.approx(_epsilon(0.3)), 0)
    _run(data_set, own(), 0.5)


def test_a_torn_line_is_the_dearest_burst(data_set: DataSet, own: Callable[[], Ledger]) -> None:
    ledger = own()
    path = _run(data_set, ledger, 0.2)
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    assert standing_of(data_set, PROMISE).spent_epsilon == pytest.approx(_epsilon(0.1, 1.0))
    path.write_bytes(whole[:20])
    named = rf"{path} cannot be read: the ledger's first line .* holds {path.stem}: put that"
    with pytest.raises(LedgerError, match=named):
        standing_of(data_set, PROMISE)
    assert path.stem.encode() in ledger.path.read_bytes().split(b"\n")[0]
    path.write_bytes(ledger.path.read_bytes())
    assert standing_of(data_set, PROMISE).spent_epsilon == pytest.approx(_epsilon(0.2))


def test_a_resumed_run_is_not_counted_twice_and_brings_a_lost_copy_back(
    data_set: DataSet, own: Callable[[], Ledger]
) -> None:
    first = own()
    path = _run(data_set, first, 0.5)
    before = path.read_bytes()
    for _ in range(2):
        with Ledger(first.path) as ledger, enter_data_set(data_set, PROMISE, ledger) as copy:
            PaidTwice(ledger, copy).charge(2, {"node-1": 0.1 * BUDGET})
            assert copy.tally.spent == ledger.tally.spent
        path.unlink()
    with Ledger(first.path) as ledger:
        enter_data_set(data_set, PROMISE, ledger).close()
        assert standing_of(data_set, PROMISE).spent_epsilon == pytest.approx(_epsilon(0.7))
        path.write_bytes(before)
        with pytest.raises(LedgerError, match="has spent less than"):
            enter_data_set(data_set, PROMISE, ledger)


def test_the_noise_that_a_ledger_states_is_what_is_added_up(
    data_set: DataSet, own: Callable[[], Ledger], tmp_path: Path
) -> None:
    sampled = Promise(PROMISE.adjacency, PROMISE.trust, 2.0, 1e-5, 5.0, 4, 0.1, 10)
    terms = replace(sampled.ledger_terms(("node-0",)), run=run_name(), noise_multiplier=7.5)
    with (
        create_ledger(tmp_path / "one.jsonl", terms) as ledger,
        enter_data_set(data_set, sampled, ledger) as copy,
    ):
        PaidTwice(ledger, copy).charge(0, {"node-0": 1.0})
    assert standing_of(data_set, PROMISE).before.sampled == {(0.1, 7.5): 1}
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="noise_multiplier"):
            replace(terms, noise_multiplier=wrong)


def test_only_the_owner_sees_which_data_there_are(
    data_set: DataSet, own: Callable[[], Ledger]
) -> None:
    before = os.umask(0)
    try:
        path = _run(data_set, own(), 0.5)
    finally:
        os.umask(before)
    assert path.parent == data_set.folder
    for folder in (data_set.folder, data_set.folder.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_name_of_a_run_leads_nowhere_else(tmp_path: Path) -> None:
    terms = PROMISE.ledger_terms(("node-0",))
    with pytest.raises(ValueError, match="hexadecimal"):
        LedgerTerms(terms.limits, terms.burst_limit, terms.configuration, terms.unit, "../../x")


def test_a_folder_that_cannot_be_listed_is_not_an_unspent_one(
    data_set: DataSet, own: Callable[[], Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of mode 0300: files in it open, but what there are cannot be known."""
    with enter_data_set(data_set, PROMISE, own()):
        pass

    def denied(path: object = ".") -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", denied)
    monkeypatch.setattr(os, "listdir", denied)
    with pytest.raises(PermissionError):
        standing_of(data_set, PROMISE)
