"""What a node's actor does and says, without a cluster: the calls and bytes are the same."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from ota_calibration.privacy import private_encoder
from ota_calibration.privacy.data_set_ledger import DataSet, standing_of
from ota_calibration.privacy.ledger import BudgetSpent
from ota_calibration.privacy.ledger_record import LedgerError

from sdr_ota.air.presets import AirPreset
from sdr_ota.air.simulated_air import AirSettings
from sdr_ota.assembly.node_actor import LONGEST_CYCLIC_S, NodeActor
from sdr_ota.assembly.node_client import ModellessClient
from sdr_ota.assembly.privacy import promise_for
from sdr_ota.assembly.server_copy import ERRORS, modelless_copy
from sdr_ota.config.load import Config, ConfigError, load_config
from sdr_ota.erasure import Erasure
from sdr_ota.radio.address import open_radio
from sdr_ota.radio.base import RadioError, RadioLost, SettingNotTaken, TimeError
from sdr_ota.radio.limited import Limits
from sdr_ota.radio.virtual.pluto_attributes import PHY, TX_LO
from sdr_ota.radio.virtual.pluto_board import PlutoWorld
from sdr_ota.radio.virtual.pluto_server import VirtualPlutos
from sdr_ota.remote.cluster import ClusterError
from sdr_ota.remote.joining import Joined, JoinOrder, check_alike, check_clock, check_run_id
from sdr_ota.remote.offer import OFFER, Offer
from sdr_ota.remote.ray_node import RayNode
from sdr_ota.remote.wire import Answer, NodeFailed, answered, opened
from sdr_ota.rounds.messages import (
    Announcement,
    Outcome,
    PayloadOrder,
    Ready,
    SoundingOrder,
    TuneOrder,
    from_bytes,
    to_bytes,
)
from sdr_ota.types import RadioSettings
from tests.sdr_ota.remote.direct_agent import DirectAgent

HOST = "lab0"
PRIVATE = ("privacy.protect=client", "privacy.neighbours=replace", "run.rounds=20")


BENCH = """
[clients]
count = 1
location = "node"
source = "synthetic"
[link]
scheme = "energy-difference"
[radio]
receiver = "ADDRESS"
nodes = ["ADDRESS,host=HOST"]
transmit_allowed = true
[[band]]
low_hz = 914e6
high_hz = 916e6
"""


@dataclass
class Lab:
    """A virtual board that this process lends to itself."""

    world: PlutoWorld
    address: str
    home: Path

    def config(self, *settings: str) -> Config:
        path = self.home / "bench.toml"
        path.write_text(BENCH.replace("ADDRESS", self.address).replace("HOST", HOST))
        return load_config(path, settings)

    def order(self, config: Config, run_id: str = "run") -> JoinOrder:
        return JoinOrder(
            msgspec.json.encode(config.model_dump(mode="json")), 0, self.address, run_id
        )

    def lend(self, limits: Limits | None = None) -> None:
        offer = Offer(HOST, (self.address,), str(self.home), limits or Limits())
        os.environ.update(offer.environment())


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    monkeypatch.setenv(OFFER, "")
    world = PlutoWorld(AirSettings(AirPreset("quiet", snr_db=60.0), 1, 1e6, 915e6, seed=1))
    with VirtualPlutos(world) as served:
        made = Lab(world, f"driver=pluto,uri={served.node_uris[0]}", tmp_path)
        made.lend()
        with open_radio(f"driver=pluto,uri={served.receiver_uri}") as receiver:
            receiver.configure(RadioSettings(915e6, 1e6, 0.8e6))  # it would not hear a node else
            yield made


def told(answer: bytes) -> bytes:
    return opened(answer, ERRORS, HOST)


def joined(lab: Lab, config: Config, run_id: str = "run") -> NodeActor:
    actor = NodeActor()
    told(actor.join(to_bytes(lab.order(config, run_id))))
    told(actor.follow(b""))
    return actor


def until(holds: Callable[[], bool], timeout_s: float = 60.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end_s, "it does not come true"
        time.sleep(0.05)


# ---------------------------------------------------------------- what leaves a node


def payload_order(index: int, cost: float, noise_std: float) -> PayloadOrder:
    return PayloadOrder(index, (0.1, 0.0), 0.0, 0.0, 0, True, 1, noise_std, 400.0, cost)


class Fixed:
    """A noise source that is the same in every run, for this test."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(5)

    def discrete_gaussian(self, std: int) -> int:
        return round(std * self._rng.standard_normal())


