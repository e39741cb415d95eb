"""The format of a channel file: arrays by name, in NumPy's ``.npz`` and whatever holds the same.

taps             complex, (time, node, tap) or (time, node, receive antenna, tap); a flat
channel may leave out the taps: (time, node)
delays_s         (node, tap) or (tap,): of paths, at any delays
tap_interval_s   instead: taps are samples of an impulse response, so far apart
time_s           (time,), ascending; or interval_s. Neither for a channel that does not change
phase_rad        (time, node), optional: turns a node's taps, counted through beyond 2 pi
carrier_hz       optional
name             optional
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdr_ota.air.channels.channel import Channel, ChannelFileError, Reals, Taps

Arrays = Mapping[str, NDArray[Any]]

NAMES = (
    "taps", "delays_s", "tap_interval_s", "time_s", "interval_s", "phase_rad", "carrier_hz", "name",
)  # fmt: skip


def channel_of_arrays(arrays: Arrays, antenna: int) -> Channel:
    """Return the channel to one receive antenna.

    Args:
        arrays: By the names of this module.
        antenna: Which, from 0.

    Raises:
        ChannelFileError: If an array is missing, unknown, or of another shape.
    """
    unknown = sorted(arrays.keys() - set(NAMES))
    if unknown:
        raise ChannelFileError(f"it holds {unknown[0]!r}; the names are {', '.join(NAMES)}")
    taps = at_antenna(_with_tap_axis(np.asarray(arrays["taps"])), antenna).astype(np.complex128)
    interval_s = _number(arrays, "tap_interval_s")
    phase = arrays.get("phase_rad")
    return Channel(
        taps,
        _delays(arrays, taps, interval_s),
        times(arrays, len(taps)),
        None if phase is None else np.asarray(phase, np.float64),
        _number(arrays, "carrier_hz"),
        interval_s,
        str(np.ravel(arrays["name"])[0]) if "name" in arrays else "",
    )


def _with_tap_axis(taps: NDArray[Any]) -> NDArray[Any]:
    """Return taps with an axis of taps: MATLAB drops the last axes where they are of length 1."""
    return taps[..., None] if taps.ndim == 2 else taps


def at_antenna(taps: NDArray[Any], antenna: int) -> NDArray[Any]:
    """Return taps of (time, node, tap) from those of (time, node, receive antenna, tap).

    Raises:
        ChannelFileError: If there is no such antenna.
    """
    several = taps.ndim == 4
    n_antennas = taps.shape[2] if several else 1
    if antenna >= n_antennas:
        raise ChannelFileError(
            f"it holds {n_antennas} receive antennas, counted from 0, and air.channel_antenna = "
            f"{antenna}"
        )
    return taps[:, :, antenna] if several else taps


def times(arrays: Arrays, n_times: int) -> Reals:
    """Return the times from 0 on.

    Raises:
        ChannelFileError: If nothing says how far apart they are.
    """
    interval_s = _number(arrays, "interval_s")
    if "time_s" in arrays:
        time_s = np.asarray(arrays["time_s"], np.float64).ravel()
        return time_s - time_s[:1]
    if interval_s is not None and interval_s > 0:
        return interval_s * np.arange(n_times, dtype=np.float64)
    if n_times == 1:
        return np.zeros(1)
    raise ChannelFileError(
        f"it holds {n_times} times and nothing says when they were: add time_s (one a row) or "
        "interval_s (a number above 0)"
    )


def _delays(arrays: Arrays, taps: Taps, interval_s: float | None) -> Reals:
    n_nodes, n_taps = taps.shape[1:] if taps.ndim == 3 else (0, 0)
    if interval_s is not None:
        if interval_s <= 0 or "delays_s" in arrays:
            raise ChannelFileError("give tap_interval_s above 0, or delays_s, not both")
        return np.tile(interval_s * np.arange(n_taps), (n_nodes, 1))
    if "delays_s" in arrays:
        delays = np.asarray(arrays["delays_s"], np.float64)
        return np.tile(delays.ravel(), (n_nodes, 1)) if delays.size == n_taps else delays
    if n_taps <= 1:
        return np.zeros((n_nodes, n_taps))
    raise ChannelFileError(
        f"it holds {n_taps} taps and nothing says when they arrive: add delays_s (node, tap) or "
        "tap_interval_s"
    )


def _number(arrays: Arrays, name: str) -> float | None:
    if name not in arrays:
        return None
    values = np.asarray(arrays[name]).ravel()
    if values.size != 1 or not np.isfinite(value := float(values[0])):
        raise ChannelFileError(f"its {name} is no single finite number: {values!r:.60}")
    return value
