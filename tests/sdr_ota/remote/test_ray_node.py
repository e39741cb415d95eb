"""Nodes on other machines: Ray workers on this one, started and killed."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from ota_calibration.privacy.ledger import read_tally

from sdr_ota.air.presets import AirPreset
from sdr_ota.air.simulated_air import AirSettings
from sdr_ota.assembly.server_copy import ServerCopy, join_nodes, model_copy, modelless_copy
from sdr_ota.cli.run import run_command
from sdr_ota.config.load import Config, load_config
from sdr_ota.failure import INTERRUPTED, CommandFailed
from sdr_ota.radio.limited import Limits
from sdr_ota.radio.virtual.pluto_board import PlutoWorld
from sdr_ota.radio.virtual.pluto_server import VirtualPlutos
from sdr_ota.radio.virtual.soapy_server import VirtualSoapy
from sdr_ota.radio.virtual.soapy_world import SoapyWorld
from sdr_ota.remote.cluster import Agent, connect, names_with
from sdr_ota.remote.joining import Joined
from sdr_ota.remote.ray_node import RADIO, RayNode
from sdr_ota.remote.wire import Answer
from sdr_ota.rounds.messages import (
    Announcement,
    Outcome,
    PayloadOrder,
    SoundingOrder,
    from_bytes,
    to_bytes,
)
from sdr_ota.runs.run_folder import read_run
from tests.sdr_ota.remote.lent_machines import Machines, machines, while_it_breathes
from zo_core.stepping.journal import first_disagreement, read_journal

pytestmark = pytest.mark.slow

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

    def come(self, place: int, limits: Limits | None = None) -> None:
        home = self.config_file.parent / f"lab{place}"
        home.mkdir(exist_ok=True)
        film = ("film", "story")[place]
        examples = f"a fine {film}\t1\na dull {film}\t0\n" * 8
        (home / "own.tsv").write_text("sentence\tlabel\n" + examples)
        self.machines.come(f"lab{place}", self.nodes[place], home=home, limits=limits)

    def config(self, *settings: str) -> Config:
        return load_config(self.config_file, settings)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    pytest.importorskip("ray")
    world = PlutoWorld(AirSettings(AirPreset("quiet", snr_db=60.0), 2, 1e6, 915e6, seed=1))
    with VirtualPlutos(world) as served, machines() as there:
        os.environ["RAY_ADDRESS"] = there.address
        connect()
        made = Lab(there, served, tmp_path_factory.mktemp("lab"))
        made.come(0)
        made.come(1)
        yield made
        del os.environ["RAY_ADDRESS"]


def copy_of(config: Config, folder: Path, n_updates: int = 0) -> ServerCopy:
    return model_copy(config, Path(), folder / "journal.jsonl", n_updates, lambda *_: None)


def until(holds: Callable[[], bool], timeout_s: float = 60.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end_s, "it does not come true"
        time.sleep(0.2)


def go_round(nodes: tuple[RayNode, ...], copy: ServerCopy, index: int) -> list[str]:
    """Let the nodes compute and all step by a fixed mean; return why nodes are absent."""
    announcement = Announcement(index, (index,))
    for node in nodes:
        node.announce(announcement)
    absent = [node.ready().absent_reason for node in nodes]
    for node in nodes:
        node.apply(Outcome(index, (0.25,)))
    for follower in copy.learning.followers:
        follower.apply(index, [0.25], [index])
    return absent


def close(nodes: tuple[RayNode, ...], copy: ServerCopy) -> None:
    for node in nodes:
        node.close()
    copy.learning.close()


def test_a_whole_run(lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    settings = (f"run.folder={folder}", "run.rounds=6", "run.evaluate_every=3")
    run_command(lab.config_file, settings)
    run = read_run(next(folder.iterdir()))
    assert run.stop["ending"] == "success"
    assert len(run.rounds) == 6
    stepped = [r for r in run.rounds if r.erasure is None]
    assert stepped
    assert all(r.loss is not None and r.true_sum is not None for r in stepped)
    journal = read_journal(run.folder / "journal.jsonl")
    assert len(journal.updates) == len(stepped)
    assert first_disagreement(journal, journal) is None
    radios = json.loads((run.folder / "start.json").read_text())["radios"]
    assert [radio["serial"].partition(":")[0] for radio in radios[1:]] == ["lab0", "lab1"]


PRIVATE = ("privacy.protect=client", "privacy.neighbours=replace", "captures.every=1")


def test_a_private_run_pays_on_its_nodes_and_tells_nobody_what_was_sent(
    lab: Lab, tmp_path: Path
) -> None:
    folder = tmp_path / "runs"
    run_command(lab.config_file, (f"run.folder={folder}", "run.rounds=4", *PRIVATE))
    check_private(folder, lab.config_file.parent)


def check_private(folder: Path, labs: Path) -> None:
    run = read_run(next(folder.iterdir()))
    good = [r for r in run.rounds if r.erasure is None]
    assert good
    assert all((r.loss, r.true_sum, r.theory_error) == (None, None, None) for r in run.rounds)
    captures = [p.read_text() for p in (run.folder / "captures").glob("*.sigmf-meta")]
    assert captures
    assert not any("ota:symbols" in text for text in captures)
    for place in range(2):
        _, tally = read_tally(
            labs / f"lab{place}" / "ledgers" / run.folder.name / f"node-{place}.jsonl"
        )
        assert tally.n_bursts >= len(good)
        _, server = read_tally(run.folder / "privacy.jsonl")
        assert tally.spent[f"node-{place}"] == pytest.approx(server.spent[f"node-{place}"])


def test_coherent_nodes_elsewhere_count_alike_and_pay_under_server_sees_sum(
    lab: Lab, tmp_path: Path, virtual_soapy_driver: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOAPY_SDR_PLUGIN_PATH", str(virtual_soapy_driver.parent))
    shared = AirPreset("shared", snr_db=60.0, shared_clock=True)
    world = SoapyWorld(AirSettings(shared, 2, 1e6, 915e6, seed=1))
    with VirtualSoapy(world) as served:
        text = BENCH.replace("RECEIVER", served.receiver_address)
        for place, address in enumerate(served.node_addresses):
            (tmp_path / f"lab{place}").mkdir()
            lab.machines.come(f"timed{place}", address, home=tmp_path / f"lab{place}")
            text = text.replace(f"NODE{place}", address).replace(f"lab{place}", f"timed{place}")
        (tmp_path / "bench.toml").write_text(text.replace("energy-difference", "coherent"))
        folder = tmp_path / "runs"
        settings = (f"run.folder={folder}", "run.rounds=4", "radio.lead_s=0.05", *PRIVATE)
        run_command(tmp_path / "bench.toml", (*settings, "privacy.trust=server-sees-sum"))
        check_private(folder, tmp_path)
        for place in range(2):
            lab.machines.go(f"timed{place}")


def test_one_that_dies_is_left_out_and_comes_back_by_the_journal(lab: Lab, tmp_path: Path) -> None:
    config = lab.config()
    copy = copy_of(config, tmp_path)
    nodes = join_nodes(config, copy.course, "dies")
    assert go_round(nodes, copy, 1) == ["", ""]
    lab.machines.go("lab1")
    index = 2
    for index in while_it_breathes():
        if any(absent := go_round(nodes, copy, index)):
            break
    assert absent[0] == ""
    assert "lab1" in absent[1]
    with pytest.raises(Exception, match="lab1"):
        nodes[1].sent(0.1)

    lab.come(1)
    indices = iter(range(index + 1, index + 2000))

    def is_back() -> bool:  # also compares the weights with the server's
        return go_round(nodes, copy, next(indices)) == ["", ""]

    until(is_back)
    n_steps = len(read_journal(tmp_path / "journal.jsonl").updates)
    close(nodes, copy)
    again = copy_of(config, tmp_path, n_steps)  # resumed: all follow
    followed = join_nodes(config, again.course, "dies")
    assert go_round(followed, again, 10_000) == ["", ""]
    close(followed, again)


def test_one_that_hangs_is_lost_in_time(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray  # noqa: PLC0415 - an extra

    config = lab.config("clients.source=synthetic")
    copy = modelless_copy()
    nodes = join_nodes(config, copy.course, "hangs")
    agent = nodes[0]._agent
    assert agent is not None
    os.kill(ray.get(agent.handle.__ray_call__.remote(lambda actor: os.getpid())), signal.SIGSTOP)
    monkeypatch.setattr("sdr_ota.remote.cluster.ANSWER_S", 0.5)
    monkeypatch.setattr("sdr_ota.remote.ray_node.PROBE_S", 0.5)
    absent = go_round(nodes, copy, 1)
    assert "lab0 did not answer in 1 s" in absent[0]
    assert absent[1] == ""
    monkeypatch.undo()
    indices = iter(range(2, 1000))
    until(lambda: go_round(nodes, copy, next(indices)) == ["", ""])
    close(nodes, copy)


def test_the_receiver_may_sit_on_another_machine(lab: Lab, tmp_path: Path) -> None:
    folder, here = tmp_path / "runs", lab.config().radio.receiver
    lab.machines.come("desk", here)
    settings = (f"run.folder={folder}", "run.rounds=4", "clients.source=synthetic")
    run_command(lab.config_file, (*settings, f"radio.receiver={here},host=desk"))
    lab.machines.go("desk")
    run = read_run(next(folder.iterdir()))
    assert run.stop["ending"] == "success"
    assert any(round_.erasure is None for round_ in run.rounds)
    assert run.start["radios"][0]["serial"].startswith("desk:")


def test_what_is_not_there_or_not_lent_is_said(lab: Lab) -> None:
    course = modelless_copy().course
    base = lab.config("clients.source=synthetic")
    attic = base.radio.nodes[0].replace("lab0", "attic")
    with pytest.raises(CommandFailed, match=r"no machine called 'attic'.*lab0, lab1"):
        join_nodes(lab.config(f'radio.nodes=["{attic}", "{base.radio.nodes[1]}"]'), course, "x")
    other = "driver=pluto,uri=ip:127.0.0.1:1,host=lab0"
    with pytest.raises(CommandFailed, match=r"lab0 does not offer driver=pluto,uri=ip:127"):
        join_nodes(lab.config(f'radio.nodes=["{other}", "{base.radio.nodes[1]}"]'), course, "x")


def test_two_runs_do_not_share_a_radio(lab: Lab) -> None:
    config, copy = lab.config("clients.source=synthetic"), modelless_copy()
    nodes = join_nodes(config, copy.course, "first")
    with pytest.raises(CommandFailed, match="in use by another run"):
        join_nodes(config, copy.course, "second")
    close(nodes, copy)


def test_every_machine_learns_from_its_own_file(lab: Lab, tmp_path: Path) -> None:
    config = lab.config("data.train=own.tsv")
    copy = copy_of(config, tmp_path)
    nodes = join_nodes(config, copy.course, "own")
    assert go_round(nodes, copy, 5) == ["", ""]
    truths = [node.truth(5) for node in nodes]
    assert truths[0] is not None
    assert truths[1] is not None
    assert truths[0].losses != truths[1].losses  # films here, stories there
    close(nodes, copy)
    (tmp_path / "other").mkdir()
    missing = copy_of(lab.config("data.train=only-here.tsv"), tmp_path / "other")
    missing.learning.close()
    with pytest.raises(CommandFailed, match=r"lab0/only-here\.tsv"):
        join_nodes(lab.config("data.train=only-here.tsv"), missing.course, "missing")


class Recorder:
    """Keeps every byte that agents answer, by the method that was called."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.said: list[tuple[str, bytes]] = []
        answer = Agent.answer
        methods: dict[Any, str] = {}

        def noting(begin: Callable[..., Any]) -> Callable[..., Any]:
            def noted(agent: Agent[Any], method: str, *arguments: object) -> Any:
                begun = begin(agent, method, *arguments)
                methods[begun] = method
                return begun

            return noted

        def noted_answer(agent: Agent[Any], begun: Any, timeout_s: float = 0.0) -> bytes:
            said = answer(agent, begun, timeout_s)
            self.said.append((methods[begun], said))
            return said

        monkeypatch.setattr(Agent, "begin", noting(Agent.begin))
        monkeypatch.setattr(Agent, "begin_apart", noting(Agent.begin_apart))
        monkeypatch.setattr(Agent, "answer", noted_answer)

    def taken(self) -> list[tuple[str, bytes]]:
        """Return what was said since the last time, without what is of the clock or of a start."""
        said, self.said = self.said, []
        kept = [(method, data) for method, data in said if method != "clock_s"]
        return [(m, _of_no_start(data) if m == "join" else data) for m, data in kept]


