"""What is known before the first round: config, machine, versions, radios."""

import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

from sdr_ota.assembly.named_files import file_digests
from sdr_ota.assembly.resumed_run import ResumedRun
from sdr_ota.config.air_time import air_s_per_round
from sdr_ota.config.digest import config_digest
from sdr_ota.config.load import Config
from sdr_ota.rounds.exchange import Bench


def start_record(config: Config, home: Path, bench: Bench) -> Mapping[str, object]:
    """Return all that is known before model and data are loaded.

    Args:
        config: The resolved configuration.
        home: Folder to which file names in it are relative.
        bench: The radios.
    """
    return {
        "config": config.model_dump(mode="json"),
        "config_digest": config_digest(config),
        "home": str(home.resolve()),
        "files": file_digests(config, home),
        "payload": config.link.payload,
        "air_s_per_round": air_s_per_round(config),
        # Nodes elsewhere have not joined yet: what is written once is written when all are known.
        **({} if config.clients.are_elsewhere else radios_of(bench)),
        "versions": _versions(),
        "git": _git_state(),
        "machine": platform.platform(),
    }


def radios_of(bench: Bench) -> Mapping[str, object]:
    """Return the radios of a bench and their settings in force."""
    return {
        "radios": [asdict(info) for info in bench.infos],
        "settings": [asdict(settings) for settings in bench.settings],
    }


def resume_line(start: Mapping[str, object], earlier: ResumedRun) -> Mapping[str, object]:
    """Return what a start record says of a run that goes on.

    Args:
        start: What is known now, as `start_record` returns it.
        earlier: What was done before.
    """
    changing = ("versions", "git", "machine", "device", "radios", "settings", "calibration")
    return {
        "from_round": earlier.next_round,
        "more_rounds": earlier.more_rounds,
        **{name: start[name] for name in changing if name in start},
    }


def _versions() -> Mapping[str, str]:
    names = ("sdr-ota", "numpy", "scipy", "torch", "transformers", "numba")
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _git_state() -> str | None:
    """Return the commit of the code, marked if it was changed; None outside a checkout."""
    commit = _git("describe", "--always")
    return commit and commit + ("-dirty" if _git("status", "--porcelain", "-uno") else "")


def _git(*arguments: str) -> str | None:
    """Return what git says, without its lock: a run that is killed leaves none behind."""
    command = ["git", "--no-optional-locks", *arguments]
    home = Path(__file__).parent
    try:
        said = subprocess.run(command, cwd=home, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return said.stdout.strip()
