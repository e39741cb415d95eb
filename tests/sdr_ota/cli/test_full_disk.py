"""A run on a disk that is full: it says so, leaves whole records, and goes on after room is made.

The kernel's limit on the size of a file stands in for the disk: it tears writes as a full one does.
"""

import errno
import multiprocessing
import resource
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from sdr_ota.assembly import run as run_module
from sdr_ota.cli.run import resume_command, run_command
from sdr_ota.failure import CommandFailed
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.report import run_report
from sdr_ota.runs.run_folder import RunFolder, read_run

FORK = multiprocessing.get_context("fork")

N_ROUNDS = 40
SETTINGS = [
    "clients.source=synthetic",
    f"run.rounds={N_ROUNDS}",
    "air.preset=harsh",
    "link.scheme=energy-difference",
    "link.sounding_every=3",
]
NO_CAPTURES = ("captures.every=0", "captures.erased=false")
LONG = ("clients.count=5", "run.rounds=520", "link.sounding_every=1", "air.preset=lab-wired")
WIDE = ("frame.payload_chips=4096",)
CAPTURE = "captures/round-000000.sigmf-data"


def _settings(folder: Path, *more: str) -> list[str]:
    return [*SETTINGS, f"run.folder={folder}", *more]


def _only_run(folder: Path) -> Path:
    (run,) = folder.iterdir()
    return run


def _what_happened(run: Path) -> list[tuple[object, ...]]:
    return [
        (r.round, r.seed, r.decoded_sum, r.true_sum, r.theory_error, r.cfo_hz, r.erasure)
        for r in read_run(run).rounds
    ]


@pytest.fixture(scope="module")
def uninterrupted(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[tuple[str, ...]], list[tuple[object, ...]]]:
    """What happens in a run of these settings that nothing stops."""

    @cache
    def run(more: tuple[str, ...]) -> list[tuple[object, ...]]:
        folder = tmp_path_factory.mktemp("whole")
        run_command(None, _settings(folder, *more))
        return _what_happened(_only_run(folder))

    return run


def _work(folder: Path, limit_bytes: int, more: tuple[str, ...]) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        run_command(None, _settings(folder, *more))
    except CommandFailed as failure:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        (folder.parent / "said").write_text(f"{failure.exit_code} {failure}")


def _said_where_files_end_at(limit_bytes: int, folder: Path, *more: str) -> str:
    process = FORK.Process(target=_work, args=(folder, limit_bytes, more))
    process.start()
    process.join(300)
    process.kill()
    process.join()
    assert process.exitcode == 0
    return (folder.parent / "said").read_text()


@pytest.mark.parametrize(
    ("limit_bytes", "more", "torn"),
    [
        pytest.param(  # checkpoints are smaller
            604_321, (*NO_CAPTURES, *LONG), "soundings.jsonl", marks=pytest.mark.slow
        ),
        (130_000, (*NO_CAPTURES, "clients.count=1", "run.rounds=200"), "rounds.jsonl"),
        (60_000, ("captures.every=5", "captures.max_megabytes=50", *WIDE), CAPTURE),
    ],
)
def test_it_says_so_and_goes_on_bit_for_bit_after_room_is_made(
    tmp_path: Path,
    limit_bytes: int,
    more: tuple[str, ...],
    torn: str,
    uninterrupted: Callable[[tuple[str, ...]], list[tuple[object, ...]]],
) -> None:
    folder = tmp_path / "runs"
    said = _said_where_files_end_at(limit_bytes, folder, *more)
    run = _only_run(folder)
    assert said.startswith("1 cannot write")
    assert f"make room and go on with: sdr-ota run --resume {run}" in said
    stop = read_run(run).stop
    assert stop["ending"] == "fail"
    assert "too large" in str(stop["why"])  # what the kernel calls it
    assert not list(run.rglob("*.draft"))
    if torn.endswith(".jsonl"):
        assert (run / torn).stat().st_size == limit_bytes
        assert not (run / torn).read_bytes().endswith(b"\n")
    else:
        assert not (run / torn).exists()
    resume_command(run)
    assert _what_happened(run) == uninterrupted(more)
    assert read_run(run).stop["ending"] == "success"
    assert not (run / "reserve").exists()


def test_without_room_for_the_start_there_is_nothing_to_resume(tmp_path: Path) -> None:
    said = _said_where_files_end_at(100, tmp_path / "runs")
    assert said.startswith("1 cannot write")
    assert "--resume" not in said


def test_room_for_the_end_is_kept_while_the_run_goes_on(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path)
    folder.write_start({"config": {}})
    kept = (folder.path / "reserve").stat()
    assert kept.st_blocks * 512 >= 4096  # written, not a hole
    folder.write_stop("fail", "No space left on device", 1)
    assert not (folder.path / "reserve").exists()
    assert (folder.path / "stop.json").stat().st_size < kept.st_size


def test_radios_fall_silent_before_the_end_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []
    original = SimulatedRadio.close

    def close(self: SimulatedRadio) -> None:
        original(self)
        closed.append(self.info.serial)

    def full(self: RunFolder, result: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "rounds.jsonl")

    def stop(folder: RunFolder, ending: str, why: str) -> None:
        assert sorted(closed) == [*(f"node-{k}" for k in range(5)), "receiver"]
        assert ending == "fail"

    monkeypatch.setattr(SimulatedRadio, "close", close)
    monkeypatch.setattr(RunFolder, "append_round", full)
    monkeypatch.setattr(run_module, "_stop", stop)
    with pytest.raises(CommandFailed, match="No space left on device") as failed:
        run_command(None, _settings(tmp_path))
    assert failed.value.exit_code == 1


def test_plots_that_cannot_be_written_leave_a_complete_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(run: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(run_report, "save_plots", full)
    with pytest.raises(CommandFailed, match="the run is complete"):
        run_command(None, _settings(tmp_path, "run.rounds=6"))
    assert read_run(_only_run(tmp_path)).stop["ending"] == "success"
    assert "rounds" in capsys.readouterr().out
