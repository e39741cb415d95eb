"""The metadata of a SigMF recording that a flowgraph writes.

Written by hand because the interpreter that has GNU Radio has no SigMF library.
"""

import json
from pathlib import Path


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
