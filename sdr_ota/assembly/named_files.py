"""Whether the files that a config names are still those with which a run began."""

from collections.abc import Mapping
from hashlib import file_digest
from pathlib import Path

from sdr_ota.assembly.resumed_run import ResumedRun
from sdr_ota.config.load import Config
from sdr_ota.runs.read_records import RunFolderError


def file_digests(config: Config, home: Path) -> Mapping[str, str]:
    """Return SHA-256 of every file that an experiment is made with, by the key that names it.

    Files of other machines and data sets by name are left out. So are the data of a private run:
    with their digest somebody who knows all records but one could try out the last.

    Args:
        config: The experiment.
        home: Folder to which names are relative.
    """
    named = {"air.channel": config.air.channel, "air.interferer": config.air.interferer}
    if config.privacy.protect == "nothing" and config.clients.source == "model":
        named |= {"data.train": config.data.train, "data.held_out": config.data.held_out}
    paths = {key: home / Path(name).expanduser() for key, name in named.items() if name}
    found = {key: _digest(path) for key, path in paths.items()}
    return {key: digest for key, digest in found.items() if digest}


def check_named_files(earlier: ResumedRun) -> None:
    """Refuse to go on with other files than a run began with.

    Raises:
        RunFolderError: With what was changed.
    """
    start = earlier.run.start
    now = file_digests(earlier.config, Path(start["home"]))
    for key, was in start.get("files", {}).items():
        if now.get(key) == was:
            continue
        name = getattr(getattr(earlier.config, key.split(".")[0]), key.split(".")[1])
        found = f"its SHA-256 is {now[key][:12]}..." if key in now else "it is not there"
        raise RunFolderError(
            f'{earlier.run.folder} began with another {key} = "{name}" (SHA-256 {was[:12]}...; '
            f"{found}): put the one back that it began with, or start a new run"
        )


def _digest(path: Path) -> str:
    """Return SHA-256 of a file; nothing of one that cannot be read: who reads it says so."""
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
