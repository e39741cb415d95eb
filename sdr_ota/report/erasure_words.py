"""What to check first when rounds are lost, for the scheme and the radios in use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pydantic import ValidationError

from sdr_ota.config.tables import RadioTable
from sdr_ota.erasure import Reason
from sdr_ota.schemes import built_in_schemes, load_scheme

Radios: TypeAlias = Literal["simulated", "cyclic", "timed"]
"""Simulated; real ones that repeat a frame (stock Plutos); real ones with hardware time."""


@dataclass(frozen=True)
class Situation:
    """What decides where a lost round's cause is looked for first.

    Attributes:
        needs_phase: Whether the scheme adds amplitudes; None of a plug-in, which is not loaded to
            read a record.
        radios: How they send.
        sounding_every: Rounds between two soundings.
        lead_s: From an order until its frame begins.
        max_cfo_hz: Largest carrier offset that is looked for.
    """

    needs_phase: bool | None = None
    radios: Radios = "simulated"
    sounding_every: int = 1
    lead_s: float = 0.05
    max_cfo_hz: float = 60e3


def situation_of(start: Mapping[str, Any]) -> Situation:
    """Return scheme and radios of a run, from its start record; defaults where it says nothing."""
    config = start.get("config")
    tables = config if isinstance(config, Mapping) else {}
    link = tables.get("link", {})
    try:
        radio = RadioTable.model_validate(tables.get("radio", {}))
    except ValidationError:  # a record of another version
        radio = RadioTable()
    scheme = link.get("scheme")
    return Situation(
        load_scheme(scheme).needs_phase if scheme in built_in_schemes() else None,
        "simulated" if radio.is_simulated else "cyclic" if radio.sends_cyclic_frames else "timed",
        int(link.get("sounding_every", 1)),
        radio.lead_s,
        float(link.get("max_cfo_hz", 60e3)),
    )


def first_check(reason: str, here: Situation) -> str:
    """Return what to check first for a reason of `Erasure`; empty for an unknown word."""
    words = _FIRST.get(reason)
    return words(here) if words else ""


def steadier_sum(here: Situation) -> str:
    """Return what makes sums hold better on the same paths."""
    often = "sound before every round: link.sounding_every = 1"
    if here.needs_phase:
        energies = "link.scheme = energy-difference or fsk-vote, which need no phases"
        return f"{often}; or {energies}" if here.sounding_every > 1 else f"try {energies}"
    if here.sounding_every > 1:
        return often
    return "more payload chips (frame.payload_chips), or more level over the noise"


def _not_found(here: Situation) -> str:
    offset = f"carrier offsets beyond link.max_cfo_hz = {here.max_cfo_hz:g}"
    if here.radios == "simulated":
        return f"air.preset: levels near the noise, {offset}"
    sends = "whether the node sends at all: its power and cable, then sdr-ota probe ADDRESS"
    if here.radios == "cyclic":
        return f"{sends}; then {offset}"
    return f"{sends}; then the common time source (time_source, trigger) and {offset}"


def _saturated(here: Situation) -> str:
    if here.radios == "simulated":
        return "link.peak_amplitude: lower it by half, or choose an air.preset with less level"
    return "the level at the receiver: lower radio.rx_gain_db by 6, or add 6 dB of attenuation"


def _gain_changed(here: Situation) -> str:
    moves = {
        "simulated": "air.preset: its paths change between sounding and payload",
        "cyclic": "what moves: cables, antennas, an automatic gain, boards still warming up",
        "timed": "what moves: cables, antennas, an automatic gain; a 10 MHz reference that is lost",
    }[here.radios]
    return f"{moves}; then {steadier_sum(here)}"


def _late(here: Situation) -> str:
    lead = f"radio.lead_s = {here.lead_s:g}"
    if here.radios == "simulated":
        return f"{lead}: raise it above what an order takes (air.control_latency_s)"
    if here.radios == "cyclic":
        return "the host's load: boards that repeat a frame keep no start time"
    return f"{lead}: sdr-ota calibrate timing says what this host needs; then the host's load"


def _interference(here: Situation) -> str:
    if here.radios == "simulated":
        return "air.preset: its interference; then frame.bench, if two benches share one air"
    return (
        "who else sends: another frequency (radio.center_freq_hz), another frame.bench; then lost "
        "samples (the host's load, USB)"
    )


def _radio(here: Situation) -> str:
    if here.radios == "simulated":
        return "the last one's own words: a simulated radio fails only where it is told to"
    cable = "USB or Ethernet cable and power of the radio that is named, then the host's load"
    return f"{cable}; sdr-ota find lists what answers"


def _no_plan(here: Situation) -> str:
    if here.radios == "simulated":
        return (
            "air.preset: no node is above the noise, or carrier offsets exceed "
            f"link.max_cfo_hz = {here.max_cfo_hz:g}"
        )
    return (
        "whether anything arrives: one node, its cable, radio.center_freq_hz, more "
        f"radio.rx_gain_db; then link.max_cfo_hz = {here.max_cfo_hz:g}"
    )


def _host(here: Situation) -> str:
    return "the nodes' programs: whether sdr-ota node runs there, and the network between"


def _schedule(here: Situation) -> str:
    return "nothing is wrong: privacy.schedule skips rounds so that others are louder"


_FIRST: Mapping[Reason | str, Callable[[Situation], str]] = {
    "not-found": _not_found,
    "saturated": _saturated,
    "gain-changed": _gain_changed,
    "late": _late,
    "interference": _interference,
    "radio": _radio,
    "no-plan": _no_plan,
    "host": _host,
    "schedule": _schedule,
}
