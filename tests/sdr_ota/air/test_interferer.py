"""A recording that plays on the air: at its level and its frequency, without a gap."""

import json
from pathlib import Path

import numpy as np
import pytest

import sdr_ota
from sdr_ota.air.interferer import Interferer
from sdr_ota.air.presets import AirPreset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.assembly.plan import plan_run
from sdr_ota.config.load import ConfigError, load_config, restore_config
from sdr_ota.config.parts import simulated_air
from sdr_ota.failure import CommandFailed
from sdr_ota.signal.iq_words import IqFileError

RATE_HZ = 1e6
TONE_HZ = 60e3


def write_sigmf(folder: Path, samples: np.ndarray, rate_hz: float | None) -> Path:
    """Write the two files as the SigMF specification says, without our own writer."""
    meta = folder / "foreign.sigmf-meta"
    samples.astype("<c8").tofile(meta.with_suffix(".sigmf-data"))
    fields: dict[str, object] = {"core:datatype": "cf32_le", "core:version": "1.0.0"}
    if rate_hz is not None:
        fields["core:sample_rate"] = rate_hz
    meta.write_text(json.dumps({"global": fields, "captures": [], "annotations": []}))
    return meta


def tone(n_samples: int, rate_hz: float, frequency_hz: float = TONE_HZ) -> np.ndarray:
    return 0.01 * np.exp(2j * np.pi * frequency_hz / rate_hz * np.arange(n_samples))


def quiet_air(recording: Path, level_db: float) -> SimulatedAir:
    preset = AirPreset("quiet", snr_db=200.0, interferer=str(recording), interferer_db=level_db)
    return SimulatedAir(AirSettings(preset, 2, RATE_HZ, 915e6, seed=3))


@pytest.mark.parametrize("recorded_hz", [RATE_HZ, 2.4e6, 0.4e6, 1.92e6])
def test_level_and_frequency_are_those_of_the_recording(tmp_path: Path, recorded_hz: float) -> None:
    n_recorded = round(recorded_hz / 10)  # whole periods of the tone
    air = quiet_air(write_sigmf(tmp_path, tone(n_recorded, recorded_hz), recorded_hz), -12.0)
    received, _ = air.receive(0, 100_000)
    assert 10 * np.log10(np.mean(np.abs(received) ** 2)) == pytest.approx(-12.0, abs=0.01)
    power = np.abs(np.fft.fft(received)) ** 2
    assert np.fft.fftfreq(len(received), 1 / RATE_HZ)[np.argmax(power)] == TONE_HZ
    assert power.max() > 0.99 * power.sum()


def test_it_plays_on_between_receptions(tmp_path: Path) -> None:
    recording = write_sigmf(tmp_path, tone(7919, RATE_HZ), RATE_HZ)
    whole, _ = quiet_air(recording, -20.0).receive(0, 30_000)
    air = quiet_air(recording, -20.0)
    parts = [air.receive(start, 10_000)[0] for start in (0, 10_000, 20_000)]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)
    np.testing.assert_allclose(whole[7919:15838], whole[:7919], atol=1e-6)


def test_where_it_begins_follows_from_the_seed(tmp_path: Path) -> None:
    recording = write_sigmf(tmp_path, tone(7919, RATE_HZ), RATE_HZ)
    firsts = {
        Interferer.read(recording, -20.0, RATE_HZ, np.random.default_rng(seed)).first
        for seed in range(50)
    }
    assert len(firsts) > 40


@pytest.mark.parametrize(
    ("samples", "rate_hz", "said"),
    [(tone(100, RATE_HZ), None, "sample rate"), (np.zeros(100), RATE_HZ, "silent")],
)
def test_what_cannot_be_played_is_named(
    tmp_path: Path, samples: np.ndarray, rate_hz: float | None, said: str
) -> None:
    with pytest.raises(IqFileError, match=said):
        quiet_air(write_sigmf(tmp_path, samples, rate_hz), -20.0)


def test_a_config_names_what_is_wrong_with_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_config(None, [f"air.interferer={tmp_path / 'none.sigmf-meta'}"])
    with pytest.raises(ConfigError, match=r"air\.interferer"):
        load_config(None, ["air.interferer_db=-10"])
    with pytest.raises(ConfigError, match="sample rate"):
        raw = tmp_path / "raw.cf32"
        raw.write_bytes(bytes(80))
        load_config(None, [f"air.interferer={raw}"])


