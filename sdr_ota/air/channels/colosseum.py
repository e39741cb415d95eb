"""Scenarios as Colosseum takes them: ``chMatrix`` and ``time`` of a ``.mat`` file.

Colosseum's user documentation, "New scenario file format requirements": with mobility, ``chMatrix``
is a cell of (transmitter, receiver, time), each with up to four taps of ``delay`` in s and complex
``iq``, and ``time`` their times in ms; without, a matrix of path gains in dB, at a delay of 1 ns.
The page leaves open whether a link's cell is a structure of ``delay`` and ``iq`` or a matrix of
two columns: both are read.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdr_ota.air.channels.channel import Channel, ChannelFileError
from sdr_ota.air.channels.named_arrays import Arrays

STATIC_DELAY_S = 1e-9

LONGEST_DELAY_S = 5.12e-6
"""The delay spread that Colosseum supports."""

GRID_S = 10e-9
"""To which delays are rounded, ours: however taps wander, a link then has 512 of them at most."""


def channel_of_scenario(arrays: Arrays, receiver: int) -> Channel:
    """Return the paths from every other node to one of them.

    Args:
        arrays: ``chMatrix``, and ``time`` with mobility; what else there is says no paths.
        receiver: Which node receives, from 0.

    Raises:
        ChannelFileError: If they have another shape.
    """
    matrix = np.asarray(arrays["chMatrix"])
    links = matrix[..., None] if matrix.ndim == 2 else matrix
    if links.ndim != 3 or links.shape[0] != links.shape[1] or len(links) < 2:
        raise ChannelFileError(
            f"its chMatrix has the shape {matrix.shape}; it is (node, node, time)"
        )
    if receiver >= len(links):
        raise ChannelFileError(f"it has {len(links)} nodes, and air.channel_antenna = {receiver}")
    senders = [node for node in range(len(links)) if node != receiver]
    if matrix.dtype != object:
        gain_db = np.asarray(links[senders, receiver], np.float64).T
        taps = (10 ** (gain_db / 20)).astype(np.complex128)[:, :, None]
        return Channel(taps, np.full((len(senders), 1), STATIC_DELAY_S), _times(arrays, taps))
    found = [[_link(links[node, receiver, t]) for node in senders] for t in range(links.shape[2])]
    return _moving(found, arrays)


def _moving(found: list[list[NDArray[np.complex128]]], arrays: Arrays) -> Channel:
    """Return links whose taps may be at other delays at another time: one tap for each delay."""
    steps = [[np.round(link[:, 0].real / GRID_S).astype(int) for link in row] for row in found]
    own = [np.unique(np.concatenate([row[node] for row in steps])) for node in range(len(found[0]))]
    n_taps = max(map(len, own))
    taps = np.zeros((len(found), len(own), n_taps), np.complex128)
    for t, row in enumerate(found):
        for node, link in enumerate(row):
            np.add.at(taps[t, node], np.searchsorted(own[node], steps[t][node]), link[:, 1])
    delays = [np.pad(places, (0, n_taps - len(places))) for places in own]
    return Channel(taps, GRID_S * np.stack(delays), _times(arrays, taps))


def _times(arrays: Arrays, taps: NDArray[Any]) -> NDArray[np.float64]:
    if len(taps) == 1:
        return np.zeros(1)
    if "time" not in arrays:
        raise ChannelFileError(f"it holds {len(taps)} times and no time (ms)")
    time_s = np.asarray(arrays["time"], np.float64).ravel() * 1e-3
    return np.asarray(time_s - time_s[:1])


def _link(cell: Any) -> NDArray[np.complex128]:
    """Return a link's delays and amplitudes, shape ``(n_taps, 2)``."""
    values = np.asarray(cell)
    if values.dtype.names and {"delay", "iq"} <= set(values.dtype.names):
        one = values.ravel()[0]
        pair = [np.asarray(one[name]).ravel() for name in ("delay", "iq")]
        values = np.stack(pair, axis=1) if pair[0].shape == pair[1].shape else np.zeros(0)
    if values.ndim == 2 and values.shape[1] != 2 and values.shape[0] == 2:
        values = values.T
    if values.ndim != 2 or values.shape[1] != 2 or values.dtype.kind not in "cfiu":
        raise ChannelFileError(
            "a link of its chMatrix is neither a structure of delay and iq nor a matrix of both"
        )
    link = values.astype(np.complex128)
    if not ((link[:, 0].real >= 0) & (link[:, 0].real < LONGEST_DELAY_S)).all():
        raise ChannelFileError("a delay of its chMatrix is not within 0 and 5.11 us")
    return link
