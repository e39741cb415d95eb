"""A radio has one owner: who comes second is told who that is, and changes nothing."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdr_ota.air.presets import AirPreset
from sdr_ota.air.settings import AirSettings
from sdr_ota.radio.address import open_radio, probe_radio
from sdr_ota.radio.base import RadioError, RadioNotFound, SettingChanged
from sdr_ota.radio.owner import OwnedDevice, RadioInUse, user_at
from sdr_ota.radio.pluto import PlutoRadio
from sdr_ota.radio.virtual.pluto_attributes import PHY, RX, TX, TX_LO, Key
from sdr_ota.radio.virtual.pluto_board import PlutoWorld
from sdr_ota.radio.virtual.pluto_server import VirtualPlutos
from sdr_ota.radio.virtual.soapy_server import VirtualSoapy
from sdr_ota.radio.virtual.soapy_world import SoapyWorld
from sdr_ota.types import RadioSettings

WORLD = AirSettings(AirPreset("quiet"), 1, 1e6, 915e6, seed=1)
SETTINGS = RadioSettings(915e6, 1e6, 0.8e6)
TONE = np.full(1000, 0.5, np.complex64)

OPENS = """
import sys
from sdr_ota.radio.address import open_radio
with open_radio(sys.argv[1]):
    print("owns", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@contextmanager
def other_owner(address: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", OPENS, address],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "owns\n"
        try:
            yield process
        finally:
            process.kill()


def radiates(world: PlutoWorld) -> bool:
    """Whether a frame is on its way to the antenna of the node's board."""
    node = world.nodes[0]
    return node._repeated is not None and node.number((PHY, TX_LO, "powerdown")) == 0


def values(world: PlutoWorld) -> dict[Key, str]:
    return {key: value for key, value in world.nodes[0].values.items() if key[2] != "input"}


@pytest.mark.parametrize("driver", ["pluto", "soapy"])
def test_the_second_process_is_refused_in_a_sentence(
    driver: str, virtual_soapy_driver: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOAPY_SDR_PLUGIN_PATH", str(virtual_soapy_driver.parent))
    plutos, soapy = VirtualPlutos(PlutoWorld(WORLD)), VirtualSoapy(SoapyWorld(WORLD))
    with plutos, soapy:
        uri = f"driver=pluto,uri={plutos.node_uris[0]}"
        address = uri if driver == "pluto" else soapy.node_addresses[0]
        with open_radio(address), pytest.raises(AssertionError), other_owner(address):
            pass
        with other_owner(address) as process:
            with pytest.raises(RadioInUse) as refused:
                open_radio(address)
            assert f"is in use by process {process.pid} (python" in str(refused.value)
            assert "-c" in str(refused.value)
            process.kill()
            process.wait()
            open_radio(address).close()


def test_a_probe_changes_nothing_and_says_what_the_transmitter_does() -> None:
    world = PlutoWorld(WORLD)
    with VirtualPlutos(world) as served, PlutoRadio(served.node_uris[0]) as radio:
        radio.configure(replace(SETTINGS, tx_gain_db=-3.0))
        radio.begin_cyclic(TONE)
        before = values(world)
        info, state = probe_radio(f"driver=pluto,uri={served.node_uris[0]}")
        assert values(world) == before
        assert radiates(world)
        assert info.serial == radio.info.serial
        assert state["transmitter"] == "on, at -3 dB"


def test_a_refused_opening_changes_nothing() -> None:
    world = PlutoWorld(WORLD)
    with VirtualPlutos(world) as served:
        address = f"driver=pluto,uri={served.node_uris[0]}"
        with other_owner(address):
            world.nodes[0].write((PHY, TX_LO, "powerdown"), "0")
            before = values(world)
            with pytest.raises(RadioInUse):
                open_radio(address)
            assert values(world) == before


def test_a_process_may_open_a_device_several_times_and_holds_it_to_the_last() -> None:
    one, two = OwnedDevice("F00", "usb:1"), OwnedDevice("F00", "usb:1")
    one.close()
    one.close()
    assert f"process {os.getpid()} " in user_at("usb:1")
    two.close()
    assert not user_at("usb:1")


def test_a_board_that_does_not_answer_because_it_is_in_use_is_said_to_be() -> None:
    with OwnedDevice("F00", "ip:127.0.0.1:1"), pytest.raises(RadioInUse, match="in use by process"):
        open_radio("driver=pluto,uri=ip:127.0.0.1:1")
    with pytest.raises(RadioNotFound):
        open_radio("driver=pluto,uri=ip:127.0.0.1:1")


def test_odd_serials_are_files_and_damaged_files_are_written_anew(tmp_path: Path) -> None:
    for serial in ("../../x", "a/b", "ü" * 300, "", "."):
        OwnedDevice(serial, "usb:1").close()
    files = list((tmp_path / "sdr-ota" / "radios").iterdir())
    assert len(files) == 5
    for file in files:
        file.write_bytes(b"[\xff")
    with OwnedDevice("a/b", "usb:1"):
        (there,) = [file for file in files if file.read_bytes().startswith(b"{")]
        assert json.loads(there.read_text())["pid"] == os.getpid()


def test_a_folder_that_cannot_be_made_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(RadioError, match="set XDG_STATE_HOME to a folder that can be written"):
        OwnedDevice("F00", "usb:1")


@pytest.mark.parametrize(
    ("key", "value", "name"),
    [
        ((PHY, TX, "hardwaregain"), "-89.75", "tx_gain_db was 0 and reads -89.75"),
        ((PHY, TX_LO, "frequency"), "868000000", "center_freq_hz was 9.15e+08 and reads 8.68e+08"),
        ((PHY, TX, "rf_bandwidth"), "200000", "bandwidth_hz was 800000 and reads 200000"),
    ],
)
def test_a_transmitter_that_others_have_set_sends_nothing_and_is_set_again(
    key: Key, value: str, name: str
) -> None:
    world = PlutoWorld(WORLD)
    with VirtualPlutos(world) as served, PlutoRadio(served.node_uris[0]) as radio:
        radio.configure(SETTINGS)
        with world.lock:
            world.nodes[0].write(key, value)
        with pytest.raises(SettingChanged) as changed:
            radio.begin_cyclic(TONE)
        assert name in str(changed.value)
        assert not radiates(world)
        radio.begin_cyclic(TONE)
        assert radiates(world)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("hardwaregain", "40", "rx_gain_db was 0 and reads 40"),
        ("gain_control_mode", "slow_attack", "automatic_gain was 0 and reads 1"),
    ],
)
def test_a_receiver_that_others_have_set_receives_nothing_and_is_set_again(
    name: str, value: str, said: str
) -> None:
    world = PlutoWorld(WORLD)
    with VirtualPlutos(world) as served, PlutoRadio(served.receiver_uri) as radio:
        radio.configure(SETTINGS)
        with world.lock:
            world.receiver.write((PHY, RX, name), value)
        with pytest.raises(SettingChanged) as changed:
            radio.begin_receive(1000)
        assert said in str(changed.value)
        radio.begin_receive(1000)
