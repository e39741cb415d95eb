"""A radio against itself: it passes when all is well, and names what to check when it is not."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import iio
import pytest

from sdr_ota.air.presets import air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.config.load import Config
from sdr_ota.failure import CommandFailed
from sdr_ota.radio.virtual.pluto_attributes import PHY, TX_LO, Key
from sdr_ota.radio.virtual.pluto_board import PlutoWorld
from sdr_ota.radio.virtual.pluto_server import VirtualPlutos
from sdr_ota.signal.level import Level
from sdr_ota.study.selftest.command import SelfTest, run_selftest
from sdr_ota.study.selftest.measure import BurstReading, Measured, SchemeTrial
from sdr_ota.study.selftest.one_radio import one_radio_config
from sdr_ota.study.selftest.verdict import checks_of

BAND = "914e6:916e6"
CABLE = replace(air_preset("lab-wired"), path_gain_db=-20.0, snr_db=60.0)
"""A board on its cable: 20 dB between its converters, noise at -60 dBFS."""


@dataclass(frozen=True)
class OneBoard:
    """A board on a cable, and the world it is in."""

    world: PlutoWorld
    address: str

    def config(self, *settings: str) -> Config:
        return one_radio_config(self.address, None, BAND, ["run.rounds=20", *settings])

    def selftest(self, *settings: str) -> SelfTest:
        return run_selftest(self.config(*settings), lambda text: None)

    def pull_the_cable(self) -> None:
        self.world.air.paths[0].gain = 0j


@pytest.fixture
def board() -> Iterator[OneBoard]:
    world = PlutoWorld(AirSettings(CABLE, 1, 1e6, 915e6, seed=3))
    with VirtualPlutos(world) as served:
        yield OneBoard(world, f"driver=pluto,uri={served.node_uris[0]}")


def failed_checks(test: SelfTest) -> list[str]:
    return [check.name for check in test.checks if not check.passed]


def test_a_healthy_board_passes_and_its_numbers_are_the_worlds(board: OneBoard) -> None:
    test = board.selftest()
    assert test.passed and not test.why, failed_checks(test)
    assert test.measured.noise_dbfs == pytest.approx(-60, abs=1.5)  # 0.97 dB are filtered away
    assert {trial.scheme for trial in test.measured.trials} == {"energy-difference", "fsk-vote"}
    for trial in test.measured.trials:
        assert trial.n_rounds == 20
        assert trial.nmse_db < trial.theory_nmse_db + 6
        assert 0.0 < trial.level_std_db < 0.2


def test_more_attenuation_is_less_level_by_as_much(board: OneBoard) -> None:
    near = board.selftest("radio.tx_gain_db=0").measured.burst.level.power_dbfs
    far = board.selftest("radio.tx_gain_db=-10").measured.burst.level.power_dbfs
    assert near - far == pytest.approx(10, abs=0.3)


def test_a_cable_that_is_off_is_no_signal(board: OneBoard) -> None:
    board.pull_the_cable()
    test = board.selftest()
    assert failed_checks(test) == ["signal over noise"]
    assert "check the cable from TX to RX" in test.why and "attenuator" in test.why
    assert not test.measured.trials  # nothing more is sent


def test_too_much_level_is_an_overload(board: OneBoard) -> None:
    test = board.selftest("radio.rx_gain_db=32")
    assert "level" in failed_checks(test)
    assert "more attenuation" in test.why and "rx_gain_db" in test.why
    assert not test.measured.trials


@pytest.mark.parametrize(
    ("detuned_hz", "why"),
    [(150e3, "The strongest is"), (3e3, "one oscillator feeds both"), (3e6, "check the cable")],
)
def test_a_wrong_frequency_is_named(
    board: OneBoard, monkeypatch: pytest.MonkeyPatch, detuned_hz: float, why: str
) -> None:
    (node,) = board.world.nodes
    number = node.number

    def tuned_elsewhere(key: Key) -> float:
        return number(key) + detuned_hz * (key == (PHY, TX_LO, "frequency"))

    # Its attribute still reads as it was set: what reads otherwise is found before it sends.
    monkeypatch.setattr(node, "number", tuned_elsewhere)
    test = board.selftest()
    assert why in test.why
    assert not test.measured.trials
    if detuned_hz == 150e3:
        assert test.measured.burst.strongest_hz == pytest.approx(detuned_hz, abs=300e3)
        assert "kHz off the carrier" in test.why


def test_a_board_that_another_program_tunes_sends_nothing(board: OneBoard) -> None:
    def tuned_by_another_program(step: str) -> None:
        if step == "the known burst":
            context = iio.Context(board.address.partition("uri=")[2])
            synthesiser = context.find_device("ad9361-phy").find_channel("altvoltage1", True)
            synthesiser.attrs["frequency"].value = str(round(915e6 + 3e3))

    with pytest.raises(CommandFailed, match="another program has changed it"):
        run_selftest(board.config(), tuned_by_another_program)


def test_a_path_that_fades_is_named_where_rounds_fail() -> None:
    world = PlutoWorld(AirSettings(air_preset("lab-indoor"), 1, 1e6, 915e6, seed=2))
    with VirtualPlutos(world) as served:
        test = OneBoard(world, f"driver=pluto,uri={served.node_uris[0]}").selftest()
    assert not test.passed and "the path itself changes: levels vary by" in test.why
    assert all(trial.level_std_db > 1.0 for trial in test.measured.trials)


def test_the_board_is_silent_afterwards(board: OneBoard) -> None:
    board.selftest()
    (node,) = board.world.nodes
    assert node.radiated() is None
    assert node.number((PHY, TX_LO, "powerdown")) == 1


@pytest.mark.parametrize(
    ("band", "settings", "word"),
    [
        (None, [], "--band LOW_HZ:HIGH_HZ"),
        ("914e6", [], "write LOW_HZ:HIGH_HZ"),
        ("916e6:914e6", [], "is not below"),
        ("nan:inf", [], "band"),
        (BAND, ["radio.center_freq_hz=920e6"], "lies in no"),
        ("915e6:915.1e6", [], "lies in no"),
        (BAND, ["radio.transmit_allowed=false"], "transmit_allowed is false"),
    ],
)
def test_nothing_is_sent_where_nobody_said_so(
    band: str | None, settings: list[str], word: str
) -> None:
    with pytest.raises(CommandFailed, match=word) as refused:
        one_radio_config("driver=pluto,uri=ip:127.0.0.1:1", None, band, settings)
    assert refused.value.exit_code == 2


def test_a_bench_gives_its_band_its_gains_and_its_permission(tmp_path: Path) -> None:
    bench = tmp_path / "bench.toml"
    text = (
        'clients.count = 4\nprivacy.protect = "client"\n[radio]\ncenter_freq_hz = 868e6\n'
        'receiver = "driver=pluto,uri=ip:10.0.0.1"\ntx_gain_db = -10\n%s'
        "[[band]]\nlow_hz = 867e6\nhigh_hz = 869e6\nmax_duty_cycle = 0.5\n"
    )
    bench.write_text(text % "transmit_allowed = true\n")
    config = one_radio_config("driver=pluto,uri=ip:10.0.0.7", bench, None, [])
    assert config.radio.nodes == (config.radio.receiver,) == ("driver=pluto,uri=ip:10.0.0.7",)
    assert config.radio.tx_gain_db == -10 and config.clients.count == 1
    assert config.band_in_use is not None and config.band_in_use.max_duty_cycle == 0.5
    bench.write_text(text % "")
    with pytest.raises(CommandFailed, match="transmit_allowed is false"):
        one_radio_config("driver=pluto,uri=ip:10.0.0.7", bench, None, [])


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sdr_ota.cli", "selftest", *words],
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip


def test_the_command_says_pass_or_fail(board: OneBoard) -> None:
    done = run(board.address, "--band", BAND, "--rounds", "20", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["passed"] is True and said["serial"] == "virtual-node-0"
    assert said["trials"][0]["nmse_db"] < -10 and said["noise_dbfs"] < -55
    assert said["settings"]["center_freq_hz"] == 915e6
    board.pull_the_cable()
    done = run(board.address, "--band", BAND)
    assert done.returncode == 1
    assert "selftest failed: " in done.stderr and "check the cable" in done.stderr
    assert "FAIL" in done.stdout and "Traceback" not in done.stderr


def test_a_radio_of_one_direction_is_refused(
    virtual_soapy_driver: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sdr_ota.radio.virtual.soapy_server import VirtualSoapy  # noqa: PLC0415
    from sdr_ota.radio.virtual.soapy_world import SoapyWorld  # noqa: PLC0415

    monkeypatch.setenv("SOAPY_SDR_PLUGIN_PATH", str(virtual_soapy_driver.parent))
    with VirtualSoapy(SoapyWorld(AirSettings(CABLE, 1, 1e6, 915e6, seed=1))) as served:
        config = one_radio_config(served.node_addresses[0], None, BAND, [])
        with pytest.raises(CommandFailed, match="cannot send and receive at the same time"):
            run_selftest(config, lambda text: None)


LEVEL = Level(power_dbfs=-30.0, peak=0.1, clipped_share=0.0, dc_dbfs=-70.0)
GOOD = Measured(
    idle=replace(LEVEL, power_dbfs=-60.0),
    burst=BurstReading(LEVEL, 0.0, 0.0, 1.0),
    trials=(SchemeTrial("energy-difference", 40, 0, -30.0, -29.0, 2.0, ""),),
)


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ({}, []),
        ({"nmse_db": -25.5}, []),  # theory's -29, 2 dB, and 2 dB of chance
        ({"nmse_db": -24.5}, ["energy-difference"]),
        ({"nmse_db": 0.5, "theory_nmse_db": 1.0}, ["energy-difference"]),  # worse than nothing
        ({"n_erased": 8}, []),
        ({"n_erased": 9}, ["energy-difference"]),
        ({"n_erased": 40, "nmse_db": float("nan")}, ["energy-difference"]),
    ],
)
def test_sums_are_judged_by_theory(change: dict[str, float], failed: list[str]) -> None:
    trial = replace(GOOD.trials[0], **change)  # type: ignore[arg-type]
    checks = checks_of(replace(GOOD, trials=(trial,)), 60e3)
    assert [check.name for check in checks if not check.passed] == failed
    assert all(check.passed == (not check.cure) for check in checks)


def test_an_offset_is_judged_with_its_chance() -> None:
    for cfo_hz, std_hz, passed in ((40, 1, True), (60, 1, False), (60, 10, True), (-60, 1, False)):
        burst = BurstReading(LEVEL, 0.0, float(cfo_hz), float(std_hz))
        (check,) = [
            c for c in checks_of(replace(GOOD, burst=burst), 60e3) if c.name == "carrier offset"
        ]
        assert check.passed is passed


@pytest.mark.parametrize("command", ["selftest", "calibrate"])
def test_what_is_no_address_is_wrong_use(command: str, tmp_path: Path) -> None:
    bench = tmp_path / "bench.toml"
    bench.write_text(
        "clients.count = 1\n[radio]\nreceiver = 'nonsense'\nnodes = ['nonsense']\n"
        "transmit_allowed = true\n[[band]]\nlow_hz = 914e6\nhigh_hz = 916e6\n"
    )
    words = ["nonsense", str(bench)] if command == "selftest" else ["cfo", str(bench)]
    done = subprocess.run(
        [sys.executable, "-m", "sdr_ota.cli", command, *words],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "sdr-ota: address 'nonsense' is not of the form driver=NAME,key=value,...\n"
    )
