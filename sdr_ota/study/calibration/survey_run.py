"""`sdr-ota calibrate`: sound one node at a time, measure, judge, write it down."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from ota_calibration.measure.measurement import Measurement
from ota_calibration.measure.noise_floor import NoiseFloor, measure_noise_floor
from ota_calibration.measure.phase import start_states
from ota_calibration.measure.record import CalibrationRecord, RecordKey
from ota_calibration.measure.repeats import RepeatRule
from ota_calibration.measure.sounding_sequence import (
    ReceiverSaturated,
    SequenceCapture,
    SoundingSequence,
    sound_sequence,
)
from ota_calibration.measure.store import RecordStore
from ota_calibration.measure.survey import HALF_WIDTHS, NodeSilent, Reading, survey_node

from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.assembly.bench import open_bench
from sdr_ota.config.load import Config, ConfigError, changed_config, load_config
from sdr_ota.config.parts import USABLE_BANDWIDTH, link_of, simulated_air
from sdr_ota.config.tables import PrivacyTable
from sdr_ota.erasure import Erasure
from sdr_ota.failure import INTERRUPTED, WRONG_USE, CommandFailed
from sdr_ota.process.interruption import Interruption
from sdr_ota.radio.base import RadioError
from sdr_ota.receiver.synchronisation import BurstNotFound
from sdr_ota.report.calibration.result import (
    KINDS,
    N_BURSTS,
    BenchResult,
    NodeCaptures,
    keys_of,
    node_result,
    valid_for,
)
from sdr_ota.report.calibration.view import print_result, watch
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.runs.new_folder import check_may_write, check_new_folder
from sdr_ota.study.calibration.captures import CaptureWriter
from sdr_ota.study.calibration.latency_run import command_spread, gap_spread

RULE = RepeatRule(n_first=8, n_most=24)
"""24 sequences of each of five boards take half a minute over a network."""

N_LADDERS = 4

N_STARTS = 16
"""From nine starts on a grid of phases cannot be chance (Rayleigh's test, one in 1000)."""

IDLE_SAMPLES = 65_536


@dataclass(frozen=True)
class Asked:
    """What the user asked for.

    Attributes:
        what: A kind, or ``all``.
        bench: Config file; None for the demo.
        settings: Changes of it.
        output: Folder for records and report; None for the config's.
        precision: Texts ``quantity=half_width``.
        keep_captures: Folder for captures; None keeps none.
    """

    what: str
    bench: Path | None
    settings: tuple[str, ...]
    output: Path | None
    precision: tuple[str, ...]
    keep_captures: Path | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that are asked for."""
        return KINDS if self.what == "all" else (self.what,)

    def folder(self, config: Config) -> Path:
        """Return where records and report go."""
        home = self.bench.parent if self.bench else Path()
        return self.output or home / Path(config.calibration.folder).expanduser()


def calibrate_command(asked: Asked, from_captures: Path | None) -> None:
    """Calibrate a bench, or what was recorded of one."""
    if asked.what not in (*KINDS, "all"):
        raise CommandFailed(
            f"cannot calibrate {asked.what!r}; there are: {', '.join(KINDS)}, all", WRONG_USE
        )
    half_widths = _half_widths(asked.precision)
    _check_new(asked.keep_captures, from_captures)
    try:
        config = load_config(asked.bench, asked.settings)
    except ConfigError as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    check_may_write(asked.folder(config))  # before anything is sent
    config = _for_trains(config)
    damaged: list[str] = []
    if from_captures is not None:
        from sdr_ota.study.calibration.replay import measure_captures  # noqa: PLC0415

        result, damaged = measure_captures(from_captures, config, asked.kinds)
    else:
        result = _measured_or_interrupted(asked, config, half_widths)
    _write_and_print(result, asked.folder(config), config)
    if damaged:
        raise CommandFailed("left out:\n" + "\n".join(damaged))


def _write_and_print(result: BenchResult, folder: Path, config: Config) -> None:
    try:
        _write_records(result, folder, config)
        from sdr_ota.report.calibration.page import write_page  # noqa: PLC0415 - matplotlib

        write_page(result, config, folder)
    except OSError as error:
        raise CommandFailed(f"cannot write {folder}: {error.strerror}") from error
    print_result(result, folder)


def _for_trains(config: Config) -> Config:
    """Return a config that any radio can open: sequences carry no data, whatever the scheme is."""
    free = config.model_copy(update={"privacy": PrivacyTable()})
    return changed_config(free, ["link.scheme=energy-difference"])


def _check_new(kept: Path | None, read: Path | None) -> None:
    """Refuse to record over captures of before, or without a radio."""
    if kept is not None and read is not None:
        text = "--keep-captures records what radios receive, and --from-captures opens none"
        raise CommandFailed(f"{text}: leave one out", WRONG_USE)
    if kept is not None:
        check_new_folder(kept)


def _half_widths(texts: tuple[str, ...]) -> Mapping[str, float]:
    wanted = dict(HALF_WIDTHS)
    for text in texts:
        name, _, number = text.partition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if name not in HALF_WIDTHS or not value > 0:
            known = ", ".join(f"{key}={width:g}" for key, width in HALF_WIDTHS.items())
            raise CommandFailed(
                f"--precision {text!r} is not QUANTITY=HALF_WIDTH with a positive number; "
                f"defaults: {known}",
                WRONG_USE,
            )
        wanted[name] = value
    return wanted


def _measured_or_interrupted(
    asked: Asked, config: Config, half_widths: Mapping[str, float]
) -> BenchResult:
    """Measure; a signal switches all radios off first and ends with a sentence."""
    with Interruption() as interruption:
        try:
            return _measure_bench(asked, config, half_widths, interruption.check)
        except OSError as error:
            raise CommandFailed(f"broken off, no record was written: {error}") from error
        except KeyboardInterrupt:
            raise CommandFailed("interrupted; no record was written", INTERRUPTED) from None


def _measure_bench(
    asked: Asked, config: Config, half_widths: Mapping[str, float], check: Callable[[], None]
) -> BenchResult:
    """Open the radios, receive everything, close them; then start them anew for their phases."""
    air, link = simulated_air(config), link_of(config)
    kept = CaptureWriter(asked.keep_captures) if asked.keep_captures else None
    gap = None
    try:
        with open_bench(config, air) as bench:
            surveyed = _Surveyor(bench, link, half_widths, kept, check)
            floor = surveyed.noise_floor() if "noise-floor" in asked.kinds else None
            received = surveyed.nodes(asked.kinds)
            if "latency" in asked.kinds:
                received = surveyed.with_commands(received)
                gap = gap_spread(config, bench, link, air, check)
            keys = keys_of(bench)
            is_timed = bench.has_hardware_time
        if "phase" in asked.kinds and is_timed:
            received = _with_starts(received, config, air, link)
    except ReceiverSaturated as clipped:
        raise CommandFailed(str(clipped)) from clipped
    except RadioError as broken:
        raise CommandFailed(f"a radio failed: {broken}") from broken
    nodes = tuple(
        node_result(one, key, config, link, asked.kinds)
        for one, key in zip(received, keys[1:], strict=True)
    )
    return BenchResult(keys[0], floor, nodes, asked.kinds, datetime.now(UTC), is_timed, gap)


@dataclass(frozen=True)
class _Surveyor:
    """Receives a bench: silence first, then node by node; ``check`` raises after a signal."""

    bench: Bench
    link: Link
    half_widths: Mapping[str, float]
    kept: CaptureWriter | None
    check: Callable[[], None]

    def noise_floor(self) -> NoiseFloor:
        capture = self.bench.receiver.begin_receive(IDLE_SAMPLES).result(self.link.timeout_s)
        if self.kept is not None:
            self.kept.keep_idle(self.bench, capture.samples, capture.start_tick)
        simulated = self.bench.receiver.info.driver == "simulated"  # its band is not filtered
        return measure_noise_floor(capture.samples, 1.0 if simulated else USABLE_BANDWIDTH)

    def nodes(self, kinds: tuple[str, ...]) -> list[NodeCaptures]:
        if kinds == ("noise-floor",):
            return [NodeCaptures(radio.info.serial) for radio in self.bench.nodes]
        with watch([radio.info.serial for radio in self.bench.nodes]) as view:
            return [
                self._node(node, kinds, partial(view.looked, node))
                for node in range(len(self.bench.nodes))
            ]

    def _node(
        self, node: int, kinds: tuple[str, ...], tell: Callable[[int, int], None]
    ) -> NodeCaptures:
        serial = self.bench.nodes[node].info.serial
        sequence = SoundingSequence.even(self.link.frame, N_BURSTS)
        rate = self.bench.sample_rate_hz
        reading = Reading(sequence, self.link.max_cfo_hz / rate, rate)
        try:
            survey = survey_node(
                partial(self._hear, node, sequence), reading, RULE, self.half_widths, tell
            )
            ladders = self._ladders(node) if "linearity" in kinds else ()
        except NodeSilent as silent:
            return NodeCaptures(serial, silence=str(silent))
        return NodeCaptures(serial, survey, ladders)

    def with_commands(self, received: list[NodeCaptures]) -> list[NodeCaptures]:
        """Time the orders to every node that was received; it takes long enough to drift."""
        return [
            replace(one, command=command_spread(self.bench, self.link, node, self.check))
            if one.survey is not None
            else one
            for node, one in enumerate(received)
        ]

    def _ladders(self, node: int) -> tuple[SequenceCapture, ...]:
        from ota_calibration.measure.linearity import ladder_amplitudes  # noqa: PLC0415 - scipy.optimize

        ladder = SoundingSequence(self.link.frame, ladder_amplitudes())
        received = []
        for _ in range(3 * N_LADDERS):
            try:
                received.append(self._hear(node, ladder))
            except (RadioError, Erasure):
                continue
            if len(received) == N_LADDERS:
                break
        return tuple(received)

    def _hear(self, node: int, sequence: SoundingSequence) -> SequenceCapture:
        self.check()  # a signal may have been swallowed by a destructor
        capture = sound_sequence(self.bench, self.link, node, sequence)
        if self.kept is not None:
            self.kept.keep_sequence(self.bench, node, sequence, capture)
        return capture


def _with_starts(
    received: list[NodeCaptures], config: Config, air: SimulatedAir, link: Link
) -> list[NodeCaptures]:
    """Start all radios anew several times and note every node's phase."""
    phases: list[list[float]] = [[] for _ in received]
    sequence = SoundingSequence.even(link.frame, 2)
    for _ in range(N_STARTS):
        air.restart()
        with open_bench(config, air) as bench:
            for node in range(len(received)):
                try:
                    phases[node].append(_phase_at_start(bench, link, node, sequence))
                except (RadioError, Erasure, BurstNotFound):
                    continue
    return [
        replace(one, starts=start_states(seen) if seen else None)
        for one, seen in zip(received, phases, strict=True)
    ]


def _phase_at_start(bench: Bench, link: Link, node: int, sequence: SoundingSequence) -> float:
    from ota_calibration.measure.gain import phase_line  # noqa: PLC0415
    from ota_calibration.measure.sounding_sequence import fit_sequence  # noqa: PLC0415

    capture = sound_sequence(bench, link, node, sequence)
    fit = fit_sequence(capture, sequence, link.max_cfo_hz / bench.sample_rate_hz)
    return phase_line(fit)[0]


def _write_records(result: BenchResult, folder: Path, config: Config) -> None:
    records = [
        _record(kind, measurement, key, result.measured_at, config)
        for key, kind, measurement in result.measurements()
        if not math.isnan(measurement.value)
    ]
    RecordStore(folder).append(records)


def _record(
    kind: str, measurement: Measurement, key: RecordKey, measured_at: datetime, config: Config
) -> CalibrationRecord:
    valid = valid_for(kind, config)
    return CalibrationRecord(kind, measurement, key, measured_at, measured_at + valid)
