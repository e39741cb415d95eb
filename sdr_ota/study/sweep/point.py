"""One point of a sweep: a run of its own, in a process of its own, in a folder of its own."""

import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sdr_ota.plugins import VARIABLE
from sdr_ota.runs.run_folder import RunFolderError, read_run

LOG = "log.txt"

ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
"""Points share the cores; each of them computes on one."""

CLAIM_S = 0.2
"""How often a point that another process runs is asked for."""

NOT_STARTED = "not started: the sweep was interrupted"

LAST_WORDS = 300
"""Letters of a log that a table shows."""


@dataclass(frozen=True)
class PointTask:
    """What has to be known to run a point; it may travel to another machine.

    Attributes:
        name: Of the point.
        folder: Its folder, which every machine that takes part can see.
        home: Where the run is started: names of files are relative to it.
        arguments: Of `sdr-ota run`, apart from the folder.
        plugins: References that its configuration names: a point that goes on may import them.
    """

    name: str
    folder: Path
    home: Path
    arguments: tuple[str, ...]
    plugins: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How a point ended.

    Attributes:
        name: Of the point.
        run: Its run folder; None if it did not come so far.
        why_not: Why it did not succeed; empty if it did.
    """

    name: str
    run: Path | None
    why_not: str = ""


class Processes:
    """The runs that go on, so that an interruption can reach every one of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self.stopped = False

    def claim(self, log: BinaryIO) -> bool:
        """Wait until no other process runs the point; false if no more may be started.

        A run inherits the lock on its log: it is held even if the sweep itself is killed.
        """
        while not self.stopped:
            try:
                fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(CLAIM_S)
            else:
                return True
        return False

    def run(
        self, command: list[str], folder: Path, log: BinaryIO, plugins: Sequence[str] = ()
    ) -> int | None:
        """Run a command to its end; None if no more may be started."""
        with self._lock:
            if self.stopped:
                return None
            process = subprocess.Popen(
                command,
                cwd=folder,
                env={**ONE_THREAD, **os.environ, **_vouching(plugins)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C comes once, through `stop`
            )
            self._running.add(process)
        try:
            return process.wait()
        except BaseException:  # a task of a cluster that is cancelled
            process.terminate()
            process.wait()
            raise
        finally:
            with self._lock:
                self._running.discard(process)

    def stop(self) -> None:
        """Let every run end cleanly, and start no other."""
        with self._lock:
            self.stopped = True
            for process in self._running:
                process.terminate()


def finished_outcome(name: str, folder: Path) -> Outcome | None:
    """Return the outcome of a point that an earlier sweep has brought to its end."""
    run = run_of(folder)
    if run is None or _ending(run).get("ending") != "success":
        return None
    return Outcome(name, run)


def run_point(task: PointTask, processes: Processes) -> Outcome:
    """Run a point, or go on with it where it broke off."""
    try:
        task.folder.mkdir(parents=True, exist_ok=True)
        with (task.folder / LOG).open("ab") as log:
            if not processes.claim(log):
                return Outcome(task.name, run_of(task.folder), NOT_STARTED)
            if done := finished_outcome(task.name, task.folder):
                return done
            exit_code = processes.run(_command(task), task.home, log, task.plugins)
    except OSError as error:
        return Outcome(task.name, None, f"cannot run in {task.folder}: {error}")
    run = run_of(task.folder)
    if exit_code == 0:
        return Outcome(task.name, run)
    if exit_code is None:
        return Outcome(task.name, run, NOT_STARTED)
    return Outcome(task.name, run, _reason(run, task.folder / LOG, exit_code))


def _vouching(plugins: Sequence[str]) -> Mapping[str, str]:
    """Return the variable with which a process may import what the sweep's file names."""
    named = [part for part in (os.environ.get(VARIABLE, ""), *plugins) if part]
    return {VARIABLE: ",".join(named)} if named else {}


def _command(task: PointTask) -> list[str]:
    run = [sys.executable, "-m", "sdr_ota.cli", "run"]
    started = run_of(task.folder)
    if started is not None:
        return [*run, "--resume", str(started)]
    return [*run, *task.arguments, "--set", f"run.folder={json.dumps(str(task.folder))}"]


def run_of(folder: Path) -> Path | None:
    """Return the run folder of a point; None if it never began."""
    runs = sorted(start.parent for start in folder.glob("*/start.json"))
    return runs[-1] if runs else None


def _reason(run: Path | None, log: Path, exit_code: int) -> str:
    why = str(_ending(run).get("why", "")) if run is not None else ""
    if why:
        return why
    if exit_code < 0:
        return f"killed by signal {-exit_code}"
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.is_file() else []
    said = [line.strip() for line in lines if line.strip()]
    return said[-1][-LAST_WORDS:] if said else f"exit code {exit_code}"


def _ending(run: Path) -> Mapping[str, object]:
    try:
        return read_run(run).stop
    except RunFolderError:
        return {}
