"""The sweeps of accuracy over epsilon: what is compared differs in what their curves say alone."""

from itertools import groupby
from pathlib import Path

import pytest

from sdr_ota.assembly.plan import plan_run
from sdr_ota.study.sweep.plan import Point, Sweep, read_sweep

EXAMPLES = Path(__file__).parents[3] / "examples"
DEMO, SST2 = "accuracy-over-epsilon", "accuracy-over-epsilon-sst2"
NOT_COMPARED = {
    "run": {"seed"},
    "link": {"scheme", "payload"},
    "privacy": {"protect", "epsilon", "trust", "noise", "neighbours", "batches"},
    "zo": {"learning_rate"},  # of a scheme's own
}


def the_sweep(name: str) -> Sweep:
    return read_sweep(EXAMPLES / f"{name}.toml")


def is_private(point: Point) -> bool:
    return point.config.privacy.protect != "nothing"


@pytest.mark.parametrize("name", [DEMO, SST2])
def test_points_share_all_but_scheme_and_promise(name: str) -> None:
    sweep = the_sweep(name)
    assert sweep.axis == "privacy.epsilon"
    assert len({str(p.config.model_dump(exclude=NOT_COMPARED)) for p in sweep.points}) == 1
    assert {point.config.radio.lead_s for point in sweep.points} == {0.05}
    rates = {(point.config.link.scheme, point.config.zo.learning_rate) for point in sweep.points}
    assert len(rates) == len({scheme for scheme, _ in rates})


@pytest.mark.parametrize("name", [DEMO, SST2])
def test_every_curve_has_five_seeds_and_a_run_without_promise_beside_it(name: str) -> None:
    for _, same in groupby(the_sweep(name).points, lambda p: (p.curve, p.config.privacy.epsilon)):
        assert [point.config.run.seed for point in same] == [1, 2, 3, 4, 5]
    curves = {point.curve: is_private(point) for point in the_sweep(name).points}
    schemes = {curve.partition(",")[0] for curve in curves}
    assert {curve for curve, private in curves.items() if not private} == {
        f"{scheme}, no promise" for scheme in schemes
    }


def test_a_curve_trusts_what_it_is_called_after() -> None:
    for point in filter(is_private, the_sweep(DEMO).points):
        privacy = point.config.privacy
        by_receiver = "receiver's noise" in point.curve
        assert privacy.noise == ("receiver" if by_receiver else "digital")
        assert privacy.trust == ("channel-noise-trusted" if by_receiver else "local")
        assert privacy.protect == ("client" if "whole clients" in point.curve else "record")


def test_every_curve_of_the_demo_can_be_planned() -> None:
    for _, same in groupby(filter(is_private, the_sweep(DEMO).points), lambda p: p.curve):
        point = next(same)
        rows = dict(plan_run(None, list(point.arguments[2::2])).rows)
        trust = point.config.privacy.trust
        assert float(rows[f"epsilon, {trust}"]) <= point.config.privacy.epsilon
