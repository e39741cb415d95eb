"""What server and nodes without cables read from a config, a key and a run folder."""

from dataclasses import replace
from pathlib import Path

import pytest

from sdr_ota.air.presets import AirPreset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.assembly import air_only_node
from sdr_ota.assembly.air_only import air_setup, run_identity, speaking_server, steps_so_far
from sdr_ota.config.load import load_config
from sdr_ota.downlink.air_server import AirServer
from sdr_ota.downlink.messages import AirAnnouncement
from sdr_ota.downlink.progress import StepLog, first_hash
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.radio.limited import Limits
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.rounds.messages import Announcement, Outcome
from sdr_ota.rounds.round import RoundResult
from sdr_ota.runs.run_folder import RunFolder
from sdr_ota.types import Samples

EXAMPLE = Path(__file__).parents[3] / "examples" / "no-cables.toml"
IDENTITY = b"this run"
NODE = "driver=soapy,device=otavirtual,port=30600,place=1"


def with_key(folder: Path, name: str = "no-cables.key") -> Path:
    key = folder / name
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    return key


def test_server_and_nodes_agree_from_one_config(tmp_path: Path) -> None:
    with_key(tmp_path)
    config = load_config(EXAMPLE)
    setup = air_setup(config, tmp_path)
    assert (setup.n_nodes, setup.has_own_clocks) == (4, True)
    assert setup.control.bench == setup.key.bench == setup.frame.bench
    assert setup.times.lead == setup.times.node_lead == 20_000
    other = load_config(EXAMPLE, ["zo.learning_rate=1e-3"])
    assert run_identity(config, "a", "b") != run_identity(other, "a", "b")
    assert run_identity(config, "a", "b") != run_identity(config, "c", "b")


def test_a_resumed_server_has_the_steps_that_nodes_have_taken(tmp_path: Path) -> None:
    """Erased rounds are none; the hashes are those of a server that never stopped."""
    folder = RunFolder.create(tmp_path)
    log = StepLog(first_hash(IDENTITY))
    for index, mean in enumerate((0.1, None, -1.0 / 3)):
        seed = 2**64 - 1 - index
        folder.append_round(
            RoundResult(index, seed, mean_scalar=mean, erasure=None if mean else "radio")
        )
        if mean is not None:
            log = log.with_step(AirAnnouncement(index, (seed,), b"any"), (mean,))
    assert steps_so_far(IDENTITY, folder.path) == log
    assert steps_so_far(IDENTITY, folder.path, 1).steps == log.steps[:1]


class FullDuplex(SimulatedRadio):
    """A receiver that sends, too, and notes how much."""

    n_sent = 0

    def transmit(self, samples: Samples, start_tick: int | None = None) -> None:
        self.n_sent += 1


def server_radio() -> FullDuplex:
    return FullDuplex(SimulatedAir(AirSettings(AirPreset("test"), 4, 1e6, 915e6, 1)), None)


def test_a_server_that_starts_again_goes_on_counting(tmp_path: Path) -> None:
    """Else its nodes refuse what it says as replayed."""
    with_key(tmp_path)
    config, log, numbers = load_config(EXAMPLE), StepLog(first_hash(IDENTITY)), []
    for start in range(2):
        with speaking_server(config, tmp_path, server_radio(), log) as server:
            numbers.append(server.sequence)
            server.announce(Announcement(start, (7,)))
            server.end(Outcome(start, (0.5,)))
            numbers.append(server.sequence)
    assert numbers == [0, 2, 2, 4]
    assert int((tmp_path / "no-cables.key.sent").read_text()) == 4


def test_a_number_that_cannot_be_written_down_is_not_used(tmp_path: Path) -> None:
    with_key(tmp_path)
    config, log, radio = load_config(EXAMPLE), StepLog(first_hash(IDENTITY)), server_radio()

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    server = AirServer(radio, air_setup(config, tmp_path), log, keep=full)
    with pytest.raises(OSError, match="No space left"):
        server.announce(Announcement(0, (7,)))
    assert radio.n_sent == 0


def test_a_server_that_cannot_send_while_it_receives_is_refused(tmp_path: Path) -> None:
    with_key(tmp_path)
    radio, log = server_radio(), StepLog(first_hash(IDENTITY))
    radio.info = replace(radio.info, is_full_duplex=False)
    with (
        pytest.raises(CommandFailed, match="send and receive at the same time"),
        speaking_server(load_config(EXAMPLE), tmp_path, radio, log),
    ):
        pass


@pytest.mark.parametrize(
    ("address", "setting", "limits", "words"),
    [
        ("driver=soapy,device=uhd,serial=1", "", Limits(), r"radio.nodes are driver=soapy"),
        (NODE, 'location = "server"', Limits(), r'clients.location = "server".*must be'),
        (NODE, "", Limits(((2e6, 1e6),)), "lower edge comes first"),
        (NODE, 'location = "air"', Limits(), "there is no key"),
    ],
)
def test_a_node_that_cannot_begin_says_why_before_its_radio_is_opened(
    address: str, setting: str, limits: Limits, words: str,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(air_only_node, "open_radios", None)
    experiment = tmp_path / "run.toml"
    text = EXAMPLE.read_text(encoding="utf-8")
    experiment.write_text(text.replace('location = "air"', setting or 'location = "air"'))
    if "no key" not in words:
        with_key(tmp_path)
    with pytest.raises(CommandFailed, match=words) as refused:
        air_only_node.air_only_node(address, experiment, limits, tmp_path / "node")
    assert refused.value.exit_code == WRONG_USE
