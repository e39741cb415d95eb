"""Radios on other machines: Ray workers on this one that are started and killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from ota_calibration.paths.cyclic_sounding import sound_cyclic
from ota_calibration.paths.sounding import make_plan, sound_nodes

from sdr_ota.air.presets import AirPreset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.erasure import Erasure
from sdr_ota.failure import INTERRUPTED
from sdr_ota.radio.address import open_radio, open_radios
from sdr_ota.radio.agent import LONGEST_CYCLIC_S, RadioAgent
from sdr_ota.radio.base import RadioError, RadioLost, RadioNotFound, SettingNotTaken
from sdr_ota.radio.cluster import connect
from sdr_ota.radio.remote import RemoteRadio
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.radio.virtual.pluto_board import PlutoWorld
from sdr_ota.radio.virtual.pluto_server import VirtualPlutos
from sdr_ota.radio.virtual.soapy_server import VirtualSoapy
from sdr_ota.radio.virtual.soapy_world import SoapyWorld
from sdr_ota.rounds.cyclic_exchange import exchange_cyclic
from sdr_ota.rounds.exchange import Bench, Link, exchange_symbols
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import RadioSettings
from tests.sdr_ota.radio.lent_machines import Machines, machines, while_it_breathes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

SETTINGS = RadioSettings(915e6, 1e6, 0.8e6)
QUIET = AirPreset("quiet", snr_db=60.0)
LINK = Link(FrameFormat(n_payload_chips=2048), load_scheme("energy-difference"), max_cfo_hz=1e3)


@dataclass
class Lab:
    machines: Machines
    receiver: str
    nodes: tuple[str, ...]

    def come(self, host: str) -> None:
        self.machines.come(host, self.nodes[int(host[-1])])

    def at(self, host: str) -> str:
        return f"{self.nodes[int(host[-1])]},host={host}"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    pytest.importorskip("ray")
    world = PlutoWorld(
        AirSettings(QUIET, 3, SETTINGS.sample_rate_hz, SETTINGS.center_freq_hz, seed=1)
    )
    with VirtualPlutos(world) as served, machines() as there:
        os.environ["RAY_ADDRESS"] = there.address
        nodes = tuple(f"driver=pluto,uri={uri}" for uri in served.node_uris)
        made = Lab(there, f"driver=pluto,uri={served.receiver_uri}", nodes)
        for host in ("lab0", "lab1"):
            made.come(host)
        yield made
        del os.environ["RAY_ADDRESS"]


def until(holds: Callable[[], bool], timeout_s: float = 40.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end_s, "it does not come true"
        time.sleep(0.2)


def answers(radio: RemoteRadio) -> bool:
    try:
        radio.now_tick()
    except RadioLost:
        return False
    return True


def total(bench: Bench, symbols: list[float]) -> float:
    plan = make_plan(sound_cyclic(bench, LINK), peak_amplitude=0.5, truncation_db=20.0)
    return exchange_cyclic(np.array(symbols), plan, bench, LINK, seed=4).total.value


def test_a_radio_elsewhere_is_a_radio(lab: Lab) -> None:
    with open_radio(lab.at("lab0")) as radio, open_radio(lab.nodes[2]) as near:
        assert radio.info.serial == "lab0:virtual-node-0"
        assert radio.info.tx_gains_db == near.info.tx_gains_db
        assert radio.configure(SETTINGS) == near.configure(SETTINGS)
        assert radio.temperature_c() == near.temperature_c()


def test_errors_of_the_radio_arrive_as_they_are(lab: Lab) -> None:
    with (
        open_radio(lab.at("lab0")) as radio,
        pytest.raises(SettingNotTaken, match="sample rate"),
    ):
        radio.configure(RadioSettings(915e6, 1e9, 0.8e6))


def test_what_is_not_there_is_said(lab: Lab) -> None:
    with pytest.raises(RadioNotFound, match=r"no machine called 'attic'.*lab0, lab1"):
        open_radio("driver=pluto,uri=ip:127.0.0.1:1,host=attic")
    with pytest.raises(RadioNotFound, match=r"lab0 does not offer driver=pluto,uri=ip:127.0.0.1:1"):
        open_radio("driver=pluto,uri=ip:127.0.0.1:1,host=lab0")


def test_two_runs_do_not_share_a_radio(lab: Lab) -> None:
    with open_radio(lab.at("lab0")), pytest.raises(RadioNotFound, match="in use by another run"):
        open_radio(lab.at("lab0"))


def test_another_version_is_refused(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdr_ota.radio.remote.metadata.version", lambda name: "9.9")
    with pytest.raises(RadioNotFound, match=r"lab0 runs sdr-ota .*, this machine 9\.9"):
        open_radio(lab.at("lab0"))


def test_a_clock_that_is_off_is_refused(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    monkeypatch.setattr("sdr_ota.radio.remote.time.time", lambda: real() + 30.0)
    with pytest.raises(RadioNotFound, match=r"the clock of lab0 is -30\.\d+ s off"):
        open_radio(lab.at("lab0"))


def test_a_machine_that_dies_is_left_out_until_it_is_back(lab: Lab) -> None:
    addresses = (lab.receiver, lab.at("lab0"), lab.at("lab1"), lab.nodes[2])
    with open_radios(addresses) as radios:
        for radio in radios:
            radio.configure(SETTINGS)
        bench = Bench(radios[0], radios[1:], SETTINGS.sample_rate_hz)
        assert total(bench, [0.5, 0.4, -0.2]) == pytest.approx(0.7, abs=0.2)
        plan = make_plan(sound_cyclic(bench, LINK), 0.5, 20.0)

        lab.machines.go("lab1")
        with pytest.raises(Erasure, match=r"radio: lab1 .*left out until it is back"):
            for seed in while_it_breathes():
                exchange_cyclic(np.array([0.5, 0.4, -0.2]), plan, bench, LINK, seed)
        left = make_plan(sound_cyclic(bench, LINK), 0.5, 20.0)
        assert left.active_nodes == (0, 2)
        assert left.left_out == ("node 1 was not found",)
        assert total(bench, [0.5, 0.4, -0.2]) == pytest.approx(0.3, abs=0.2)

        lab.come("lab1")
        lost = radios[2]
        assert isinstance(lost, RemoteRadio)
        until(lambda: answers(lost))
        assert make_plan(sound_cyclic(bench, LINK), 0.5, 20.0).active_nodes == (0, 1, 2)
        assert total(bench, [0.5, 0.4, -0.2]) == pytest.approx(0.7, abs=0.2)


def test_a_radio_with_hardware_time_is_timed_from_elsewhere(
    lab: Lab, virtual_soapy_driver: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOAPY_SDR_PLUGIN_PATH", str(virtual_soapy_driver.parent))
    shared = AirPreset("shared", snr_db=60.0, shared_clock=True)
    world = SoapyWorld(
        AirSettings(shared, 2, SETTINGS.sample_rate_hz, SETTINGS.center_freq_hz, seed=1)
    )
    link = Link(FrameFormat(), load_scheme("coherent"), max_cfo_hz=1e3, lead_s=0.05)
    symbols = np.array([0.5, 0.4])
    with VirtualSoapy(world) as served:
        receiver, (near, far) = served.receiver_address, served.node_addresses
        lab.machines.come("attic", far)
        with open_radios((receiver, near, f"{far},host=attic")) as radios:  # aligned at a pulse
            for radio in radios:
                radio.configure(SETTINGS)
            bench = Bench(radios[0], radios[1:], SETTINGS.sample_rate_hz)
            plan = make_plan(sound_nodes(bench, link), 0.5, 20.0)
            assert plan.active_nodes == (0, 1)
            total = exchange_symbols(symbols, plan, bench, link, seed=4).total.value
            assert total == pytest.approx(0.9, abs=0.05)

            lab.machines.go("attic")
            with pytest.raises(Erasure, match=r"radio: attic "):
                for seed in while_it_breathes():
                    exchange_symbols(symbols, plan, bench, link, seed)
            assert make_plan(sound_nodes(bench, link), 0.5, 20.0).active_nodes == (0,)
            with pytest.raises(RadioLost, match="no longer counts like the others"):
                bench.nodes[1].transmit(np.zeros(100, np.complex64), 0)


def test_an_agent_that_hangs_is_lost_in_time(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    import ray  # noqa: PLC0415 - an extra

    with open_radio(lab.at("lab0")) as radio:
        assert isinstance(radio, RemoteRadio)
        process = radio._agent.handle.__ray_call__.remote(lambda agent: os.getpid())
        os.kill(ray.get(process), signal.SIGSTOP)
        monkeypatch.setattr("sdr_ota.radio.cluster.ANSWER_S", 0.5)
        with pytest.raises(RadioLost, match=r"lab0 did not answer in 0\.5 s"):
            radio.now_tick()
        monkeypatch.undo()
        until(lambda: answers(radio))


def test_a_machine_joins_and_leaves_by_command(lab: Lab) -> None:
    command = [sys.executable, "-m", "sdr_ota.cli", "node", "shed", "--radio", lab.nodes[2]]
    with subprocess.Popen(
        [*command, "--address", lab.machines.address], stdout=subprocess.PIPE, text=True
    ) as node:
        try:
            assert node.stdout is not None
            assert "joins the cluster" in node.stdout.readline()
            until(lambda: can_open(f"{lab.nodes[2]},host=shed"))
            node.send_signal(signal.SIGTERM)
            assert node.wait(60) == INTERRUPTED
            assert f'"{lab.nodes[2]},host=shed"' in node.stdout.read()
        finally:
            node.kill()
    until(lambda: not can_open(f"{lab.nodes[2]},host=shed"))


def can_open(address: str) -> bool:
    try:
        open_radio(address).close()
    except RadioNotFound:
        return False
    return True


def test_a_closed_radio_stays_closed(lab: Lab) -> None:
    radio = open_radio(lab.at("lab0"))
    radio.close()
    radio.close()
    with pytest.raises(RadioError, match="is closed"):
        radio.now_tick()


def test_without_a_cluster_the_user_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray  # noqa: PLC0415 - an extra

    monkeypatch.setattr(ray, "is_initialized", lambda: False)

    def alone(**_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(ray, "init", alone)
    with pytest.raises(RadioNotFound, match="ray start --head"):
        RemoteRadio("lab0", "driver=pluto,uri=ip:127.0.0.1:1")


def test_a_cluster_of_another_version_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray  # noqa: PLC0415 - an extra

    monkeypatch.setattr(ray, "is_initialized", lambda: False)

    def unlike(**_: object) -> None:
        raise RuntimeError("Version mismatch: The cluster was started with:\n    Ray: 2.1.0\n")

    monkeypatch.setattr(ray, "init", unlike)
    with pytest.raises(RadioNotFound, match=r"cannot join .*started with: Ray: 2\.1\.0"):
        RemoteRadio("lab0", "driver=pluto,uri=ip:127.0.0.1:1")


def test_joining_a_cluster_leaves_signals_to_us(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray's handler of SIGTERM would end a run without its records."""
    import ray  # noqa: PLC0415 - an extra

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda **_: signal.signal(signal.SIGTERM, signal.SIG_IGN))
    before = signal.getsignal(signal.SIGTERM)
    connect()
    assert signal.getsignal(signal.SIGTERM) == before


