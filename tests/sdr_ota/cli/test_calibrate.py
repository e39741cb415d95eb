"""`sdr-ota calibrate` as users start it: simulated bench, recordings, wrong input."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ota_calibration.measure.sounding_sequence import SoundingSequence
from scipy.stats import binom

from sdr_ota.air.presets import air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.assembly.plan import plan_run
from sdr_ota.radio.virtual.pluto_board import PlutoWorld
from sdr_ota.radio.virtual.pluto_server import VirtualPlutos
from sdr_ota.radio.virtual.soapy_server import VirtualSoapy
from sdr_ota.radio.virtual.soapy_world import SoapyWorld
from tests.ota_calibration.recordings import FRAME, random_truth, recorded_sequence, write_sigmf

LINK = ("--set", "clients.source=synthetic", "--set", "run.rounds=2")


def sdr_ota(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sdr_ota.cli", *arguments], cwd=folder,
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip


def records(folder: Path) -> dict[tuple[str, str], dict[str, float]]:
    lines = (folder / "records.jsonl").read_text().splitlines()
    read = [json.loads(line) for line in lines]
    return {(r["key"]["node"], r["measurement"]["quantity"]): r["measurement"] for r in read}


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A whole calibration of a simulated bench of three nodes."""
    folder = tmp_path_factory.mktemp("bench")
    (folder / "bench.toml").write_text(
        '[clients]\ncount = 3\nsource = "synthetic"\n[run]\nrounds = 2\n'
        '[air]\npreset = "lab-wired"\n'
    )
    done = sdr_ota("calibrate", "all", "bench.toml", "--keep-captures", "raw", folder=folder)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_all_writes_a_verdict_records_and_a_page(calibrated: tuple[Path, str]) -> None:
    folder, said = calibrated
    assert len(re.findall(r"node-\d +coherent", said)) == 3
    found = records(folder / "calibration")
    # Imposed by the preset: path -20 dB, image -39.6 dB, noise -40 dBFS, DC -50 dBFS each, grid 8.
    assert found["", "noise_dbfs"]["value"] == pytest.approx(-40, abs=0.1)
    for node in ("node-0", "node-1", "node-2"):
        assert found[node, "gain_db"]["value"] == pytest.approx(-20, abs=2)
        assert found[node, "image_db"]["value"] == pytest.approx(-39.6, abs=1)
        assert found[node, "start_phase_states"]["value"] == 8
        turns = found[node, "start_phase_rad"]["value"] / (np.pi / 4)
        assert turns == pytest.approx(round(turns), abs=0.3)  # the preset's grid
        assert abs(found[node, "cfo_hz"]["value"]) < 1
    page = (folder / "calibration" / "report.html").read_text()
    assert "node-2" in page
    assert page.count("<svg") >= 6
    assert "coherent" in (folder / "calibration" / "report.md").read_text()


def test_its_own_captures_give_the_same_numbers(calibrated: tuple[Path, str]) -> None:
    folder, _ = calibrated
    done = sdr_ota(
        "calibrate", "gain", "bench.toml", "--from-captures", "raw", "--output", "again",
        folder=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    live, again = records(folder / "calibration"), records(folder / "again")
    for node in ("node-0", "node-1", "node-2"):
        assert again[node, "gain_db"]["value"] == pytest.approx(live[node, "gain_db"]["value"])


def test_a_damaged_capture_is_named_and_left_out(
    tmp_path: Path,
) -> None:
    rng, sequence = np.random.default_rng(12), SoundingSequence.even(FRAME, 8)
    for node in range(2):
        truth = random_truth(rng)
        for k in range(5):
            capture = recorded_sequence(truth, sequence, 1000 + 20_000 * k, rng)
            name = f"{node}-{k}"
            write_sigmf(tmp_path / "raw", name, capture, f"node-{node}", sequence.amplitudes)
    arguments = (
        "calibrate", "gain", "--from-captures", "raw",
        "--set", "frame.chirp_samples=96", "--set", "frame.pilot_chips=64",
    )  # fmt: skip
    data, *others = sorted((tmp_path / "raw").glob("*.sigmf-data"))
    data.write_bytes(data.read_bytes()[:-3])
    done = sdr_ota(*arguments, folder=tmp_path)
    assert done.returncode == 1
    assert f"cannot read raw/{data.stem}.sigmf-meta" in done.stderr
    assert "its length does not fit" in done.stderr
    found = records(tmp_path / "calibration")
    whole = found["node-1", "gain_db"]["n_repeats"]
    assert found["node-0", "gain_db"]["n_repeats"] == whole - 1
    for one in (tmp_path / "raw").glob("*.sigmf-data"):
        one.write_bytes(b"")
    shutil.rmtree(tmp_path / "calibration")
    refused = sdr_ota(*arguments, folder=tmp_path)
    assert refused.returncode == 1
    assert all(one.stem in refused.stderr for one in others)
    assert not (tmp_path / "calibration").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("radio.rx_gain_db=34", "rx_gain_db was 0 and is 34"),
        ("radio.center_freq_hz=916e6", "center_freq_hz was 915000000 and is 916000000"),
    ],
)
def test_a_run_refuses_records_of_other_settings(
    calibrated: tuple[Path, str], change: str, words: str
) -> None:
    folder, _ = calibrated
    need = ("--set", 'calibration.require=["gain", "noise-floor"]')
    accepted = sdr_ota("run", "bench.toml", *need, folder=folder)
    assert accepted.returncode == 0, accepted.stderr
    refused = sdr_ota("run", "bench.toml", *need, "--set", change, folder=folder)
    assert refused.returncode == 2
    assert words in refused.stderr
    assert "sdr-ota calibrate noise-floor bench.toml" in refused.stderr


