"""A node on a machine without a network: it opens its radio, listens, computes, sends and steps."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sdr_ota.assembly.air_only import air_setup, key_path, run_identity
from sdr_ota.assembly.learning import WEIGHTS
from sdr_ota.assembly.model_learning import with_sentences
from sdr_ota.assembly.node import check_limits
from sdr_ota.assembly.privacy import encoder_of
from sdr_ota.config.load import Config, ConfigError, load_config
from sdr_ota.config.parts import air_time_account, link_of
from sdr_ota.downlink.air_node import AirNode
from sdr_ota.downlink.frames import ReceivedMessage
from sdr_ota.downlink.key_file import KeptNumber, KeyFileError, kept_number
from sdr_ota.downlink.listening import listen
from sdr_ota.downlink.messages import AirAnnouncement, AirOutcome
from sdr_ota.downlink.progress import Progress, first_hash
from sdr_ota.downlink.setup import TIMEOUT_S, AirSetup
from sdr_ota.failure import INTERRUPTED, NO_RADIO, WRONG_USE, CommandFailed
from sdr_ota.process.interruption import Interruption
from sdr_ota.radio.address import AddressError, open_radios
from sdr_ota.radio.base import RadioError, SettingNotTaken
from sdr_ota.radio.limited import LimitedRadio, Limits
from sdr_ota.radio.normal_form import normal_form
from sdr_ota.rounds.encoder import PowerLimitError
from sdr_ota.rounds.node import LocalNode
from sdr_ota.rounds.opening import sender_of
from sdr_ota.runs.replaced_file import replace_file

if TYPE_CHECKING:
    from sdr_ota.assembly.node_client import NodeClient

_log = logging.getLogger(__name__)

CAPTURE_LEADS = 0.5
"""Length of a capture in leads: what it orders is then still ahead."""


@dataclass
class Notes:
    """What a node without cables notes of what the server says.

    Attributes:
        n_rounds: Of the run; it is over with the last one's outcome.
        number: Of the last message that was taken, on the disk.
        last_round: That was announced; -1 for none.
        is_over: Whether the last outcome has been received.
    """

    n_rounds: int
    number: KeptNumber
    last_round: int = -1
    is_over: bool = False

    def taken(self, received: ReceivedMessage) -> None:
        """Note a message."""
        self.number.keep(received.stamp.sequence)
        match received.message:
            case AirAnnouncement() as announced:
                self.last_round = announced.round
            case AirOutcome() as outcome:
                self.is_over = outcome.round + 1 >= self.n_rounds


@dataclass(frozen=True)
class NodeEnd:
    """How a node has ended.

    Attributes:
        node: Its place on the bench.
        last_round: That it heard announced; -1 for none.
        n_steps: That its model has taken.
        journal: Hash of these, in hexadecimal digits; the server's is the same.
        checksum: Of its weights; empty without a model.
    """

    node: int
    last_round: int
    n_steps: int
    journal: str
    checksum: str


def air_only_node(
    address: str, experiment: Path, limits: Limits, folder: Path | None = None
) -> NodeEnd:
    """Take part in a run by the air alone, until its last round.

    Args:
        address: Of this machine's radio, as it stands in the run's ``radio.nodes``.
        experiment: The run's config file.
        limits: What the radio's owner allows; without bands those of the config.
        folder: For the weights and for how it ended; one for each node, None for one here that is
            called after its place.

    Raises:
        CommandFailed: If it cannot begin, its radio has gone, or it is interrupted.
    """
    try:
        config = load_config(experiment)
    except ConfigError as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    home = experiment.parent
    place, setup = _place(config, address), air_setup(config, home)
    path, limits = key_path(config, home), _owners(limits, config)
    folder = Path(f"air-only-node-{place}") if folder is None else folder
    with Interruption(), _refusing(place):
        folder.mkdir(parents=True, exist_ok=True)
        client = with_sentences(lambda: _client(config, place, home))
        with (
            kept_number(path.with_name(f"{path.name}.taken-{place}"), -1) as number,
            open_radios((address,), air_time_account(config)) as (radio,),
        ):
            limited = LimitedRadio(radio, limits, folder / "air-time.json")
            notes = Notes(config.run.rounds, number)
            node = _node(config, setup, limited, place, client, notes)
            try:
                _listen(limited, node, setup, notes)
            finally:
                end = _ended(place, node, notes, client, folder)
    return end


def _place(config: Config, address: str) -> int:
    """Return the place of a radio on the bench."""
    if config.clients.location != "air":
        raise CommandFailed(
            f'--air-only: clients.location = "{config.clients.location}" in the config; it must be '
            '"air"',
            WRONG_USE,
        )
    places = [normal_form(node) for node in config.radio.nodes]
    try:
        return places.index(normal_form(address))
    except AddressError as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    except ValueError:
        raise CommandFailed(
            f"--air-only {address}: the config's radio.nodes are {'; '.join(config.radio.nodes)}",
            WRONG_USE,
        ) from None


def _owners(limits: Limits, config: Config) -> Limits:
    """Return an owner's limits; without bands of its own, those that the config allows."""
    bands = limits.bands_hz or tuple((band.low_hz, band.high_hz) for band in config.band)
    check_limits(there := replace(limits, bands_hz=bands))
    return there


