"""Calibration records on disk: JSON lines, newest last; a stale one is refused.

A line holds one record and is never changed; what counts is the newest line of a quantity of
a pair of devices. A last line torn by a crash is skipped.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, NonNegativeFloat, NonNegativeInt, PositiveFloat

from ota_calibration.measure.measurement import Measurement
from ota_calibration.measure.record import CalibrationRecord, RecordKey
from sdr_ota.runs.read_records import RunFolderError, parse_record, whole_lines

FILE = "records.jsonl"

_MAY_BE_INFINITE = ("value", "freedom")


class StaleRecord(Exception):  # noqa: N818 - says what is the case
    """A record that is asked for is missing or must not be used."""


class DamagedRecords(Exception):  # noqa: N818
    """The file cannot be read."""


class _Measured(BaseModel):
    """A measurement as a line holds it: JSON has no infinity, so null stands for it.

    A value is infinite where an effect was looked for and not seen: compression at no level.
    """

    quantity: str
    value: float | None
    std: NonNegativeFloat
    unit: str
    method: str
    n_repeats: NonNegativeInt
    freedom: PositiveFloat | None

    def measurement(self) -> Measurement:
        values = self.model_dump()
        endless = {name: inf for name in _MAY_BE_INFINITE if values[name] is None}
        return Measurement(**{**values, **endless})


class _Line(BaseModel):
    """A line of the file."""

    kind: str
    measurement: _Measured
    key: RecordKey
    measured_at: AwareDatetime
    expires_at: AwareDatetime

    def record(self) -> CalibrationRecord:
        return CalibrationRecord(
            self.kind, self.measurement.measurement(), self.key, self.measured_at, self.expires_at
        )


class RecordStore:
    """The records of a bench in a folder.

    Args:
        folder: Made when the first record is written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def append(self, records: Iterable[CalibrationRecord]) -> None:
        """Write records behind those that are there.

        Raises:
            OSError: If the folder cannot be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lines = "".join(json.dumps(_as_json(record)) + "\n" for record in records)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(lines)

    def newest(self) -> Mapping[tuple[str, str, str], CalibrationRecord]:
        """Return the newest record of every (quantity, node, receiver).

        Raises:
            DamagedRecords: If a line is not a record.
        """
        if not self.path.is_file():
            return {}
        found = {}
        for number, line in enumerate(self._lines(), 1):
            try:
                record = parse_record(line, _Line, f"{self.path}, line {number}").record()
            except RunFolderError as error:
                raise DamagedRecords(
                    f"{error}; it is no calibration record: remove the line, or the file, and "
                    "calibrate again"
                ) from error
            found[record.measurement.quantity, record.key.node, record.key.receiver] = record
        return found

    def _lines(self) -> list[bytes]:
        try:
            return whole_lines(self.path.read_bytes())
        except OSError as error:
            raise DamagedRecords(f"cannot read {self.path}: {error.strerror}") from error

    def fresh(
        self, kinds: Sequence[str], key: RecordKey, now: datetime, config: str
    ) -> Sequence[CalibrationRecord]:
        """Return what was last measured of some kinds for a key; all of it must be fresh.

        Quantities that the last measurement of a kind did not bring any more, such as start
        phases that were not looked at again, do not count: nothing would renew them.

        Args:
            kinds: Of calibration, as ``gain``.
            key: Devices and settings in force.
            now: With time zone.
            config: Name of the config file, for the message.

        Raises:
            StaleRecord: With the record, the reason, and the command that renews it.
            DamagedRecords: If the file cannot be read.
        """
        mine = [
            record
            for (_, node, receiver), record in self.newest().items()
            if (node, receiver) == (key.node, key.receiver)
        ]
        device = key.node or key.receiver
        wanted = []
        for kind in kinds:
            of_kind = [record for record in mine if record.kind == kind]
            if not of_kind:
                raise StaleRecord(
                    f"there is no {kind} record of {device} in {self.path}; "
                    f"measure it: sdr-ota calibrate {kind} {config}"
                )
            last = max(record.measured_at for record in of_kind)
            wanted += [record for record in of_kind if record.measured_at == last]
        for record in wanted:
            if why := record.why_stale(key, now):
                raise StaleRecord(
                    f"the {record.kind} record of {device} ({record.measurement.quantity}) must "
                    f"not be used: {why}; renew it: sdr-ota calibrate {record.kind} {config}"
                )
        return wanted


def _as_json(record: CalibrationRecord) -> dict[str, Any]:
    values = asdict(record)
    for name in _MAY_BE_INFINITE:
        if values["measurement"][name] == inf:
            values["measurement"][name] = None
    return {
        **values,
        "measured_at": record.measured_at.isoformat(),
        "expires_at": record.expires_at.isoformat(),
    }
