"""Channel files that tests write, and a world that plays them."""

from pathlib import Path

import numpy as np

from sdr_ota.air.presets import AirPreset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir

RATE_HZ = 1e6
CARRIER_HZ = 915e6


def write_npz(folder: Path, **arrays: object) -> Path:
    path = folder / "paths.npz"
    np.savez(path, **{name: np.asarray(value) for name, value in arrays.items()})
    return path


def quiet_air(path: Path, n_nodes: int = 1, **fields: object) -> SimulatedAir:
    preset = AirPreset("quiet", snr_db=200.0, channel=str(path), **fields)  # type: ignore[arg-type]
    return SimulatedAir(AirSettings(preset, n_nodes, RATE_HZ, CARRIER_HZ, seed=3))
