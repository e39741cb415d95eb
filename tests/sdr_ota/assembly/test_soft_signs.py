"""Sign-pAirZero under a promise: coherent signs that the receiver's noise alone hides (Lemma 3)."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

import sdr_ota
from sdr_ota.assembly.plan import plan_run
from sdr_ota.config.load import ConfigError, load_config

SIGNS: dict[str, Any] = {
    "clients.source": "synthetic",
    "privacy.protect": "client",
    "privacy.neighbours": "replace",
    "privacy.trust": "channel-noise-trusted",
    "privacy.noise": "receiver",
    "link.payload": "sign",
    "captures.every": 0,
}


def settings(changes: dict[str, Any]) -> list[str]:
    return [f"{name}={json.dumps(value)}" for name, value in {**SIGNS, **changes}.items()]


def charged(folder: Path) -> list[float]:
    """Return what each burst cost the first node, in squared mu."""
    lines = (folder / "privacy.jsonl").read_text().splitlines()[1:]
    return [json.loads(line)["cost"]["node-0"] for line in lines]


def exact_epsilon(mu_squared: float, delta: float) -> float:
    """Return epsilon of composed Gaussians by bisection on delta(epsilon)."""
    mu, low, high = math.sqrt(mu_squared), 0.0, 100.0
    for _ in range(80):
        middle = (low + high) / 2
        tails = norm.cdf(mu / 2 - middle / mu), norm.cdf(-mu / 2 - middle / mu)
        low, high = (
            (middle, high) if tails[0] - math.exp(middle) * tails[1] > delta else (low, middle)
        )
    return high


@pytest.mark.parametrize(("snr_db", "least"), [(20.0, 0.6), (40.0, 0.8)])
def test_a_run_of_signs_spends_what_the_noise_that_was_received_allows(
    tmp_path: Path, snr_db: float, least: float
) -> None:
    r"""Lemma 3: a flipped sign moves the decoded sum by 2, so a round costs $(2 / \sigma)^2$."""
    n_rounds, epsilon, delta = 12, 8.0, 1e-5
    changes = {"run.rounds": n_rounds, "run.folder": str(tmp_path), "air.snr_db": snr_db}
    run = sdr_ota.run(set={**SIGNS, **changes})
    costs = charged(run.folder)
    assert len(costs) == n_rounds
    assert exact_epsilon(sum(costs), delta) == pytest.approx(epsilon, rel=1e-6)
    stds = np.asarray(run.rounds.chips_std, dtype=np.float64)
    received = float(np.sum((2 / stds) ** 2))
    # The bound of the noise lies about 11 % below it, that of levels above them, most so where
    # soundings are noisy; 12 variances of 512 chips are known to 2 %.
    assert least * sum(costs) < received < 0.95 * sum(costs)
    assert set(run.rounds.mean_scalar) <= {-1.0, 1.0}


def test_rounds_that_theorem_4_skips_are_not_sent_and_cost_nothing(tmp_path: Path) -> None:
    changes = {
        "run.rounds": 20,
        "run.folder": str(tmp_path),
        "privacy.schedule": "sign-solution",
        "privacy.contraction": 0.8,
        "privacy.sign_error": 0.496,
        "privacy.epsilon": 0.5,
    }
    run = sdr_ota.run(set={**SIGNS, **changes})
    erased = [n for n, why in enumerate(run.rounds.erasure) if why == "schedule"]
    costs = charged(run.folder)
    assert erased == list(range(len(erased)))
    assert 0 < len(erased) < 20
    assert len(costs) == 20 - len(erased)
    assert np.all(np.diff(costs) > 0)
    assert exact_epsilon(sum(costs), 1e-5) == pytest.approx(0.5, rel=1e-6)
    rows = dict(plan_run(None, settings(changes)).rows)
    assert rows["rounds sent"].startswith(f"{len(costs)} of 20;")
    assert rows["epsilon, channel-noise-trusted"] == "0.5"
    assert rows["epsilon, local"] == "inf"  # no client adds noise


@pytest.mark.parametrize("b", [1, 64])
def test_a_single_record_can_turn_a_sign_however_large_the_batch(b: int) -> None:
    records = {
        "clients.source": "model",
        "clients.examples_per_round": b,
        "privacy.protect": "record",
        "privacy.batches": "fixed",
        "run.rounds": 10,
    }
    rows, of_clients = (
        dict(plan_run(None, settings(changes)).rows) for changes in (records, {"run.rounds": 10})
    )
    for name in ("epsilon, channel-noise-trusted", "noise of the mean scalar"):
        assert rows[name] == of_clients[name]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"privacy.noise": "digital"}, "shows single clients"),
        ({"privacy.noise": "digital", "privacy.trust": "server-sees-sum"}, "shows single clients"),
        ({"link.scheme": "fsk-vote"}, "coherent amplitudes only"),
        ({"frame.symbols": 2}, "no common clip"),
        (
            {"privacy.protect": "record", "clients.source": "model"},
            "without the chance to be drawn",
        ),
        ({"privacy.schedule": "sign-solution", "link.payload": "analog"}, "Theorem 4"),
        ({"privacy.schedule": "sign-reversed", "link.payload": "analog"}, "Theorem 4"),
        (
            {
                "privacy.schedule": "sign-solution",
                "privacy.noise": "digital",
                "privacy.trust": "local",
            },
            "Theorem 4",
        ),
        ({"privacy.sign_error": 0.51}, "at most 0.5"),
    ],
)
def test_signs_that_nothing_hides_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_config(None, settings(changes))


@pytest.mark.parametrize("bits", [8, 12])
def test_a_receiver_that_only_rounds_protects_nobody(tmp_path: Path, bits: int) -> None:
    snr_db = {8: 60.0, 12: 84.0}[bits]
    preset = {8: "harsh", 12: "lab-wired"}[bits]
    changes = {"run.folder": str(tmp_path), "air.preset": preset, "air.snr_db": snr_db}
    with pytest.raises(sdr_ota.SdrOtaError, match="steps of its converter"):
        sdr_ota.run(set={**SIGNS, **changes, "run.rounds": 2})
