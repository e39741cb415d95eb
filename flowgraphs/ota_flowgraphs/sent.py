"""How that which a receiver flowgraph receives was sent: a recording of ours says it itself."""

import math
from dataclasses import dataclass
from pathlib import Path

from ota_flowgraphs.iq_address import read_iq_address
from ota_flowgraphs.recorded_round import RecordedRound, recorded_round
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.signal.iq_file import read_iq_file
from sdr_ota.signal.iq_words import IqFileError

SAME_LEVEL = 1e-3
"""Relative difference up to which a level that was typed is the one that was recorded."""


@dataclass(frozen=True)
class Asked:
    """Parameters of the flowgraph; a field at its default was not given.

    Attributes:
        sample_rate_hz: Samples a second.
        frame: Format of the frames.
        max_cfo: Largest carrier offset that is looked for, in cycles per sample.
        scheme: Name of an aggregation scheme.
        n_nodes: Nodes of the bench.
        rx_amplitude: Aligned chip amplitude at the receiver of a symbol of 1.
        seed: Of the nodes' pilots.
    """

    sample_rate_hz: float = 0.0
    frame: FrameFormat | None = None
    max_cfo: float = 0.0
    scheme: str = ""
    n_nodes: int = 0
    rx_amplitude: float = 0.0
    seed: int = -1


@dataclass(frozen=True)
class Sent:
    """What the flowgraph's blocks are told: the same fields, all known.

    Attributes:
        recorded: The round that the source holds; None if it is no recording of ours.
    """

    sample_rate_hz: float
    frame: FrameFormat
    max_cfo: float
    scheme: str
    n_nodes: int
    rx_amplitude: float
    seed: int
    recorded: RecordedRound | None = None


def sent_as(source: str, asked: Asked) -> Sent:
    """Return how a source's frames were sent.

    A recording of a round says all of it, any other recording its sample rate; of the rest counts
    what was asked for, and what was not is the default of a bench of four nodes.

    Args:
        source: Address, as in `ota_flowgraphs.iq_address`. A file that is not there is the source
            block's to refuse: a flowgraph is drawn before it is recorded.
        asked: The parameters.

    Raises:
        IqFileError: With one sentence, if a recording cannot be used, or says something else than
            was asked for.
    """
    read = read_iq_address(source)
    path = Path(read.options["path"]) if read.driver == "file" else None
    if path is None or not path.is_file():
        return _defaults(asked, 1e6)
    if (recorded := recorded_round(path)) is None:
        return _defaults(asked, read_iq_file(path).sample_rate_hz or 1e6)
    reception, link = recorded.reception, recorded.link
    found = Sent(
        sample_rate_hz=reception.sample_rate_hz,
        frame=link.frame,
        max_cfo=asked.max_cfo or link.max_cfo_hz / reception.sample_rate_hz,
        scheme=recorded.scheme,
        n_nodes=reception.n_nodes,
        rx_amplitude=reception.plan.rx_amplitude,
        seed=reception.seed,
        recorded=recorded,
    )
    _refuse_contradictions(path, asked, found)
    return found


def _defaults(asked: Asked, sample_rate_hz: float) -> Sent:
    return Sent(
        sample_rate_hz=asked.sample_rate_hz or sample_rate_hz,
        frame=asked.frame or FrameFormat(),
        max_cfo=asked.max_cfo or 0.06,
        scheme=asked.scheme or "coherent",
        n_nodes=asked.n_nodes or 4,
        rx_amplitude=asked.rx_amplitude or 0.05,
        seed=1 if asked.seed == Asked.seed else asked.seed,
    )


def _refuse_contradictions(path: Path, asked: Asked, found: Sent) -> None:
    for name in ("sample_rate_hz", "frame", "scheme", "n_nodes", "rx_amplitude", "seed"):
        wanted, said = getattr(asked, name), getattr(found, name)
        is_same = wanted in {said, getattr(Asked, name)}
        if name == "rx_amplitude":
            is_same = is_same or math.isclose(wanted, said, rel_tol=SAME_LEVEL)
        if not is_same:
            raise IqFileError(
                f"asked was {name} = {wanted}, but {path} says that it was sent with "
                f"{name} = {said}: leave the parameter out"
            )
