"""A log of gains and phases as text: what a table or a logger of radios writes down.

A heading and a line for each reading: ``time_s, node, gain_db, phase_rad``; nodes are counted from
0 and may be read at different times. Without the column ``phase_rad`` nothing turns.
"""

import csv
from io import StringIO
from pathlib import Path

import numpy as np

from sdr_ota.air.channels.channel import Channel, ChannelFileError, Reals
from sdr_ota.air.channels.readings import Reading, channel_of_readings

_COLUMNS = ("time_s", "node", "gain_db")


def read_gain_log(path: Path) -> Channel:
    """Read a log of all nodes.

    Raises:
        ChannelFileError: If a column is missing, a number is none, or a node has no reading.
        OSError: If it cannot be read.
    """
    table = csv.DictReader(StringIO(path.read_text(encoding="utf-8-sig")), skipinitialspace=True)
    if missing := [name for name in _COLUMNS if name not in (table.fieldnames or ())]:
        raise ChannelFileError(
            f"its heading has no {missing[0]!r}: a log has the columns time_s, node, gain_db and, "
            "if it tells phases, phase_rad"
        )
    turns = "phase_rad" in (table.fieldnames or ())
    rows = [
        _row(row, (*_COLUMNS, "phase_rad") if turns else _COLUMNS, number)
        for number, row in enumerate(table, 2)
    ]
    nodes = {int(row[1]) for row in rows}
    if not rows or nodes != set(range(len(nodes))):
        raise ChannelFileError(f"its nodes are {sorted(nodes)}; they are counted from 0 on")
    readings = [[Reading(*_of(row)) for row in rows if row[1] == node] for node in sorted(nodes)]
    return channel_of_readings(readings, phases=turns)


def _row(row: dict[str, str], columns: tuple[str, ...], number: int) -> Reals:
    try:
        values = np.array([float(row[name]) for name in columns])
    except (TypeError, ValueError):
        raise ChannelFileError(f"line {number} holds something else than numbers") from None
    if not np.isfinite(values).all() or values[1] != round(values[1]):
        raise ChannelFileError(f"line {number} holds a number that is not finite, or half a node")
    return values


def _of(row: Reals) -> tuple[float, float, float]:
    return float(row[0]), float(row[2]), float(row[3]) if len(row) > len(_COLUMNS) else 0.0
