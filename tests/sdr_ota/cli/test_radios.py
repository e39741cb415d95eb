"""Runs over virtual radios as a user starts them: what is said, what is left on the air."""

import fcntl
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from sdr_ota.air.presets import air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.assembly.installation import foreign_packages, gnuradio_finding, libiio_trouble
from sdr_ota.radio.air_time_log import AirTimeLog, Span
from sdr_ota.radio.virtual.pluto_attributes import DAC, PHY, TX, TX_LO
from sdr_ota.radio.virtual.pluto_board import PlutoWorld
from sdr_ota.radio.virtual.pluto_server import VirtualPlutos
from sdr_ota.radio.virtual.soapy_server import VirtualSoapy
from sdr_ota.radio.virtual.soapy_world import SoapyWorld
from sdr_ota.runs.run_folder import RunRecord, read_run

EXAMPLES = Path(__file__).parents[3] / "examples"
LINK_ONLY = ("--set", "clients.source=synthetic", "--set", "run.rounds=6")
ENDLESS = ("--set", "clients.source=synthetic", "--set", "run.rounds=100000")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "sdr_ota.cli", *arguments]


def sdr_ota(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=folder, env={**os.environ, **environment},
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


def only_run(folder: Path) -> RunRecord:
    (run,) = (folder / "runs").iterdir()
    return read_run(run)


def with_addresses(example: str, receiver: str, nodes: tuple[str, ...], folder: Path) -> Path:
    """Write an example's config with other addresses."""
    text = (EXAMPLES / example).read_text()
    text = re.sub(r'receiver = ".*"', f'receiver = "{receiver}"', text)
    listed = "".join(f'  "{node}",\n' for node in nodes)
    text = re.sub(r"nodes = \[.*?\]", f"nodes = [\n{listed}]", text, flags=re.DOTALL)
    path = folder / "bench.toml"
    path.write_text(text)
    return path


class Plutos:
    """Virtual boards, and the example's config with their addresses."""

    def __init__(self, preset: str, folder: Path) -> None:
        self.folder = folder
        self.world = PlutoWorld(AirSettings(air_preset(preset), 4, 1e6, 915e6, seed=1))
        self.served = VirtualPlutos(self.world)
        self.config = self.written("")

    def written(self, more: str) -> Path:
        receiver, *nodes = (
            f"driver=pluto,uri={uri}{more}"
            for uri in (self.served.receiver_uri, *self.served.node_uris)
        )
        return with_addresses("virtual-pluto.toml", receiver, tuple(nodes), self.folder)

    def is_dark(self) -> bool:
        """Whether every transmitter is off in every respect."""
        return not self.world.air._cyclic and all(
            board.number((PHY, TX, "hardwaregain")) == -89.75
            and board.number((PHY, TX_LO, "powerdown")) == 1
            for board in self.world.nodes
        )


@pytest.fixture
def plutos(tmp_path: Path) -> Iterator[Plutos]:
    made = Plutos("free-running-pluto", tmp_path)
    with made.served:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scheme", "payload"), [("energy-difference", "analog"), ("fsk-vote", "sign")]
)
def test_the_main_job_runs_over_virtual_plutos(plutos: Plutos, scheme: str, payload: str) -> None:
    link = ("--set", f"link.scheme={scheme}", "--set", f"link.payload={payload}")
    done = sdr_ota("run", str(plutos.config), *LINK_ONLY, *link, folder=plutos.folder)
    assert done.returncode == 0, done.stderr
    record = only_run(plutos.folder)
    assert len(record.rounds) == 6
    assert sum(r.erasure is None for r in record.rounds) >= 3
    radios = record.start["radios"]
    assert [r["serial"] for r in radios] == [  # type: ignore[attr-defined]
        "virtual-receiver", *(f"virtual-node-{k}" for k in range(4))]  # fmt: skip
    assert record.start["settings"][1]["tx_gain_db"] == 0.0  # type: ignore[index]
    assert plutos.is_dark()


