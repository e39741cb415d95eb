"""A flowgraph in a process of its own, under the interpreter that has GNU Radio.

A crash, an exception or a hang over there becomes one `FlowgraphFailed` here, within
seconds. The process never outlives the one that started it.
"""

import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import sdr_ota

PYTHON = "/usr/bin/python3"
"""The interpreter for which distributions build GNU Radio."""

START_S = 20.0
"""Longest time from starting the process until its flowgraph runs."""

_END_S = 3.0


class FlowgraphFailed(RuntimeError):  # noqa: N818 - it is an outcome, as CommandFailed is
    """A flowgraph cannot run, or has stopped; the text says why and what to do."""


class FlowgraphProcess:
    """A running flowgraph; a context manager that ends it.

    Args:
        name: Module in ``ota_flowgraphs.generated``, and the class in it.
        arguments: The flowgraph's parameters: numbers, texts, a `FrameFormat`.
        folder: Where a folder with nothing but this project's packages is made: whatever else
            lies beside them (another numpy) must not reach GNU Radio.

    Raises:
        FlowgraphFailed: If GNU Radio is missing or the flowgraph does not start.
    """

    def __init__(self, name: str, arguments: Mapping[str, object], folder: Path) -> None:
        self._name = name
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        command = [PYTHON, "-s", "-m", "ota_flowgraphs.child", name, _as_json(arguments)]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=_environment(link_packages(folder)),
                start_new_session=True,  # Ctrl-C is for the process that started it
            )
        except OSError as missing:
            self._errors.close()
            raise FlowgraphFailed(f"cannot start {PYTHON}: {missing}; {CURE}") from missing
        try:
            self._wait_until_ready()
        except BaseException:
            self.close()
            raise

    def check(self) -> None:
        """Raise if the flowgraph does not run any more.

        Raises:
            FlowgraphFailed: With the last line that it wrote.
        """
        status = self._process.poll()
        if status is not None:
            raise FlowgraphFailed(self._ending(status))

    def fail(self, what: str) -> FlowgraphFailed:
        """End a flowgraph that hangs and return what to raise."""
        self._process.kill()
        self._process.wait()
        said = self._last_line()
        return FlowgraphFailed(
            f"flowgraph {self._name!r} {what}{f'; it said: {said}' * bool(said)}"
        )

    def close(self) -> None:
        """End the process; a second call does nothing."""
        if self._process.stdin is None or self._process.stdin.closed:
            return
        self._process.stdin.close()  # the child ends at the end of its input
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _wait_until_ready(self) -> None:
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
        return f"flowgraph {self._name!r} {how}; it said: {said or 'nothing'}"

    def _last_line(self) -> str:
        if self._errors.closed:
            return ""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else ""


CURE = "install it: apt-get install gnuradio stterm python3-scipy python3-zmq"


def link_packages(folder: Path) -> Path:
    """Make a folder that holds `sdr_ota` and `ota_flowgraphs` and nothing else; return it."""
    home = folder / "packages"
    home.mkdir(parents=True, exist_ok=True)
    for package in (Path(sdr_ota.__file__).parent, Path(__file__).parent):
        link = home / package.name
        if not link.exists():
            link.symlink_to(package.resolve(), target_is_directory=True)
    return home


def _environment(packages: Path) -> dict[str, str]:
    """Return this process's environment without what belongs to its own Python."""
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith("PYTHON") and k != "VIRTUAL_ENV"
    }
    return {**kept, "PYTHONPATH": str(packages), "PYTHONFAULTHANDLER": "1"}


def _as_json(arguments: Mapping[str, object]) -> str:
    plain = {
        name: asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
        for name, value in arguments.items()
    }
    return json.dumps(plain)
