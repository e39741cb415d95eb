"""The process in which a flowgraph runs: started by `start_flowgraph`, never by hand.

It ends when a block has failed, or when its standard input closes, which it does whenever
the process that started it ends in any way.
"""

import importlib
import json
import os
import sys
from collections.abc import Mapping
from typing import NoReturn

from ota_flowgraphs.failure import REPORTED
from sdr_ota.air.presets import AirPreset
from sdr_ota.process.parent_process import end_with_parent
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.signal.waveform import Pulse


def main() -> NoReturn:
    """Run the flowgraph that the arguments name until a block of it fails."""
    parent = os.dup(1)
    os.dup2(2, 1)  # GNU Radio's log goes where errors go: nobody reads on after the first line
    end_with_parent()
    name, text = sys.argv[1:]
    module = importlib.import_module(f"ota_flowgraphs.generated.{name}")
    flowgraph = getattr(module, name)(**_arguments(json.loads(text)))
    flowgraph.start()
    os.write(parent, b"ready\n")
    sys.stderr.write(f"{REPORTED.get()}\n")
    sys.stderr.flush()
    # Not by stop() and wait(): a block that hangs would keep the process alive.
    os._exit(1)


def _arguments(given: Mapping[str, object]) -> dict[str, object]:
    """Return a flowgraph's parameters; fields of a frame or an air become one."""
    arguments = dict(given)
    preset = arguments.get("preset")
    if isinstance(preset, dict):
        arguments["preset"] = AirPreset(**preset)
    frame = arguments.get("frame")
    if isinstance(frame, dict):
        arguments["frame"] = FrameFormat(**{**frame, "pulse": Pulse(**frame["pulse"])})
    return arguments


if __name__ == "__main__":
    main()
