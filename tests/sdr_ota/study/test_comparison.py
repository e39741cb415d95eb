from dataclasses import replace

import numpy as np
import pytest

from sdr_ota.schemes import scheme_names
from sdr_ota.study.comparison import (
    Comparison,
    Setting,
    measure,
    sweep_phase,
    sweep_snr,
    vote_error,
)
from sdr_ota.study.comparison_figure import comparison_drawing, comparison_record

SETTING = Setting(n_nodes=3, n_chips=128, n_trials=300)


@pytest.mark.parametrize("name", scheme_names())
def test_measured_and_theoretical_nmse_agree(name: str) -> None:
    for point in sweep_snr([name], [0.0, 15.0], SETTING) + sweep_phase(
        [name], [0.3], 15.0, SETTING
    ):
        # The mean of n squared errors, at worst of chi-square with one degree of
        # freedom and a heavier spread over the symbols: std below 2 / sqrt(n).
        tolerance_db = 10 * np.log10(1 + 4 * 2 / np.sqrt(SETTING.n_trials))
        assert abs(point.nmse_db - point.theory_nmse_db) < tolerance_db


def test_coherent_needs_the_phase_and_the_others_do_not() -> None:
    lost = {n: measure(n, 20.0, np.pi, SETTING).nmse_db for n in scheme_names()}
    kept = {n: measure(n, 20.0, 0.0, SETTING).nmse_db for n in scheme_names()}
    assert lost["coherent"] > -3 > kept["coherent"] + 30
    for name in set(scheme_names()) - {"coherent"}:
        assert abs(lost[name] - kept[name]) < 2


def test_vote_error_by_theory_is_met() -> None:
    n_trials, snr_db, n_chips = 2000, -5.0, 32
    theory = vote_error(3, snr_db, n_chips)
    setting = Setting(n_nodes=3, n_chips=n_chips, n_trials=n_trials)
    measured = measure("fsk-vote", snr_db, 0.0, setting).sign_error
    assert abs(measured - theory) < 4 * np.sqrt(theory * (1 - theory) / n_trials)


def test_several_seeds_are_those_seeds_one_by_one() -> None:
    several = measure("tdma", 0.0, 0.1, replace(SETTING, n_seeds=3, seed=5))
    alone = [measure("tdma", 0.0, 0.1, replace(SETTING, seed=seed)) for seed in (5, 6, 7)]
    assert several.nmse_of_seeds_db == tuple(point.nmse_db for point in alone)
    assert several.sign_error == pytest.approx(np.mean([point.sign_error for point in alone]))
    assert min(several.nmse_of_seeds_db) < several.nmse_db < max(several.nmse_of_seeds_db)


def test_what_is_written_holds_both_sweeps_and_the_spread_of_seeds() -> None:
    setting = replace(SETTING, n_trials=10, n_seeds=2)
    names = scheme_names()
    over_snr, over_phase = (sweep(names, [0.1, 1.0], *more, setting) for sweep, more in
                            ((sweep_snr, ()), (sweep_phase, (15.0,))))  # fmt: skip
    comparison = Comparison(setting, over_snr, over_phase)
    record = comparison_record(comparison)
    assert [row["over"] for row in record.rows] == ["snr"] * 2 * len(names) + ["phase"] * 2 * len(
        names
    )
    for row, point in zip(record.rows, [*over_snr, *over_phase], strict=True):
        one, other = point.nmse_of_seeds_db
        assert row["nmse_median_db"] == pytest.approx((one + other) / 2)
        assert row["nmse_std_db"] == pytest.approx(abs(one - other) / np.sqrt(2))
    assert len(comparison_drawing(comparison).axes) == 3
