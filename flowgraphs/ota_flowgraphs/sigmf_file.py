"""The few keys of a SigMF recording that a flowgraph needs.

Written by hand because the interpreter that has GNU Radio has no SigMF library.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdr_ota.types import Samples


@dataclass(frozen=True)
class Recording:
    """Samples on disk, read as they are needed.

    Attributes:
        words: Complex floats, or pairs of 16-bit integers.
        scale: What a word is divided by: full scale is 1.0.
    """

    words: NDArray[Any]
    scale: float

    @property
    def n_samples(self) -> int:
        """Complex samples in it."""
        return len(self.words)

    def samples(self, first: int, n_samples: int) -> Samples:
        """Return samples from an index on; fewer at the end."""
        part = self.words[first : first + n_samples]
        if part.dtype == np.complex64:
            return np.asarray(part, np.complex64)
        return np.asarray((part[:, 0] + 1j * part[:, 1]) / self.scale, np.complex64)


def load_samples(path: Path) -> Recording:
    """Find the samples of a recording.

    Args:
        path: Its ``.sigmf-meta`` file.

    Raises:
        ValueError: If it is not there, or not complex floats or 16-bit integers.
    """
    try:
        described = json.loads(path.read_text(encoding="utf-8"))["global"]
        datatype = described["core:datatype"]
        dtype = {"cf32_le": np.complex64, "ci16_le": np.int16}.get(datatype)
        data = path.with_suffix(".sigmf-data")
        words = np.memmap(data, dtype, mode="r") if dtype and data.stat().st_size else None
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        raise ValueError(f"{path} describes no SigMF recording: {wrong}") from wrong
    if dtype is None:
        raise ValueError(f"{path} holds {datatype}; cf32_le and ci16_le can be read")
    if words is None:
        raise ValueError(f"{data} is empty")
    return Recording(words if dtype is np.complex64 else words.reshape(-1, 2), 32768.0)


def describe_recording(path: Path, sample_rate_hz: float, center_freq_hz: float) -> Path:
    """Write the ``.sigmf-meta`` of a recording of complex floats; return its data file's path."""
    described = {
        "global": {
            "core:datatype": "cf32_le",
            "core:sample_rate": sample_rate_hz,
            "core:version": "1.2.0",
            "core:recorder": "sdr-ota, GNU Radio flowgraph",
        },
        "captures": [{"core:sample_start": 0, "core:frequency": center_freq_hz}],
        "annotations": [],
    }
    path.with_suffix(".sigmf-meta").write_text(json.dumps(described, indent=2), encoding="utf-8")
    return path.with_suffix(".sigmf-data")
