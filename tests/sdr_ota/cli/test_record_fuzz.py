"""Seeded damage to every record of a run folder: each command answers with a sentence.

``SDR_OTA_FUZZ=5000`` sets how many mutations the slow part tries, ``SDR_OTA_FUZZ_SEED`` which.
"""

import contextlib
import io
import json
import os
import random
import shutil
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from sdr_ota.assembly.export import export_run
from sdr_ota.cli.replay import replay
from sdr_ota.cli.run import resume_command
from sdr_ota.failure import CommandFailed
from sdr_ota.report.run_report import report_runs, runs_json
from sdr_ota.report.watch.state import WatchState
from sdr_ota.runs.run_folder import RunFolderError
from sdr_ota.runs.strict_json import strict_json
from tests.sdr_ota.cli.killed_run import killed_run, model_settings, sign, whole_run

LONGEST_S = 60
LINK = ["clients.source=synthetic", "clients.count=2", "run.rounds=6", "captures.every=2"]
MODEL = ["run.rounds=6", "run.evaluate_every=2", "clients.count=2", "captures.every=3"]
N_DONE = 5

EVIL: Sequence[Any] = (
    None, True, -1, 0, 1, 2**31, 2**63, 2**200, 10**400, -(2**70), 1e308, -1e308, 5e-324, 1e59,
    float("nan"), float("inf"), -float("inf"), "", "x", "\x1b[2J", "\ud800", "$\\frac{$",
    "9" * 5000,     [], {}, [[]], [1, 2, 3], {"a": 1}, [None] * 50, "2026-01-01",
)  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    models = model_settings(folder, *MODEL)
    kinds = [LINK, [*LINK, "privacy.protect=client", "air.preset=ideal"], models]
    made = [killed_run(folder / f"killed-{k}", kind, N_DONE) for k, kind in enumerate(kinds)]
    whole = whole_run(folder / "whole", models)
    return [*made, whole, whole_run(folder / "harsh", [*LINK, "air.preset=harsh", "run.rounds=20"])]


def records_of(run: Path) -> list[Path]:
    """Return what can be damaged in a run folder."""
    unread = {"lock", "reserve", "report.html"}
    files = (p for p in run.rglob("*") if p.is_file() and p.suffix != ".png")
    return sorted(p for p in files if p.name not in unread)


def damage(path: Path, draw: random.Random) -> str:
    """Change a file somehow, and say how."""
    content = path.read_bytes()
    if path.suffix in {".json", ".jsonl", ".sigmf-meta"} and draw.random() < 0.7:
        return _evil_value(path, content, draw)
    name, place = draw.choice(list(_DAMAGES)), draw.randrange(len(content) + 1)
    path.write_bytes(_DAMAGES[name](content, place, draw))
    return f"{name} at {place}"


def _swapped(content: bytes, _: int, draw: random.Random) -> bytes:
    lines = content.splitlines(keepends=True) or [b""]
    one, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


_INSERTED = (b"\xff", b"\0", b"\n", b"{", b"9" * 50, b",", b"[" * 5000)

_DAMAGES: dict[str, Callable[[bytes, int, random.Random], bytes]] = {
    "flip": lambda c, i, draw: c[:i] + bytes([draw.randrange(256)]) + c[i + 1 :],
    "insert": lambda c, i, draw: c[:i] + draw.choice(_INSERTED) + c[i:],
    "delete": lambda c, i, draw: c[:i] + c[i + draw.randrange(1, 80) :],
    "cut": lambda c, i, _: c[:i],
    "empty": lambda *_: b"",
    "twice": lambda c, i, _: c + c[i:].partition(b"\n")[2],
    "swap": _swapped,
}


def _evil_value(path: Path, content: bytes, draw: random.Random) -> str:
    """Put a value that does not belong there into one place of a record."""
    whole = path.suffix != ".jsonl"
    texts = [content.decode()] if whole else content.decode().splitlines()
    index = draw.randrange(len(texts))
    record = json.loads(texts[index])
    holder, key = draw.choice(list(_places(record)))
    value = draw.choice(EVIL)
    if draw.random() < 0.1:
        del holder[key]
    else:
        holder[key] = value
    if path.name == "checkpoint.json" and draw.random() < 0.7:  # a lie with the right checksum
        with contextlib.suppress(Exception):
            sign(record)
    texts[index] = json.dumps(record)
    path.write_text("\n".join(texts) + "\n", encoding="utf-8", errors="surrogateescape")
    return f"{value!r:.40} for {key!r}"


def _places(record: Any) -> Iterator[tuple[Any, Any]]:
    keys = record if isinstance(record, dict) else range(len(record))
    for key in keys:
        yield record, key
        if isinstance(record[key], dict | list):
            yield from _places(record[key])


def _watch(run: Path, _: Path) -> None:
    with contextlib.suppress(RunFolderError):
        state = WatchState(run)
        seen = state.progress(-1, 0)
        strict_json([seen, *(state.capture(name) for name in seen["captures"])])


def _table(run: Path, _: Path) -> None:
    runs_json([run])


COMMANDS: dict[str, Callable[[Path, Path], None]] = {
    "table": _table,
    "watch": _watch,
    "replay": lambda run, _: replay(run, (), True),
    "export": export_run,
    "report": lambda run, out: report_runs([run], out / "page.html", None),
    "resume": lambda run, _: resume_command(run),
}


def fuzz(runs: Sequence[Path], folder: Path, n_mutations: int, seed: int) -> list[str]:
    """Damage copies of runs and return what was answered with anything but a sentence."""
    draw, wrong = random.Random(seed), []
    for number in range(n_mutations):
        run = folder / "run"
        shutil.copytree(draw.choice(runs), run)
        path = draw.choice(records_of(run))
        how = damage(path, draw)
        for name, command in COMMANDS.items():
            if name == "report" and number % 8:  # its figures take most of the time
                continue
            out = folder / f"out-{name}"
            out.mkdir()
            if fault := _fault(command, run, out):
                wrong.append(f"{number}: {name}, {path.relative_to(run)}, {how}: {fault}")
            shutil.rmtree(out)
        shutil.rmtree(run)
    return wrong


def _fault(command: Callable[[Path, Path], None], run: Path, out: Path) -> str:
    """Return what went wrong with a command; nothing if it did its work or said why not."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), _in_time(), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's, of numbers out of range
            command(run, out)
    except CommandFailed as refused:
        return "" if str(refused).strip() else "it says nothing"
    except Exception as fault:
        last = traceback.extract_tb(fault.__traceback__)
        ours = [f for f in last if "/site-packages/" not in f.filename][-1]
        return f"{type(fault).__name__}: {fault} ({Path(ours.filename).name}:{ours.lineno})"[:300]
    return ""


@contextlib.contextmanager
def _in_time() -> Iterator[None]:
    def late(*_: object) -> None:
        raise TimeoutError(f"it hangs for {LONGEST_S} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(LONGEST_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_some_damage_is_answered_with_a_sentence(runs: list[Path], tmp_path: Path) -> None:
    assert fuzz(runs, tmp_path, 12, seed=1) == []


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_much_damage_is_answered_with_a_sentence(runs: list[Path], tmp_path: Path) -> None:
    n_mutations = int(os.environ.get("SDR_OTA_FUZZ", "80"))
    seed = int(os.environ.get("SDR_OTA_FUZZ_SEED", "2"))
    assert fuzz(runs, tmp_path, n_mutations, seed) == []
