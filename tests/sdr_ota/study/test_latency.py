import csv
import io
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from sdr_ota.cli.application import app
from sdr_ota.cli.compare import compare
from sdr_ota.failure import CommandFailed
from sdr_ota.schemes import built_in_schemes
from sdr_ota.study import latency
from sdr_ota.study.latency import LatencyPoint, LatencySetting, latency_config, measure_latency
from sdr_ota.study.latency_figure import latency_drawing, latency_table

SMALL = LatencySetting(
    "lab-wired", n_worlds=1, n_rounds=12, schemes=("coherent",), latencies_s=(0.001, 0.2)
)


def points(nmse: float) -> list[LatencyPoint]:
    return [
        LatencyPoint(name, latency_s, latency_s + 0.0044, nmse, nmse, nmse, 1.0, (nmse, nmse - 3))
        for name in built_in_schemes()
        for latency_s in latency.LATENCIES_S
    ]


def test_latency_shows_in_the_time_to_the_payload_and_costs_what_the_bound_says() -> None:
    shown: list[None] = []
    near, far = measure_latency(SMALL, lambda: shown.append(None))
    assert len(shown) == SMALL.n_runs == 2
    assert far.gap_s - near.gap_s == pytest.approx(0.199, abs=1e-4)
    assert near.gap_s - near.latency_s < 6e-3  # the frames' own time
    assert near.erased_share == far.erased_share == 0.0
    for point in (near, far):
        assert abs(point.nmse_db - point.genie_nmse_db) < 5
        assert point.theory_nmse_db > point.genie_nmse_db - 3


def test_schemes_without_a_bound_have_none_and_nothing_is_said_of_no_round() -> None:
    setting = LatencySetting(
        "lab-wired", n_worlds=1, n_rounds=2, schemes=("fsk-vote",), latencies_s=(0.005,)
    )
    (point,) = measure_latency(setting)
    assert math.isnan(point.genie_nmse_db)
    assert not math.isnan(point.nmse_db)


def test_worlds_differ_by_their_seed_and_signs_are_sent_where_a_scheme_asks() -> None:
    first, second = (latency_config(SMALL, "fsk-vote", 0.05, seed) for seed in (1, 2))
    assert (first.run.seed, second.run.seed) == (1, 2)
    assert first.link.payload == "sign"
    assert first.radio.lead_s + first.air.control_latency_s == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("setting", "word"),
    [
        (LatencySetting("nowhere"), "nowhere"),
        (LatencySetting(n_nodes=900), "chips"),
        (LatencySetting(latencies_s=(1e-4,)), "lead_s"),
    ],
)
def test_what_cannot_be_is_said(setting: LatencySetting, word: str) -> None:
    with pytest.raises(CommandFailed, match=word):
        measure_latency(setting)


@pytest.mark.parametrize("nmse", [-123.4, math.nan])
def test_the_table_fits_80_columns(nmse: float) -> None:
    console = Console(width=200, file=io.StringIO())
    setting = LatencySetting("package.module:ANY_AIR", n_worlds=100, n_rounds=1000)
    with console.capture() as printed:
        console.print(latency_table(points(nmse), setting))
    lines = printed.get().splitlines()
    assert len(lines) > len(built_in_schemes()) * len(latency.LATENCIES_S)
    assert max(len(line.rstrip()) for line in lines) <= 80


def test_the_figure_has_a_curve_for_each_scheme_and_the_bound() -> None:
    left, right = latency_drawing(points(-20.0), LatencySetting()).axes
    assert len(left.lines) == 2 * len(built_in_schemes()) + 1
    assert len(right.lines) == len(built_in_schemes())


def test_the_command_prints_the_table_and_saves_the_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latency, "measure_latency", lambda setting, show: points(-20.0))
    picture = tmp_path / "latency.svg"
    given = ["compare", "--latency", "--air", "lab-wired", "--figure", str(picture)]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 0, done.output
    assert "genie" in done.output
    assert "lab-wired" in done.output
    assert picture.stat().st_size > 1000


def test_options_of_the_latency_without_it_are_refused() -> None:
    with pytest.raises(CommandFailed, match="belong to --latency"):
        compare(worlds=3)
    with pytest.raises(CommandFailed, match="not for --latency"):
        compare(latency=True, seeds=3)


def test_worlds_are_measured_apart_and_pooled() -> None:
    one = LatencySetting(
        "usrp-shared-clock", n_rounds=6, schemes=("energy-difference",), latencies_s=(0.05,)
    )
    (pooled,) = measure_latency(one)
    alone = [measure_latency(replace(one, n_worlds=1, seed=seed))[0].nmse_db for seed in (1, 2)]
    assert pooled.nmse_of_worlds_db == pytest.approx(alone)
    assert min(alone) < pooled.nmse_db < max(alone)


def test_output_holds_figures_csv_and_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "measure_latency", lambda setting, show: points(-20.0))
    folder = tmp_path / "new"
    given = ["compare", "--latency", "--output", str(folder)]
    assert CliRunner().invoke(app, given).exit_code == 0
    assert {path.name for path in folder.iterdir()} == {
        f"latency.{ending}" for ending in ("csv", "json", "svg", "png")
    }
    rows = list(csv.DictReader((folder / "latency.csv").read_text().splitlines()))
    assert len(rows) == len(points(-20.0))
    assert float(rows[0]["nmse_median_db"]) == -21.5
    assert float(rows[0]["nmse_std_db"]) == pytest.approx(3 / math.sqrt(2))
    whole = json.loads((folder / "latency.json").read_text())
    assert whole["setting"]["preset"] == "lab-indoor"
    assert whole["points"][0]["nmse_of_worlds_db"] == [-20.0, -23.0]
    with pytest.raises(CommandFailed, match="not an empty folder"):
        compare(latency=True, output=folder)
