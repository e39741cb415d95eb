"""Rounds between two soundings are predicted anew: few are lost, and theory knows their error.

And the first rounds of a bench that was calibrated are better than those of one that was not.
"""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from ota_calibration.measure.store import RecordStore
from ota_calibration.paths.path_start import QUANTITIES, PathStart

from sdr_ota.assembly.bench import open_bench
from sdr_ota.assembly.planner import planner_of
from sdr_ota.assembly.server import nodes_here, server_of
from sdr_ota.config.load import load_config
from sdr_ota.config.parts import link_of, payload_of, simulated_air
from sdr_ota.rounds.round import Observer, RoundResult, Schedule, observe_nothing, run_rounds
from sdr_ota.rounds.server import admit_all
from sdr_ota.rounds.synthetic import UniformClient
from sdr_ota.signal.metrics import chance_db, nmse_db
from sdr_ota.study.calibration.survey_run import Asked, calibrate_command
from sdr_ota.types import TransmitPlan

N_ROUNDS, FIRST_JUDGED = 100, 10
AGREEMENT_DB = 1.0
"""Closer than this theory need not be, whatever the number of rounds."""

CAUTION_DB = {"lab-wired": AGREEMENT_DB, "free-running-pluto": 4.0}
"""By which sums may be better than expected. Interference on node pilots alone makes gains
uncertain and the sum no worse: few such rounds decide the mean of what is expected."""


def rounds_of(
    preset: str,
    every: int = 1,
    start: PathStart | None = None,
    seed: int = 1,
    n: int = N_ROUNDS,
    observe: Observer = observe_nothing,
) -> list[RoundResult]:
    """Run synthetic clients whose nodes are sounded every so many rounds."""
    settings = (f"air.preset={preset}", "link.scheme=coherent", f"run.seed={seed}")
    config = load_config(None, settings)
    link, air = link_of(config), simulated_air(config)
    with open_bench(config, air) as bench:
        clients = [UniformClient(node) for node in range(config.clients.count)]
        nodes, admit = nodes_here(config, bench, link, clients), partial(payload_of, config)
        planner = planner_of(config, link, start or PathStart())
        server = server_of(config, bench, link, nodes, planner, admit_all(admit, 1.0), air)
        return list(run_rounds(server, Schedule(n, seed, every), observe=observe))


@pytest.mark.parametrize("preset", ["lab-wired", "free-running-pluto"])
@pytest.mark.parametrize("every", [2, 4])
def test_paths_are_predicted_between_soundings(preset: str, every: int) -> None:
    results = rounds_of(preset, every)
    assert np.mean([r.erasure is not None for r in results]) <= 0.1
    good = [r for r in results[FIRST_JUDGED:] if r.erasure is None]
    sums = [(r.true_sum or 0.0) ** 2 for r in good]
    errors = [((r.decoded_sum or 0.0) - (r.true_sum or 0.0)) ** 2 for r in good]
    expected = [r.theory_error or 0.0 for r in good]
    off_db = nmse_db(errors, sums) - nmse_db(expected, sums)
    least_db = -CAUTION_DB[preset] - chance_db(errors, expected)
    assert least_db < off_db < AGREEMENT_DB + chance_db(errors, expected)
    later = [r.sounding_to_payload_s for r in good if r.round % every == every - 1]
    # After an erasure a sounding comes before its turn: few of these rounds have one.
    assert np.median([s for s in later if s]) > 0.15 * (every - 1)


@pytest.mark.parametrize("every", [1, 3])
def test_a_plan_knows_how_long_it_is_until_the_payload(every: int) -> None:
    """What a path may have changed by then is part of what a promise of privacy counts on."""
    seen: list[tuple[TransmitPlan, RoundResult]] = []
    rounds_of("lab-wired", every, n=9, observe=lambda got, done: seen.append((got.plan, done)))
    assert len(seen) == 9
    for plan, result in seen:
        waits_s = [plan.until_payload_s[node] for node in plan.active_nodes]
        assert np.mean(waits_s) == pytest.approx(result.sounding_to_payload_s, rel=0.05)
        stds = [e.amplitude_variance(t) for e, t in zip(plan.active_errors, waits_s, strict=True)]
        assert np.square(plan.payload_amplitude_stds) == pytest.approx(stds)


def test_first_rounds_are_better_after_a_calibration(tmp_path: Path) -> None:
    """Offsets of `lab-indoor` drift by 1 Hz/s at most, of Plutos by fifteen times as much."""
    bench = tmp_path / "bench.toml"
    bench.write_text('[air]\npreset = "lab-indoor"\n[clients]\nsource = "synthetic"\n')
    for kind in ("cfo", "phase", "gain"):
        calibrate_command(Asked(kind, bench, (), None, ()), None)
    records = [r.measurement for r in RecordStore(tmp_path / "calibration").newest().values()]
    found = {name: [m for m in records if m.quantity == name] for name in QUANTITIES}
    start = PathStart.measured(found)
    assert 0.5 < start.drift_std_hz_per_s < 5
    assert len(start.phase_walks_rad2_per_s) == len(start.gain_changes_per_s2) == 5
    errors = []
    for begun in (PathStart(), start):
        rounds = [r for seed in range(1, 9) for r in rounds_of("lab-indoor", 1, begun, seed, 8)]
        good = [r for r in rounds if r.erasure is None]
        errors.append(sum(((r.decoded_sum or 0) - (r.true_sum or 0)) ** 2 for r in good))
    assert errors[1] < 0.9 * errors[0]