@contextmanager
def _refusing(place: int) -> Iterator[None]:
    """Turn what ends a node into a command's one sentence."""
    try:
        yield
    except KeyboardInterrupt:
        raise CommandFailed(f"node {place} was interrupted", INTERRUPTED) from None
    except (AddressError, KeyFileError, SettingNotTaken) as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    except RadioError as missing:
        raise CommandFailed(str(missing), NO_RADIO) from missing
    except OSError as full:
        raise CommandFailed(f"cannot write {full.filename}: {full.strerror or full}") from full


def _client(config: Config, place: int, home: Path) -> "NodeClient":
    """Load what computes; it needs torch only if there is a model."""
    from sdr_ota.assembly.node_client import node_client  # noqa: PLC0415

    return node_client(config, place, home)


def _node(
    config: Config,
    setup: AirSetup,
    radio: LimitedRadio,
    place: int,
    client: "NodeClient",
    notes: Notes,
) -> AirNode:
    """Set the radio and join it with what computes."""
    settings = radio.configure(setup.settings)
    if not (radio.info.is_full_duplex and radio.info.has_hardware_time):
        raise SettingNotTaken(
            f"{radio.info.serial} cannot take part without cables: it must have hardware time and "
            "send and receive at the same time"
        )
    sender = sender_of(True, link_of(config), setup.sample_rate_hz)
    encoder = encoder_of(config, place, client.sampling_rate)
    local = LocalNode(place, client.start(), radio, sender, encoder, settings=settings)
    identity = run_identity(config, client.base_checksum, client.fingerprint)
    progress = Progress(first_hash(identity))
    return AirNode(place, local, setup, progress, notes.number.value, notes.taken)


def _listen(radio: LimitedRadio, node: AirNode, setup: AirSetup, notes: Notes) -> None:
    """Take what the server says until the run is over.

    Raises:
        CommandFailed: If the client cannot go on.
    """
    n_samples = round(CAPTURE_LEADS * setup.times.node_lead)
    _log.warning("%s listens at %g MHz", radio.info.serial, setup.settings.center_freq_hz / 1e6)
    from zo_core.client import LossNotFiniteError  # noqa: PLC0415 - it needs torch, which is there
    from zo_core.stepping.update import UpdateNotFiniteError  # noqa: PLC0415

    try:
        listen(radio, node, setup, n_samples, lambda: notes.is_over, TIMEOUT_S)
    except (LossNotFiniteError, PowerLimitError, UpdateNotFiniteError) as lost:
        raise CommandFailed(f"{lost}; node ends") from lost


def _ended(place: int, node: AirNode, notes: Notes, client: "NodeClient", folder: Path) -> NodeEnd:
    """Write a node's weights, and how it has ended, into its folder."""
    checksum, journal = client.save(folder / WEIGHTS, node.n_steps), node.progress.journal.hex()
    end = NodeEnd(place, notes.last_round, node.n_steps, journal, checksum)
    replace_file(folder / "end.json", json.dumps(asdict(end), indent=2).encode())
    return end
