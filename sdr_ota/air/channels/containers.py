"""Files that hold arrays by name: NumPy's, MATLAB's, HDF5."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdr_ota.air.channels.channel import ChannelFileError

NamedArrays = dict[str, NDArray[Any]]


def npz_arrays(path: Path) -> NamedArrays:
    """Return the arrays of an ``.npz`` file; what could run code is refused.

    Raises:
        ChannelFileError: If it holds no names. What NumPy raises of a damaged file passes.
        OSError: If it cannot be read.
    """
    # opened here: what numpy opens itself it leaves open where the archive is damaged
    with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ChannelFileError("it holds one array without a name: save it with numpy.savez")
        return {name: file[name] for name in file.files}


def mat_arrays(path: Path) -> NamedArrays:
    """Return the variables of a ``.mat`` file of MATLAB's formats up to 7.

    Raises:
        ChannelFileError: If it is of another format. What SciPy raises of a damaged file passes.
        OSError: If it cannot be read.
    """
    from scipy.io import loadmat  # noqa: PLC0415 - slow to import
    from scipy.io.matlab import MatReadError  # noqa: PLC0415

    try:
        found = loadmat(path, appendmat=False)
    except NotImplementedError:
        raise ChannelFileError(
            "it is a .mat file of format 7.3: save it with save(..., '-v7')"
        ) from None
    except MatReadError as damaged:
        raise ChannelFileError(f"it is no .mat file: {damaged}") from None
    return {name: value for name, value in found.items() if not name.startswith("__")}


def hdf5_arrays(path: Path) -> NamedArrays:
    """Return the data sets at the top of an HDF5 file.

    Raises:
        ChannelFileError: If ``h5py`` is not installed.
        OSError: If it cannot be read or is no HDF5 file.
    """
    try:
        import h5py  # noqa: PLC0415 - optional
    except ImportError:
        raise ChannelFileError(
            "HDF5 files need h5py, which is not installed: pip install 'sdr-ota[hdf5]', or save "
            "the same names with numpy.savez"
        ) from None
    with h5py.File(path, "r") as file:
        found = {name: one[()] for name, one in file.items() if isinstance(one, h5py.Dataset)}
    return {name: _text(value) for name, value in found.items()}


def _text(value: Any) -> NDArray[Any]:
    return np.asarray(value.decode() if isinstance(value, bytes) else value)
