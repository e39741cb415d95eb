"""What a calibration brought: measurements by kind, and a verdict for every node."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from ota_calibration.measure.latency import Spread, advised_lead_s, latency_measurements
from ota_calibration.measure.linearity import Linearity, ladder_amplitudes, measure_linearity
from ota_calibration.measure.measurement import Measurement
from ota_calibration.measure.noise_floor import NoiseFloor
from ota_calibration.measure.phase import StartPhases, phase_walk_rad2_per_s
from ota_calibration.measure.quantities import (
    cfo_measurements,
    front_end_measurements,
    gain_measurements,
    linearity_measurements,
    noise_measurements,
    phase_measurements,
    timing_measurements,
)
from ota_calibration.measure.record import RecordKey
from ota_calibration.measure.sounding_sequence import SequenceCapture, SoundingSequence
from ota_calibration.measure.survey import Survey
from ota_calibration.measure.verdict import LIMITS_DB, Fitness, Verdict, judge

from sdr_ota.config.air_time import planned_gap_s
from sdr_ota.config.chip_length import STARTS_PER_ARRIVAL
from sdr_ota.config.load import Config
from sdr_ota.config.parts import link_with
from sdr_ota.receiver.synchronisation import BurstNotFound
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.schemes import LinkQuality, load_scheme
from sdr_ota.schemes.gain_errors import oscillator_and_fading
from sdr_ota.signal.frame import FrameFormat

KINDS = ("noise-floor", "gain", "cfo", "timing", "phase", "linearity", "latency")

N_BURSTS = 16
"""Of a sequence: 22 ms at one million samples a second and the default frame."""

VALID_FOR: Mapping[str, timedelta] = {
    "gain": timedelta(hours=1),
    "cfo": timedelta(minutes=15),
    "timing": timedelta(hours=1),
    "phase": timedelta(minutes=15),
    "noise-floor": timedelta(days=1),
    "linearity": timedelta(days=7),
    "latency": timedelta(days=1),
}
"""How long records hold, by our choice: paths and crystals move within an hour, amplifiers and
noise figures do not, and what else a host has to do changes from day to day.
``calibration.max_age_s`` shortens all of them."""

SHARED_CLOCK_HZ = 1.0
"""Below this carrier offset a phase can be followed from start to start."""


@dataclass(frozen=True)
class NodeCaptures:
    """What was received of a node; without a survey, why nothing.

    ``command`` is how long its radio takes from an order to the antenna, if that was asked for.
    """

    serial: str
    survey: Survey | None = None
    ladders: Sequence[SequenceCapture] = ()
    starts: StartPhases | None = None
    silence: str = ""
    command: Spread | None = None


@dataclass(frozen=True)
class NodeResult:
    """A node, measured and judged.

    Attributes:
        serial: Of the device.
        key: What its measurements belong to.
        measured: By kind of calibration.
        survey: The observations behind them; None if it was not received or not asked.
        linearity: None if not asked for.
        starts: Its phases after starts; None if not asked for or without a meaning.
        link: What it would be in a sum; None with ``survey``.
        verdict: None if only the receiver was asked for.
        notes: One sentence for whatever a person should know.
    """

    serial: str
    key: RecordKey
    measured: Mapping[str, Sequence[Measurement]]
    survey: Survey | None
    linearity: Linearity | None
    starts: StartPhases | None
    link: LinkQuality | None
    verdict: Verdict | None
    notes: tuple[str, ...]

    def value(self, quantity: str) -> Measurement | None:
        """Return one of its measurements by name."""
        every = (m for measured in self.measured.values() for m in measured)
        return next((m for m in every if m.quantity == quantity), None)


@dataclass(frozen=True)
class BenchResult:
    """All of a calibration.

    Attributes:
        receiver: Key of the receiver's own measurements.
        floor: Its noise; None if not asked for.
        nodes: In node order.
        kinds: What was asked for.
        measured_at: When it ended.
        is_timed: Whether the radios have hardware time.
        gap: Times from soundings to payloads; None if not asked for, or without rounds.
    """

    receiver: RecordKey
    floor: NoiseFloor | None
    nodes: tuple[NodeResult, ...]
    kinds: tuple[str, ...]
    measured_at: datetime
    is_timed: bool
    gap: Spread | None = None

    @property
    def rounds(self) -> Sequence[Measurement]:
        """What was measured of whole rounds."""
        if self.gap is None:
            return ()
        clock = "the radios' time" if self.is_timed else "the clock on the wall"
        method = f"from soundings to payloads of rounds, in {clock}"
        return latency_measurements("sounding_to_payload", self.gap, method)

    def measurements(self) -> Iterator[tuple[RecordKey, str, Measurement]]:
        """Yield everything that becomes a record, with its key and kind."""
        if self.floor is not None:
            for measurement in noise_measurements(self.floor):
                yield self.receiver, "noise-floor", measurement
        for measurement in self.rounds:
            yield self.receiver, "latency", measurement
        for node in self.nodes:
            for kind, measured in node.measured.items():
                for measurement in measured:
                    yield node.key, kind, measurement


def keys_of(bench: Bench) -> list[RecordKey]:
    """Return what measurements belong to: first the receiver's, then the nodes' keys."""
    receiver, receiver_settings = bench.receiver, bench.settings[0]
    own = RecordKey(
        "",
        receiver.info.serial,
        "",
        receiver.info.init_id,
        receiver_settings.center_freq_hz,
        receiver_settings.sample_rate_hz,
        0.0,
        receiver_settings.rx_gain_db,
        receiver.temperature_c(),
    )
    return [own] + [
        replace(
            own,
            node=radio.info.serial,
            node_init_id=radio.info.init_id,
            tx_gain_db=settings.tx_gain_db,
            temperature_c=radio.temperature_c(),
        )
        for radio, settings in zip(bench.nodes, bench.settings[1:], strict=True)
    ]


def valid_for(kind: str, config: Config) -> timedelta:
    """Return how long records of a kind hold."""
    valid, limit_s = VALID_FOR[kind], config.calibration.max_age_s
    return valid if limit_s is None else min(valid, timedelta(seconds=limit_s))


def node_result(
    received: NodeCaptures, key: RecordKey, config: Config, link: Link, kinds: Sequence[str]
) -> NodeResult:
    """Measure and judge what was received of a node."""
    survey, rate = received.survey, key.sample_rate_hz
    empty = NodeResult(received.serial, key, {}, None, None, None, None, None, ())
    if survey is None:
        if not received.silence:
            return empty
        verdict = Verdict(Fitness.UNUSABLE, received.silence, {})
        return replace(empty, verdict=verdict)
    gap_s = planned_gap_s(config, link, config.clients.count)
    offsets = survey.series("cfo_hz")
    follows = abs(float(np.mean(offsets))) < SHARED_CLOCK_HZ
    is_timed = survey.observations[0].fit.sequence_tick is not None
    starts = received.starts if follows else None
    linearity = _linearity(received, link, rate)
    every: Mapping[str, Sequence[Measurement]] = {
        "gain": gain_measurements(survey),
        "cfo": cfo_measurements(survey, rate, key.center_freq_hz),
        "timing": timing_measurements(survey, rate),
        "phase": phase_measurements(survey, rate, gap_s, starts, follows and is_timed),
        "linearity": _linear(linearity, received, survey),
        "latency": _command(received.command, is_timed),
    }
    measured = {kind: every[kind] for kind in kinds if kind in every}
    quality = node_quality(survey, link.frame, rate, gap_s)
    verdict = judge(_qualities(survey, config, gap_s), config.clients.count, is_timed)
    notes = _notes(received, survey, kinds, follows, is_timed)
    return NodeResult(
        received.serial, key, measured, survey, linearity, starts, quality, verdict, notes
    )


def _qualities(survey: Survey, config: Config, gap_s: float) -> Mapping[str, LinkQuality]:
    """Return what the formulas need of every scheme that a verdict knows, in its own frame."""
    frames = {name: link_with(config, load_scheme(name)).frame for name in LIMITS_DB}
    rate = config.radio.sample_rate_hz
    return {name: node_quality(survey, frame, rate, gap_s) for name, frame in frames.items()}


def node_quality(
    survey: Survey, frame: FrameFormat, sample_rate_hz: float, gap_s: float
) -> LinkQuality:
    """Return what the schemes' formulas need, of a sum of nodes like this one.

    The phase is as uncertain as a single burst shows it, and walks until the payload; the carrier
    offset is tracked over many soundings, which know it far better than one burst. Arrival and
    level are as uncertain as they scatter from sequence to sequence.
    """
    fits = [observation.fit for observation in survey.observations]
    gain = float(np.mean([np.mean(np.abs(fit.gains)) for fit in fits]))
    relative = float(np.mean([np.mean(fit.gain_stds / np.abs(fit.gains)) for fit in fits]))
    walk = phase_walk_rad2_per_s(fits, sample_rate_hz)
    phase_variance = relative**2 / 2 + walk * gap_s
    levels_db = np.asarray(survey.series("gain_db"))
    moved = np.diff(levels_db) * math.log(10) / 20
    level_variance = relative**2 / 2 + float(np.mean(moved**2)) / 2
    delays = survey.series("delay_samples")
    timing = math.sqrt(STARTS_PER_ARRIVAL) * float(np.std(delays, ddof=1)) if delays else 0.0
    noise_power = float(np.median([fit.noise_power for fit in fits]))
    pulse = frame.pulse
    return LinkQuality(
        n_chips=frame.n_payload_chips,
        rx_amplitude=frame.known_amplitude * gain,
        noise_power=noise_power / pulse.energy,
        gains=oscillator_and_fading(
            phase_variance, level_variance, timing / pulse.samples_per_chip
        ),
        rolloff=pulse.rolloff,
    )


def _linearity(received: NodeCaptures, link: Link, sample_rate_hz: float) -> Linearity | None:
    if not received.ladders:
        return None
    ladder = SoundingSequence(link.frame, ladder_amplitudes())
    try:
        return measure_linearity(list(received.ladders), ladder, link.max_cfo_hz / sample_rate_hz)
    except BurstNotFound:
        return None


def _linear(
    linearity: Linearity | None, received: NodeCaptures, survey: Survey
) -> Sequence[Measurement]:
    found = [] if linearity is None else linearity_measurements(linearity, len(received.ladders))
    return [*found, *front_end_measurements(survey)]


def _command(command: Spread | None, is_timed: bool) -> Sequence[Measurement]:
    if command is None:
        return ()
    method = (
        "shortest lead with which bursts are in time, in steps by a factor of 1.41"
        if is_timed
        else "from the first captured sample after an order until the node repeats"
    )
    return latency_measurements("command_to_antenna", command, method)


def _notes(
    received: NodeCaptures, survey: Survey, kinds: Sequence[str], follows: bool, is_timed: bool
) -> tuple[str, ...]:
    notes = list(survey.unmet)
    if survey.lost:
        notes.append(f"{len(survey.lost)} sequences lost and repeated, the last: {survey.lost[-1]}")
    if "phase" in kinds and not is_timed:
        notes.append("start phase: has no meaning without hardware time")
    elif "phase" in kinds and not follows:
        notes.append("start phase: has no meaning while the carrier turns; share a reference")
    if "linearity" in kinds and not received.ladders:
        notes.append("linearity: no ladder was received")
    if "latency" in kinds:
        notes.append(_lead_note(received.command, is_timed))
    return tuple(notes)


def _lead_note(command: Spread | None, is_timed: bool) -> str:
    """Return what a latency means for the configuration."""
    if command is None:
        return "latency: the node was not seen to begin"
    if not is_timed:
        return "latency: without hardware time radio.lead_s has no meaning; nodes start on order"
    if math.isinf(command.high_s):
        return "latency: many bursts were late with every lead that was tried: raise radio.lead_s"
    lead_ms = 1e3 * advised_lead_s(command.high_s)
    text = (
        f"latency: 95 % of the bursts needed a lead of {1e3 * command.high_s:.2g} ms at most: "
        f"radio.lead_s = {lead_ms / 1e3:.2g} is twice that"
    )
    if command.max_s > advised_lead_s(command.high_s):
        return f"{text}, but some were late with longer leads; such rounds are erased"
    return text
