"""What shows a run while it goes on: panel, lines, TensorBoard."""

import io
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from sdr_ota.config.tables import RunTable
from sdr_ota.failure import CommandFailed
from sdr_ota.printable import PLAINER
from sdr_ota.report.live_panel import LivePanel, sparkline
from sdr_ota.report.pace import Pace
from sdr_ota.report.progress import AllViews, Lines, run_view
from sdr_ota.report.tensorboard_view import tensorboard_view
from sdr_ota.rounds.round import RoundResult
from sdr_ota.runs.run_records import Evaluation

ROUNDS = (
    RoundResult(0, 1, 0.9, (0,), 1.0, decoded_sum=1.1, true_sum=1.0, theory_error=0.04, cfo_hz=3.0),
    RoundResult(1, 1, 0.8, erasure="late", detail="too late"),
    RoundResult(2, 1, 0.7, (0,), -1.0, decoded_sum=-0.9, true_sum=-1.0, theory_error=0.04),
)


def shown(panel: LivePanel) -> str:
    console = Console(file=io.StringIO(), width=80)
    console.print(panel.drawn())
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(len(line) for line in text.splitlines()) <= 80
    return " ".join(text.split())


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
@pytest.mark.parametrize("width", [80, 50])
def test_the_panel_keeps_its_labels_on_any_terminal(width: int, encoding: str) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors=PLAINER, newline="")
    console = Console(file=stream, width=width, force_terminal=True, color_system=None)
    panel = LivePanel(console, 1000)
    for result in ROUNDS:
        panel.round_done(replace(result, loss=0.7))
    for k in range(60):
        panel.round_done(replace(ROUNDS[0], round=3 + k, loss=0.5 + k % 7))
    labels = {"positive": 0.91, "negative": 0.4}
    panel.evaluated(Evaluation(64, 0.9, loss=0.25, label_scores=labels), "accuracy")
    console.print(panel.drawn())
    stream.flush()
    lines = raw.getvalue().decode(encoding).splitlines()
    assert max(map(len, lines)) <= width
    for label in ("rounds", "loss", "score", "held-out loss", "right by label", "best",
                  "NMSE so far", "last sum", "erased"):  # fmt: skip
        assert any(line[2:].startswith(f"{label} ") for line in lines), label


def test_the_panel_shows_what_the_rounds_amount_to() -> None:
    panel = LivePanel(Console(file=io.StringIO()), 10)
    shown(panel)  # before the first round
    panel.preparing(3, 9, 1.25)
    assert "3/9, loss 1.250" in shown(panel)
    for result in ROUNDS:
        panel.round_done(result)
    panel.evaluated(Evaluation(0, 0.8, 0.7, {"0": 1.0, "1": 0.6}), "accuracy")
    panel.evaluated(Evaluation(2, 0.75, 0.65, {"0": 1.0, "1": 0.5}), "accuracy")
    text = shown(panel)
    assert "3 of 10" in text
    assert "left" in text
    assert "0.7000 █▅▁" in text
    assert "0.750 held-out accuracy after 2 rounds" in text
    assert "held-out loss 0.6500" in text
    assert "right by label 1: 0.50, 0: 1.00" in text  # the worst first
    assert "best 0.800 after 0 rounds" in text
    assert "-20.0 dB measured, -14.0 dB by theory" in text  # 0.01 and 0.04 of 1
    assert "-1.0000 sent, -0.9000 decoded" in text
    assert "1 (1 late)" in text


def test_a_run_without_losses_has_no_rows_for_them() -> None:
    panel = LivePanel(Console(file=io.StringIO()), 10)
    panel.round_done(RoundResult(0, 1, erasure="no-plan"))
    text = shown(panel)
    assert "loss" not in text
    assert "last sum erased: no-plan" in text


def test_a_flat_curve_is_drawn_flat() -> None:
    assert sparkline([2.0, 2.0]) == "▁▁"


def test_elsewhere_than_on_a_terminal_rounds_are_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with run_view(RunTable(rounds=3), tmp_path) as view:
        assert not isinstance(view, AllViews)
        for result in ROUNDS:
            view.round_done(result)
    said = capsys.readouterr().err.splitlines()
    assert "loss 0.900" in said[0]
    assert "erased: late" in said[1]
    assert list(tmp_path.iterdir()) == []


def test_slow_rounds_are_told_in_seconds_a_round_with_the_time_left() -> None:
    time_s = iter([10.0, 18.0, 26.0])
    pace = Pace(100, lambda: next(time_s))
    pace.count(41)
    assert pace.words == ""  # the first round compiles kernels
    pace.count(42)
    pace.count(43)
    assert pace.words == "8.0 s/round, 0:07:36 left"  # 57 rounds of 8 s


def test_of_slow_rounds_one_is_shown_twice_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    now_s = 0.0
    lines = Lines(1000, lambda: now_s)
    for index in range(10):
        now_s += 10.0
        lines.round_done(replace(ROUNDS[0], round=index))
    lines.evaluated(Evaluation(10, 0.75, 0.5, {"0": 1.0, "1": 0.5}), "accuracy")
    *rounds, evaluated = capsys.readouterr().err.splitlines()
    assert [line.split()[1] for line in rounds] == ["3", "6", "9"]  # 20 in all would be every 50th
    assert "10.0 s/round, 2:45:10 left" in rounds[-1]  # 991 rounds of 10 s
    assert evaluated == (
        "after 10 rounds: held-out accuracy 0.750  loss 0.5000  right by label 0: 1.00, 1: 0.50"
    )


def test_tensorboard_finds_the_curves(tmp_path: Path) -> None:
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason='pip install "sdr-ota[tensorboard]" brings TensorBoard',
    )
    with run_view(RunTable(rounds=3, tensorboard=True), tmp_path) as view:
        for result in ROUNDS:
            view.round_done(result)
        view.evaluated(Evaluation(3, 0.75, 0.5, {"0": 1.0, "1": 0.5}), "accuracy")
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    read = {tag: [(e.step, e.tensor_proto.float_val[0]) for e in events.Tensors(tag)]
            for tag in events.Tags()["tensors"]}  # fmt: skip
    assert [step for step, _ in read["learning/training loss"]] == [0, 1, 2]
    assert read["sum/error"] == [(0, pytest.approx(0.1)), (2, pytest.approx(0.1))]
    assert read["link/erased"] == [(0, 0.0), (1, 1.0), (2, 0.0)]
    assert read["learning/held-out accuracy"] == [(3, 0.75)]
    assert read["learning/held-out loss"] == [(3, 0.5)]
    assert read["learning/right of label 1"] == [(3, 0.5)]


def test_without_tensorboard_one_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.summary", None)
    with pytest.raises(CommandFailed, match=r"pip install .sdr-ota\[tensorboard\]"):
        tensorboard_view(tmp_path).__enter__()
