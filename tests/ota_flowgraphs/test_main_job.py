"""The main job as a user starts it, synchronised by numpy and by GNU Radio."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

N_ROUNDS = 8


def rounds(folder: Path, *settings: str) -> list[dict[str, Any]]:
    more = [word for setting in settings for word in ("--set", setting)]
    done = subprocess.run(
        [sys.executable, "-m", "sdr_ota.cli", "run", "--demo", *more,
         "--set", "clients.source=synthetic", "--set", f"run.rounds={N_ROUNDS}"],
        cwd=folder, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (lines,) = folder.glob("runs/*/rounds.jsonl")
    return [json.loads(line) for line in lines.read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.gnuradio
@pytest.mark.parametrize(
    "settings",
    [
        ("air.preset=lab-wired",),
        ("air.preset=free-running-pluto", "link.scheme=energy-difference"),
        ("air.preset=harsh", "link.scheme=energy-difference"),
    ],
    ids=["lab-wired", "free-running-pluto", "harsh"],
)
def test_both_synchronizers_give_the_same_sums(
    gnuradio: str, tmp_path: Path, settings: tuple[str, ...]
) -> None:
    folders = {name: tmp_path / name for name in ("numpy", "gnuradio")}
    for folder in folders.values():
        folder.mkdir()
    ours, theirs = (
        rounds(folder, *settings, f"receiver.synchronizer={name}")
        for name, folder in folders.items()
    )
    assert len(ours) == len(theirs) == N_ROUNDS
    for a, b in zip(ours, theirs, strict=True):
        assert a["erasure"] == b["erasure"]
        if a["erasure"] is None:
            assert b["decoded_sum"] == pytest.approx(a["decoded_sum"], abs=1e-6)
            assert b["decoded_std"] == pytest.approx(a["decoded_std"], rel=1e-4)
            assert b["noise_power"] == pytest.approx(a["noise_power"], rel=1e-4)
    assert any(a["erasure"] is None for a in ours)


def test_without_gnuradio_the_run_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys, ota_flowgraphs.process as p; p.PYTHON = '/nowhere/python3';"
        "from sdr_ota.cli.start import main; sys.argv = ['sdr-ota', 'run', '--demo', '--set',"
        "'receiver.synchronizer=gnuradio', '--set', 'clients.source=synthetic']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=100,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "apt-get install gnuradio" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.gnuradio
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_flowgraph_that_dies_or_hangs_ends_the_run_with_a_sentence(
    gnuradio: str, tmp_path: Path, number: signal.Signals
) -> None:
    run = subprocess.Popen(
        [sys.executable, "-m", "sdr_ota.cli", "run", "--demo", "--set", "clients.source=synthetic",
         "--set", "receiver.synchronizer=gnuradio", "--set", "run.rounds=1000000",
         "--set", "receiver.patience_s=3"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        until_s = time.monotonic() + 60
        while not any(path.stat().st_size for path in tmp_path.glob("runs/*/rounds.jsonl")):
            assert time.monotonic() < until_s, "no round was done"
            time.sleep(0.05)
        (child,) = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
        os.kill(int(child), number)
        _, said = run.communicate(timeout=60)
    finally:
        run.kill()
        run.communicate()
    assert run.returncode == 1
    expected = "was ended by signal 9" if number == signal.SIGKILL else "within 3 s"
    assert expected in said
    assert "flowgraph 'receiver'" in said
    assert "Traceback" not in said
