"""Sweeps: which points a file means, that they are run, resumed, survived and collected."""

import csv
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdr_ota.config.load import ConfigError, load_config
from sdr_ota.failure import CommandFailed
from sdr_ota.runs.run_folder import read_run
from sdr_ota.study.sweep import page as sweep_page
from sdr_ota.study.sweep.cluster import run_here, run_on_cluster
from sdr_ota.study.sweep.figures import axis_label, sweep_figures
from sdr_ota.study.sweep.means import mean_and_std, means_table
from sdr_ota.study.sweep.page import write_page
from sdr_ota.study.sweep.plan import needs_real_radios, read_sweep, toml_value
from sdr_ota.study.sweep.point import Outcome, PointTask, Processes, run_point
from sdr_ota.study.sweep.results import USUAL, Row
from sdr_ota.study.sweep.table import table_row, write_table
from tests.ports import free_ports

EXAMPLES = Path(__file__).parents[3] / "examples"

BASE = """
[base]
clients.source = "synthetic"
clients.count = 2
run.rounds = 4
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "sweep.toml"
    path.write_text(text)
    return path


def settings(path: Path) -> list[dict[str, object]]:
    return [dict(point.settings) for point in read_sweep(path).points]


def sweep(path: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sdr_ota.cli", "sweep", path.name, "--output", "out", *options],
        cwd=path.parent,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def wait_for(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 60
    while not condition() and time.monotonic() < deadline_s:
        time.sleep(0.05)


def last_words(process: subprocess.Popen[str]) -> str:
    """Return what a process that is about to end says on standard error; leave none behind."""
    try:
        return process.communicate(timeout=60)[1]
    finally:
        process.kill()


def processes_with(text: str) -> list[int]:
    """Return the processes with this in their command line."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if text.encode() in line.read_bytes():
                found.append(int(line.parent.name))
    return found


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "out" / "table.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_grid_is_every_combination(tmp_path: Path) -> None:
    text = '[grid]\nair.snr_db = [0, 10]\n"link.payload" = ["analog", "sign"]\n'
    found = settings(written(tmp_path, "seeds = 2\n" + text))
    assert len(found) == 8
    assert found[0] == {"air.snr_db": 0, "link.payload": "analog", "run.seed": 1}
    assert found[-1] == {"air.snr_db": 10, "link.payload": "sign", "run.seed": 2}


def test_lists_go_in_step_and_single_points_stand_alone(tmp_path: Path) -> None:
    text = (
        "[[list]]\nclients.count = [2, 4]\nframe.payload_chips = [256, 512]\nrun.rounds = 5\n"
        "[[list]]\nclients.count = 8\n"
    )
    assert settings(written(tmp_path, text)) == [
        {"clients.count": 2, "frame.payload_chips": 256, "run.rounds": 5},
        {"clients.count": 4, "frame.payload_chips": 512, "run.rounds": 5},
        {"clients.count": 8},
    ]


def test_seeds_and_presets_are_short_for_keys(tmp_path: Path) -> None:
    found = settings(written(tmp_path, 'seeds = [7]\npresets = ["ideal", "lab-wired"]\n'))
    assert found == [
        {"air.preset": "ideal", "run.seed": 7},
        {"air.preset": "lab-wired", "run.seed": 7},
    ]


def test_the_base_is_a_file_and_what_is_changed_on_it(tmp_path: Path) -> None:
    (tmp_path / "link.toml").write_text("[run]\nrounds = 9\nseed = 5\n")
    text = '[base]\nfile = "link.toml"\nrun.rounds = 8\n[grid]\nair.snr_db = [3]\n'
    (point,) = read_sweep(written(tmp_path, text)).points
    assert (point.config.run.rounds, point.config.run.seed, point.config.air.snr_db) == (8, 5, 3)
    given = [
        v for flag, v in zip(point.arguments, point.arguments[1:], strict=False) if flag == "--set"
    ]
    assert load_config(Path(point.arguments[0]), given) == point.config


