"""From a file's ending and content to its channel."""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from sdr_ota.air.channels.channel import Channel, ChannelFileError
from sdr_ota.air.channels.gain_log import read_gain_log
from sdr_ota.air.channels.named_arrays import Arrays, channel_of_arrays
from sdr_ota.air.channels.soundings import read_soundings

Reader = Callable[[Path, int], Channel]


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
    except (ValueError, zipfile.BadZipFile) as wrong:
        raise ChannelFileError(f"{path}: {wrong}") from None


def _npz(path: Path, antenna: int) -> Channel:
    # opened here: what numpy opens itself it leaves open where the archive is damaged
    with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ChannelFileError("it holds one array without a name: save it with numpy.savez")
        return _recognised({name: file[name] for name in file.files}, antenna)


def _recognised(arrays: Arrays, antenna: int) -> Channel:
    """Return the channel that the names of the arrays say they make."""
    if "taps" in arrays:
        return channel_of_arrays(arrays, antenna)
    raise ChannelFileError(
        f"it holds {', '.join(sorted(arrays)) or 'nothing'}, and no taps, which is how our own "
        "format is known"
    )


def _without_antennas(read: Callable[[Path], Channel]) -> Reader:
    def reader(path: Path, antenna: int) -> Channel:
        if antenna:
            raise ChannelFileError(
                f"it was read at one antenna, and air.channel_antenna = {antenna}"
            )
        return read(path)

    return reader


ENDINGS: Mapping[str, Reader] = MappingProxyType(
    {
        ".npz": _npz,
        ".jsonl": _without_antennas(read_soundings),
        ".csv": _without_antennas(read_gain_log),
    }
)
"""What can be read, by the ending of a file's name."""