def test_coherent_sums_over_plutos_with_one_reference_and_one_trigger(tmp_path: Path) -> None:
    made = Plutos("lab-wired", tmp_path)
    with made.served:
        config = made.written(",trigger=external")
        done = sdr_ota("run", str(config), *LINK_ONLY, "--set", "link.scheme=coherent",
                       "--set", "link.max_cfo_hz=0", folder=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    errors = [(r.decoded_sum or 0) - (r.true_sum or 0) for r in only_run(tmp_path).rounds]
    assert max(map(abs, errors)) < 0.2
    assert made.is_dark()


def test_coherent_sums_over_virtual_soapy_devices(
    tmp_path: Path, virtual_soapy_driver: Path
) -> None:
    world = SoapyWorld(AirSettings(air_preset("usrp-shared-clock"), 4, 1e6, 915e6, seed=1))
    with VirtualSoapy(world) as soapy:
        config = with_addresses(
            "virtual-usrp.toml", soapy.receiver_address, soapy.node_addresses, tmp_path
        )
        where = str(virtual_soapy_driver.parent)
        done = sdr_ota("run", str(config), *LINK_ONLY, folder=tmp_path, SOAPY_SDR_PLUGIN_PATH=where)
        probed = sdr_ota("probe", soapy.node_addresses[0], folder=tmp_path,
                         SOAPY_SDR_PLUGIN_PATH=where)  # fmt: skip
        found = sdr_ota("find", f"driver=otavirtual,port={soapy.port}", folder=tmp_path,
                        SOAPY_SDR_PLUGIN_PATH=where)  # fmt: skip
    assert done.returncode == 0, done.stderr
    rounds = only_run(tmp_path).rounds
    assert all(abs((r.decoded_sum or 0) - (r.true_sum or 0)) < 0.2 for r in rounds)
    assert "obeyed to the sample" in probed.stdout
    assert "41.5 degrees C" in probed.stdout
    assert f"driver=soapy,device=otavirtual,place=3,port={soapy.port}" in found.stdout


def test_a_scheme_that_the_radios_cannot_time_is_refused(plutos: Plutos) -> None:
    done = sdr_ota("run", str(plutos.config), "--set", "link.scheme=coherent", folder=plutos.folder)
    assert done.returncode == 2
    assert "needs radios with hardware time" in done.stderr
    assert "energy-difference, fsk-vote" in done.stderr


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("radio.transmit_allowed=false", "transmit_allowed is false"),
        ("radio.center_freq_hz=868e6", "867.44 to 868.56 MHz"),
        ("radio.sample_rate_hz=4e6", "912.94 to 917.06 MHz"),
        ("clients.count=3", "there are 4"),
        ("radio.tx_gain_db=10", "allowed: -89.75 to 0 dB"),
    ],
)
def test_what_may_not_be_sent_is_refused(plutos: Plutos, setting: str, words: str) -> None:
    done = sdr_ota("run", str(plutos.config), "--set", setting, folder=plutos.folder)
    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())
    assert not plutos.world.air._cyclic


def test_a_board_that_does_not_answer_is_named(plutos: Plutos) -> None:
    text = plutos.config.read_text().replace(plutos.served.node_uris[2], "ip:127.0.0.1:1")
    plutos.config.write_text(text)
    done = sdr_ota("run", str(plutos.config), *LINK_ONLY, folder=plutos.folder)
    assert done.returncode == 3
    assert "no PlutoSDR answers at uri=ip:127.0.0.1:1" in done.stderr
    assert sdr_ota("probe", "driver=pluto,uri=ip:127.0.0.1:1", folder=plutos.folder).returncode == 3
    assert sdr_ota("probe", "lime", folder=plutos.folder).returncode == 2


ASKING_TO_END = (
    signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGALRM,
)  # fmt: skip


@pytest.fixture
def running(plutos: Plutos) -> Iterator[tuple[Plutos, subprocess.Popen[str]]]:
    """A run that has put something on the air."""
    process = subprocess.Popen(
        command("run", str(plutos.config), *ENDLESS), cwd=plutos.folder,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # A shell's background job, as which these tests may run, ignores some of them.
        preexec_fn=lambda: [signal.signal(name, signal.SIG_DFL) for name in ASKING_TO_END],  # noqa: PLW1509
    )  # fmt: skip
    try:
        wait_until(lambda: bool(plutos.world.air._cyclic))
        yield plutos, process
    finally:
        process.kill()
        process.communicate()


def wait_until(holds: Callable[[], bool], timeout_s: float = 60.0) -> None:
    until = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.005)