def test_an_agent_ends_what_nobody_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server may die in the middle of a cyclic frame."""
    assert LINK.timeout_s < LONGEST_CYCLIC_S
    world = PlutoWorld(
        AirSettings(QUIET, 1, SETTINGS.sample_rate_hz, SETTINGS.center_freq_hz, seed=1)
    )
    with VirtualPlutos(world) as served:
        address = f"driver=pluto,uri={served.node_uris[0]}"
        monkeypatch.setenv("SDR_OTA_NODE", f'{{"host":"here","radios":["{address}"],"home":"."}}')
        monkeypatch.setattr("sdr_ota.radio.agent.LONGEST_CYCLIC_S", 0.5)
        receiver = open_radio(f"driver=pluto,uri={served.receiver_uri}")
        receiver.configure(SETTINGS)
        agent = RadioAgent()
        agent.join(address)
        agent.configure(SETTINGS)
        agent.begin_cyclic(np.full(1000, 0.5, np.complex64))
        assert world.nodes[0].radiated() is not None
        until(lambda: world.nodes[0].radiated() is None, 10.0)
        agent.close()
        receiver.close()


class Stubborn(SimulatedRadio):
    """Does not fall silent when it is told to for the first time, nor the second."""

    n_asked = 0

    def end_cyclic(self) -> None:
        self.n_asked += 1
        if self.n_asked <= 2:
            raise RadioError("busy")
        super().end_cyclic()


def test_a_radio_that_does_not_fall_silent_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    air = SimulatedAir(
        AirSettings(QUIET, 1, SETTINGS.sample_rate_hz, SETTINGS.center_freq_hz, seed=1)
    )
    address = "driver=pluto,uri=ip:192.0.2.1"
    monkeypatch.setenv("SDR_OTA_NODE", f'{{"host":"here","radios":["{address}"],"home":"."}}')
    monkeypatch.setattr("sdr_ota.radio.agent.open_radio", lambda _: Stubborn(air, 0, False))
    monkeypatch.setattr("sdr_ota.radio.agent.LONGEST_CYCLIC_S", 0.5)
    agent = RadioAgent()
    agent.join(address)
    agent.begin_cyclic(np.full(1000, 0.5, np.complex64))
    with pytest.raises(RadioError, match="busy"):
        agent.end_cyclic()
    assert air._cyclic
    until(lambda: not air._cyclic, 20.0)
    agent.close()
