"""A run that is killed and resumed is the run that was never interrupted."""

import json
import multiprocessing
import pickle
import random
import shutil
import time
from pathlib import Path

import pytest
from ota_calibration.privacy.ledger import read_tally

from sdr_ota.assembly import run_rounds as run_module
from sdr_ota.cli.run import resume_command, run_command
from sdr_ota.failure import CommandFailed
from sdr_ota.runs.captures import CAPTURES
from sdr_ota.runs.run_folder import read_run

N_ROUNDS = 12
LINK_ONLY = [
    "clients.source=synthetic",
    f"run.rounds={N_ROUNDS}",
    "link.sounding_every=3",
    "air.preset=harsh",
    "link.scheme=energy-difference",
    "captures.every=2",
]


FORK = multiprocessing.get_context("fork")


class Killed(BaseException):
    """Stands for a process that is gone: nobody handles it."""


def _settings(folder: Path, *more: str) -> list[str]:
    return [*LINK_ONLY, f"run.folder={folder}", *more]


def _only_run(folder: Path) -> Path:
    (run,) = folder.iterdir()
    return run


def _contents(run: Path) -> dict[str, bytes]:
    return {str(p.relative_to(run)): p.read_bytes() for p in run.rglob("*") if p.is_file()}


def _what_happened(run: Path) -> list[tuple[object, ...]]:
    """Return everything of the rounds but their wall times, and the samples that were kept."""
    rounds: list[tuple[object, ...]] = [
        (r.round, r.seed, r.decoded_sum, r.true_sum, r.theory_error, r.cfo_hz, r.erasure)
        for r in read_run(run).rounds
    ]
    captures = sorted((run / CAPTURES).glob("*"))
    return rounds + [(path.name, path.read_bytes()) for path in captures]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[object, ...]]:
    folder = tmp_path_factory.mktemp("whole")
    run_command(None, _settings(folder))
    return _what_happened(_only_run(folder))


STEPS = {"save_run_state": run_module, "evaluate": run_module.RunWatch}


def _killing(monkeypatch: pytest.MonkeyPatch, place: str, at_call: int) -> None:
    """Kill the run at the n-th call of one of the steps that write to disk."""
    original = getattr(STEPS[place], place)
    calls = iter(range(1000))

    def step(*arguments: object) -> object:
        if next(calls) == at_call:
            raise Killed
        return original(*arguments)

    monkeypatch.setattr(STEPS[place], place, step)


@pytest.mark.parametrize("place", list(STEPS))
@pytest.mark.parametrize("at_call", [0, 1, 4, 6])
def test_killed_between_any_two_writes_and_resumed_equals_uninterrupted(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whole: list[tuple[object, ...]],
    place: str,
    at_call: int,
) -> None:
    settings = _settings(tmp_path, "run.evaluate_every=2")
    with monkeypatch.context() as patched:
        _killing(patched, place, at_call)
        with pytest.raises(Killed):
            run_command(None, settings)
    run = _only_run(tmp_path)
    assert not read_run(run).stop
    resume_command(run)
    assert _what_happened(run) == whole
    assert read_run(run).stop["ending"] == "success"


def test_a_torn_last_line_is_repaired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                      whole: list[tuple[object, ...]]) -> None:  # fmt: skip
    with monkeypatch.context() as patched:
        _killing(patched, "save_run_state", 5)
        with pytest.raises(Killed):
            run_command(None, _settings(tmp_path))
    run = _only_run(tmp_path)
    with (run / "rounds.jsonl").open("a") as file:
        file.write('{"round": 6, "seed": 1')
    resume_command(run)
    assert _what_happened(run) == whole


@pytest.mark.slow
def test_kills_at_random_moments(tmp_path: Path, whole: list[tuple[object, ...]]) -> None:
    moments, runs = random.Random(1), iter(range(1000))
    folder = tmp_path / "0"
    longest_s = _lasts_s(tmp_path / "timed")
    for _ in range(25):
        process = _started(folder)
        process.join(moments.uniform(0.0, longest_s))
        process.kill()
        process.join()
        if process.exitcode == 0:
            assert _what_happened(_only_run(folder)) == whole
            folder = tmp_path / f"next-{next(runs)}"
    process = _started(folder)
    process.join()
    assert process.exitcode == 0
    assert _what_happened(_only_run(folder)) == whole


def _lasts_s(folder: Path) -> float:
    """Return how long a whole run takes here, so that kills fall into it on any machine."""
    began_s = time.monotonic()
    process = _started(folder)
    process.join()
    return time.monotonic() - began_s


def _started(folder: Path) -> multiprocessing.process.BaseProcess:
    runs = list(folder.glob("*/start.json"))
    process = FORK.Process(target=_work, args=(folder, runs[0].parent if runs else None))
    process.start()
    return process


def _work(folder: Path, run: Path | None) -> None:
    if run is None:
        shutil.rmtree(folder, ignore_errors=True)  # killed before it had written its start
        run_command(None, _settings(folder))
    else:
        resume_command(run)


def test_a_private_run_goes_on_with_its_ledger_and_pays_twice_for_a_repeated_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = ["privacy.protect=client", "air.preset=ideal", "run.rounds=6"]
    with monkeypatch.context() as patched:
        _killing(patched, "save_run_state", 3)
        with pytest.raises(Killed):
            run_command(None, _settings(tmp_path, *private))
    run = _only_run(tmp_path)
    resume_command(run)
    terms, tally = read_tally(run / "privacy.jsonl")
    assert tally.attempts[3] == 2
    assert max(tally.spent.values()) <= max(terms.limits.values()) * (1 + 1e-9)
    record = read_run(run)
    assert len(record.rounds) == 5  # the sixth cannot be paid for any more
    assert record.stop["ending"] == "success"
    assert "budget is spent" in str(record.stop["why"])


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="it has no start"):
        resume_command(tmp_path)
    start = {"config": {"run": {"pace": 3}}, "config_digest": "", "config_file": "", "home": "."}
    (tmp_path / "start.json").write_text(json.dumps(start))
    with pytest.raises(CommandFailed, match="pace"):
        resume_command(tmp_path)


@pytest.mark.parametrize("content", [b"", b"csdr_ota.nowhere\nStanding\n.", pickle.dumps(3)])
@pytest.mark.parametrize("name", ["checkpoint.json", "checkpoint-000012.npz"])
def test_a_checkpoint_that_cannot_be_used_is_said_so(
    tmp_path: Path, content: bytes, name: str
) -> None:
    run_command(None, _settings(tmp_path))
    run = _only_run(tmp_path)
    (run / name).write_bytes(content)
    before = _contents(run)
    with pytest.raises(CommandFailed, match=name):
        resume_command(run, 1)
    assert _contents(run) == before


def test_a_finished_run_stays_as_it_is(tmp_path: Path, whole: list[tuple[object, ...]]) -> None:
    run_command(None, _settings(tmp_path))
    before = _contents(_only_run(tmp_path))
    resume_command(_only_run(tmp_path))
    assert _contents(_only_run(tmp_path)) == before
    assert _what_happened(_only_run(tmp_path)) == whole
