"""Ratios are compared with the committed ones; judged on written figures and on simple draws."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def committed(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    import committed  # noqa: PLC0415

    return committed


@pytest.fixture
def page(committed: ModuleType) -> ModuleType:
    import page  # noqa: PLC0415

    return page


def test_the_interval_of_a_median_has_the_ends_of_the_table(committed: ModuleType) -> None:
    # Ranks of 95 % intervals of a median, as tables of order statistics give them.
    for n, low, high in ((6, 1, 6), (8, 1, 8), (9, 2, 8), (20, 6, 15)):
        values = np.random.default_rng(n).permutation(np.arange(1.0, n + 1))
        interval = committed.interval_of(values)
        assert (interval.low, interval.high, interval.n_pairs) == (low, high, n)
        assert interval.ratio == (n + 1) / 2
    for few in ([], [1.0], [1.0] * 5):
        assert committed.interval_of(few) is None


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.34, 1.50, "slower"),  # 1.1 x 1.2 = 1.32
        (1.31, 1.50, "as before"),
        (0.95, 3.00, "as before"),
        (0.50, 0.90, "faster"),  # 1.1 x 0.90 = 0.99
        (0.50, 0.92, "as before"),
    ],
)
def test_only_what_lies_beyond_both_intervals_is_said(
    committed: ModuleType, low: float, high: float, verdict: str
) -> None:
    before = committed.Interval(1.1, 1.0, 1.2, 7)
    now = committed.Interval((low + high) / 2, low, high, 7)
    assert committed.verdict(now, before) == verdict
    assert committed.verdict(now, None) == "new"
    assert committed.verdict(None, before) == "no interval"


def test_what_is_kept_is_read_again_and_other_rows_stay(
    committed: ModuleType, tmp_path: Path
) -> None:
    file, one = tmp_path / "committed.json", committed.Interval(1.0, 0.9, 1.1, 7)
    assert committed.read(file) == {}
    committed.keep({"a": one, "b": None}, "this machine", file)
    committed.keep({"c": one}, "that machine", file)
    held = committed.read(file)
    assert {key: value.measured for key, value in held.items()} == {
        "a": "this machine",
        "c": "that machine",
    }
    assert held["a"].high == 1.1


def test_the_page_says_first_what_became_slower(committed: ModuleType, page: ModuleType) -> None:
    before = committed.Interval(1.0, 0.9, 1.1, 7)
    now = {
        "same": before,
        "worse": committed.Interval(2.0, 1.9, 2.1, 7),
        "unseen": committed.Interval(2.0, 1.9, 2.1, 7),
        "one value": None,
    }
    section = page.compared(now, {"same": before, "worse": before})
    assert section.text.startswith("1 of 2 ratios")
    assert section.text.endswith("slower: worse")
    (table,) = section.tables
    assert table.rows[0] == ("worse", "2 (1.9 to 2.1)", "1 (0.9 to 1.1)", "slower")
    assert {(row[0], row[-1]) for row in table.rows[1:]} == {
        ("same", "as before"),
        ("unseen", "new"),
    }


def test_turns_of_equal_works_have_equal_ratios(committed: ModuleType) -> None:
    import rows  # noqa: PLC0415

    order: list[str] = []
    works = {"ours": lambda: order.append("ours"), "theirs": lambda: order.append("theirs")}
    times = rows.in_turn_s(works, 3)
    assert order == ["ours", "theirs"] * 3
    assert [len(values) for values in times.values()] == [3, 3]
    assert rows.ratios([1.0, 3.0], [2.0, 2.0]) == [0.5, 1.5]


def test_the_committed_page_can_be_read(committed: ModuleType) -> None:
    held = committed.read()
    assert held
    for key, one in held.items():
        benchmark, *rest = key.split(" | ")
        assert (FOLDER / f"{benchmark}.py").is_file() and len(rest) == 3
        assert 0 < one.low <= one.ratio <= one.high
        assert one.n_pairs >= 6 and one.measured
