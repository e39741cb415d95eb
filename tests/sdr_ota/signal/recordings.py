"""Small recordings of every datatype, as files."""

import json
from pathlib import Path
from typing import Any

import numpy as np

RNG = np.random.default_rng(1)
TYPES = {"cf32_le": "<f4", "cf64_le": "<f8", "ci32_le": "<i4", "ci16_le": "<i2", "ci8": "i1",
         "cu32_le": "<u4", "cu16_le": "<u2", "cu8": "u1"}  # fmt: skip


def words(dtype: str, n_samples: int = 50) -> np.ndarray[Any, Any]:
    if dtype.endswith(("f4", "f8")):
        return RNG.uniform(-1, 1, 2 * n_samples).astype(dtype)
    limits = np.iinfo(dtype)
    return RNG.integers(limits.min, limits.max, 2 * n_samples, endpoint=True).astype(dtype)


def recorded(folder: Path, data: bytes, name: str = "cf32_le", **fields: object) -> Path:
    meta = {"core:datatype": name, "core:sample_rate": 1e6, "core:version": "1.2.0"}
    meta |= {f"core:{key}": value for key, value in fields.items()}
    told = {"global": meta, "captures": [{"core:sample_start": 0}], "annotations": []}
    (folder / "a.sigmf-data").write_bytes(data)
    (folder / "a.sigmf-meta").write_text(json.dumps(told))
    return folder / "a.sigmf-meta"
