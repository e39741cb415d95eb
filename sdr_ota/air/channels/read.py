"""From a file's ending and content to its channel."""

import csv
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

from sdr_ota.air.channels.channel import Channel, ChannelFileError
from sdr_ota.air.channels.colosseum import channel_of_scenario
from sdr_ota.air.channels.containers import NamedArrays, hdf5_arrays, mat_arrays, npz_arrays
from sdr_ota.air.channels.deepmimo import is_power_file, read_deepmimo
from sdr_ota.air.channels.gain_log import read_gain_log
from sdr_ota.air.channels.gain_recording import read_gain_recording
from sdr_ota.air.channels.named_arrays import channel_of_arrays
from sdr_ota.air.channels.sionna import channel_of_cir
from sdr_ota.air.channels.soundings import read_soundings

Reader = Callable[[Path, int], Channel]

_DAMAGE = (ValueError, TypeError, KeyError, IndexError, OverflowError, EOFError, RuntimeError,
           zipfile.BadZipFile, zlib.error, csv.Error)  # fmt: skip
"""What NumPy, SciPy, h5py and JSON raise of files that are cut, changed, or of another kind."""


def read_channel(path: Path, antenna: int = 0) -> Channel:
    """Read the paths to one receive antenna.

    Args:
        path: A file of one of the endings in `ENDINGS`.
        antenna: Which receive antenna, from 0.

    Raises:
        ChannelFileError: With one sentence that names the file.
    """
    reader = ENDINGS.get(path.suffix.lower())
    try:
        if reader is None:
            raise ChannelFileError(f"its ending is none of {', '.join(ENDINGS)}")
        return reader(path, antenna)
    except OSError as unreadable:
        raise ChannelFileError(f"{path}: {unreadable.strerror or unreadable}") from None
    except ChannelFileError as wrong:
        raise ChannelFileError(f"{path}: {wrong}") from None
    except _DAMAGE as wrong:
        raise ChannelFileError(f"{path} cannot be read: {wrong}") from None


def _in_arrays(arrays_of: Callable[[Path], NamedArrays], path: Path, antenna: int) -> Channel:
    """Read a file of named arrays as the format that its names are of."""
    if is_power_file(path):
        return _at_one_antenna(partial(read_deepmimo, arrays_of=arrays_of), path, antenna)
    arrays = arrays_of(path)
    if "taps" in arrays:
        return channel_of_arrays(arrays, antenna)
    if {"a", "tau"} <= arrays.keys():
        return channel_of_cir(arrays, antenna)
    if "chMatrix" in arrays:
        return channel_of_scenario(arrays, antenna)
    raise ChannelFileError(
        f"it holds {', '.join(sorted(arrays)) or 'nothing'}: neither taps (our own format), nor a "
        "and tau (Sionna), nor chMatrix (Colosseum); of DeepMIMO name the file power_t..."
    )


def _at_one_antenna(read: Callable[[Path], Channel], path: Path, antenna: int) -> Channel:
    if antenna:
        raise ChannelFileError(f"it is of one antenna, and air.channel_antenna = {antenna}")
    return read(path)


ENDINGS: Mapping[str, Reader] = MappingProxyType(
    {
        ".npz": partial(_in_arrays, npz_arrays),
        ".mat": partial(_in_arrays, mat_arrays),
        ".h5": partial(_in_arrays, hdf5_arrays),
        ".hdf5": partial(_in_arrays, hdf5_arrays),
        ".sigmf-meta": partial(_at_one_antenna, read_gain_recording),
        ".jsonl": partial(_at_one_antenna, read_soundings),
        ".csv": partial(_at_one_antenna, read_gain_log),
    }
)
"""What can be read, by the ending of a file's name."""
