"""What the files of a run folder hold, besides the rounds: types that are checked on reading.

Keys that this version does not know are let through: a later version may have written them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt
from pydantic_core import to_json

from sdr_ota.rounds.round import RoundResult, sum_by_sum
from sdr_ota.runs.read_records import RunFolderError, parse_record

_Duration: TypeAlias = Annotated[float, Field(ge=0, le=1e60)]
Ending: TypeAlias = Literal["success", "abort", "fail"]

_NOT_NEGATIVE = (
    "round",
    "seed",
    "decoded_std",
    "chips_std",
    "decode_factor",
    "theory_error",
    "noise_power",
    "largest_scalar",
    "clipped_share",
    "clipped_example_share",
    "sounding_s",
    "exchange_s",
    "compute_s",
)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How good the model is after some rounds.

    Attributes:
        rounds_done: Rounds before this evaluation.
        score: Of the held-out examples; start.json names it (accuracy, F1).
        loss: Their mean loss in nats; None where it is not finite, and in records of versions
            that did not write it.
        label_scores: By label, the share of its examples that were given it; empty for answers
            in free text, and in records of versions that did not write it.
    """

    rounds_done: int
    score: float
    loss: float | None = None
    label_scores: Mapping[str, float] = field(default_factory=dict)


class _Record(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class ConfigTables(_Record):
    """A configuration as far as reports look into it; `restore_config` checks all of it."""

    run: dict[str, Any] = {}
    model: dict[str, Any] = {}
    data: dict[str, Any] = {}
    clients: dict[str, Any] = {}
    zo: dict[str, Any] = {}
    frame: dict[str, Any] = {}
    link: dict[str, Any] = {}
    privacy: dict[str, Any] = {}
    air: dict[str, Any] = {}
    radio: dict[str, Any] = {}


class Resume(_Record):
    """One line of ``resumes`` in ``start.json``: a run that went on.

    Attributes:
        at: When, ISO 8601 with time zone.
        from_round: First round done after it.
        more_rounds: Rounds that were added to the plan.
        versions: Of the program and its libraries.
        git: Commit of the code; None outside a checkout.
        ended_before: What ``stop.json`` said; None after a crash.
    """

    at: str
    from_round: NonNegativeInt
    more_rounds: NonNegativeInt = 0
    versions: dict[str, str] = {}
    git: str | None = None
    ended_before: dict[str, Any] | None = None


class RunStart(_Record):
    """``start.json``."""

    config: ConfigTables = ConfigTables()
    config_digest: str = ""
    config_file: str = ""
    home: str = ""
    began_at: str = ""
    payload: Literal["analog", "sign"] = "analog"
    scalar_limit: Annotated[float, Field(gt=0)] | None = None
    n_parameters: NonNegativeInt | None = None
    score_name: Annotated[str, Field(pattern=r"^[\w .-]{1,40}$")] = "accuracy"
    unknown_token_share: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    air_s_per_round: _Duration | None = None
    gradient_air_s_per_round: _Duration | None = None
    radios: list[dict[str, Any]] = []
    versions: dict[str, str] = {}
    git: str | None = None
    machine: str = ""
    device: str | None = None
    resumes: list[Resume] = []


class RunStop(_Record):
    """``stop.json``."""

    ended_at: str = ""
    ending: Ending
    why: str = ""
    peak_memory_bytes: NonNegativeInt | None = None


class SoundingLine(_Record):
    """One line of ``soundings.jsonl``: what is needed to cut the file."""

    round: NonNegativeInt


class JournalStart(_Record):
    """First line of ``journal.jsonl``: what of it is not the learning core's own."""

    experiment: str = ""


class JournalLine(_Record):
    """One line of ``journal.jsonl`` after the first: an update, or a checksum of the weights."""

    update: NonNegativeInt | None = None
    seed: NonNegativeInt = 0
    scalar: float = 0.0
    learning_rate: float = 0.0
    n_updates: NonNegativeInt = 0
    checksum: str = ""


def round_of(line: Mapping[str, object], place: str = "the round") -> RoundResult:
    """Return the result that a line holds; keys that this version does not know are left out.

    Raises:
        RunFolderError: If it holds none.
    """
    return check_round(parse_record(to_json(line), RoundResult, place), place)


def check_round(result: RoundResult, place: str) -> RoundResult:
    """Return a round whose numbers can be those of a round.

    Raises:
        RunFolderError: With the field that cannot.
    """
    for one, name in product(sum_by_sum([result]), _NOT_NEGATIVE):
        value = getattr(one, name)
        if value is not None and value < 0:
            raise RunFolderError(f"{place} is damaged: {name}: {value} is negative")
    if any(node < 0 for node in result.active_nodes):
        raise RunFolderError(f"{place} is damaged: active_nodes: a node is negative")
    return result


def n_symbols_of(start: Mapping[str, Any]) -> int:
    """Return how many symbols of a node a run's frames carry.

    Args:
        start: A start record that was checked on reading.
    """
    symbols = start.get("config", {}).get("frame", {}).get("symbols")
    return symbols if isinstance(symbols, int) and symbols > 0 else 1


def planned_rounds(start: Mapping[str, Any]) -> int:
    """Return how many rounds a run is to have: its configuration's and those added later.

    Args:
        start: A start record that was checked on reading.
    """
    planned = start.get("config", {}).get("run", {}).get("rounds")
    more: int = sum(resume.get("more_rounds", 0) for resume in start.get("resumes", []))
    return (planned if isinstance(planned, int) else 0) + more


def is_private(start: Mapping[str, Any]) -> bool:
    """Return whether a run makes a promise of privacy.

    Args:
        start: A start record that was checked on reading.
    """
    privacy = start.get("config", {}).get("privacy", {})
    return bool(privacy.get("protect", "nothing") != "nothing")
