"""From a config to the server of a run without cables, and what it and its nodes agreed on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sdr_ota.assembly.control_row import refuse_busy_band
from sdr_ota.config.digest import config_digest
from sdr_ota.config.load import Config
from sdr_ota.config.parts import control_format, link_of, settings_of, shares_reference
from sdr_ota.downlink.air_server import AirServer
from sdr_ota.downlink.key_file import KeyFileError, kept_number, read_key
from sdr_ota.downlink.messages import AirAnnouncement
from sdr_ota.downlink.progress import StepLog, first_hash
from sdr_ota.downlink.sealing import RunKey
from sdr_ota.downlink.setup import AirSetup, AirTimes
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.radio.base import Radio
from sdr_ota.runs.run_folder import read_rounds


def key_path(config: Config, home: Path) -> Path:
    """Return where the key of a run is.

    Args:
        config: The experiment.
        home: Folder to which file names in it are relative.
    """
    return home / Path(config.radio.key_file).expanduser()


def air_setup(config: Config, home: Path) -> AirSetup:
    """Return what server and nodes of a run have agreed on.

    Args:
        config: The experiment.
        home: Folder to which file names in it are relative.

    Raises:
        CommandFailed: If there is no key that can be used.
    """
    control, link, rate_hz = control_format(config), link_of(config), config.radio.sample_rate_hz
    lead = round(config.radio.lead_s * rate_hz)
    try:
        key = RunKey(read_key(key_path(config, home)), control.bench)
    except KeyFileError as unusable:
        raise CommandFailed(str(unusable), WRONG_USE) from unusable
    return AirSetup(
        n_nodes=config.clients.count,
        key=key,
        control=control,
        frame=link.frame,
        settings=settings_of(config),
        max_cfo=config.link.max_cfo_hz / rate_hz,
        times=AirTimes(lead, lead, config.radio.compute_s),
        has_own_clocks=not shares_reference(config),
    )


def run_identity(config: Config, base_checksum: str, fingerprint: str) -> bytes:
    """Return what a node must have in common with the server to take part.

    Args:
        config: The experiment.
        base_checksum: Of the weights before the first step.
        fingerprint: Of the directions.
    """
    return "\n".join((config_digest(config), base_checksum, fingerprint)).encode()


def steps_so_far(identity: bytes, folder: Path, n_steps: int | None = None) -> StepLog:
    """Return the steps of a run that were taken before, as nodes have hashed them.

    Args:
        identity: Of the run.
        folder: Of the run.
        n_steps: How many of them count; None for all.
    """
    log = StepLog(first_hash(identity))
    good = [done for done in read_rounds(folder) if done.mean_scalar is not None]
    for done in good[:n_steps]:
        log = log.with_step(AirAnnouncement(done.round, (done.seed,), b""), done.mean_scalars)
    return log


@contextmanager
def speaking_server(config: Config, home: Path, radio: Radio, log: StepLog) -> Iterator[AirServer]:
    """Open what tells nodes by control frames what to do.

    Args:
        config: The experiment.
        home: Folder to which file names in it are relative.
        radio: The server's, open and set.
        log: Steps so far.

    Raises:
        CommandFailed: If key, radio or band cannot be used.
    """
    if not radio.info.is_full_duplex:
        raise CommandFailed(
            f"{radio.info.serial} cannot send and receive at the same time: the server of nodes "
            "without cables needs a radio that can",
            WRONG_USE,
        )
    refuse_busy_band(config)
    setup, path = air_setup(config, home), key_path(config, home)
    try:
        with kept_number(path.with_name(f"{path.name}.sent"), 0) as number:
            yield AirServer(radio, setup, log, number.value, number.keep)
    except KeyFileError as unusable:
        raise CommandFailed(str(unusable), WRONG_USE) from unusable