def _of_no_start(answer: bytes) -> bytes:
    """Return what a node said when it joined, without the mark that a radio has of each start."""
    joined = from_bytes(Joined, from_bytes(Answer, answer).data)
    info = dataclasses.replace(joined.info, init_id="")
    return to_bytes(msgspec.structs.replace(joined, info=info))


def private_traffic(config: Config, folder: Path, recorder: Recorder) -> list[tuple[str, bytes]]:
    folder.mkdir()
    copy = copy_of(config, folder)
    recorder.taken()
    nodes = join_nodes(config, copy.course, folder.name)
    for index in range(3):
        for node in nodes:
            node.announce(Announcement(index, (index,)))
        assert [node.ready().absent_reason for node in nodes] == ["", ""]
        for node in nodes:
            for send, order in (
                (node.sound, SoundingOrder(index, 0)),
                (node.send, private_order(index)),
            ):
                send(order)  # type: ignore[arg-type]
                node.sent(1.0)
                node.silence()
        for node in nodes:
            node.apply(Outcome(index, (0.25,)))
        assert [node.truth(index) for node in nodes] == [None, None]
    close(nodes, copy)
    return recorder.taken()


def private_order(index: int) -> PayloadOrder:
    return PayloadOrder(index, (0.1, 0.0), 0.0, 0.0, 0, True, 2, 1e4, 4e4, 0.01)


