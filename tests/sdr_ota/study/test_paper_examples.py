"""The files of `examples/paper`: every one can be planned, and says what the paper says."""

from itertools import groupby
from pathlib import Path

import pytest

from sdr_ota.assembly.plan import plan_run
from sdr_ota.config.load import load_config
from sdr_ota.study.sweep.plan import Point, Sweep, read_sweep

PAPER = Path(__file__).parents[3] / "examples" / "paper"
BASES = ("quick", "opt-125m")
PAPER_FIGURES = ("fig2-paper", "fig2-squad-paper", "fig3-paper")
SWEEPS = sorted(path.stem for path in PAPER.glob("*.toml") if path.stem not in BASES)


def the_sweep(name: str) -> Sweep:
    return read_sweep(PAPER / f"{name}.toml")


def settings_of(point: Point) -> list[str]:
    """Return what `sdr-ota run` is given with --set."""
    return list(point.arguments[2::2])


def test_every_figure_has_a_quick_form_and_the_papers_size() -> None:
    quick = {"fig2", "fig3", "signs", "table2"}
    assert set(SWEEPS) == quick | {f"{name}-paper" for name in (*quick, "fig2-squad")}


@pytest.mark.parametrize("name", SWEEPS)
def test_every_point_is_planned(name: str) -> None:
    """One seed of every curve and SNR; the paper's data are not here: its clients are made up."""
    made_up = ["clients.source=synthetic"] if name.endswith("-paper") else []
    planned = 0
    for _, same in groupby(the_sweep(name).points, lambda one: (one.curve, one.config.air.snr_db)):
        point = next(same)
        rows = dict(plan_run(Path(point.arguments[0]), settings_of(point) + made_up).rows)
        is_private = point.config.privacy.protect != "nothing"
        assert ("promise" in rows) == is_private
        if is_private:
            assert float(rows["epsilon, channel-noise-trusted"]) <= 5.0
            assert rows["noise each client adds"].startswith("0 ")
        planned += 1
    assert planned


@pytest.mark.parametrize("name", PAPER_FIGURES)
def test_the_papers_size_has_the_papers_numbers(name: str) -> None:
    for point in the_sweep(name).points:
        config = point.config
        assert (config.run.rounds, config.clients.count) == (8000, 5)
        assert config.model.name == "facebook/opt-125m"
        assert config.data.train_limit == 1000
        assert (config.privacy.epsilon, config.privacy.delta) == (5.0, 0.01)
        assert (config.privacy.contraction, config.privacy.sign_error) == (0.998, 0.496)
        assert config.link.scalar_limit == 100.0
        rate = {"analog": 5e-7, "sign": 3e-5}[config.link.payload]
        assert config.zo.learning_rate == rate


@pytest.mark.parametrize("name", ["fig2", "fig3", *PAPER_FIGURES])
def test_figures_have_four_seeds_and_both_payloads_over_the_papers_axis(name: str) -> None:
    found = the_sweep(name)
    assert found.axis == "snr_max_db"
    assert {point.config.run.seed for point in found.points} == {1, 2, 3, 4}
    assert {point.config.link.payload for point in found.points} == {"analog", "sign"}


@pytest.mark.parametrize("name", ["fig3", "fig3-paper"])
def test_the_power_ablation_has_every_schedule_of_either_payload(name: str) -> None:
    schedules = {
        (point.config.link.payload, point.config.privacy.schedule)
        for point in the_sweep(name).points
        if point.config.privacy.protect != "nothing"
    }
    assert schedules == {
        ("analog", "solution"),
        ("analog", "static"),
        ("analog", "reversed"),
        ("sign", "sign-solution"),
        ("sign", "static"),
        ("sign", "sign-reversed"),
    }


@pytest.mark.parametrize("name", BASES)
def test_a_base_is_an_experiment_of_its_own(name: str) -> None:
    assert load_config(PAPER / f"{name}.toml", []).clients.count == 5