@pytest.mark.parametrize("number", ASKING_TO_END, ids=lambda number: number.name)
def test_whatever_asks_a_run_to_end_switches_all_transmitters_off(
    running: tuple[Plutos, subprocess.Popen[str]], number: signal.Signals
) -> None:
    plutos, process = running
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert plutos.is_dark()
    stop = only_run(plutos.folder).stop
    assert stop is not None
    assert stop["ending"] == "abort"
    by_user = number is signal.SIGINT
    assert stop["why"] == ("interrupted by the user" if by_user else f"ended by {number.name}")


def test_a_terminal_that_closes_ends_a_run_as_a_signal_does(plutos: Plutos) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command("run", str(plutos.config), *ENDLESS), cwd=plutos.folder,
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
    )  # fmt: skip
    try:
        os.close(theirs)
        wait_until(lambda: bool(plutos.world.air._cyclic))
        os.close(ours)  # what the run says from now on goes nowhere
        process.wait(60)
    finally:
        process.kill()
        process.wait()
    assert plutos.is_dark()
    stop = only_run(plutos.folder).stop
    assert stop is not None
    assert stop["why"] == "ended by SIGHUP"


def test_a_run_that_is_frozen_leaves_nothing_on_the_air_and_goes_on_when_it_thaws(
    plutos: Plutos,
) -> None:
    process = subprocess.Popen(
        command("run", str(plutos.config), *ENDLESS, "--set", "radio.longest_burst_s=1.5"),
        cwd=plutos.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    boards = plutos.world.nodes
    try:
        for _ in range(2):
            wait_until(lambda: bool(plutos.world.air._cyclic))
            process.send_signal(signal.SIGSTOP)
            wait_until(lambda: all(board.number((PHY, TX_LO, "powerdown")) for board in boards))
            assert not plutos.world.air._cyclic
            process.send_signal(signal.SIGCONT)
        wait_until(lambda: bool(plutos.world.air._cyclic))
        process.terminate()
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert plutos.is_dark()


def test_a_second_run_and_a_probe_leave_a_run_alone(
    running: tuple[Plutos, subprocess.Popen[str]],
) -> None:
    plutos, process = running
    done = sdr_ota("run", str(plutos.config), *LINK_ONLY, folder=plutos.folder)
    assert done.returncode == 3
    assert f"is in use by process {process.pid} (python -m sdr_ota.cli run " in done.stderr
    assert len(list((plutos.folder / "runs").iterdir())) == 2
    gains = [board.number((PHY, TX, "hardwaregain")) for board in plutos.world.nodes]
    uri = plutos.served.node_uris[0]
    probed = sdr_ota("probe", f"driver=pluto,uri={uri}", folder=plutos.folder)
    assert probed.returncode == 0, probed.stderr
    assert sdr_ota("find", folder=plutos.folder).stdout is not None
    assert gains == [board.number((PHY, TX, "hardwaregain")) for board in plutos.world.nodes]
    wait_until(lambda: bool(plutos.world.air._cyclic))


def test_after_a_kill_boards_are_switched_off_and_one_that_is_left_on_at_the_next_start(
    running: tuple[Plutos, subprocess.Popen[str]],
) -> None:
    plutos, process = running
    process.kill()
    process.communicate(timeout=60)
    # The board's server drops the buffers of a client that has gone; the watchdog does the rest.
    boards = plutos.world.nodes
    wait_until(lambda: all(board.number((PHY, TX_LO, "powerdown")) for board in boards))
    assert not plutos.world.air._cyclic
    with plutos.world.lock:  # as if the whole host had lost its power
        boards[0].write((PHY, TX_LO, "powerdown"), "0")
    uri = plutos.served.node_uris[0]
    probed = sdr_ota("probe", f"driver=pluto,uri={uri}", folder=plutos.folder)
    assert probed.returncode == 0
    assert "on, at 0 dB" in probed.stdout
    assert boards[0].number((PHY, TX_LO, "powerdown")) == 0  # a probe changes nothing
    done = sdr_ota("run", str(plutos.config), *LINK_ONLY, folder=plutos.folder)
    assert "its transmitter was on when opened (gain 0 dB); it is off now" in done.stderr
    assert plutos.is_dark()


def test_a_transmitter_is_switched_off_in_an_order_that_radiates_nothing(
    plutos: Plutos, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sdr_ota.radio.pluto import PlutoRadio  # noqa: PLC0415

    board, calls = plutos.world.nodes[0], []
    write, stop = board.write, board.stop_sending

    def written(key: tuple[str, str, str], text: str) -> bool:
        calls.append((key[1], key[2]) if key[0] != DAC else ("tones", "off"))
        return write(key, text)

    def stopped() -> None:
        calls.append(("buffer", "gone"))
        stop()

    monkeypatch.setattr(board, "write", written)
    monkeypatch.setattr(board, "stop_sending", stopped)
    radio = PlutoRadio(plutos.served.node_uris[0])
    radio.begin_cyclic(np.ones(1000, np.complex64))
    calls.clear()
    radio.close()
    order = list(dict.fromkeys(calls))
    off = [("tones", "off"), ("buffer", "gone"), (TX, "hardwaregain"), (TX_LO, "powerdown")]
    assert order == off
    assert not plutos.world.air._cyclic


def test_plan_shows_what_would_be_sent(plutos: Plutos) -> None:
    text = plutos.config.read_text().replace("high_hz", "max_duty_cycle = 0.1\nhigh_hz")
    plutos.config.write_text(text)
    said = " ".join(sdr_ota("plan", str(plutos.config), folder=plutos.folder).stdout.split())
    assert "914 to 916 MHz; at most 0.1 of the time" in said
    assert plutos.served.node_uris[3] in said
    assert "700 kHz" in said  # 0.7 of the sample rate
    assert not (plutos.folder / "runs").exists()


class AirRecord:
    """When anything was in the air of virtual boards, by the clock on the wall."""

    def __init__(self, world: PlutoWorld) -> None:
        self.bursts_s: list[float] = []
        self._began_s: float | None = None
        self._world, self._settle = world, world.settle
        world.settle = self._settled  # type: ignore[method-assign]

    def _settled(self) -> None:
        self._settle()
        now_s, is_on = time.time(), bool(self._world.air._cyclic)
        if is_on and self._began_s is None:
            self._began_s = now_s
        if not is_on and self._began_s is not None:
            self.bursts_s.append(now_s - self._began_s)
            self._began_s = None


def test_the_duty_cycle_belongs_to_the_bench(plutos: Plutos) -> None:
    share, state = 4e-4, plutos.folder / "state"
    text = plutos.config.read_text().replace("high_hz", f"max_duty_cycle = {share}\nhigh_hz")
    plutos.config.write_text(text)
    record, totals = AirRecord(plutos.world), []
    log = AirTimeLog(state / "sdr-ota" / "air-time")
    for words in (("run", *ENDLESS), ("calibrate", "gain"), ("run", *ENDLESS)):
        name, *rest = words
        rest = [*rest, str(plutos.config)] if name == "calibrate" else [str(plutos.config), *rest]
        process = subprocess.Popen(
            command(name, *rest), cwd=plutos.folder, text=True,
            env={**os.environ, "XDG_STATE_HOME": str(state)}, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stderr is not None
        assert any("the band's limit of 0.04 % of 3600 s is used up" in s for s in process.stderr)
        process.terminate()
        process.communicate(timeout=60)
        assert process.returncode == 130
        totals.append(sum(record.bursts_s))
    used = sum(s for _, s in log.used(Span(914e6, 916e6, is_virtual=True), 3600.0))
    assert 0 < totals[0] <= used
    assert totals[0] <= share * 3600 + max(record.bursts_s)
    assert totals == [totals[0]] * 3  # neither a calibration nor another run sends anything more


def test_the_doctor_knows_the_traps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    too_new = libiio_trouble("libiio version 1.x required, found version 0")
    assert too_new.cure == "pip install 'pylibiio==0.25'"
    numpy_2 = gnuradio_finding("", "ImportError: numpy.core.multiarray failed to import")
    assert "numpy below 2" in numpy_2.cure
    assert gnuradio_finding("3.10.5.1 1.24.2\n", "").cure == ""
    (tmp_path / "calibration").mkdir()
    (tmp_path / "calibration" / "__init__.py").write_text("")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert [f.name for f in foreign_packages()] == ["foreign package 'calibration'"]


def test_the_doctor_finds_this_machine_healthy(tmp_path: Path) -> None:
    done = sdr_ota("doctor", folder=tmp_path)
    assert done.returncode == 0, done.stdout
    for word in ("libiio", "SoapySDR", "GNU Radio", "torch"):
        assert word in done.stdout
