"""What theory makes of the soundings is the error that rounds show, on every air and scheme."""

import numpy as np
import pytest

from sdr_ota.cli.bench import link_of, open_bench, payload_of, planner_of, simulated_air
from sdr_ota.config import load_config
from sdr_ota.experiment import Experiment, Schedule, admit_all, run_experiment
from sdr_ota.metrics import chance_db, nmse_db
from sdr_ota.synthetic import SyntheticClient

AGREEMENT_DB = 1.0
"""Closer than this theory need not be, whatever the number of rounds."""

QUIET_ROUNDS, FADING_ROUNDS = 40, 100
"""Where paths fade chance is larger: more rounds."""

FADING = ("lab-indoor", "usrp-shared-clock", "free-running-pluto")

SCHEMES = ("coherent", "energy-difference", "tdma", "fsk-vote")


def measured_and_expected(preset: str, scheme: str) -> tuple[list[float], list[float], list[float]]:
    """Run synthetic clients; return squared errors, what theory expects, and squared sums."""
    n_rounds = FADING_ROUNDS if preset in FADING else QUIET_ROUNDS
    payload = "sign" if scheme == "fsk-vote" else "analog"
    settings = (f"air.preset={preset}", f"link.scheme={scheme}", f"link.payload={payload}")
    config = load_config(None, settings)
    link = link_of(config)
    clients = [SyntheticClient(k, 1.0) for k in range(config.clients.count)]
    with open_bench(config, simulated_air(config)) as bench:
        experiment = Experiment(
            clients,
            bench,
            link,
            planner_of(config, link),
            admit_all(payload_of(config, 2.0)),
            Schedule(n_rounds, seed=1),
        )
        good = [r for r in run_experiment(experiment) if r.erasure is None]
    true = np.array([r.true_sum for r in good], float)
    decoded = np.array([r.decoded_sum for r in good], float)
    expected = [r.theory_error or 0.0 for r in good]
    return ((decoded - true) ** 2).tolist(), expected, (true**2).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("preset", ["ideal", "lab-wired", *FADING])
def test_rounds_show_the_error_that_their_soundings_predict(preset: str, scheme: str) -> None:
    errors, expected, sums = measured_and_expected(preset, scheme)
    off_db = nmse_db(errors, sums) - nmse_db(expected, sums)
    assert abs(off_db) < AGREEMENT_DB + chance_db(errors, expected)
