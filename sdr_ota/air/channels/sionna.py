"""Channel impulse responses of Sionna, as ``Paths.cir`` returns and ``numpy.savez`` saves them.

Shapes from the documentation of Sionna's channel models and of ``cir_to_time_channel``: ``a`` is
``[batch size, num_rx, num_rx_ant, num_tx, num_tx_ant, num_paths, num_time_steps]``, ``tau`` is
``[batch size, num_rx, num_tx, num_paths]`` or with the antennas beside; Sionna RT leaves the batch
out. The times are ``1 / sampling_frequency`` apart, which is saved beside them. A path that is not
there has a delay of -1 and the coefficient 0.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdr_ota.air.channels.channel import Channel, ChannelFileError
from sdr_ota.air.channels.named_arrays import Arrays, channel_of_arrays

NAMES = frozenset({"a", "tau", "sampling_frequency", "carrier_hz", "name"})


def channel_of_cir(arrays: Arrays, antenna: int) -> Channel:
    """Return the paths from every transmitter to one antenna of the receivers.

    Args:
        arrays: ``a``, ``tau`` and ``sampling_frequency``; ``carrier_hz`` and ``name`` if you like.
        antenna: Counted over the antennas of the first receiver, then of the next.

    Raises:
        ChannelFileError: If the shapes are others, or a transmitter has several antennas.
    """
    if unknown := sorted(arrays.keys() - NAMES):
        raise ChannelFileError(f"beside a and tau it holds {unknown[0]!r}; known are {_names()}")
    if not np.iscomplexobj(arrays["a"]):
        raise ChannelFileError('its a is not complex: save paths.cir(out_type="numpy")')
    gains, delays = _without_batch(arrays["a"], 6), np.asarray(arrays["tau"])
    delays = _without_batch(delays, 3 if delays.ndim in {3, 4} else 5)
    n_rx, n_rx_ant, n_tx, n_tx_ant, n_paths, _ = gains.shape
    if n_tx_ant != 1:
        raise ChannelFileError(f"its transmitters have {n_tx_ant} antennas; a node has one")
    if antenna >= n_rx * n_rx_ant:
        raise ChannelFileError(
            f"it holds {n_rx} receivers of {n_rx_ant} antennas, and air.channel_antenna = {antenna}"
        )
    receiver, element = divmod(antenna, n_rx_ant)
    own = delays[receiver] if delays.ndim == 3 else delays[receiver, element, :, 0]
    if own.shape != (n_tx, n_paths):
        raise ChannelFileError(f"its tau of shape {delays.shape} does not fit a of {gains.shape}")
    taps = np.moveaxis(gains[receiver, element, :, 0], -1, 0)
    named = {
        "taps": np.where(own < 0, 0, taps),
        "delays_s": np.maximum(own, 0.0),
        **{name: arrays[name] for name in ("carrier_hz", "name") if name in arrays},
    }
    if "sampling_frequency" in arrays:
        named["interval_s"] = 1.0 / np.asarray(arrays["sampling_frequency"], np.float64)
    elif len(taps) > 1:
        raise ChannelFileError(
            f"it holds {len(taps)} time steps: save the sampling_frequency of paths.cir beside them"
        )
    return channel_of_arrays(named, 0)


def _without_batch(array: NDArray[Any], n_axes: int) -> NDArray[Any]:
    if array.ndim == n_axes + 1 and len(array) == 1:
        return np.asarray(array[0])
    if array.ndim != n_axes:
        raise ChannelFileError(
            f"an array has the shape {array.shape}; a of one example has 6 axes (receiver, its "
            "antenna, transmitter, its antenna, path, time), tau 3 or 5"
        )
    return array


def _names() -> str:
    return ", ".join(sorted(NAMES))