def test_a_point_is_called_otherwise_when_anything_changes_its_run(tmp_path: Path) -> None:
    grid = "[grid]\nair.snr_db = [1, 2]\n"
    before = [p.name for p in read_sweep(written(tmp_path, BASE + grid)).points]
    more = "[grid]\nair.snr_db = [1, 2, 3]\n"
    assert [p.name for p in read_sweep(written(tmp_path, BASE + more)).points][:2] == before
    longer = BASE.replace("rounds = 4", "rounds = 5") + grid
    assert not set(before) & {p.name for p in read_sweep(written(tmp_path, longer)).points}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[grdi]\n", "unknown 'grdi'"),
        ("[grid]\nair.snr_db = 3\n", "grid.air.snr_db = 3: it should be a list"),
        ("[grid]\nair.snr_db = [3, 999]\n", r"point air.snr_db = 999: air.snr_db = 999"),
        ("[grid]\nair.snrdb = [3]\n", "unknown key 'air.snrdb'"),
        ("[[list]]\nrun.seed = [1, 2]\nrun.rounds = [1]\n", "must be of one length"),
        ('[base]\nfile = "nowhere.toml"\n', "cannot read"),
        ("seeds =", "not valid TOML"),
        ("[[base.band]]\nlow_hz = 1\n", "band belongs into a file of its own"),
        ("seeds = 0\n", "no point at all"),
        ("list = []\n", "no point at all"),
        ("[[list]]\nrun.rounds = []\n", "no point at all"),
        ("[grid]\nair.snr_db = [2026-01-01]\n", "point air.snr_db = 2026-01-01"),
    ],
)
def test_a_wrong_file_is_refused_before_anything_runs(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        read_sweep(written(tmp_path, text))


def test_values_are_written_as_toml_reads_them() -> None:
    values = {"a": [1, 2.5, True, 'say "no"'], "b": {"x": "é", "y z": []}}
    assert tomllib.loads(f"v = {toml_value(values)}")["v"] == values


REAL = """
[clients]
count = 1
[radio]
receiver = "driver=pluto,uri=ip:192.168.2.1"
nodes = ["driver=pluto,uri=ip:192.168.2.2"]
transmit_allowed = true
[[band]]
low_hz = 910e6
high_hz = 920e6
"""


def test_real_radios_are_held_by_one_run_at_a_time(tmp_path: Path) -> None:
    assert not needs_real_radios(read_sweep(EXAMPLES / "sweep.toml").points)
    (tmp_path / "real.toml").write_text(REAL)
    path = written(tmp_path, 'seeds = 2\n[base]\nfile = "real.toml"\n')
    assert needs_real_radios(read_sweep(path).points)
    for option in (("--jobs", "2"), ("--address", "auto")):
        refused = sweep(path, *option)
        assert refused.returncode == 2
        assert "one run at a time" in refused.stderr


def test_the_example_has_the_points_it_promises() -> None:
    assert len(read_sweep(EXAMPLES / "sweep.toml").points) == 30


def test_the_documented_file_means_what_it_says(tmp_path: Path) -> None:
    text = (EXAMPLES.parent / "docs" / "reports.md").read_text()
    (block,) = re.findall(r"```toml\n(.*?)```", text, flags=re.DOTALL)
    shutil.copy(EXAMPLES / "link.toml", tmp_path)
    assert len(read_sweep(written(tmp_path, block)).points) == 3 * 1 * 3 * 2 * 3


@pytest.mark.slow
def test_points_run_fail_are_skipped_and_are_resumed(
    tmp_path: Path, browse: Callable[[Path], Any]
) -> None:
    path = written(tmp_path, BASE + "[grid]\nair.snr_db = [-60, 30]\n")
    done = sweep(path)
    assert done.returncode == 1
    assert "1 of 2 points failed" in done.stderr
    bad, good = table(tmp_path)
    assert (bad["ending"], good["ending"]) == ("failed", "done")
    assert "every round was erased" in bad["why"]
    assert float(good["nmse_db"]) < -10
    assert float(good["erased_share"]) == 0.0
    # A run that broke off goes on in its own folder; one that is done is not touched again.
    run = Path(good["run"])
    (run / "stop.json").unlink()
    assert "2 points, 0 of them done before" in sweep(path).stderr
    assert read_run(run).stop["ending"] == "success"
    written_at = (run / "stop.json").stat().st_mtime_ns
    assert "2 points, 1 of them done before" in sweep(path).stderr
    assert (run / "stop.json").stat().st_mtime_ns == written_at
    assert [Path(row["run"]) for row in table(tmp_path)] == [Path(bad["run"]), run]
    seen = browse(tmp_path / "out" / "sweep.html")
    assert seen.console == []
    assert seen.document.count("<svg") == 2
    assert (tmp_path / "out" / "plots" / "nmse_db-over-air-snr_db.png").stat().st_size > 5000


def test_an_interrupted_sweep_ends_its_runs_and_goes_on(tmp_path: Path) -> None:
    # A job in the background may have been told to ignore Ctrl-C; its children would, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    path = written(tmp_path, BASE.replace("rounds = 4", "rounds = 100000"))
    process = subprocess.Popen(
        [sys.executable, "-m", "sdr_ota.cli", "sweep", path.name, "--output", "out"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: any(tmp_path.glob("out/*/*/rounds.jsonl")))
    process.send_signal(signal.SIGINT)
    said = last_words(process)
    assert process.returncode == 130
    assert "the same command goes on" in said
    assert "Traceback" not in said
    (run,) = tmp_path.glob("out/*/*/start.json")
    record = read_run(run.parent)
    assert record.stop["ending"] == "abort"
    n_rounds = len(record.rounds)
    assert n_rounds > 0


def test_a_point_that_another_process_runs_is_waited_for(tmp_path: Path) -> None:
    task = PointTask("p", tmp_path / "p", tmp_path, ("--demo", "--set", "run.rounds=0"))
    task.folder.mkdir()
    other = (task.folder / "log.txt").open("ab")
    fcntl.flock(other, fcntl.LOCK_EX)
    processes, outcomes = Processes(), list[Outcome]()
    waiting = threading.Thread(target=lambda: outcomes.append(run_point(task, processes)))
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    assert (task.folder / "log.txt").stat().st_size == 0
    other.close()
    waiting.join(60)
    assert "run.rounds = 0" in outcomes[0].why_not  # it ran, and said why it could not


def test_a_point_that_waits_can_be_stopped(tmp_path: Path) -> None:
    task = PointTask("p", tmp_path / "p", tmp_path, ("--demo",))
    task.folder.mkdir()
    with (task.folder / "log.txt").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        processes = Processes()
        processes.stop()
        assert run_point(task, processes).why_not.startswith("not started")


def test_a_run_that_is_killed_says_so_and_goes_on(tmp_path: Path) -> None:
    path = written(tmp_path, BASE.replace("rounds = 4", "rounds = 100000"))
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(sweep, path)
        wait_for(lambda: any(tmp_path.glob("out/*/*/rounds.jsonl")))
        (folder,) = (tmp_path / "out").glob("*/")
        for process in processes_with(f"run.folder={json.dumps(str(folder))}"):
            os.kill(process, signal.SIGKILL)
        assert "killed by signal 9" in done.result().stderr
    (row,) = table(tmp_path)
    assert (row["ending"], row["why"]) == ("failed", "killed by signal 9")


def test_a_point_whose_folder_is_damaged_fails_alone(tmp_path: Path) -> None:
    (point,) = read_sweep(written(tmp_path, BASE)).points
    (tmp_path / "start.json").write_text("{")
    row = table_row(point, Outcome(point.name, tmp_path))
    assert row["ending"] == "failed"
    assert "start.json is damaged" in str(row["why"])
    assert table_row(point, Outcome(point.name, tmp_path, "no room"))["why"] == "no room"


def test_what_is_swept_is_not_among_what_is_shared(tmp_path: Path) -> None:
    base = BASE + 'link.scheme = "fsk-vote"\nlink.payload = "sign"\n'
    text = base + "[grid]\nlink.scheme_parameters.look_chips = [32, 64]\n"
    found = read_sweep(written(tmp_path, text))
    write_page(found, [table_row(point, None) for point in found.points], tmp_path)
    _, _, shared = (tmp_path / "sweep.html").read_text().rpartition("What all points share")
    assert "fsk-vote" in shared
    assert "look_chips" not in shared


def rows_with_known_means() -> list[Row]:
    return [
        {"air.snr_db": snr, "link.scheme": scheme, "run.seed": seed, "nmse_db": nmse_db,
         "theory_nmse_db": -snr}
        for snr in (20, 0)
        for scheme in ("coherent", "tdma")
        for seed, nmse_db in ((1, -10.0), (2, -20.0))
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        ({"link": "good", "link_why": ""}, "good"),
        ({"link": "bad", "link_why": "NMSE of 3.0 dB, above 0 dB"}, "bad"),
        ({"link": "fair", "link_why": "the error of the sums is not known"}, "fair"),
        ({}, None),
    ],
)
def test_a_point_that_is_done_is_judged_by_its_link(
    tmp_path: Path, figures: dict[str, Any], verdict: str | None
) -> None:
    planned = read_sweep(written(tmp_path, BASE + "[grid]\nair.snr_db = [30]\n"))
    row = {"point": "a", "air.snr_db": 30, "ending": "done", "why": "", **figures}
    ((*_, ending),) = sweep_page._points(planned, [row]).cells
    assert ending.verdict == verdict
    assert ending.text == f"done: {figures['link_why']}" if figures.get("link_why") else "done"


def test_figures_average_powers_over_seeds_and_sort_numbers() -> None:
    keys = ("air.snr_db", "link.scheme", "run.seed")
    over_snr, over_scheme = sweep_figures(rows_with_known_means(), keys)
    assert over_snr.stem == "nmse_db-over-air-snr_db"
    (axes,) = over_snr.drawing.axes
    theory, measured = axes.get_lines()[:2]
    np.testing.assert_array_equal(theory.get_xydata(), [(0, 0), (20, -20)])
    mean_db = 10 * np.log10((0.1 + 0.01) / 2)
    np.testing.assert_allclose(measured.get_xydata(), [(0, mean_db), (20, mean_db)])
    labels = [t.get_text() for t in over_scheme.drawing.axes[0].get_xticklabels()]
    assert labels == ["coherent", "tdma"]
    legend = over_scheme.drawing.axes[0].get_legend()
    assert [t.get_text() for t in legend.get_texts()] == ["SNR 20 dB", "SNR 0 dB"]


CURVES = """
axis = "snr_max_db"
results = ["nmse_db", "bits_per_round"]
seeds = 2
[base]
clients.source = "synthetic"
clients.count = 2
run.rounds = 4
air.preset = "ideal"
[[list]]
curve = "perfect"
air.snr_db = 120
[[list]]
curve = "noisy, signs"
air.snr_db = [20, 30]
link.payload = "sign"
link.scalar_limit = 3.0
"""


def test_a_curve_stands_for_what_is_the_same_along_it(tmp_path: Path) -> None:
    planned = read_sweep(written(tmp_path, CURVES))
    assert planned.keys == ("curve", "air.snr_db", "run.seed")
    assert [p.curve for p in planned.points] == ["perfect"] * 2 + ["noisy, signs"] * 4
    assert planned.points[-1].config.link.payload == "sign"
    assert planned.points[0].config.link.payload == "analog"
    assert planned.points[0].name.startswith("perfect,snr_db=120,seed=1-")
    assert "curve" not in str(planned.points[0].arguments)
    # What two curves share is run for each, under its own name.
    twice = CURVES + '[[list]]\ncurve = "perfect, again"\nair.snr_db = 120\n'
    points = read_sweep(written(tmp_path, twice)).points
    assert len({p.name for p in points}) == 8


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('axis = "snr_max_db"', 'axis = "snr"', "axis = 'snr': it should be one of air.snr_db"),
        ('["nmse_db", "bits_per_round"]', '["nmse"]', "results: unknown 'nmse'; known: score"),
        ('["nmse_db", "bits_per_round"]', "[]", "results = .*a list of columns"),
        ('curve = "perfect"\n', "", "every entry a curve"),
        ('curve = "perfect"\n', "curve = 3\n", "curve = 3: it should be a text"),
    ],
)
def test_a_wrong_axis_result_or_curve_is_refused(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        read_sweep(written(tmp_path, CURVES.replace(old, new)))


def rows_of_curves() -> list[Row]:
    noisy = [
        {"curve": "noisy", "snr_max_db": snr, "air.snr_db": snr - 5.0, "run.seed": seed,
         "score_after": 0.6 + 0.01 * snr + offset}
        for snr in (0.0, 10.0)
        for seed, offset in ((1, -0.03), (2, 0.0), (3, 0.03))
    ]  # fmt: skip
    perfect = [
        {"curve": "perfect", "snr_max_db": 115.0, "air.snr_db": 120.0, "run.seed": seed,
         "score_after": score}
        for seed, score in ((1, 0.9), (2, 0.92), (3, 0.94))
    ]  # fmt: skip
    return [{"ending": "done", **row} for row in (*perfect, *noisy)]


def test_a_figure_over_one_axis_has_means_deviations_and_curves_across() -> None:
    (figure,) = sweep_figures(rows_of_curves(), ("curve", "air.snr_db", "run.seed"), "snr_max_db")
    (axes,) = figure.drawing.axes
    across, noisy = axes.get_lines()[0], axes.containers[0]
    assert across.get_ydata() == pytest.approx([0.92, 0.92])
    np.testing.assert_allclose(noisy.lines[0].get_xydata(), [(0, 0.6), (10, 0.7)], atol=1e-12)
    (bars,) = noisy.lines[2]
    ends = [segment[:, 1].tolist() for segment in bars.get_segments()]
    np.testing.assert_allclose(ends, [(0.57, 0.63), (0.67, 0.73)])  # 0.03 is their deviation
    assert axes.get_xlim()[1] < 20  # the place of what is drawn across is none
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["perfect", "noisy"]
    assert axes.get_xlabel() == "SNR max (dB)"
    assert "one standard deviation" in figure.caption
    assert "drawn across" in figure.caption


def test_means_over_repeats_are_told_with_their_deviation() -> None:
    keys = ("curve", "snr_max_db", "run.seed")
    heading, perfect, *noisy = means_table(rows_of_curves(), keys, USUAL)
    assert heading == ("curve", "snr_max_db", "runs", "score")
    assert perfect == ("perfect", "115.0", "3", "0.920 ± 0.020")
    assert noisy[1] == ("noisy", "10.0", "3", "0.700 ± 0.030")
    failed = [
        {**row, "ending": "failed"} if row["run.seed"] == 1 else row for row in rows_of_curves()
    ]
    assert means_table(failed, keys, USUAL)[1] == ("perfect", "115.0", "2 of 3", "0.930 ± 0.014")
    single = [row for row in rows_of_curves() if row["run.seed"] == 1]
    assert means_table(single, keys, USUAL) == []


def test_powers_are_averaged_as_powers() -> None:
    rows: list[Row] = [{"nmse_db": -10.0}, {"nmse_db": -20.0}, {"nmse_db": None}]
    mean, std = mean_and_std(rows, "nmse_db")
    assert mean == pytest.approx(10 * np.log10((0.1 + 0.01) / 2))
    assert std == pytest.approx(np.sqrt(50))


@pytest.mark.slow
def test_curves_over_the_papers_axis_end_to_end(
    tmp_path: Path, browse: Callable[[Path], Any]
) -> None:
    done = sweep(written(tmp_path, CURVES))
    assert done.returncode == 0, done.stderr
    assert "± " in done.stdout
    rows = table(tmp_path)
    assert {row["curve"] for row in rows} == {"perfect", "noisy, signs"}
    assert {row["bits_per_round"] for row in rows} == {"16", "1"}
    levels = sorted({float(row["snr_max_db"]) for row in rows})
    np.testing.assert_allclose(np.diff(levels), [10, 90])
    seen = browse(tmp_path / "out" / "sweep.html")
    assert seen.console == []
    assert seen.document.count("<svg") == 2
    assert (tmp_path / "out" / "plots" / "nmse_db-over-snr_max_db.png").is_file()


def test_axes_say_their_units() -> None:
    assert axis_label("air.snr_db") == "SNR (dB)"
    assert axis_label("link.max_cfo_hz") == "max cfo (Hz)"
    assert axis_label("frame.payload_chips") == "payload chips"
    assert axis_label("clients.count") == "clients"


def test_the_table_is_the_same_as_parquet(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pip install pyarrow reads it")
    rows: list[Row] = [{"a": 1, "b": 2.5, "c": None}, {"a": 2, "b": 3, "d": "x"}]
    csv_path, parquet_path = write_table(rows, tmp_path)
    assert csv_path.read_text().splitlines() == ["a,b,c,d", "1,2.5,,", "2,3,,x"]
    assert parquet.read_table(parquet_path).to_pylist() == [
        {"a": 1, "b": 2.5, "c": None, "d": None},
        {"a": 2, "b": 3.0, "c": None, "d": "x"},
    ]


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster of one machine, and the session in which all its processes are."""

    address: str
    session: int


@pytest.fixture
def ray_cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """Start a cluster of one machine with two CPUs; it ends with the test, others go on."""
    pytest.importorskip("ray", reason='pip install "sdr-ota[cluster]" brings Ray')
    port = free_ports(1)
    folder = tempfile.mkdtemp(prefix="ray")  # short: sockets lie in it
    command = [str(Path(sys.executable).parent / "ray"), "start", "--head", "--block"]
    command += ["--node-ip-address=127.0.0.1", f"--port={port}", f"--temp-dir={folder}"]
    command += ["--num-cpus=2", "--include-dashboard=false", "--disable-usage-stats"]
    command += ["--object-store-memory=100000000"]
    quiet = subprocess.DEVNULL
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # whatever tokens this user has
    head = subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)
    try:
        wait_for(lambda: answers(port))
        yield Cluster(f"127.0.0.1:{port}", head.pid)
    finally:
        head.terminate()
        with suppress(subprocess.TimeoutExpired):
            head.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(head.pid, signal.SIGKILL)
        head.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.mark.slow
def test_a_ray_cluster_runs_the_same_points(tmp_path: Path, ray_cluster: Cluster) -> None:
    path = written(tmp_path, BASE + "[grid]\nair.snr_db = [-60, 30]\n")
    there = sweep(path, "--address", ray_cluster.address)
    assert there.returncode == 1, there.stderr
    assert "1 of 2 points failed" in there.stderr
    on_cluster = {row["point"]: row["nmse_db"] for row in table(tmp_path)}
    (tmp_path / "out").rename(tmp_path / "before")
    sweep(path)
    assert {row["point"]: row["nmse_db"] for row in table(tmp_path)} == on_cluster


@pytest.mark.slow
def test_a_point_whose_worker_is_killed_goes_on(tmp_path: Path, ray_cluster: Cluster) -> None:
    path = written(tmp_path, BASE.replace("rounds = 4", "rounds = 300"))
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(sweep, path, "--address", ray_cluster.address)
        wait_for(lambda: any(tmp_path.glob("out/*/*/rounds.jsonl")))
        workers = [
            p for p in processes_with("ray::run_here") if os.getsid(p) == ray_cluster.session
        ]
        assert len(workers) == 1
        os.kill(workers[0], signal.SIGKILL)
        assert done.result().returncode == 0, done.result().stderr
    (row,) = table(tmp_path)
    assert (row["ending"], row["rounds"]) == ("done", "300")


def test_a_cluster_that_is_not_there_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason='pip install "sdr-ota[cluster]" brings Ray')

    def nobody(**options: object) -> None:
        raise ConnectionError("Failed to connect to Ray cluster at 192.0.2.1:1\nand so on")

    monkeypatch.setattr(ray, "init", nobody)
    with pytest.raises(CommandFailed, match="no Ray cluster answers at 'auto': Failed") as failure:
        run_on_cluster([], "auto")
    assert failure.value.exit_code == 2


def test_without_ray_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(CommandFailed, match=r"pip install .sdr-ota\[cluster\]"):
        run_on_cluster([], "auto")


def test_a_machine_that_does_not_see_the_folder_says_so(tmp_path: Path) -> None:
    task = PointTask("p", tmp_path / "nowhere" / "p", tmp_path, ())
    assert "needs a folder that all its machines share" in run_here(task).why_not
