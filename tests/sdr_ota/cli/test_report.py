"""Reports of runs: the table, the page in a real browser, figures that stand for the records."""

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ota_calibration.privacy.adjacency import Adjacency, Relation, Unit
from ota_calibration.privacy.ledger import create_ledger
from ota_calibration.privacy.promise import Promise
from ota_calibration.privacy.spending import LEDGER, privacy_spending
from ota_calibration.privacy.trust import TrustModel

from sdr_ota.cli.run import run_command
from sdr_ota.config.load import load_config
from sdr_ota.failure import CommandFailed
from sdr_ota.report.figures import erasures_figure, learning_figure, nmse_figure
from sdr_ota.report.html_page import Section
from sdr_ota.report.named_run import NamedRun, name_runs
from sdr_ota.report.run_page import report_sections
from sdr_ota.report.run_report import report_runs, runs_json
from sdr_ota.report.run_table import table_rows
from sdr_ota.report.table_files import TableFormat
from sdr_ota.rounds.round import FurtherSum, RoundResult
from sdr_ota.runs.captures import stored_captures
from sdr_ota.runs.run_folder import Evaluation, RunFolder, RunRecord, read_run
from sdr_ota.runs.summary import summarise

ERROR_STD = 0.05
N_ROUNDS = 200


def written_run(folder: Path, *settings: str, n_rounds: int = N_ROUNDS) -> Path:
    """Write a run whose sums have errors of a known size; every tenth round is lost."""
    folder.mkdir()
    run, rng = RunFolder(folder), np.random.default_rng(1)
    run.write_start(
        {
            "config": load_config(None, [f"run.rounds={n_rounds}", *settings]).model_dump(),
            "n_parameters": 1000,
            "air_s_per_round": 0.01,
            "gradient_air_s_per_round": 0.5,
        }
    )
    for index in range(n_rounds):
        if index % 10 == 9:
            run.append_round(RoundResult(index, 1, erasure="late", detail="too late"))
            continue
        true = float(rng.standard_normal())
        run.append_round(
            RoundResult(
                index,
                seed=1,
                loss=float(np.exp(-index / 50)),
                mean_scalar=true,
                decoded_sum=true + float(ERROR_STD * rng.standard_normal()),
                true_sum=true,
                theory_error=ERROR_STD**2,
                cfo_hz=float(rng.standard_normal()),
            )
        )
    for done in (0, n_rounds):
        run.append_evaluation(Evaluation(done, 0.5 + done / 1000))
    run.write_stop("success", "all rounds done", 1 << 20)
    return folder


