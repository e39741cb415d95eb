"""How is a number sent through the air? This package is also the front door from Python.

    import sdr_ota

    with sdr_ota.open_bench("bench.toml") as bench:  # simulated, virtual or real radios
        total = bench.mean([0.3, -1.2, 0.7, 0.1, 0.9])  # one round over the air
    run = sdr_ota.run("demo.toml", set={"run.rounds": 50})
    sdr_ota.decode("round-000000.sigmf-meta")
    sdr_ota.compare(n_nodes=5)

What the names stand for is loaded when they are first used: importing this package loads nothing
else. A round that is lost is a value with a reason, never an exception; whatever else cannot be
done raises `SdrOtaError`, and a wrong argument `ValueError`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sdr_ota.door.columns import Columns
    from sdr_ota.door.comparison import Comparison, compare
    from sdr_ota.door.decoding import DecodedCapture, decode
    from sdr_ota.door.errors import SdrOtaError
    from sdr_ota.door.functions import Computed, GeometricMean, Histogram, Maximum, compute
    from sdr_ota.door.mean import Mean
    from sdr_ota.door.mean_bench import MeanBench
    from sdr_ota.door.opening import open_bench
    from sdr_ota.door.run import Run, read_run, run

__all__ = [
    "Columns",
    "Comparison",
    "Computed",
    "DecodedCapture",
    "GeometricMean",
    "Histogram",
    "Maximum",
    "Mean",
    "MeanBench",
    "Run",
    "SdrOtaError",
    "compare",
    "compute",
    "decode",
    "open_bench",
    "read_run",
    "run",
]

_MODULE_OF = {
    "Columns": "columns",
    "Comparison": "comparison",
    "Computed": "functions",
    "DecodedCapture": "decoding",
    "GeometricMean": "functions",
    "Histogram": "functions",
    "Maximum": "functions",
    "Mean": "mean",
    "MeanBench": "mean_bench",
    "Run": "run",
    "SdrOtaError": "errors",
    "compare": "comparison",
    "compute": "functions",
    "decode": "decoding",
    "open_bench": "opening",
    "read_run": "run",
    "run": "run",
}


def __getattr__(name: str) -> object:
    """Load what a name of the front door stands for."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.door.{_MODULE_OF[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return list(__all__)
