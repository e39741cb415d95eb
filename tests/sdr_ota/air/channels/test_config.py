"""`air.channel` in a configuration: found, checked, and no shorter than the run."""

from pathlib import Path

import numpy as np
import pytest

import sdr_ota
from sdr_ota.assembly.bench import open_bench
from sdr_ota.assembly.plan import plan_run
from sdr_ota.assembly.run import resume_run
from sdr_ota.config.load import ConfigError, config_of_tables, load_config, restore_config
from sdr_ota.config.parts import simulated_air
from sdr_ota.failure import CommandFailed
from tests.sdr_ota.air.channels.channel_files import write_npz


def moving(folder: Path, seconds: float, **more: object) -> Path:
    time_s = np.linspace(0, seconds, 50)
    return write_npz(folder, taps=np.ones((50, 5, 1)), time_s=time_s, **more)


@pytest.mark.parametrize(
    ("more", "setting", "said"),
    [
        ({}, "clients.count=6", "paths of 5 nodes, and clients.count = 6"),
        ({"carrier_hz": 2.4e9}, "", "radio.center_freq_hz = 2400000000"),
        ({"tap_interval_s": 2e-6}, "", "radio.sample_rate_hz = 500000"),
        ({}, "radio.processes=true", "set radio.processes = false"),
        ({}, "air.channel_antenna=1", "1 receive antennas"),
        ({}, "air.path_gain_spread_db=1", "path_gain_spread_db is in the channel file"),
    ],
)
def test_what_does_not_fit_is_said(
    tmp_path: Path, more: dict[str, object], setting: str, said: str
) -> None:
    path = moving(tmp_path, 10.0, **more)
    settings = ["clients.count=4", f"air.channel={path}", *([setting] if setting else [])]
    with pytest.raises(ConfigError, match=said):
        load_config(None, settings)


def test_keys_of_a_file_need_a_file() -> None:
    with pytest.raises(ConfigError, match=r"air\.channel"):
        load_config(None, ["air.channel_end=mirror"])


def test_its_name_is_relative_to_the_config_and_a_record_outlives_it(tmp_path: Path) -> None:
    path = moving(tmp_path, 10.0)
    experiment = tmp_path / "own.toml"
    experiment.write_text(f'[air]\nchannel = "{path.name}"\n')
    config = load_config(experiment)
    assert Path(config.air.channel or "").samefile(path)
    path.unlink()
    assert restore_config(config.model_dump()) == config
    with pytest.raises(ConfigError, match=r"air\.channel: .*paths\.npz: No such file"):
        simulated_air(config)


def test_a_plan_refuses_a_run_that_is_longer_and_tells_how_long_it_may_be(tmp_path: Path) -> None:
    path = moving(tmp_path, 10.0, name="our basement")
    settings = ["clients.source=synthetic", f"air.channel={path}", "air.round_s=0.25"]
    with pytest.raises(CommandFailed, match=r"lasts 10 s, 40 rounds of 0\.25 s.*run\.rounds = 40"):
        plan_run(None, [*settings, "run.rounds=41"])
    for fitting in ("run.rounds=40", "air.channel_end=mirror"):
        rows = dict(plan_run(None, [*settings, fitting]).rows)
        assert "our basement, 5 nodes, 1 taps, 50 times; 10 s, 40 rounds" in rows["channel"]


def test_neither_a_run_nor_its_continuation_begins_if_the_file_is_shorter(tmp_path: Path) -> None:
    settings: dict[str, object] = {
        "clients.source": "synthetic", "run.folder": str(tmp_path / "runs"),
        "air.channel": str(moving(tmp_path, 1.0)),
    }  # fmt: skip
    with pytest.raises(sdr_ota.SdrOtaError, match="lasts 1 s, 4 rounds"):
        sdr_ota.run(set={**settings, "run.rounds": 5})
    assert not (tmp_path / "runs").exists()
    run = sdr_ota.run(set={**settings, "run.rounds": 4})
    with pytest.raises(CommandFailed, match="lasts 1 s, 4 rounds"):
        resume_run(run.folder, more_rounds=1)


def test_what_goes_on_after_the_end_of_the_file_is_told_so(tmp_path: Path) -> None:
    settings = {"air.channel": str(moving(tmp_path, 1.0))}
    with (
        pytest.raises(sdr_ota.SdrOtaError, match=r"ends after 1 s.*air\.channel_end"),
        sdr_ota.open_bench(set=settings) as bench,
    ):
        for _ in range(6):
            bench.mean([0.1, 0.2, 0.3, 0.4, 0.5])
    config = config_of_tables({}, settings)
    air = simulated_air(config)
    with pytest.raises(CommandFailed, match="the run stops"), open_bench(config, air) as opened:
        opened.nodes[0].transmit(np.ones(10, np.complex64), 1_000_001)


def test_a_run_goes_on_over_its_file_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    path = write_npz(tmp_path, taps=np.exp(1j * np.arange(120).reshape(40, 3, 1)), interval_s=0.1)
    settings: dict[str, object] = {
        "clients.source": "synthetic", "clients.count": 3, "run.folder": str(tmp_path / "runs"),
        "air.preset": "lab-indoor", "air.channel": str(path),
    }  # fmt: skip
    whole = sdr_ota.run(set={**settings, "run.rounds": 5}).rounds
    begun = sdr_ota.run(set={**settings, "run.rounds": 3})
    resume_run(begun.folder, more_rounds=2)
    again = sdr_ota.read_run(begun.folder).rounds
    np.testing.assert_array_equal(again.decoded_sum, whole.decoded_sum)
