"""The few keys of a SigMF recording that a flowgraph needs.

Written by hand because the interpreter that has GNU Radio has no SigMF library.
"""

import json
from dataclasses import dataclass
from pathlib import Path

DATATYPES = ("cf32_le", "ci16_le")
"""What can be read; what is written is the first."""


@dataclass(frozen=True)
class Recording:
    """A recording on disk.

    Attributes:
        data: File of samples.
        datatype: One of ``DATATYPES``.
        n_samples: Complex samples in it.
    """

    data: Path
    datatype: str
    n_samples: int


def read_recording(path: Path) -> Recording:
    """Find the samples of a recording.

    Args:
        path: Its ``.sigmf-meta`` file.

    Raises:
        ValueError: If it is not there or of a type that is not read.
    """
    try:
        described = json.loads(path.read_text(encoding="utf-8"))["global"]
        datatype = described["core:datatype"]
        data = path.with_suffix(".sigmf-data")
        n_bytes = data.stat().st_size
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        raise ValueError(f"{path} describes no SigMF recording: {wrong}") from wrong
    if datatype not in DATATYPES:
        raise ValueError(f"{path} holds {datatype}; {' and '.join(DATATYPES)} can be read")
    return Recording(data, datatype, n_bytes // (8 if datatype == "cf32_le" else 4))


def describe_recording(path: Path, sample_rate_hz: float, center_freq_hz: float) -> Path:
    """Write the ``.sigmf-meta`` of a recording of complex floats; return its data file's path."""
    described = {
        "global": {
            "core:datatype": DATATYPES[0],
            "core:sample_rate": sample_rate_hz,
            "core:version": "1.2.0",
            "core:recorder": "sdr-ota, GNU Radio flowgraph",
        },
        "captures": [{"core:sample_start": 0, "core:frequency": center_freq_hz}],
        "annotations": [],
    }
    path.with_suffix(".sigmf-meta").write_text(json.dumps(described, indent=2), encoding="utf-8")
    return path.with_suffix(".sigmf-data")
