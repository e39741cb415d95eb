"""The process in which a flowgraph runs: started by `start_flowgraph`, never by hand.

It ends when the flowgraph has ended, when a block has failed, or when its standard input
closes, which it does whenever the process that started it ends in any way.
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
from sdr_ota.waveform import Pulse

READY = "ready"
"""The line on standard output once samples may come."""

_POLL_S = 0.02


def main() -> int:
    """Run the flowgraph that the arguments name; return the exit status."""
    name, text = sys.argv[1:]
    module = importlib.import_module(f"ota_flowgraphs.generated.{name}")
    flowgraph = getattr(module, name)(**_arguments(json.loads(text)))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    flowgraph.start()
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    return _watch()


def _watch() -> int:
    """Wait for a block's failure; whoever started this process ends it otherwise."""
    while True:
        try:
            failure = REPORTED.get(timeout=_POLL_S * 10)
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
    """Return a flowgraph's parameters; a frame's fields become a frame."""
    arguments = dict(given)
    frame = arguments.get("frame")
    if isinstance(frame, dict):
        arguments["frame"] = FrameFormat(**{**frame, "pulse": Pulse(**frame["pulse"])})
    return arguments


if __name__ == "__main__":
    sys.exit(main())
