"""Radios that go and come back: virtual Plutos and Soapy devices behind a cable that is cut."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from numpy.typing import NDArray

from sdr_ota.air.presets import AirPreset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.radio.address import open_radio
from sdr_ota.radio.base import Radio, RadioError, RadioLost, RadioNotFound
from sdr_ota.radio.reopened import ReopenedRadio
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.radio.virtual.pluto_attributes import PHY, TX
from sdr_ota.radio.virtual.pluto_board import PlutoWorld
from sdr_ota.radio.virtual.pluto_server import VirtualPlutos
from sdr_ota.radio.virtual.soapy_server import VirtualSoapy
from sdr_ota.radio.virtual.soapy_world import SoapyWorld
from sdr_ota.types import RadioSettings, Samples
from tests.sdr_ota.radio.relay import Relay

QUIET = AirPreset("quiet", snr_db=70.0)
SETTINGS = RadioSettings(915e6, 1e6, 0.8e6, tx_gain_db=-7.0)
TONE = np.full(1000, 0.5, np.complex64)


@contextmanager
def pluto_behind_a_relay() -> Iterator[tuple[PlutoWorld, Relay, str]]:
    """A world with one node, whose board is reached through a relay; the node's address."""
    world = PlutoWorld(AirSettings(QUIET, 1, 1e6, 915e6, seed=1))
    with VirtualPlutos(world) as served, Relay(int(served.node_uris[0].split(":")[2])) as relay:
        yield world, relay, f"driver=pluto,uri=ip:127.0.0.1:{relay.port}"


