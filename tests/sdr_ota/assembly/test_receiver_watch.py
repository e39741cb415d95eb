"""Noise that a promise counts on: measured again and again, and believed where it was least."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from ota_calibration.privacy.receiver_noise import NoiseHidden

import sdr_ota
from sdr_ota.assembly import receiver_watch
from sdr_ota.assembly.receiver_watch import RECEIVER_NOISE, RENEWED_EVERY, watch_receiver
from sdr_ota.config.load import Config, load_config
from sdr_ota.config.parts import link_of, simulated_air
from sdr_ota.failure import CommandFailed
from sdr_ota.radio.base import RadioError
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.rounds.exchange import Bench

TRUSTED = [
    "clients.source=synthetic",
    "privacy.protect=client",
    "privacy.trust=channel-noise-trusted",
    "link.scheme=coherent",
]

Measured = Callable[..., None]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Measured:
    """Let measurements of the noise give these values, or raise these, one after the other."""

    def say(*bounds: float | Exception) -> None:
        left: Iterator[float | Exception] = iter(bounds)

        def measure(bench: Bench, link: object) -> float:
            bound = next(left)
            if isinstance(bound, Exception):
                raise bound
            return bound

        monkeypatch.setattr(receiver_watch, "measure_noise_bound", measure)

    return say


def config_with(*settings: str) -> Config:
    return load_config(None, [*TRUSTED, *settings])


def bench_of(config: Config) -> Bench:
    return Bench(SimulatedRadio(simulated_air(config), None), (), config.radio.sample_rate_hz)


def kept(folder: Path) -> list[tuple[int, float]]:
    lines = [json.loads(line) for line in (folder / RECEIVER_NOISE).read_text().splitlines()]
    return [(line["round"], line["noise_power_bound"]) for line in lines]


def test_it_is_measured_at_intervals_and_the_claim_only_falls(
    tmp_path: Path, measured: Measured, caplog: pytest.LogCaptureFixture
) -> None:
    measured(3e-3, 2e-3, 2.1e-3, 9e-3)
    config = config_with()
    watch = watch_receiver(config, bench_of(config), link_of(config), tmp_path, 0)
    claims = []
    for done in range(1, 3 * RENEWED_EVERY + 1):
        with caplog.at_level(logging.WARNING):
            watch.renew(done)
        claims.append(watch.noise.noise_power_bound)
    assert claims == [3e-3] * (RENEWED_EVERY - 1) + [2e-3] * (2 * RENEWED_EVERY + 1)
    times = [0, RENEWED_EVERY, 2 * RENEWED_EVERY, 3 * RENEWED_EVERY]
    assert kept(tmp_path) == list(zip(times, (3e-3, 2e-3, 2.1e-3, 9e-3), strict=True))
    (told,) = caplog.messages  # 0.2 dB more are chance
    assert "6.5 dB above the least" in told


def test_a_resumed_run_claims_no_more_than_before(tmp_path: Path, measured: Measured) -> None:
    measured(2e-3, 5e-3)
    config = config_with()
    for done in (0, 70):
        watch = watch_receiver(config, bench_of(config), link_of(config), tmp_path, done)
    assert watch.noise.noise_power_bound == 2e-3
    assert watch.due == 70 + RENEWED_EVERY


def test_a_calibration_record_stands_against_a_signal_that_was_there_before_the_run(
    tmp_path: Path, measured: Measured, caplog: pytest.LogCaptureFixture
) -> None:
    record = {"quantity": "noise_lower_bound_dbfs", "value": -30.0}
    other = {"quantity": "noise_dbfs", "value": -60.0}
    (tmp_path / "start.json").write_text(json.dumps({"calibration": [other, record]}))
    measured(5e-3)
    config = config_with()
    with caplog.at_level(logging.WARNING):
        watch = watch_receiver(config, bench_of(config), link_of(config), tmp_path, 0)
    of_a_chip = 1e-3 / link_of(config).frame.pulse.energy
    assert watch.noise.noise_power_bound == pytest.approx(of_a_chip)
    assert "dB above the least" in caplog.text


def test_a_receiver_that_has_gone_is_asked_again(tmp_path: Path, measured: Measured) -> None:
    measured(2e-3, RadioError("gone"), RadioError("gone"), 1e-3)
    config = config_with()
    watch = watch_receiver(config, bench_of(config), link_of(config), tmp_path, 0)
    for done in range(RENEWED_EVERY, RENEWED_EVERY + 3):
        watch.renew(done)
    assert watch.noise.noise_power_bound == 1e-3
    assert [done for done, _ in kept(tmp_path)] == [0, RENEWED_EVERY + 2]


@pytest.mark.parametrize("first", [NoiseHidden("hidden"), RadioError("gone"), 0.0])
def test_a_run_does_not_begin_on_noise_that_is_not_known(
    tmp_path: Path, measured: Measured, first: float | Exception
) -> None:
    measured(first)
    config = config_with("privacy.noise=receiver")
    with pytest.raises(CommandFailed):
        watch_receiver(config, bench_of(config), link_of(config), tmp_path, 0)


def test_a_run_ends_when_its_noise_is_hidden(tmp_path: Path, measured: Measured) -> None:
    measured(2e-3, NoiseHidden("below a step"))
    config = config_with()
    watch = watch_receiver(config, bench_of(config), link_of(config), tmp_path, 0)
    with pytest.raises(CommandFailed, match="below a step"):
        watch.renew(RENEWED_EVERY)


@pytest.mark.slow
def test_noise_that_falls_during_a_run_lets_it_speak_more_softly(
    tmp_path: Path, measured: Measured
) -> None:
    """The receiver's noise protects alone: with a tenth of its power left, a third is sent."""
    measured(2e-3, 2e-4)
    changes = {
        "run.rounds": RENEWED_EVERY + 10,
        "run.folder": str(tmp_path),
        "clients.source": "synthetic",
        "privacy.protect": "client",
        "privacy.neighbours": "replace",
        "privacy.trust": "channel-noise-trusted",
        "privacy.noise": "receiver",
        "link.scheme": "coherent",
        "captures.every": 0,
    }
    run = sdr_ota.run(set=changes)
    assert [done for done, _ in kept(run.folder)] == [0, RENEWED_EVERY]
    stds = np.asarray(run.rounds.chips_std, dtype=np.float64)
    before, after = stds[:RENEWED_EVERY], stds[RENEWED_EVERY:]
    # The air's noise is what it was, the amplitude is less: sums are noisier by its ratio.
    assert np.nanmedian(after) / np.nanmedian(before) == pytest.approx(10**0.5, rel=0.1)
