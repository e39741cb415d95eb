"""Scenarios of DeepMIMO 4: a matrix of users and paths in a file for each quantity.

As its specification and code say: ``power_CODE``, ``phase_CODE`` and ``delay_CODE`` lie beside each
other, ``.mat`` or ``.npz``, each with one array of that name, shape (users, paths), NaN where there
is no path: power in dBW, phase in degrees, delay in s; early scenarios say ``toa`` for the delay.
``CODE`` is ``tNNN_txNNN_rNNN``: one base station, whose users become nodes by reciprocity.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sdr_ota.air.channels.channel import Channel, ChannelFileError, Reals
from sdr_ota.air.channels.containers import NamedArrays

POWER = "power"


def is_power_file(path: Path) -> bool:
    """Return whether a file is named as DeepMIMO names the powers of a base station's paths."""
    return path.stem.startswith(f"{POWER}_t") and "_tx" in path.stem


def read_deepmimo(path: Path, arrays_of: Callable[[Path], NamedArrays]) -> Channel:
    """Return the paths of all users that have one; nothing moves.

    Args:
        path: The file of the powers.
        arrays_of: Reads the container that the scenario is in.

    Raises:
        ChannelFileError: If a file beside it is missing or of another shape, or no user is reached.
        OSError: If one cannot be read.
    """
    power_db = _matrix(path, arrays_of, POWER)
    phase_deg = _matrix(_beside(path, "phase"), arrays_of, "phase")
    delay = _beside(path, "delay")
    if not delay.exists():
        delay = _beside(path, "toa")
    delay_s = _matrix(delay, arrays_of, delay.stem.split("_", 1)[0])
    if not power_db.shape == phase_deg.shape == delay_s.shape or power_db.ndim != 2:
        raise ChannelFileError(
            f"power, phase and delay have the shapes {power_db.shape}, {phase_deg.shape} and "
            f"{delay_s.shape}; they are all (user, path)"
        )
    is_path = ~np.isnan(power_db)
    reached = is_path.any(axis=1)
    if not reached.any():
        raise ChannelFileError("no user has a path")
    power_db, phase_deg, delay_s, is_path = (
        values[reached] for values in (power_db, phase_deg, delay_s, is_path)
    )
    taps = 10 ** (power_db / 20) * np.exp(1j * np.deg2rad(phase_deg))
    return Channel(
        np.where(is_path, taps, 0)[None],
        np.where(is_path, delay_s, 0.0),
        np.zeros(1),
        carrier_hz=_carrier_hz(path.with_name("params.json")),
        name=path.parent.name,
    )


def _beside(path: Path, quantity: str) -> Path:
    return path.with_name(path.name.replace(POWER, quantity, 1))


def _matrix(path: Path, arrays_of: Callable[[Path], NamedArrays], name: str) -> Reals:
    if not path.exists():
        raise ChannelFileError(f"beside it lies no {path.name}")
    arrays = arrays_of(path)
    if name not in arrays:
        raise ChannelFileError(f"{path.name} holds no {name!r}")
    return np.asarray(arrays[name], np.float64)


def _carrier_hz(path: Path) -> float | None:
    """Return the frequency in the scenario's parameters; None where it has none."""
    if not path.exists():
        return None
    try:
        return float(json.loads(path.read_text(encoding="utf-8"))["rt_params"]["frequency"])
    except (ValueError, KeyError, TypeError):
        raise ChannelFileError(f"{path.name} beside it has no rt_params.frequency") from None
