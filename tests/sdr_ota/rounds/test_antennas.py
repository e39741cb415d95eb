"""Whole rounds with several receive antennas in simulated worlds."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import sdr_ota
from sdr_ota.air.presets import air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.assembly.run import resume_run
from sdr_ota.config.load import ConfigError, config_of_tables
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.runs.capture_record import plan_of, plan_record
from sdr_ota.runs.run_folder import read_run
from sdr_ota.types import Precoder, Samples, TransmitPlan

SCHEMES = ("coherent", "energy-difference", "fsk-vote", "tdma")
NO_CAPTURES = {"captures.every": 0, "captures.erased": False}


def settings(scheme: str, n_antennas: int) -> dict[str, object]:
    return {
        "run.rounds": 12,
        "clients.source": "synthetic",
        "link.scheme": scheme,
        "link.payload": "sign" if scheme == "fsk-vote" else "analog",
        "air.preset": "lab-indoor",
        "radio.rx_antennas": n_antennas,
        **NO_CAPTURES,
    }


@pytest.mark.parametrize("scheme", SCHEMES)
def test_sums_are_as_good_as_theory_says(scheme: str, tmp_path: Path) -> None:
    given = {**settings(scheme, 2), "run.folder": str(tmp_path)}
    rounds = [r for r in sdr_ota.run(None, set=given).rounds if r.erasure is None]
    assert len(rounds) >= 10
    error = sum((r.decoded_sum - r.true_sum) ** 2 for r in rounds)
    expected = sum(r.theory_error for r in rounds)
    # Squared errors of 10 Gaussian sums and more are this near their mean, but for 2 in 10^4.
    assert expected / 12 < error < 4 * expected


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("bad", ["silent", "saturated"])
def test_a_bad_antenna_erases_the_round_by_name(
    scheme: str, bad: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = SimulatedAir.receive_all

    def damaged(air: SimulatedAir, start_tick: int, n_samples: int) -> list[tuple[Samples, int]]:
        first, (second, _) = whole(air, start_tick, n_samples)
        if bad == "silent":
            second[n_samples // 2 :] = 0
        return [first, (second, 7 if bad == "saturated" else 0)]

    monkeypatch.setattr(SimulatedAir, "receive_all", damaged)
    given = {**settings(scheme, 2), "run.folder": str(tmp_path), "run.rounds": 2}
    for lost in sdr_ota.run(None, set=given).rounds:
        reasons = {"saturated"} if bad == "saturated" else {"radio", "interference"}
        assert lost.erasure in reasons, lost.detail
        assert "antenna 1" in lost.detail
        assert lost.mean_scalar is None


def world(n_antennas: int) -> SimulatedAir:
    preset = replace(air_preset("lab-indoor"), phase_noise_linewidth_hz=10.0)
    return SimulatedAir(AirSettings(preset, 2, 1e6, 915e6, 5, n_antennas))


def test_the_first_of_many_antennas_is_the_one_of_a_world_of_one() -> None:
    captures = []
    for air in (world(1), world(4)):
        for node in (0, 1):
            air.send(node, np.full(300, 0.5, np.complex64), 100 + 200 * node)
        received = SimulatedRadio(air, None).begin_receive(1000, 0).result(1.0)
        captures.append(received)
    one, four = captures
    assert np.array_equal(one.samples, four.samples)
    assert [len(c.antennas) for c in captures] == [1, 4]
    assert len({c.samples.tobytes() for c in four.antennas}) == 4


def test_a_world_of_several_antennas_goes_on_from_its_snapshot() -> None:
    air, again = world(2), world(2)
    for node in (0, 1):
        air.send(node, np.full(300, 0.5, np.complex64), 100)
    air.receive_all(0, 200)
    again.restore(air.snapshot())
    for (now, _), (then, _) in zip(
        air.receive_all(200, 500), again.receive_all(200, 500), strict=True
    ):
        assert np.array_equal(now, then)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"radio.has_hardware_time": False, "link.scheme": "energy-difference"}, "repeat"),
        ({"radio.processes": True, "link.scheme": "energy-difference"}, "one antenna so far"),
        ({"receiver.synchronizer": "gnuradio"}, "GNU Radio receiver reads one antenna"),
        ({"captures.every": 50}, "recordings hold one antenna"),
        ({"privacy.protect": "client", "privacy.trust": "server-sees-sum"}, "another sum"),
        ({"link.scheme": "auto"}, "judges schemes by one antenna"),
    ],
)
def test_what_is_not_there_is_refused_with_what_to_do(
    change: Mapping[str, object], words: str
) -> None:
    tables = {**settings("coherent", 2), **change}
    with pytest.raises(ConfigError, match=words):
        config_of_tables({}, tables)


@pytest.mark.parametrize("scheme", ["coherent", "energy-difference"])
def test_a_run_that_goes_on_is_the_run_that_never_stopped(scheme: str, tmp_path: Path) -> None:
    given = settings(scheme, 2)
    whole = sdr_ota.run(None, set={**given, "run.folder": str(tmp_path / "whole")})
    sdr_ota.run(None, set={**given, "run.rounds": 5, "run.folder": str(tmp_path / "parts")})
    (parts,) = (tmp_path / "parts").iterdir()
    assert resume_run(parts, more_rounds=7)
    sums = [[r.decoded_sum for r in run.rounds] for run in (whole, read_run(parts))]
    assert sums[0] == sums[1]


def test_a_plan_keeps_its_weights_in_a_record() -> None:
    plan = TransmitPlan((Precoder(0.5j),), 0.1, 1e-3, antenna_weights=(0.6 + 0j, 0.8j))
    assert plan_of(json.loads(json.dumps(plan_record(plan)))) == plan
