"""Processes that are started, watched and ended together with the one that starts them.

A crash, an exception or a hang over there becomes one `ChildFailed` here, within seconds.
No child outlives its parent, however that ends: the end of its standard input ends it.
"""

import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from importlib.resources import files
from pathlib import Path
from typing import IO, Self

from sdr_ota.process.closed_by_block import ClosedByBlock

PYTHON = "/usr/bin/python3"
"""The interpreter for which distributions build GNU Radio."""

CURE = "install it: apt-get install gnuradio stterm python3-scipy python3-zmq"

START_S = 60.0
"""Longest time from starting a process until it is ready: a busy machine imports slowly.

One that ends is noticed at once."""

_END_S = 3.0


_LONGEST_FOLDER = 60
"""Characters of a folder below which sockets are made: a Unix socket's path has at most 107."""


def socket_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a new folder for sockets, in a short place where the user's own is too long."""
    is_long = len(os.fsencode(tempfile.gettempdir())) > _LONGEST_FOLDER
    return tempfile.TemporaryDirectory(
        prefix="ota-", dir="/tmp" if is_long else None, ignore_cleanup_errors=True
    )


class ChildFailed(RuntimeError):  # noqa: N818 - it is an outcome, as CommandFailed is
    """A process cannot run, or has stopped; the text says why and what to do."""


class ChildProcess(ClosedByBlock):
    """A child; as a context manager it waits until the child is ready, and ends it.

    Args:
        name: For messages.
        command: Program and arguments.
        environment: Its environment variables.

    Raises:
        ChildFailed: If it does not start.
    """

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._name = name
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                bufsize=0,  # `select` does not see what a buffer has swallowed
                env=environment,
                start_new_session=True,  # Ctrl-C is for the process that started it
            )
        except OSError as missing:
            self._errors.close()
            raise ChildFailed(f"cannot start {command[0]}: {missing}; {CURE}") from missing

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def check(self) -> None:
        """Raise if it does not run any more.

        Raises:
            ChildFailed: With the last line that it wrote.
        """
        status = self._process.poll()
        if status is not None:
            raise ChildFailed(self._ending(status))

    def fail(self, what: str) -> ChildFailed:
        """End a child that hangs and return what to raise."""
        self.kill()
        said = self._last_line()
        return ChildFailed(f"{self._name} {what}" + (f"; it said: {said}" if said else ""))

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End it; a second call does nothing."""
        if self._process.stdin is None or self._process.stdin.closed:
            return
        self._process.stdin.close()  # the child ends at the end of its input
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.kill()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()

    def __enter__(self) -> Self:
        try:
            self.wait_until_ready()
        except BaseException:
            self.close()
            raise
        return self

    def wait_until_ready(self) -> None:
        """Wait for the line ``ready`` on its standard output.

        Raises:
            ChildFailed: If it ends before, or does not come.
        """
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        until_s = time.monotonic() + START_S
        while time.monotonic() < until_s:
            readable, _, _ = select.select([self._process.stdout], [], [], 0.1)
            if readable and self._process.stdout.readline().strip() == b"ready":
                return
            self.check()
        raise self.fail(f"did not start within {START_S:g} s")

    def _ending(self, status: int) -> str:
        said = self._last_line()
        if "No module named 'gnuradio'" in said:
            return f"GNU Radio is not installed for {PYTHON}; {CURE}"
        how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        return f"{self._name} {how}; it said: {said or 'nothing'}"

    def _last_line(self) -> str:
        if self._errors.closed:
            return ""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else ""


def start_flowgraph(name: str, arguments: Mapping[str, object], folder: Path) -> ChildProcess:
    """Start a flowgraph under the interpreter that has GNU Radio.

    Args:
        name: Module in ``ota_flowgraphs.generated``, and the class in it.
        arguments: The flowgraph's parameters: numbers, texts, a `FrameFormat`.
        folder: Where a folder with nothing but this project's packages is made: whatever else
            lies beside them (another numpy) must not reach GNU Radio.

    Raises:
        ChildFailed: If there is no such interpreter.
    """
    command = [PYTHON, "-s", "-m", "ota_flowgraphs.child", name, _as_json(arguments)]
    ours = {"PYTHONPATH": str(link_packages(folder))}
    # Not what belongs to this process's own Python.
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    return ChildProcess(f"flowgraph {name!r}", command, {**kept, **ours})


def start_module(name: str, module: str, arguments: Mapping[str, object]) -> ChildProcess:
    """Start a module of this project under this process's own interpreter."""
    command = [sys.executable, "-m", module, _as_json(arguments)]
    paths = os.pathsep.join(path for path in sys.path if path)
    return ChildProcess(name, command, {**os.environ, "PYTHONPATH": paths})


def link_packages(folder: Path) -> Path:
    """Make a folder that holds `sdr_ota` and `ota_flowgraphs` and nothing else; return it."""
    home = folder / "packages"
    home.mkdir(parents=True, exist_ok=True)
    for package in (Path(str(files("sdr_ota"))), Path(__file__).parent):
        _link(home / package.name, package.resolve())
    return home


def _link(link: Path, target: Path) -> None:
    """Let a link lead to a folder, wherever it led before: that checkout may be gone.

    It is replaced at once, so that another process always finds one or the other.
    """
    if link.is_symlink() and link.readlink() == target:
        return
    draft = link.with_name(f"{link.name}.{os.getpid()}.{threading.get_ident()}")
    draft.symlink_to(target, target_is_directory=True)
    draft.replace(link)


def _as_json(arguments: Mapping[str, object]) -> str:
    plain = {
        name: asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
        for name, value in arguments.items()
    }
    return json.dumps(plain)
