"""The calibration records that a run asks for: fresh ones, or it does not start."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ota_calibration.measure.record import CalibrationRecord, RecordKey
from ota_calibration.measure.store import DamagedRecords, RecordStore, StaleRecord

from sdr_ota.config.load import Config
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.report.calibration.result import keys_of
from sdr_ota.rounds.exchange import Bench


def required_records(
    config: Config, home: Path, bench: Bench, config_file: str
) -> Sequence[Mapping[str, object]]:
    """Return what of the required records goes into a run's start record.

    Args:
        config: Says which kinds are required, and where records are.
        home: Folder to which that is relative.
        bench: The radios, as they are set now.
        config_file: For the command that renews a record.

    Raises:
        CommandFailed: If a record is missing or stale, or the nodes would send louder than they
            were found to be linear.
    """
    kinds = config.calibration.require
    if not kinds:
        return ()
    store = RecordStore(home / Path(config.calibration.folder).expanduser())
    receiver, *nodes = keys_of(bench)
    own = tuple(kind for kind in kinds if kind == "noise-floor")
    others = tuple(kind for kind in kinds if kind != "noise-floor")
    now = datetime.now(UTC)
    asked: list[tuple[tuple[str, ...], RecordKey]] = [(own, receiver)] if own else []
    asked += [(others, key) for key in nodes if others]
    try:
        found = [r for wanted, key in asked for r in store.fresh(wanted, key, now, config_file)]
    except (StaleRecord, DamagedRecords) as refused:
        raise CommandFailed(f"calibration: {refused}", WRONG_USE) from refused
    for record in found:
        _check_level(record, config.link.peak_amplitude)
    return [_told(record) for record in found]


def _check_level(record: CalibrationRecord, peak_amplitude: float) -> None:
    measured = record.measurement
    if measured.quantity == "usable_high" and peak_amplitude > measured.value:
        raise CommandFailed(
            f"calibration: link.peak_amplitude = {peak_amplitude:g}, but {record.key.node} is "
            f"compressed above {measured.value:.2f}; lower it, or add gain elsewhere",
            WRONG_USE,
        )


def _told(record: CalibrationRecord) -> Mapping[str, object]:
    return {
        "kind": record.kind,
        "node": record.key.node,
        "receiver": record.key.receiver,
        "quantity": record.measurement.quantity,
        "value": record.measurement.value,
        "std": record.measurement.std,
        "measured_at": record.measured_at.isoformat(),
    }