def test_what_real_actors_say_in_a_private_run_does_not_depend_on_their_data(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(monkeypatch)
    losses, traffic = [], []
    for name, line in (("films", "a fine film\t1\na dull film\t0\n"), ("odd", "grim\t1\nfun\t0\n")):
        for place in range(2):
            home = lab.config_file.parent / f"lab{place}"
            (home / "told.tsv").write_text("sentence\tlabel\n" + line * 8)
        config = lab.config("data.train=told.tsv")
        (tmp_path / name).mkdir()
        copy = copy_of(config, tmp_path / name)
        nodes = join_nodes(config, copy.course, name)
        go_round(nodes, copy, 1)
        losses.append([node.truth(1) for node in nodes])
        close(nodes, copy)
        private = lab.config("data.train=told.tsv", *PRIVATE, "run.rounds=200")
        traffic.append(private_traffic(private, tmp_path / f"{name}-private", recorder))
    assert losses[0][0] != losses[1][0]  # which open nodes do tell
    assert traffic[0] == traffic[1]
    assert {"join", "follow", "announce", "sound", "send", "sent", "silence", "truth"} <= {
        method for method, _ in traffic[0]
    }


def test_an_owner_s_limits_hold_whoever_orders(lab: Lab) -> None:
    lab.machines.come("strict", lab.nodes[1], limits=Limits(bands_hz=((433e6, 434e6),)))
    config, copy = lab.config("clients.source=synthetic"), modelless_copy()
    strict = config.radio.nodes[1].replace("lab1", "strict")
    config = lab.config(
        "clients.source=synthetic", f'radio.nodes=["{config.radio.nodes[0]}", "{strict}"]'
    )
    with pytest.raises(CommandFailed, match=r"strict:virtual-node-1: .*allows 433 to 434 MHz"):
        join_nodes(config, copy.course, "limits")
    lab.machines.go("strict")


def test_a_machine_joins_and_leaves_by_command(lab: Lab) -> None:
    command = [sys.executable, "-m", "sdr_ota.cli", "node", "shed", "--radio", lab.nodes[1]]
    command += ["--band", "914e6:916e6", "--address", lab.machines.address, "--without-token"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as node:
        try:
            assert node.stdout is not None
            assert "joins the cluster" in node.stdout.readline()
            until(lambda: names_with(RADIO).get("shed") == 1.0)
            node.send_signal(signal.SIGTERM)
            assert node.wait(60) == INTERRUPTED
            assert f'"{lab.nodes[1]},host=shed"' in node.stdout.read()
        finally:
            node.kill()
    until(lambda: names_with(RADIO).get("shed") is None)