def test_a_run_without_records_says_how_to_get_them(tmp_path: Path) -> None:
    refused = sdr_ota(
        "run", "--demo", *LINK, "--set", 'calibration.require=["cfo"]', folder=tmp_path
    )
    assert refused.returncode == 2
    assert "there is no cfo record of node-0" in refused.stderr
    assert "sdr-ota calibrate cfo" in refused.stderr


@pytest.mark.slow
def test_intervals_hold_on_recordings_of_another_generator(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    sequence = SoundingSequence.even(FRAME, 8)
    truths = {}
    for node in range(16):
        truth = random_truth(rng)
        ticks = [1000 + 20_000 * k for k in range(6)]
        for k, tick in enumerate(ticks):
            capture = recorded_sequence(truth, sequence, tick, rng)
            name = f"{node:02d}-{k}"
            write_sigmf(tmp_path / "raw", name, capture, f"n{node}", sequence.amplitudes)
        middle_s = (np.mean(ticks) + len(sequence.samples()) / 2) / 1e6
        truths[f"n{node}", "gain_db"] = truth.gain_db
        truths[f"n{node}", "cfo_hz"] = truth.cfo_hz + truth.drift_hz_per_s * middle_s
        truths[f"n{node}", "clock_error_ppm"] = truth.clock_ppm
        truths[f"n{node}", "delay_samples"] = truth.delay_samples
    done = sdr_ota(
        "calibrate", "all", "--from-captures", "raw", "--output", "out",
        "--set", "frame.chirp_samples=96", "--set", "frame.pilot_chips=64", folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found, missed = records(tmp_path / "out"), 0
    for name, truth_value in truths.items():
        measured = found[name]
        freedom = 4 if name[1] == "cfo_hz" else 5
        assert measured["freedom"] == freedom
        quantile = {4: 2.7764, 5: 2.5706}[freedom]
        missed += abs(measured["value"] - truth_value) > quantile * measured["std"]
    low, high = binom.ppf([1e-4, 1 - 1e-4], len(truths), 0.05)
    assert low <= missed <= high


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("calibrate", "gian"), "there are: noise-floor, gain"),
        (("calibrate", "gain", "no.toml"), "cannot read no.toml"),
        (("calibrate", "gain", "--precision", "gain_db=0"), "is not QUANTITY=HALF_WIDTH"),
        (("calibrate", "gain", "--precision", "level=1"), "defaults: gain_db=0.5"),
        (("calibrate", "gain", "--from-captures", "none"), "--keep-captures DIR"),
        (("calibrate", "gain", "--keep-captures", "kept"), "kept is not an empty folder"),
        (("calibrate", "gain", "--keep-captures", "new", "--from-captures", "kept"), "leave one"),
    ],
)
def test_wrong_use_is_explained(arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "00000-idle.sigmf-meta").touch()
    refused = sdr_ota(*arguments, folder=tmp_path)
    assert refused.returncode == 2
    assert words in refused.stderr
    assert not (tmp_path / "calibration").exists()


