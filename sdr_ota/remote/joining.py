"""What a node on another machine is told when it joins a run, and what it says of itself."""

import re
import time
from importlib import metadata

import msgspec

from sdr_ota.radio.base import RadioInfo
from sdr_ota.remote.cluster import ClusterError
from sdr_ota.types import RadioSettings

CLOCK_LIMIT_S = 1.0
"""Machines whose clocks differ by more write records that cannot be put in order."""

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class JoinOrder(msgspec.Struct, frozen=True, array_like=True):
    """Become a node of a run.

    Attributes:
        config: Of the run, as JSON; file names in it are those of the node's machine.
        index: Which node it is.
        address: Of its radio, on its machine.
        run_id: Names the run; the node's ledger of it lies under this name.
        is_continued: Whether the node has joined this run before: its ledger must be there.
    """

    config: bytes
    index: int
    address: str
    run_id: str
    is_continued: bool = False


class Joined(msgspec.Struct, frozen=True, array_like=True):
    """What a node says of itself; the server compares it with its own.

    Attributes:
        info: Its radio.
        settings: In force.
        has_pulse: Whether its time can be set at a pulse per second.
        version: Of this software there.
        fingerprint: Of the directions that it makes; empty without a model.
        base_checksum: Of the weights that it has loaded; empty without a model.
    """

    info: RadioInfo
    settings: RadioSettings
    has_pulse: bool
    version: str
    fingerprint: str = ""
    base_checksum: str = ""


def check_run_id(run_id: str) -> str:
    """Return a run's name if it can name a folder and nothing else.

    Raises:
        ValueError: If it cannot.
    """
    if not _RUN_ID.fullmatch(run_id) or ".." in run_id:
        raise ValueError(f"{run_id!r} does not name a run: letters, digits, dots and dashes only")
    return run_id


def check_alike(host: str, joined: Joined, fingerprint: str, base_checksum: str) -> None:
    """Compare what another machine says of itself with this one.

    Args:
        host: Its name.
        joined: What it says.
        fingerprint: Of the directions here.
        base_checksum: Of the weights here.

    Raises:
        ClusterError: Naming the first difference.
    """
    here = (
        ("version of sdr-ota", joined.version, metadata.version("sdr-ota")),
        ("directions", joined.fingerprint, fingerprint),
        ("base weights", joined.base_checksum, base_checksum),
    )
    for what, found, expected in here:
        if found != expected:
            raise ClusterError(
                f"{host} has other {what}: {found or 'none'} there, {expected or 'none'} here; "
                "machines that learn together need the same software and the same model folder"
            )


def check_clock(host: str, asked_s: float, there_s: float) -> None:
    """Compare another machine's clock with this one.

    Args:
        host: Its name.
        asked_s: When it was asked, by this clock.
        there_s: What it answered.

    Raises:
        ClusterError: If they differ by more than the limit and what the question took.
    """
    answered_s = time.time()
    offset_s = there_s - (asked_s + answered_s) / 2
    if abs(offset_s) > CLOCK_LIMIT_S + (answered_s - asked_s) / 2:
        raise ClusterError(
            f"the clock of {host} is {offset_s:+.2f} s off this machine's (limit "
            f"{CLOCK_LIMIT_S:g} s): let both follow a time server"
        )
