"""The process in which a flowgraph runs: started by `start_flowgraph`, never by hand.

It ends when a block has failed, or when its standard input closes, which it does whenever
the process that started it ends in any way.
"""

import importlib
import json
import os
import queue
import sys
import threading
from collections.abc import Mapping

from ota_flowgraphs.failure import REPORTED
from sdr_ota.frame import FrameFormat
from sdr_ota.presets import AirPreset
from sdr_ota.waveform import Pulse

_POLL_S = 0.2


def main() -> int:
    """Run the flowgraph that the arguments name; return the exit status."""
    parent = os.dup(1)
    os.dup2(2, 1)  # GNU Radio's log goes where errors go: nobody reads on after the first line
    name, text = sys.argv[1:]
    module = importlib.import_module(f"ota_flowgraphs.generated.{name}")
    flowgraph = getattr(module, name)(**_arguments(json.loads(text)))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    flowgraph.start()
    os.write(parent, b"ready\n")
    return _watch()


def _watch() -> int:
    """Wait for a block's failure; whoever started this process ends it otherwise."""
    while True:
        try:
            failure = REPORTED.get(timeout=_POLL_S)
        except queue.Empty:
            continue
        sys.stderr.write(f"{failure}\n")
        sys.stderr.flush()
        # Not by stop() and wait(): a block that hangs would keep the process alive.
        os._exit(1)


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


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
    sys.exit(main())
