import numpy as np
import pytest

from sdr_ota.schemes import scheme_names
from sdr_ota.study.comparison import Setting, measure, sweep_phase, sweep_snr, vote_error

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