def until_it_is_back(use: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            use()
            return
        except RadioLost:
            assert time.monotonic() < until
            time.sleep(0.02)


def uses(radio: Radio) -> dict[str, Callable[[], object]]:
    return {
        "begin_cyclic": lambda: radio.begin_cyclic(TONE),
        "receive": lambda: radio.begin_receive(1000).result(1.0),
        "configure": lambda: radio.configure(SETTINGS),
        "temperature": radio.temperature_c,
    }


@pytest.mark.parametrize("first", ["begin_cyclic", "receive", "configure", "temperature"])
def test_a_pluto_whose_cable_is_cut_is_lost_for_every_call(
    first: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pluto_behind_a_relay() as (_, relay, address), open_radio(address) as radio:
        radio.configure(SETTINGS)
        radio.begin_cyclic(TONE)
        radio.begin_receive(1000).result(1.0)
        relay.cut()
        for use in (uses(radio)[first], *uses(radio).values()):
            with pytest.raises(RadioLost) as lost:
                use()
            assert lost.value.serial == "virtual-node-0"
    said = capfd.readouterr().err
    assert "Traceback" not in said
    assert "ignored" not in said


def test_a_cable_that_is_cut_in_the_middle_of_a_reception_leaves_no_buffer_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import iio  # noqa: PLC0415 - optional

    with pluto_behind_a_relay() as (world, relay, address), open_radio(address) as radio:
        board = world.nodes[0]
        captured = board.captured

        def cut_and_captured(n_samples: int) -> NDArray[np.int16]:
            relay.cut()
            return captured(n_samples)

        monkeypatch.setattr(board, "captured", cut_and_captured)
        with pytest.raises(RadioLost) as lost:
            radio.begin_receive(1000).result(3.0)
        radio.close()
        # libiio 0.24 crashes on a buffer that is still there when the interpreter exits.
        assert lost.value.__cause__ is not None
        assert not [thing for thing in gc.get_objects() if issubclass(type(thing), iio.Buffer)]


def test_a_pluto_that_refuses_once_is_not_lost() -> None:
    with pluto_behind_a_relay() as (_, _relay, address), open_radio(address) as radio:
        with pytest.raises(RadioError) as refused:
            radio.begin_cyclic(3 * TONE)
        assert not isinstance(refused.value, RadioLost)
        radio.begin_cyclic(TONE)


def test_a_pluto_that_is_back_is_opened_and_set_again() -> None:
    with (
        pluto_behind_a_relay() as (world, relay, address),
        ReopenedRadio(lambda: open_radio(address), pause_s=0.05) as radio,
    ):
        radio.configure(SETTINGS)
        before = radio.info
        relay.cut()
        with pytest.raises(RadioLost):
            radio.begin_cyclic(TONE)
        with pytest.raises(RadioLost):
            radio.begin_cyclic(TONE)
        with world.lock:  # a board that was without power forgets its settings
            world.nodes[0].write((PHY, TX, "hardwaregain"), "-30")
        relay.mend()
        until_it_is_back(lambda: radio.begin_cyclic(TONE))
        assert world.nodes[0].number((PHY, TX, "hardwaregain")) == -7.0
        assert world.nodes[0]._repeated is not None
        assert radio.info.serial == before.serial
        assert radio.info.init_id != before.init_id  # its phase is another one
    assert world.nodes[0].number((PHY, TX, "hardwaregain")) == -89.75


def test_another_board_in_its_place_is_not_taken_for_it() -> None:
    with (
        pluto_behind_a_relay() as (world, relay, address),
        ReopenedRadio(lambda: open_radio(address), pause_s=0.05) as radio,
    ):
        relay.cut()
        with pytest.raises(RadioLost):
            radio.begin_cyclic(TONE)
        world.nodes[0].serial = "somebody-else"
        relay.mend()
        said = ""
        until = time.monotonic() + 60
        while "another device answers in its place: somebody-else" not in said:
            assert time.monotonic() < until, said
            with pytest.raises(RadioLost) as lost:
                radio.begin_cyclic(TONE)
            said = str(lost.value)
            time.sleep(0.02)


class Weak(SimulatedRadio):
    """A simulated radio that is lost whenever somebody says so."""

    is_away = False

    def begin_cyclic(self, samples: Samples) -> None:
        if Weak.is_away:
            raise RadioLost("gone", self.info.serial)
        super().begin_cyclic(samples)

    def now_tick(self) -> int:
        if Weak.is_away:
            raise RadioLost("gone", self.info.serial)
        return super().now_tick()


def weak(has_hardware_time: bool) -> Callable[[], Radio]:
    air = SimulatedAir(AirSettings(QUIET, 1, 1e6, 915e6, seed=1))

    def opened() -> Radio:
        if Weak.is_away:
            raise RadioNotFound("nobody answers")
        return Weak(air, 0, has_hardware_time)

    return opened


def test_a_radio_that_was_away_counts_from_another_zero_and_stays_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ReopenedRadio(weak(has_hardware_time=True), pause_s=0.0) as radio:
        monkeypatch.setattr(Weak, "is_away", True)
        with pytest.raises(RadioLost, match="gone"):
            radio.now_tick()
        monkeypatch.setattr(Weak, "is_away", False)
        for _ in range(3):
            with pytest.raises(RadioLost, match="resume the run to align all"):
                radio.now_tick()


def test_a_device_that_hangs_while_it_is_opened_blocks_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened = weak(has_hardware_time=False)
    first = [True]

    def slow() -> Radio:
        if not first:
            time.sleep(1.5)
        first.clear()
        return opened()

    with ReopenedRadio(slow, pause_s=0.0) as radio:
        monkeypatch.setattr(Weak, "is_away", True)
        with pytest.raises(RadioLost, match="gone"):
            radio.begin_cyclic(TONE)
        monkeypatch.setattr(Weak, "is_away", False)
        with pytest.raises(RadioLost, match="being opened again"):
            radio.begin_cyclic(TONE)
        until_it_is_back(lambda: radio.begin_cyclic(TONE))


def test_a_capture_of_the_radio_before_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    with ReopenedRadio(weak(has_hardware_time=False), pause_s=0.0) as radio:
        pending = radio.begin_receive(10)
        monkeypatch.setattr(Weak, "is_away", True)
        with pytest.raises(RadioLost):
            radio.begin_cyclic(TONE)
        monkeypatch.setattr(Weak, "is_away", False)
        until_it_is_back(lambda: radio.begin_cyclic(TONE))
        with pytest.raises(RadioLost, match="what it was receiving is lost"):
            pending.result(1.0)
        radio.begin_receive(10).result(1.0)  # the radio of now is not harmed


def test_a_soapy_device_that_has_gone_is_told_from_one_that_failed_once(
    virtual_soapy_driver: object,
) -> None:
    world = SoapyWorld(AirSettings(QUIET, 1, 1e6, 915e6, seed=1))
    with VirtualSoapy(world) as served, Relay(served.port) as relay:
        address = f"driver=soapy,device=otavirtual,port={relay.port},place=0"
        with open_radio(address) as node:
            node.configure(RadioSettings(915e6, 1e6, 0.8e6))
            node.transmit(TONE, node.now_tick() + 50_000)
            relay.cut()
            with pytest.raises(RadioLost, match="gone"):
                node.transmit(TONE, 10**9)
            with pytest.raises(RadioLost):
                node.now_tick()