@pytest.mark.slow
def test_more_precision_takes_more_observations(tmp_path: Path) -> None:
    observations = []
    for half_width in ("gain_db=2", "gain_db=0.0015"):
        done = sdr_ota(
            "calibrate", "gain", "--precision", half_width, "--output", half_width,
            "--set", "clients.count=1", "--set", "frame.payload_chips=64", folder=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        observations.append(records(tmp_path / half_width)["node-0", "gain_db"]["n_repeats"])
    assert observations[0] == 8 < observations[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "chip", "scheme"),
    [
        ("lab-wired", "auto", "coherent"),
        ("free-running-pluto", "auto", "coherent"),  # in chips of 16 us
        ("free-running-pluto", "2", "energy-difference"),
    ],
)
def test_auto_takes_the_scheme_that_air_and_chips_allow(
    preset: str, chip: str, scheme: str, tmp_path: Path
) -> None:
    air = ("--set", f"air.preset={preset}", "--set", "link.scheme=auto")
    air += ("--set", f"frame.samples_per_chip={chip}")
    done = sdr_ota("run", "--demo", *LINK, *air, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"auto: {scheme} chosen" in done.stderr
    (run,) = (tmp_path / "runs").iterdir()
    assert json.loads((run / "start.json").read_text())["config"]["link"]["scheme"] == scheme
    soundings = [json.loads(line) for line in (run / "soundings.jsonl").read_text().splitlines()]
    assert [s["round"] for s in soundings] == [0, 1]
    assert len(soundings[0]["nodes"]) == 5
    refused = sdr_ota("plan", "--set", "link.scheme=auto", folder=tmp_path)
    assert refused.returncode == 2
    assert "a plan opens no radio" in refused.stderr


def test_latency_is_that_of_the_bench(tmp_path: Path, virtual_soapy_driver: Path) -> None:
    settings = AirSettings(air_preset("lab-wired"), 1, 1e6, 915e6, 3)
    with VirtualSoapy(SoapyWorld(settings, command_s=2e-3)) as served:
        (tmp_path / "bench.toml").write_text(
            f'[clients]\ncount = 1\n[radio]\nreceiver = "{served.receiver_address}"\n'
            f'nodes = ["{served.node_addresses[0]}"]\ntransmit_allowed = true\nlead_s = 0.01\n'
            "[[band]]\nlow_hz = 914e6\nhigh_hz = 916e6\n"
        )
        where = {"SOAPY_SDR_PLUGIN_PATH": str(virtual_soapy_driver.parent)}
        done = sdr_ota("calibrate", "latency", "bench.toml", folder=tmp_path, **where)
    plan = dict(plan_run(tmp_path / "bench.toml", ["clients.source=synthetic"]).rows)
    assert done.returncode == 0, done.stderr
    found = records(tmp_path / "calibration")
    for quantile in ("", "_low", "_high", "_max"):  # no chance in this world's orders
        needed_s = found["virtual-node-0", f"command_to_antenna{quantile}_s"]["value"]
        assert 2e-3 <= needed_s < 2e-3 * 2**0.5
        gap_s = found["", f"sounding_to_payload{quantile}_s"]["value"]
        assert 0.01 < gap_s < 0.02  # the lead, a message, frames
    assert "sounding_to_payload_max_s" in done.stdout
    assert "Rounds, until" in (tmp_path / "calibration" / "report.html").read_text()
    assert "bursts of 1 calibrated nodes needed 2.5 ms at most" in plan["lead"]


@pytest.mark.slow
def test_stock_plutos_are_judged_without_phase_or_delay(tmp_path: Path) -> None:
    world = PlutoWorld(AirSettings(air_preset("lab-indoor"), 2, 1e6, 915e6, 3))
    with VirtualPlutos(world) as served:
        nodes = ", ".join(f'"driver=pluto,uri={uri}"' for uri in served.node_uris)
        (tmp_path / "bench.toml").write_text(
            f'[clients]\ncount = 2\n[radio]\nreceiver = "driver=pluto,uri={served.receiver_uri}"\n'
            f"nodes = [{nodes}]\ntransmit_allowed = true\n"
            "[[band]]\nlow_hz = 914e6\nhigh_hz = 916e6\n"
        )
        done = sdr_ota("calibrate", "all", "bench.toml", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"virtual-node-\d +energy-difference", done.stdout)) == 2
    found = records(tmp_path / "calibration")
    for node in range(2):  # behind their paths lies that of the receiver's own transmitter
        path = world.air.paths[node]
        offset = found[f"virtual-node-{node}", "cfo_hz"]
        assert offset["value"] == pytest.approx(path.cfo_hz, abs=5)  # it drifts by 1 Hz/s
        clock = found[f"virtual-node-{node}", "clock_error_ppm"]
        assert clock["value"] == pytest.approx(path.clock_error_ppm, abs=6 * clock["std"])
        assert (f"virtual-node-{node}", "delay_samples") not in found
    assert all(board.radiated() is None for board in world.nodes)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_silences_the_boards_and_writes_nothing(number: int, tmp_path: Path) -> None:
    world = PlutoWorld(AirSettings(air_preset("lab-indoor"), 1, 1e6, 915e6, 3))
    with VirtualPlutos(world) as served:
        (tmp_path / "bench.toml").write_text(
            f'[clients]\ncount = 1\n[radio]\nreceiver = "driver=pluto,uri={served.receiver_uri}"\n'
            f'nodes = ["driver=pluto,uri={served.node_uris[0]}"]\ntransmit_allowed = true\n'
            "[[band]]\nlow_hz = 914e6\nhigh_hz = 916e6\n"
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "sdr_ota.cli", "calibrate", "all", "bench.toml"],
            cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        until = time.monotonic() + 60
        while world.nodes[0].radiated() is None and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(number)
        try:
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "interrupted; no record was written" in said
    assert world.nodes[0].radiated() is None
    assert not (tmp_path / "calibration").exists()
