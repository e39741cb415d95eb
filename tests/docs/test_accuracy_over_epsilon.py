"""The table and the figure of privacy.md say what its sweep has in the runs that are done."""

from pathlib import Path
from types import ModuleType

import pytest

from tests.docs.fenced_blocks import ROOT

TABLE = """\
curve,privacy.epsilon,run.seed,ending,score_after
"coherent, no promise",,1,done,0.9
"coherent, no promise",,2,done,0.8
"coherent, clients' noise",8.0,1,done,0.7
"coherent, clients' noise",0.5,1,done,0.5
"coherent, clients' noise",0.5,2,done,0.6
"coherent, clients' noise",0.5,3,failed,0.1
"tdma, clients' noise",0.5,1,not run yet,
"fsk-vote, clients' noise",0.5,1,done,0.625
"""


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    import accuracy_over_epsilon  # noqa: PLC0415

    return accuracy_over_epsilon


@pytest.fixture
def schemes(page: ModuleType, tmp_path: Path) -> object:
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    return page.schemes_of(page.done_runs(path))


def test_a_line_holds_mean_deviation_and_number_of_the_runs_that_are_done(
    page: ModuleType, schemes: object
) -> None:
    assert page.table_lines(schemes) == [
        "| curve | ε = 0.5 | ε = 8 | no promise |",
        "|---|---|---|---|",
        "| coherent, clients' noise | 0.550 ± 0.071 (2) | 0.700 (1) | 0.850 ± 0.071 (2) |",
        "| fsk-vote, clients' noise | 0.625 (1) | – | – |",
    ]


def test_a_scheme_is_a_panel_with_its_curves(page: ModuleType, schemes: object) -> None:
    drawing = page.figure(schemes)
    coherent, vote = drawing.axes
    assert (coherent.get_title(), vote.get_title()) == ("coherent", "fsk-vote")
    (legend,) = drawing.legends
    assert [text.get_text() for text in legend.get_texts()] == ["no promise", "clients' noise"]
    (curve,) = coherent.containers
    assert list(curve[0].get_xdata()) == [0.5, 8.0]
    assert list(curve[0].get_ydata()) == pytest.approx([0.55, 0.7])
