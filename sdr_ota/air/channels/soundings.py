"""The soundings of a run as a channel: yesterday's bench, once more."""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sdr_ota.air.channels.channel import Channel, ChannelFileError
from sdr_ota.air.channels.readings import Reading, channel_of_readings

START = "start.json"

_NUMBERS = ("measured_tick", "gain_db", "phase_rad", "cfo_hz", "delay_s")
"""Of a node's line, in the order of `Reading`."""


def read_soundings(path: Path) -> Channel:
    """Read ``soundings.jsonl`` of a run folder; rate and carrier are in its ``start.json``.

    A sounding is taken to hold as long before the first and after the last as two of them lie
    apart, so that a run of as many rounds can be repeated. A node that one of them has missed
    goes on from the one before to the one after.

    Raises:
        ChannelFileError: If they are damaged, a node was never received, or the clock began anew.
        OSError: If a file cannot be read.
    """
    rate_hz, carrier_hz = _radio(path.with_name(START))
    lines = list(_lines(path))
    if not lines:
        raise ChannelFileError("it holds no sounding")
    n_nodes = max(len(line) for line in lines)
    nodes: list[dict[float, Reading]] = [{} for _ in range(n_nodes)]
    for number, line in enumerate(lines, 1):
        for node, found in enumerate(line):
            if found is not None:
                reading = _reading(found, rate_hz, number)
                if nodes[node] and reading.time_s < max(nodes[node]):
                    raise ChannelFileError(
                        f"at line {number} the clock goes back: the radios were started anew; keep "
                        "the lines before or after it in a folder of their own, with start.json"
                    )
                nodes[node][reading.time_s] = reading
    readings = [list(node.values()) for node in nodes]
    return channel_of_readings(readings, carrier_hz, held=1)


def _radio(path: Path) -> tuple[float, float]:
    try:
        radio = json.loads(path.read_text(encoding="utf-8"))["config"]["radio"]
        rate_hz, carrier_hz = float(radio["sample_rate_hz"]), float(radio["center_freq_hz"])
    except FileNotFoundError:
        raise ChannelFileError(
            f"beside it lies no {START}, which says the sample rate and the carrier: name the "
            "soundings in the folder of their run"
        ) from None
    except (ValueError, KeyError, TypeError) as damaged:
        raise ChannelFileError(f"{path} is damaged: {damaged}") from None
    if not 0 < rate_hz < math.inf:
        raise ChannelFileError(f"{path} says {rate_hz:g} samples a second")
    return rate_hz, carrier_hz


def _lines(path: Path) -> Iterator[list[Any]]:
    """Return the nodes of each sounding; a last line that a crash tore off is left out."""
    text = path.read_text(encoding="utf-8")
    for number, line in enumerate(text[: text.rfind("\n") + 1].splitlines(), 1):
        try:
            nodes = json.loads(line)["nodes"]
        except (ValueError, KeyError, TypeError):
            raise ChannelFileError(f"line {number} is no sounding") from None
        yield nodes if isinstance(nodes, list) else []


def _reading(found: Mapping[str, Any], rate_hz: float, number: int) -> Reading:
    try:
        tick, *others = (float(found[name]) for name in _NUMBERS)
    except (KeyError, TypeError, ValueError):
        raise ChannelFileError(f"line {number} holds a node without a number") from None
    if not all(map(math.isfinite, (tick, *others))):
        raise ChannelFileError(f"line {number} holds a number that is not finite")
    return Reading(tick / rate_hz, *others)