def traffic(lab: Lab, monkeypatch: pytest.MonkeyPatch, scalar: float, run_id: str) -> list[bytes]:
    """Run two private rounds by hand; return every byte that came out of the node."""

    class Given:
        loss = 10.0 * scalar
        example_scalars = (scalar,)

        def __init__(self, *_: object) -> None: ...

        def local_scalars(self, seeds: object) -> tuple[float, ...]:
            return (scalar,)

        def apply(self, round_index: int, mean_scalars: object, seeds: object) -> None: ...

    monkeypatch.setattr("sdr_ota.assembly.node_client.SyntheticClient", Given)
    monkeypatch.setattr(private_encoder, "SystemNoise", Fixed)
    config = lab.config(*PRIVATE)
    actor = NodeActor()
    joined = from_bytes(Joined, told(actor.join(to_bytes(lab.order(config, run_id)))))
    started_anew = replace(joined.info, init_id="")  # which the radio is, with every start
    said = [to_bytes(msgspec.structs.replace(joined, info=started_anew)), actor.follow(b"")]
    for index in range(2):
        said.append(actor.announce(to_bytes(Announcement(index, (index,)))))
        said.append(actor.sound(to_bytes(SoundingOrder(index, 0))))
        said += [actor.sent(1.0), actor.silence()]
        said.append(actor.send(to_bytes(payload_order(index, 0.01, 1000.0))))
        said += [actor.sent(1.0), actor.silence()]
        said.append(actor.apply(to_bytes(Outcome(index, (0.5,)))))
        said.append(actor.truth(index))
    # Refused orders say no more than accepted ones.
    said.append(actor.announce(to_bytes(Announcement(2, (2,)))))
    said += [actor.send(to_bytes(payload_order(2, 1e-9, 1.0))), actor.sent(1.0), actor.truth(2)]
    said.append(actor.close())
    return said