def write_ledger(folder: Path, epsilon: float) -> None:
    adjacency = Adjacency(Unit.CLIENT, Relation.REPLACE)
    promise = Promise(adjacency, TrustModel.LOCAL, epsilon, 1e-5, 1.0, 1, 1.0, N_ROUNDS)
    cost = promise.mu_budget() ** 2 / N_ROUNDS
    with create_ledger(folder / LEDGER, promise.ledger_terms(("node-0",))) as ledger:
        for index in range(N_ROUNDS // 2):
            ledger.charge(index, {"node-0": cost})


@pytest.mark.parametrize("n_rounds", [10, N_ROUNDS])
def test_the_nmse_of_a_run_that_is_long_enough_has_an_interval(
    tmp_path: Path, n_rounds: int
) -> None:
    run = read_run(written_run(tmp_path / "run", n_rounds=n_rounds))
    rows = {name: cell for name, cell in table_rows([run])}
    summary = summarise(run)
    if n_rounds == N_ROUNDS:
        low, high = map(float, rows["95 % interval of that NMSE"].removesuffix(" dB").split(" to "))
        assert low < summary.nmse_db < high
        # 180 squares of Gaussians: a deviation of 10.5 %, 0.46 dB; t is 2.26; 9 batches: 4 sigma.
        assert high - low == pytest.approx(2 * 2.26 * 0.46, rel=4 / np.sqrt(18))
    else:
        assert "95 % interval of that NMSE" not in rows


def test_the_page_of_a_run_shows_every_figure_in_a_browser(
    tmp_path: Path, browse: Callable[[Path], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written_run(tmp_path / "run")
    write_ledger(folder, 4.0)
    report_runs([folder], None, None)
    assert "NMSE of the decoded sum" in capsys.readouterr().out
    seen = browse(folder / "report.html")
    assert seen.console == []
    sections = report_sections([NamedRun("run", read_run(folder))])
    stems = {f.stem for section in sections for f in section.figures}
    assert stems == {"learning", "nmse", "sums", "carrier", "erasures", "privacy"}
    assert seen.document.count("<svg") == len(stems)
    assert seen.document.count("<figcaption>") == len(stems)
    dark = np.mean(seen.picture[..., :3], axis=-1) < 0.3
    assert dark.mean() > 0.005  # letters and curves were painted


def test_the_last_capture_that_came_through_is_shown(tmp_path: Path) -> None:
    settings = ["clients.source=synthetic", "run.rounds=5", "captures.every=2"]
    run_command(None, [*settings, f"run.folder={tmp_path}"])
    (folder,) = tmp_path.iterdir()
    (section,) = (s for s in _sections(folder) if s.title == "On the air")
    left, right = section.figures[0].drawing.axes
    assert left.get_title(loc="left") == "round 4"
    freqs_khz, power_db = left.get_lines()[0].get_data()
    occupied = power_db > power_db.max() - 10
    assert np.abs(freqs_khz[occupied]).max() < 340  # of 500: the pulse keeps its band
    chips, true, _ = right.get_lines()
    spread = np.std(chips.get_xdata()) / np.sqrt(len(chips.get_xdata()))
    assert np.mean(chips.get_xdata()) == pytest.approx(true.get_xdata()[0], abs=6 * spread)


def test_a_damaged_capture_does_not_hide_the_others(tmp_path: Path) -> None:
    settings = ["clients.source=synthetic", "run.rounds=3", "captures.every=1"]
    run_command(None, [*settings, f"run.folder={tmp_path}"])
    (folder,) = tmp_path.iterdir()
    stored_captures(folder)[-1].write_text("{")
    (section,) = (s for s in _sections(folder) if s.title == "On the air")
    assert section.figures[0].drawing.axes[0].get_title(loc="left") == "round 1"


def _sections(folder: Path) -> list[Section]:
    return report_sections([NamedRun("run", read_run(folder))])


def test_a_browser_that_finds_something_wrong_tells(
    tmp_path: Path, browse: Callable[[Path], Any]
) -> None:
    page = tmp_path / "wrong.html"
    page.write_text("<script>nowhere()</script>")
    assert len(browse(page).console) == 1


def test_runs_are_laid_side_by_side_and_called_by_what_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = written_run(tmp_path / "one", "air.snr_db=10")
    two = written_run(tmp_path / "two", "air.snr_db=20")
    report_runs([one, two], tmp_path / "both.html", "pdf")
    out = capsys.readouterr().out
    assert "snr_db=10.0" in out
    assert "snr_db=20.0" in out
    page = (tmp_path / "both.html").read_text()
    assert page.count("<svg") == 5
    names = ("learning", "nmse", "sums", "carrier", "erasures")
    for name in names:
        assert (tmp_path / "plots" / f"{name}.pdf").read_bytes().startswith(b"%PDF")


def test_a_run_that_loses_many_rounds_is_not_called_good(tmp_path: Path) -> None:
    good = dict(table_rows([read_run(written_run(tmp_path / "good"))]))
    assert good["link"] == "good"  # every tenth round is lost
    assert good["late: check first"].startswith("radio.lead_s = 0.05")
    folder = written_run(tmp_path / "bad")
    lines = (folder / "rounds.jsonl").read_text().splitlines()
    for place in range(0, N_ROUNDS, 5):
        lost = json.loads(lines[place]) | {"erasure": "late", "detail": "too late"}
        lines[place] = json.dumps(lost)
    (folder / "rounds.jsonl").write_text("\n".join(lines) + "\n")
    bad = dict(table_rows([read_run(folder)]))
    assert bad["link"] == "bad: 30 % of the rounds erased, more than 20 %"


def test_names_fall_back_to_folders(tmp_path: Path) -> None:
    same = [read_run(written_run(tmp_path / name)) for name in ("a", "b")]
    assert [named.name for named in name_runs(same)] == ["a", "b"]


def test_the_nmse_curves_are_the_error_that_was_put_in(tmp_path: Path) -> None:
    run = read_run(written_run(tmp_path / "run", n_rounds=2000))
    figure = nmse_figure([NamedRun("run", run)])
    assert figure is not None
    measured, theory = (line.get_ydata() for line in figure.axes[0].get_lines())
    n_good = 1800
    sums = np.mean([r.true_sum**2 for r in run.rounds if r.true_sum is not None])
    expected_db = 10 * np.log10(ERROR_STD**2 / sums)
    np.testing.assert_allclose(theory, expected_db, atol=1e-9)
    mean_db = 10 * np.log10(np.mean(10 ** (np.asarray(measured) / 10)))
    # The square of a Gaussian has a relative spread of sqrt(2).
    tolerance_db = 4 * 10 / np.log(10) * np.sqrt(2 / n_good)
    assert mean_db == pytest.approx(expected_db, abs=tolerance_db)


def test_erasures_are_drawn_where_they_happened(tmp_path: Path) -> None:
    run = read_run(written_run(tmp_path / "run"))
    figure = erasures_figure([NamedRun("run", run)])
    assert figure is not None
    (collection,) = figure.axes[0].collections
    assert list(collection.get_positions()) == list(range(9, N_ROUNDS, 10))
    assert figure.axes[0].get_yticklabels()[0].get_text() == "late (20)"


def test_nothing_is_drawn_where_there_is_nothing(tmp_path: Path) -> None:
    run = read_run(written_run(tmp_path / "run"))
    silent = replace(run, evaluations=[], rounds=[replace(r, loss=None) for r in run.rounds])
    assert learning_figure([NamedRun("run", silent)]) is None
    empty = RunRecord(run.folder, {}, [], [], {})
    assert nmse_figure([NamedRun("run", empty)]) is None
    assert all(not s.figures for s in report_sections([NamedRun("run", empty)]))


def test_the_held_out_loss_is_drawn_where_private_clients_tell_none(tmp_path: Path) -> None:
    run = read_run(written_run(tmp_path / "run"))
    silent = replace(
        run,
        evaluations=[Evaluation(0, 0.5, 0.7), Evaluation(200, 0.9, 0.3)],
        rounds=[replace(r, loss=None) for r in run.rounds],
    )
    figure = learning_figure([NamedRun("run", silent)])
    assert figure is not None
    (drawn,) = [line for line in figure.axes[0].lines if line.get_label() == "held-out"]
    assert drawn.get_xydata().tolist() == [[0, 0.7], [200, 0.3]]  # type: ignore[union-attr]


def test_a_run_without_any_round_has_a_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    RunFolder(tmp_path).write_start({})
    report_runs([tmp_path], None, None)
    assert "not ended" in capsys.readouterr().out


def test_the_spending_is_the_ledger_s(tmp_path: Path) -> None:
    write_ledger(tmp_path, 4.0)
    spending = privacy_spending(tmp_path)
    assert spending is not None
    assert spending.curve[0] == (0, 0.0)
    paid, spent = spending.curve[-1]
    assert paid == N_ROUNDS // 2
    assert 0 < spent < 4.0
    assert sorted(s for _, s in spending.curve) == [s for _, s in spending.curve]


def test_a_ledger_that_cannot_be_read_is_said_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written_run(tmp_path / "run")
    (folder / LEDGER).write_text("{")
    report_runs([folder], None, None)
    assert "unknown: the ledger's first line" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("key", "value"), [("delta", "x"), ("epsilon", -1.0), ("n_rounds", None), ("trust", 10**400)]
)
def test_a_ledger_whose_terms_make_no_sense_is_said_so(
    tmp_path: Path, key: str, value: object, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written_run(tmp_path / "run")
    write_ledger(folder, 4.0)
    first, *lines = (folder / LEDGER).read_text().splitlines(keepends=True)
    terms = json.loads(first)
    terms["configuration"][key] = value
    (folder / LEDGER).write_text("".join([json.dumps(terms) + "\n", *lines]))
    report_runs([folder], None, None)
    words = " ".join(capsys.readouterr().out.split())
    assert "unknown: the ledger's first line" in words or "incomplete" in words


def test_json_is_an_object_for_one_run_and_a_list_for_several(tmp_path: Path) -> None:
    one = written_run(tmp_path / "one")
    two = shutil.copytree(one, tmp_path / "two")
    assert json.loads(runs_json([one]))["gradient_air_s"] == pytest.approx(100.0)
    assert [r["run"] for r in json.loads(runs_json([one, two]))] == [str(one), str(two)]
    assert not (one / "report.html").exists()


def test_the_page_says_what_the_rounds_cost_in_energy(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    report_runs([written_run(tmp_path / "run")], page, None)
    html = page.read_text()
    assert "5 J (PlutoSDR), 9 J (USRP B200)" in html  # 200 rounds of 10 ms
    assert "8 J (Wi-Fi), 2.6 kJ (LTE)" in html  # 200 packets of 0.04 J and of 12.76 J
    assert "910 mJ (Wi-Fi), 1.4 J (LTE)" in html  # 200 gradients of 1000 entries of 16 bit


def test_a_page_that_cannot_be_written_is_wrong_use(tmp_path: Path) -> None:
    folder = written_run(tmp_path / "run")
    with pytest.raises(CommandFailed, match="choose another --output"):
        report_runs([folder], tmp_path / "no" / "where.html", None)


def test_the_page_of_a_long_run_stays_small(tmp_path: Path) -> None:
    folder = written_run(tmp_path / "run", n_rounds=20_000)
    report_runs([folder], None, None)
    assert (folder / "report.html").stat().st_size < 2_000_000


def test_what_a_node_says_of_itself_cannot_break_the_page(tmp_path: Path) -> None:
    folder = written_run(tmp_path / "run")
    lost = asdict(RoundResult(N_ROUNDS, 1, erasure="radio", detail="<script>alert(1)</script>"))
    with (folder / "rounds.jsonl").open("a") as file:
        file.write(json.dumps(lost) + "\n")
    (folder / "stop.json").unlink()
    report_runs([folder], None, None)
    assert "<script" not in (folder / "report.html").read_text()


def worded(tmp_path: Path, chips_std: float, theory_error: float) -> dict[str, str]:
    """Return the table of a run whose sums are off by twice what they hold."""
    run = RunFolder.create(tmp_path / "useless")
    run.write_start({"config": load_config(None, ["run.rounds=20"]).model_dump()})
    rng = np.random.default_rng(2)
    for index in range(20):
        true, error = 0.5 * rng.standard_normal(2)
        run.append_round(
            RoundResult(
                index,
                seed=1,
                mean_scalar=0.0,
                decoded_sum=true + 2 * error,
                decoded_std=1.0,
                chips_std=chips_std,
                decode_factor=1.0,
                true_sum=true,
                theory_error=theory_error,
            )
        )
    return {name: cell for name, cell in table_rows([read_run(run.path)])}


@pytest.mark.parametrize(
    ("chips_std", "theory_error", "words"),
    [
        (0.9, 1.0, "noise and the chips' own scatter"),
        (0.1, 1.0, "gains change more between sounding and payload"),
        (0.1, 0.01, "theory does not expect it"),
    ],
)
def test_a_sum_worse_than_0_is_called_that_with_its_cause(
    tmp_path: Path, chips_std: float, theory_error: float, words: str
) -> None:
    rows = worded(tmp_path, chips_std, theory_error)
    assert rows["NMSE of the decoded sum"].endswith("worse than answering 0")
    why = rows["why worse than answering 0"]
    assert words in why
    assert 'link.decode = "lmmse"' in why


def test_the_table_says_how_often_the_receivers_own_interval_held(tmp_path: Path) -> None:
    rows = worded(tmp_path, 0.5, 1.0)
    held = [abs(2 * 0.5 * e) < 1.96 for _, e in np.random.default_rng(2).standard_normal((20, 2))]
    assert rows["own 95 % interval held"] == f"{100 * np.mean(held):.0f} % of the sums"


@pytest.mark.parametrize("table_format", ["csv", "parquet"])
def test_rounds_and_evaluations_become_tables(tmp_path: Path, table_format: TableFormat) -> None:
    seeds = [2**64 - 1, 5]
    further = FurtherSum(seed=2**64 - 2, mean_scalar=0.5, decoded_sum=1.0)
    folder = tmp_path / "run"
    folder.mkdir()
    run = RunFolder(folder)
    run.write_start({"config": load_config(None, ["run.rounds=2"]).model_dump()})
    run.append_round(
        RoundResult(
            0, seeds[0], active_nodes=(0, 2), mean_scalar=0.25, decoded_sum=0.5,
            further_sums=(further,),
        )
    )  # fmt: skip
    run.append_round(RoundResult(1, seeds[1], erasure="late", detail='too late, "really"'))
    run.append_evaluation(Evaluation(0, 0.5, None, {"a": 0.25}))
    report_runs([folder], None, None, table_format=table_format)
    rounds, evaluations = (
        read_table(folder / f"{name}.{table_format}") for name in ("rounds", "evaluations")
    )
    assert [int(row["seed"]) for row in rounds] == seeds
    assert json.loads(rounds[0]["active_nodes"]) == [0, 2]
    assert json.loads(rounds[0]["further_sums"]) == [asdict(further)]
    assert float(rounds[0]["decoded_sum"]) == 0.5
    assert rounds[1]["decoded_sum"] in ("", None)
    assert (rounds[1]["erasure"], rounds[1]["detail"]) == ("late", 'too late, "really"')
    assert json.loads(evaluations[0]["label_scores"]) == {"a": 0.25}
    assert evaluations[0]["loss"] in ("", None)


def read_table(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    parquet = pytest.importorskip("pyarrow.parquet", reason="pip install pyarrow reads it")
    rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    return rows
