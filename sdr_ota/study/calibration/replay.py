"""`sdr-ota calibrate --from-captures`: the same estimates, from files instead of radios."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ota_calibration.measure.noise_floor import measure_noise_floor
from ota_calibration.measure.record import RecordKey
from ota_calibration.measure.sounding_sequence import SoundingSequence
from ota_calibration.measure.survey import NodeSilent, Reading, survey_of

from sdr_ota.config.load import Config
from sdr_ota.config.parts import link_of
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.report.calibration.result import BenchResult, NodeCaptures, NodeResult, node_result
from sdr_ota.rounds.exchange import Link
from sdr_ota.runs.recording import CaptureError
from sdr_ota.study.calibration.captures import CalibrationCapture, read_captures

START = "recorded"
"""Instead of what identifies a start: a recording cannot tell."""


def measure_captures(
    folder: Path, config: Config, kinds: tuple[str, ...]
) -> tuple[BenchResult, list[str]]:
    """Measure what was recorded; the config's frame must be the one that was sent.

    Every recorded sequence counts: nothing stops a series early.

    Returns:
        What was measured; a sentence for every capture that cannot be read and was left out.

    Raises:
        CommandFailed: If there are no captures, or none of them can be read.
    """
    try:
        stored, damaged = read_captures(folder)
    except CaptureError as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    if not stored:
        raise CommandFailed("\n".join(damaged))
    return _measured(stored, config, kinds), damaged


def _measured(
    stored: Sequence[CalibrationCapture], config: Config, kinds: tuple[str, ...]
) -> BenchResult:
    idle = next((one for one in stored if one.kind == "idle"), None)
    floor = None
    if idle is not None and "noise-floor" in kinds:
        floor = measure_noise_floor(idle.capture.samples)
    serials = dict.fromkeys(one.node for one in stored if one.kind != "idle")
    mine = {serial: [one for one in stored if one.node == serial] for serial in serials}
    nodes = tuple(_node(captures, config, kinds) for captures in mine.values())
    receiver = _key(stored[0], "", config)
    is_timed = any(one.capture.sequence_tick is not None for one in stored)
    return BenchResult(receiver, floor, nodes, kinds, datetime.now(UTC), is_timed)


def _node(
    captures: Sequence[CalibrationCapture], config: Config, kinds: tuple[str, ...]
) -> NodeResult:
    first, link = captures[0], link_of(config)
    received = _received_nodes(captures, link)
    return node_result(received, _key(first, first.node, config), config, link, kinds)


def _received_nodes(captures: Sequence[CalibrationCapture], link: Link) -> NodeCaptures:
    first = captures[0]
    sequences = [one for one in captures if one.kind == "sequence"]
    ladders = [one.capture for one in captures if one.kind == "ladder"]
    if not sequences:
        return NodeCaptures(first.node, silence="no even sequence was recorded")
    reading = Reading(
        SoundingSequence(link.frame, sequences[0].amplitudes),
        link.max_cfo_hz / first.sample_rate_hz,
        first.sample_rate_hz,
    )
    try:
        survey = survey_of([one.capture for one in sequences], reading)
    except NodeSilent as silent:
        return NodeCaptures(first.node, silence=str(silent))
    return NodeCaptures(first.node, survey, ladders)


def _key(stored: CalibrationCapture, node: str, config: Config) -> RecordKey:
    return RecordKey(
        node=node,
        receiver=stored.receiver,
        node_init_id=START if node else "",
        receiver_init_id=START,
        center_freq_hz=stored.center_freq_hz,
        sample_rate_hz=stored.sample_rate_hz,
        tx_gain_db=config.radio.tx_gain_db if node else 0.0,
        rx_gain_db=config.radio.rx_gain_db,
    )