def test_two_data_sets_give_the_same_control_traffic(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = traffic(lab, monkeypatch, 0.25, "one")
    other = traffic(lab, monkeypatch, -3.0, "other")
    assert one == other
    kinds = [from_bytes(Answer, answer).kind for answer in one[1:]]
    assert set(kinds[:-4]) == {""}  # the rounds before went well
    assert "OrderRefused" in kinds


def test_an_open_node_does_tell_what_it_sent(lab: Lab) -> None:
    actor = joined(lab, lab.config())
    told(actor.announce(to_bytes(Announcement(0, (7,)))))
    told(actor.send(to_bytes(payload_order(0, 0.0, 0.0))))
    assert told(actor.sent(1.0)) == b""
    assert told(actor.truth(0))
    told(actor.close())


def test_a_node_pays_in_its_own_ledger_and_refuses_when_it_is_spent(lab: Lab) -> None:
    actor = joined(lab, lab.config(*PRIVATE))
    index = 0
    with pytest.raises(BudgetSpent, match="node-0 has"):
        for index in range(10_000):
            told(actor.announce(to_bytes(Announcement(index, (index,)))))
            told(actor.send(to_bytes(payload_order(index, 0.5, 1000.0))))
            told(actor.sent(1.0))
            told(actor.silence())
    assert 0 < index < 1000
    told(actor.close())
    assert (lab.home / "ledgers" / "run" / "node-0.jsonl").is_file()
    assert (lab.home / "ledgers" / "run").stat().st_mode & 0o077 == 0


def test_a_node_pays_for_its_data_too_and_what_they_do_not_pay_for_does_not_begin(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_set = DataSet(lab.home / "data-sets" / "0a1b2c3d", 8.0)
    monkeypatch.setattr(ModellessClient, "data_set", data_set)
    config = lab.config(*PRIVATE)
    actor = joined(lab, config, "first")
    told(actor.announce(to_bytes(Announcement(0, (0,)))))
    told(actor.send(to_bytes(payload_order(0, 0.5, 1000.0))))
    told(actor.sent(1.0))
    told(actor.close())
    promise = promise_for(config, 1.0)
    assert standing_of(data_set, promise).before.mu_squared == pytest.approx(0.5 / 2**2)
    with pytest.raises(LedgerError, match="budget does not pay for this run"):
        told(NodeActor().join(to_bytes(lab.order(config, "second"))))
    (data_set.folder / "0f.jsonl").write_text("torn")
    with pytest.raises(LedgerError, match="cannot be read") as broken:
        told(NodeActor().join(to_bytes(lab.order(config, "third"))))
    assert data_set.folder.name not in str(broken.value)


@pytest.mark.parametrize("run_id", ["../up", "a/b", "", "..", "x" * 200])
def test_a_run_cannot_name_a_place_outside_the_ledgers(lab: Lab, run_id: str) -> None:
    with pytest.raises(ValueError, match="does not name a run"):
        check_run_id(run_id)
    actor = NodeActor()
    with pytest.raises(NodeFailed, match="does not name a run"):
        told(actor.join(to_bytes(lab.order(lab.config(*PRIVATE), run_id))))


# ---------------------------------------------------------------- the owner's limits


def test_orders_beyond_the_owner_s_limits_are_refused_by_the_node(lab: Lab) -> None:
    for limits, words in (
        (Limits(bands_hz=((433e6, 434e6),)), "owner allows 433 to 434 MHz"),
        (Limits(bands_hz=((914e6, 915.2e6),)), "owner allows 914 to 915.2 MHz"),
        (Limits(bands_hz=()), "owner allows none"),
        (Limits(max_tx_gain_db=-20.0), "owner allows at most -20 dB"),
    ):
        lab.lend(limits)
        with pytest.raises(SettingNotTaken, match=words):
            told(NodeActor().join(to_bytes(lab.order(lab.config()))))
    assert lab.world.nodes[0].radiated() is None


def test_only_radios_that_are_lent_are_opened(lab: Lab) -> None:
    order = msgspec.structs.replace(lab.order(lab.config()), address="driver=pluto,uri=ip:[::1]:1")
    with pytest.raises(RadioError, match="does not offer"):
        told(NodeActor().join(to_bytes(order)))


def test_a_transmission_that_nobody_ends_is_ended(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert LONGEST_CYCLIC_S > 5.0
    monkeypatch.setattr("sdr_ota.assembly.node_actor.LONGEST_CYCLIC_S", 0.3)
    actor = joined(lab, lab.config())
    told(actor.sound(to_bytes(SoundingOrder(0, 0))))
    assert lab.world.nodes[0].radiated() is not None
    until(lambda: lab.world.nodes[0].radiated() is None)
    told(actor.close())


# ---------------------------------------------------------------- how it arrives


def test_errors_arrive_as_this_side_s_classes() -> None:
    def raising(error: Exception) -> bytes:
        def act() -> bytes:
            raise error

        return answered(act)

    for error in (TimeError("late"), RadioLost("gone", "x"), SettingNotTaken("no")):
        with pytest.raises(type(error), match=str(error)):
            told(raising(error))
    with pytest.raises(BudgetSpent, match="spent"):
        told(raising(BudgetSpent("spent", ["node-0"])))
    with pytest.raises(Erasure, match="no draw of chips fits"):
        told(raising(Erasure("radio", "no draw of chips fits")))
    with pytest.raises(NodeFailed, match="ZeroDivisionError: by zero"):
        told(raising(ZeroDivisionError("by zero")))


def test_a_machine_that_differs_is_refused(lab: Lab) -> None:
    same = from_bytes(Joined, told(NodeActor().join(to_bytes(lab.order(lab.config())))))
    same = msgspec.structs.replace(same, fingerprint="f", base_checksum="b")
    check_alike(HOST, same, "f", "b")
    for other, what in (
        (msgspec.structs.replace(same, version="9.9"), "version of sdr-ota: 9.9"),
        (msgspec.structs.replace(same, fingerprint="f00"), "directions: f00"),
        (msgspec.structs.replace(same, base_checksum="b00"), "base weights: b00"),
    ):
        with pytest.raises(ClusterError, match=f"lab0 has other {what}"):
            check_alike(HOST, other, "f", "b")


def test_a_clock_that_is_off_is_refused() -> None:
    now = time.time()
    check_clock(HOST, now, now + 0.2)
    with pytest.raises(ClusterError, match=r"the clock of lab0 is -30\.\d+ s off"):
        check_clock(HOST, now, now - 30.0)


@pytest.fixture
def ray_node(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[RayNode]:
    module = "sdr_ota.remote.ray_node"
    monkeypatch.setattr(f"{module}.check_free", lambda *_: None)
    monkeypatch.setattr(f"{module}.has_answered", lambda begun: True)
    monkeypatch.setattr(f"{module}.start_agent", lambda kind, host, cls: DirectAgent(host, cls()))
    node = RayNode(modelless_copy().course, HOST, lab.order(lab.config()))
    node.begin_join()
    node.end_join()
    node.end_follow()
    yield node
    node.close()


def one_round(node: RayNode, index: int) -> str:
    node.announce(Announcement(index, (index,)))
    ready = node.ready()
    assert ready.round == index
    node.apply(Outcome(index, (0.5,)))
    return ready.absent_reason


def test_a_node_elsewhere_follows_the_protocol(lab: Lab, ray_node: RayNode) -> None:
    assert ray_node.info.serial.startswith("lab0:")
    assert one_round(ray_node, 0) == ""
    ray_node.sound(SoundingOrder(1, 0))
    ray_node.sent(1.0)
    assert lab.world.nodes[0].radiated() is not None
    ray_node.silence()
    until(lambda: lab.world.nodes[0].radiated() is None)
    assert ray_node.truth(0) is not None


def test_a_node_that_has_gone_is_absent_and_comes_back_by_itself(ray_node: RayNode) -> None:
    agent: Any = ray_node._agent
    agent.is_dead = True
    agent.actor.close()
    assert "lab0 has gone" in one_round(ray_node, 1)
    with pytest.raises(RadioLost, match="lab0"):
        ray_node.sent(0.1)
    reasons = [one_round(ray_node, index) for index in range(2, 8)]
    assert reasons[-1] == ""


def test_a_node_that_comes_back_is_tuned_as_it_was(lab: Lab, ray_node: RayNode) -> None:
    frequency = (PHY, TX_LO, "frequency")
    center_hz = lab.world.nodes[0].number(frequency)
    ray_node.tune(TuneOrder(1500.0))
    ray_node.sent(5.0)
    assert lab.world.nodes[0].number(frequency) == center_hz + 1500
    agent: Any = ray_node._agent
    agent.is_dead = True
    agent.actor.close()
    lab.world.nodes[0].write(frequency, f"{center_hz:.0f}")
    assert [one_round(ray_node, index) for index in range(1, 8)][-1] == ""
    assert lab.world.nodes[0].number(frequency) == center_hz + 1500


def test_a_node_is_not_tuned_out_of_its_owners_band(lab: Lab) -> None:
    lab.lend(Limits(bands_hz=((914e6, 915.6e6),)))
    actor = joined(lab, lab.config())
    center_hz = lab.world.nodes[0].number((PHY, TX_LO, "frequency"))
    told(actor.tune(to_bytes(TuneOrder(200e3))))
    with pytest.raises(RadioError, match=r"owner allows 914 to 915\.6 MHz"):
        told(actor.sent(1.0))
    assert lab.world.nodes[0].number((PHY, TX_LO, "frequency")) == center_hz
    told(actor.close())


def test_an_answer_for_an_older_round_is_not_taken_for_this_one(ray_node: RayNode) -> None:
    agent: Any = ray_node._agent
    agent.stale = answered(lambda: to_bytes(Ready(3)))
    assert one_round(ray_node, 4) == "lab0 answered for round 3, too late"


def test_the_config_says_where_clients_compute(lab: Lab) -> None:
    for settings, words in (
        (("clients.location=server",), "a node's client computes where its radio is"),
        ((*PRIVATE, "privacy.trust=channel-noise-trusted", "link.scheme=coherent"), "cannot"),
    ):
        with pytest.raises(ConfigError, match=words):
            lab.config(*settings)
    with pytest.raises(ConfigError, match="needs host=NAME in every address"):
        load_config(None, ["clients.location=node"])
    assert lab.config(*PRIVATE).privacy.trust == "local"


def test_owner_s_duty_cycle_holds(lab: Lab) -> None:
    lab.lend(Limits(max_duty_cycle=1e-9))
    actor = joined(lab, lab.config())
    told(actor.sound(to_bytes(SoundingOrder(0, 0))))
    time.sleep(0.05)
    told(actor.silence())
    told(actor.sound(to_bytes(SoundingOrder(1, 0))))
    with pytest.raises(RadioError, match="its owner allows 1e-07 %"):
        told(actor.sent(1.0))
    told(actor.close())


def test_a_node_that_cannot_be_closed_does_not_keep_others_from_it(
    ray_node: RayNode, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> bytes:
        return answered(_raising_os_error)

    agent: Any = ray_node._agent
    closing = agent.actor.close
    agent.actor.close = broken
    ray_node.close()
    closing()
    assert "closing the node on lab0: lab0: OSError: disk" in caplog.text


def _raising_os_error() -> bytes:
    raise OSError("disk")
