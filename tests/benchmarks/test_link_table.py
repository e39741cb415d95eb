"""The link's table is that of the runs it was given, and no run is made twice."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def link_table(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    return importlib.import_module("link_table")


def test_cells_are_medians_over_worlds_and_shares_are_of_all_their_sums(
    link_table: ModuleType, tmp_path: Path
) -> None:
    for seed, (error, n_sums, n_covered) in enumerate([(1.0, 10, 10), (0.1, 8, 7), (10.0, 2, 1)]):
        world = link_table.World(
            "ideal", "coherent", seed, 10, n_sums, n_covered, 100.0, error, 10 * error
        )
        link_table.append(tmp_path / "runs.csv", world)
    lost = link_table.World("ideal", "tdma", 1, 10, 0, 0, 0.0, 0.0, 0.0)
    link_table.append(tmp_path / "runs.csv", lost)
    found = list(link_table.lines(link_table.read(tmp_path / "runs.csv")))
    assert "| `ideal` | -20.0 / -10.0 (-30.0 to -10.0) | – | 0 to 100 |" in found
    # 18 of 20 sums; over worlds 100, 87.5 and 50 %, Student's t. All is expected 10 dB too high.
    assert "| `ideal` | 90.0 ± 64.6 (+10.0 ± 0.0) | – |" in found


def test_a_file_of_runs_is_gone_on_with(
    link_table: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def measured(air: str, column: str, seed: int, n_rounds: int) -> object:
        made.append(seed)
        return link_table.World(air, column, seed, n_rounds, n_rounds, 1, 1.0, 0.1, 0.1)

    monkeypatch.setattr(link_table, "measure", measured)
    for n_seeds in (2, 3):
        options = f"--airs ideal --columns tdma --rounds 4 --seeds {n_seeds} --output"
        monkeypatch.setattr(sys, "argv", ["x", *options.split(), str(tmp_path / "runs.csv")])
        link_table.main()
    assert made == [1, 2, 3]
    assert [w.seed for w in link_table.read(tmp_path / "runs.csv")] == [1, 2, 3]


def test_a_run_has_the_cells_air_and_scheme(link_table: ModuleType) -> None:
    world = link_table.measure("lab-wired", link_table.SHORT, 1, 2)
    assert (world.rounds, world.sums) == (2, 2)
    assert world.nmse_db < -20
    assert world.expected_nmse_db < -20