def test_its_name_is_relative_to_the_config_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, elsewhere = tmp_path / "of config", tmp_path / "elsewhere"
    for made in (folder, elsewhere):
        made.mkdir()
    recording = write_sigmf(folder, tone(100, RATE_HZ), RATE_HZ)
    experiment = folder / "own.toml"
    experiment.write_text(f'[air]\ninterferer = "{recording.name}"\n')
    monkeypatch.chdir(elsewhere)
    config = load_config(Path("../of config/own.toml"))
    with sdr_ota.open_bench(experiment) as bench:
        assert Path(bench.config.air.interferer or "").samefile(recording)
    monkeypatch.chdir(tmp_path)  # as a run that is resumed from another folder
    assert Path(config.air.interferer or "").samefile(recording)


def test_a_record_is_read_when_the_recording_has_gone(tmp_path: Path) -> None:
    """A finished run is exported, and a node's machine joins, without the file."""
    recording = write_sigmf(tmp_path, tone(100, RATE_HZ), RATE_HZ)
    config = load_config(None, [f"air.interferer={recording}"])
    recording.unlink()
    assert restore_config(config.model_dump()) == config
    with pytest.raises(ConfigError, match=r"air\.interferer.*No such file"):
        simulated_air(config)


@pytest.mark.parametrize(("value", "said"), [(0.0, "silent"), (np.nan, "foreign.*not all finite")])
def test_a_run_says_why_a_recording_cannot_be_played(
    tmp_path: Path, value: float, said: str
) -> None:
    recording = write_sigmf(tmp_path, np.full(100, value), RATE_HZ)
    with pytest.raises(CommandFailed, match=rf"air\.interferer.*{said}"):
        plan_run(None, [f"air.interferer={recording}"])
    with pytest.raises(sdr_ota.SdrOtaError, match=rf"air\.interferer.*{said}"):
        sdr_ota.run(
            set={
                "clients.source": "synthetic",
                "run.rounds": 1,
                "run.folder": str(tmp_path / "runs"),
                "air.interferer": str(recording),
            }
        )


def test_a_run_over_it_has_the_error_that_it_makes(tmp_path: Path) -> None:
    """White interference adds to the noise: the stated deviation knows, and the error grows."""
    rng = np.random.default_rng(5)
    noise = rng.standard_normal(200_000) + 1j * rng.standard_normal(200_000)
    recording = write_sigmf(tmp_path, 0.1 * noise, RATE_HZ)
    errors, stds = {}, {}
    for level_db in (-60.0, -20.0):
        run = sdr_ota.run(
            set={
                "clients.source": "synthetic",
                "link.scalar_limit": 2,
                "run.rounds": 40,
                "run.folder": str(tmp_path / "runs"),
                "air.preset": "ideal",
                "air.snr_db": 40.0,
                "air.interferer": str(recording),
                "air.interferer_db": level_db,
            }
        )
        rounds = run.rounds
        errors[level_db] = np.nanmean((rounds.decoded_sum - rounds.true_sum) ** 2)
        stds[level_db] = np.nanmean(rounds.decoded_std**2)
    # Noise of -40 dB with an interferer of -60 and -20 dB: (1e-4 + 1e-6) and (1e-4 + 1e-2).
    expected = (1e-4 + 1e-2) / (1e-4 + 1e-6)
    # Two mean squares of 40 errors: each has a relative deviation of sqrt(2/40).
    spread = 4 * np.sqrt(2 * 2 / 40)
    assert errors[-20.0] / errors[-60.0] == pytest.approx(expected, rel=spread)
    assert stds[-20.0] / stds[-60.0] == pytest.approx(expected, rel=0.3)


def test_a_plan_says_what_is_played(tmp_path: Path) -> None:
    recording = write_sigmf(tmp_path, tone(100, RATE_HZ), RATE_HZ)
    rows = dict(plan_run(None, [f"air.interferer={recording}", "air.interferer_db=-12"]).rows)
    assert rows["interferer"] == f"{recording} at -12 dB, all the time"
