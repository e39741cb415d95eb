"""Whole runs over nodes "elsewhere", without a cluster: the actors live in this process."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ota_calibration.privacy.ledger import read_tally

from sdr_ota.air.presets import AirPreset
from sdr_ota.air.simulated_air import AirSettings
from sdr_ota.assembly import server_copy
from sdr_ota.assembly.node_actor import NodeActor
from sdr_ota.assembly.run import resume_run, start_run
from sdr_ota.failure import CommandFailed
from sdr_ota.radio.limited import Limits
from sdr_ota.radio.virtual.pluto_board import PlutoWorld
from sdr_ota.radio.virtual.pluto_server import VirtualPlutos
from sdr_ota.remote import ray_node, receiver
from sdr_ota.remote.offer import OFFER, Offer
from sdr_ota.rounds.node import LocalNode
from sdr_ota.runs.run_folder import read_run
from sdr_ota.study.calibration.survey_run import Asked, calibrate_command
from tests.sdr_ota.remote.direct_agent import DirectAgent

BENCH = """
[clients]
count = 2
location = "node"
source = "synthetic"
[data]
held_out_limit = 40
[link]
scheme = "energy-difference"
[radio]
receiver = "RECEIVER"
nodes = ["NODE0,host=lab0", "NODE1,host=lab0"]
transmit_allowed = true
[[band]]
low_hz = 914e6
high_hz = 916e6
"""
PRIVATE = ("privacy.protect=client", "privacy.neighbours=replace")
RECORDS = ("clients.source=model", "privacy.protect=record", "privacy.epsilon=8")


class Lab:
    def __init__(self, served: VirtualPlutos, folder: Path) -> None:
        self.home = folder
        self.runs = folder / "runs"
        self.config_file = folder / "bench.toml"
        self.receiver = f"driver=pluto,uri={served.receiver_uri}"
        self.agents: list[DirectAgent] = []
        self.nodes = tuple(f"driver=pluto,uri={uri}" for uri in served.node_uris)
        text = BENCH.replace("RECEIVER", self.receiver)
        for place, node in enumerate(self.nodes):
            text = text.replace(f"NODE{place}", node)
        self.config_file.write_text(text)

    def start(self, *settings: str) -> Path:
        return start_run(self.config_file, (f"run.folder={self.runs}", *settings))

    def agent(self, kind: str, host: str, actor: type) -> DirectAgent:
        self.agents.append(DirectAgent(host, actor()))
        return self.agents[-1]

    def only_run(self) -> Path:
        return next(self.runs.iterdir())

    def ledger(self, place: int) -> Path:
        return self.home / "ledgers" / self.only_run().name / f"node-{place}.jsonl"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    monkeypatch.setattr(server_copy, "connect", lambda: None)
    monkeypatch.setattr(receiver, "connect", lambda: None)
    monkeypatch.setattr(ray_node, "has_answered", lambda begun: True)
    world = PlutoWorld(AirSettings(AirPreset("quiet", snr_db=60.0), 2, 1e6, 915e6, seed=1))
    with VirtualPlutos(world) as served:
        made = Lab(served, tmp_path)
        for module in (ray_node, receiver):
            monkeypatch.setattr(module, "check_free", lambda *_: None)
            monkeypatch.setattr(module, "start_agent", made.agent)
        lent = (*made.nodes, made.receiver)
        offer = Offer("lab0", lent, str(tmp_path), Limits(((914e6, 916e6),)))
        monkeypatch.setenv(OFFER, offer.environment()[OFFER])
        yield made


def test_poisson_batches_are_drawn_and_paid_for_on_the_nodes(lab: Lab) -> None:
    run = read_run(lab.start("run.rounds=3", *RECORDS))
    assert run.stop["ending"] == "success"
    terms, account = read_tally(run.folder / "privacy.jsonl")
    assert 0 < terms.configuration["sampling_rate"] < 1
    assert any(round_.erasure is None for round_ in run.rounds)
    for place in range(2):
        own, tally = read_tally(lab.ledger(place))
        assert own.configuration == terms.configuration
        assert tally.spent[f"node-{place}"] == account.spent[f"node-{place}"]


def test_the_run_ends_well_when_a_node_s_own_budget_is_spent(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = NodeActor._made

    def spent_before(
        self: NodeActor, config: Any, order: Any, offer: Offer, settings: Any
    ) -> LocalNode:
        node = made(self, config, order, offer, settings)
        ledger = node._encoder.ledger  # type: ignore[attr-defined]
        if order.index == 1:
            ledger.charge(0, {"node-1": 0.9 * ledger.remaining("node-1")})
        return node

    monkeypatch.setattr(NodeActor, "_made", spent_before)
    run = read_run(lab.start("run.rounds=20", *PRIVATE))
    assert run.stop["ending"] == "success"
    assert "node-1 has" in run.stop["why"]
    assert 0 < len(run.rounds) < 20


def test_what_a_node_refuses_ends_the_run_in_one_sentence(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = NodeActor._made

    def on_a_full_disk(self: NodeActor, config: Any, order: Any, offer: Offer) -> LocalNode:
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        node = made(self, config, order, offer)
        node._encoder.ledger.charge = full  # type: ignore[attr-defined]
        return node

    monkeypatch.setattr(NodeActor, "_made", on_a_full_disk)
    with pytest.raises(CommandFailed, match="lab0"):
        lab.start("run.rounds=3", *PRIVATE)
    assert read_run(lab.only_run()).stop["ending"] == "fail"


def test_a_resumed_run_needs_the_ledgers_of_its_nodes(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:

        def ctrl_c(*_: object) -> None:
            raise KeyboardInterrupt

        patched.setattr("sdr_ota.rounds.duty.DutyLimit.rest", ctrl_c)
        with pytest.raises(CommandFailed, match="interrupted"):
            lab.start("run.rounds=3", *PRIVATE)
    lab.ledger(1).rename(lab.home / "aside")
    with pytest.raises(CommandFailed, match=r"node-1\.jsonl is missing"):
        resume_run(lab.only_run())
    (lab.home / "aside").rename(lab.ledger(1))
    resume_run(lab.only_run())
    assert len(read_run(lab.only_run()).rounds) == 3


def test_a_private_node_keeps_the_words_of_its_failures(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Diverged:
        loss = 1.0

        def __init__(self, *_: object) -> None: ...

        def local_scalars(self, seeds: object) -> tuple[float, ...]:
            raise ValueError("probe losses that sum to 3.71 and nan")

    monkeypatch.setattr("sdr_ota.assembly.node_client.SyntheticClient", Diverged)
    with pytest.raises(CommandFailed, match="lab0") as failed:
        lab.start("run.rounds=3", *PRIVATE)
    assert "3.71" not in str(failed.value)
    assert "3.71" in (lab.ledger(0).parent / "node-0-failures.txt").read_text()


def test_what_only_a_run_can_do_with_nodes_elsewhere_is_said(lab: Lab) -> None:
    for command in (
        lambda: lab.start("link.scheme=auto"),
        lambda: calibrate_command(Asked("gain", lab.config_file, (), None, ()), None),
    ):
        with pytest.raises(CommandFailed, match="host=lab0 is on another machine"):
            command()
    with pytest.raises(CommandFailed, match="require noise-floor only"):
        lab.start('calibration.require=["gain"]')


def test_the_start_record_names_all_radios(lab: Lab) -> None:
    folder = lab.start("run.rounds=1")
    radios = json.loads((folder / "start.json").read_text())["radios"]
    assert [radio["serial"].partition(":")[0] for radio in radios[1:]] == ["lab0", "lab0"]


def test_the_receiver_may_sit_on_another_machine_and_comes_back(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_rested = []

    def dies_once(*_: object) -> None:
        n_rested.append(1)
        if len(n_rested) == 2:
            lab.agents[0].actor.close()
            lab.agents[0].is_dead = True

    monkeypatch.setattr("sdr_ota.rounds.duty.DutyLimit.rest", dies_once)
    run = read_run(lab.start("run.rounds=20", f"radio.receiver={lab.receiver},host=lab0"))
    assert run.stop["ending"] == "success"
    erased = [round_.round for round_ in run.rounds if round_.erasure == "radio"]
    assert 2 in erased
    assert run.rounds[-1].erasure is None
    assert run.rounds[-1].detail == ""


def test_one_board_elsewhere_is_not_both_receiver_and_node(lab: Lab) -> None:
    with pytest.raises(CommandFailed, match="cannot be a node's radio as well"):
        lab.start(f"radio.receiver={lab.nodes[0]},host=lab0")
