"""Clients that compute on other machines: Ray workers on this one, started and killed."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
from sdr_ota.rounds.present_nodes import present_only

from sdr_ota.air.presets import AirPreset
from sdr_ota.air.settings import AirSettings
from sdr_ota.assembly.client_agent import Loaded
from sdr_ota.assembly.client_machines import check_alike
from sdr_ota.assembly.learning import Learning
from sdr_ota.assembly.model_learning import model_learning
from sdr_ota.cli.run import run_command
from sdr_ota.config.load import Config, ConfigError, load_config
from sdr_ota.erasure import Erasure
from sdr_ota.failure import CommandFailed
from sdr_ota.radio.cluster import ClusterError
from sdr_ota.radio.virtual.pluto_board import PlutoWorld
from sdr_ota.radio.virtual.pluto_server import VirtualPlutos
from sdr_ota.runs.run_folder import read_run
from sdr_ota.types import Precoder, TransmitPlan
from tests.sdr_ota.radio.lent_machines import Machines, machines, while_it_breathes
from zo_core.directions.fingerprint import direction_fingerprint
from zo_core.stepping.journal import first_disagreement, read_journal

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

BENCH = """
[clients]
count = 2
location = "node"
[data]
held_out_limit = 40
[link]
scheme = "energy-difference"
[radio]
receiver = "RECEIVER"
nodes = ["NODE0,host=lab0", "NODE1,host=lab1"]
transmit_allowed = true
[[band]]
low_hz = 914e6
high_hz = 916e6
"""


class Lab:
    def __init__(self, there: Machines, served: VirtualPlutos, folder: Path) -> None:
        self.machines, self.config_file = there, folder / "bench.toml"
        self.nodes = [f"driver=pluto,uri={uri}" for uri in served.node_uris]
        text = BENCH.replace("RECEIVER", f"driver=pluto,uri={served.receiver_uri}")
        for place, node in enumerate(self.nodes):
            text = text.replace(f"NODE{place}", node)
        self.config_file.write_text(text)

    def come(self, place: int) -> None:
        home = self.config_file.parent / f"lab{place}"
        home.mkdir(exist_ok=True)
        film = ("film", "story")[place]
        examples = f"a fine {film}\t1\na dull {film}\t0\n" * 8
        (home / "own.tsv").write_text("sentence\tlabel\n" + examples)
        self.machines.come(f"lab{place}", self.nodes[place], home=home)

    def config(self, *settings: str) -> Config:
        return load_config(self.config_file, settings)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    pytest.importorskip("ray")
    world = PlutoWorld(AirSettings(AirPreset("quiet", snr_db=60.0), 2, 1e6, 915e6, seed=1))
    with VirtualPlutos(world) as served, machines() as there:
        os.environ["RAY_ADDRESS"] = there.address
        made = Lab(there, served, tmp_path_factory.mktemp("lab"))
        made.come(0)
        made.come(1)
        yield made
        del os.environ["RAY_ADDRESS"]


def learning(config: Config, folder: Path, n_updates: int = 0) -> Learning:
    return model_learning(config, Path(), folder / "journal.jsonl", n_updates, lambda *_: None)


def go_round(learning: Learning, seed: int) -> list[float]:
    scalars = [client.local_scalar(seed) for client in learning.clients]
    for client in learning.clients:
        client.apply(sum(scalars) / 2, seed)
    return scalars


def test_they_compute_what_clients_here_compute(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    here = learning(lab.config("clients.location=server"), tmp_path / "here")
    there = learning(lab.config(), tmp_path)
    assert there.n_parameters == here.n_parameters
    for seed in (5, 6, 7):
        expected = go_round(here, seed)
        assert go_round(there, seed) == pytest.approx(expected, rel=1e-3, abs=1e-3)
        losses = [client.loss for client in here.clients]
        assert [client.loss for client in there.clients] == pytest.approx(losses, rel=1e-4)
    there.close()
    here.close()


def test_one_that_dies_costs_a_round_and_comes_back_by_the_journal(
    lab: Lab, tmp_path: Path
) -> None:
    run = learning(lab.config(), tmp_path)
    go_round(run, 5)
    lab.machines.go("lab1")
    with pytest.raises(Erasure, match=r"host: .*lab1 has gone"):
        for seed in while_it_breathes():
            go_round(run, seed)
    assert list(run.absent()) == [1]
    alone = run.clients[0].local_scalar(7)
    assert alone != 0.0
    assert run.clients[1].local_scalar(7) == 0.0  # its node is silent
    run.clients[0].apply(alone, 7)

    lab.come(1)
    end_s = time.monotonic() + 60
    while run.absent():  # also compares the weights with the server's
        assert time.monotonic() < end_s, run.absent()
        time.sleep(0.2)
    assert all(scalar != 0.0 for scalar in go_round(run, 8))
    run.close()

    n_steps = len(read_journal(tmp_path / "journal.jsonl").updates)
    again = learning(lab.config(), tmp_path, n_steps)  # resumed: all follow
    assert all(scalar != 0.0 for scalar in go_round(again, 9))
    again.close()


def test_a_whole_run(lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    settings = (f"run.folder={folder}", "run.rounds=6", "run.evaluate_every=3")
    run_command(lab.config_file, settings)
    run = read_run(next(folder.iterdir()))
    assert run.stop["ending"] == "success"
    assert len(run.rounds) == 6
    stepped = [r for r in run.rounds if r.erasure is None]
    assert stepped
    assert all(r.loss is not None for r in stepped)
    journal = read_journal(run.folder / "journal.jsonl")
    assert len(journal.updates) == len(stepped)
    assert first_disagreement(journal, journal) is None
    radios = json.loads((run.folder / "start.json").read_text())["radios"]
    assert [radio["serial"].partition(":")[0] for radio in radios[1:]] == ["lab0", "lab1"]


def test_every_machine_learns_from_its_own_file(lab: Lab, tmp_path: Path) -> None:
    run = learning(lab.config("data.train=own.tsv"), tmp_path)
    own = go_round(run, 5)
    run.close()
    assert 0.0 not in own
    assert own[0] != own[1]  # films here, stories there
    with pytest.raises(CommandFailed, match=r"lab0/only-here\.tsv"):
        learning(lab.config("data.train=only-here.tsv"), tmp_path)


def test_a_machine_that_differs_is_refused() -> None:

    same = Loaded(version("sdr-ota"), direction_fingerprint(1), "base")
    check_alike("lab0", same, "base")
    for other, what in (
        (replace(same, version="9.9"), "version of sdr-ota: 9.9"),
        (replace(same, fingerprint="f00"), "directions: f00"),
        (replace(same, base_checksum="b00"), "base weights: b00"),
    ):
        with pytest.raises(ClusterError, match=f"lab0 has other {what}"):
            check_alike("lab0", other, "base")


def test_nodes_without_a_client_are_silent() -> None:
    plan = TransmitPlan((Precoder(1.0), Precoder(0.5)), 0.1, 1e-6)
    planner = present_only(lambda bench: plan, lambda: {0: "node 0: lab0 has gone"})
    planned = planner(None)  # type: ignore[arg-type]
    assert planned.active_nodes == (1,)
    assert planned.left_out == ("node 0: lab0 has gone",)
    nobody = present_only(lambda bench: plan, lambda: {0: "gone", 1: "gone too"})
    with pytest.raises(Erasure, match="gone; gone too"):
        nobody(None)  # type: ignore[arg-type]


def test_the_config_says_where_clients_may_compute(lab: Lab) -> None:
    with pytest.raises(ConfigError, match="needs host=NAME in every address"):
        load_config(None, ["clients.location=node"])
    with pytest.raises(ConfigError, match="would then see"):
        lab.config("privacy.protect=client")
