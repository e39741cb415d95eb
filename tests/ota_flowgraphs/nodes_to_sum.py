"""Runs under GNU Radio's Python: four transmitters, an air, a receiver, through SigMF files.

Prints what the receiver says, a line of JSON each. Arguments: a folder, an air, a scheme, and how
many symbols of a node a frame carries: symbol j is a node's scalar over j + 1.
"""

import os
import sys
import time

import pmt
from ota_flowgraphs.generated.air import air
from ota_flowgraphs.generated.node_transmitter import node_transmitter
from ota_flowgraphs.generated.receiver import receiver

from sdr_ota.signal.frame import FrameFormat

SCALARS = (1.0, -0.5, 1.5, 0.2)
LIMIT = 2.0
N_FRAMES = 3


def send(folder: str, node: int, scheme: str, frame: FrameFormat) -> None:
    """Let one node send its scalar several times, and a sounding burst before."""
    top = node_transmitter(
        sink=f"driver=file,path={folder}/node{node}.sigmf-meta", scheme=scheme, node=node,
        is_lead=node == 0, scalars=f"ipc://{folder}/scalars{node}", scalar_limit=LIMIT,
        frame=frame,
    )  # fmt: skip
    top.start()
    n_sounded = 1 if node == 0 else 0
    n_frame = top.frame.n_joint_frame + top.frame.guard_samples
    if n_sounded:
        top.framer.to_basic_block()._post(pmt.intern("sound"), pmt.PMT_T)
        wait_for(folder, node, n_frame)
    for _ in range(N_FRAMES):
        top.encoder.to_basic_block()._post(pmt.intern("scalars"), scalars(node, frame.n_symbols))
    wait_for(folder, node, (N_FRAMES + n_sounded) * n_frame)
    top.stop()
    top.wait()
    if not n_sounded:  # while the first node is sounded the others are silent
        path = f"{folder}/node{node}.sigmf-data"
        with open(path, "rb") as file:
            sent = file.read()
        with open(path, "wb") as file:
            file.write(bytes(8 * n_frame) + sent)


def scalars(node: int, n_symbols: int) -> object:
    """Return the message that a node's encoder takes: a number, or a vector of several."""
    several = [SCALARS[node] / (place + 1) for place in range(n_symbols)]
    return pmt.from_double(*several) if n_symbols == 1 else pmt.init_f64vector(n_symbols, several)


def wait_for(folder: str, node: int, n_samples: int) -> None:
    """Wait until so many samples are on disk."""
    until_s = time.monotonic() + 60
    while os.path.getsize(f"{folder}/node{node}.sigmf-data") < 8 * n_samples:
        assert time.monotonic() < until_s, "the samples did not come"
        time.sleep(0.01)


def main() -> None:
    """Send, add, receive."""
    folder, preset, scheme, n_symbols = sys.argv[1:]
    frame = FrameFormat(n_symbols=int(n_symbols))
    for node in range(4):
        send(folder, node, scheme, frame)
    inputs = {f"input_{k}": f"driver=file,path={folder}/node{k}.sigmf-meta" for k in range(4)}
    air(output=f"driver=file,path={folder}/air.sigmf-meta", preset=preset, **inputs).run()
    source = f"driver=file,path={folder}/air.sigmf-meta"
    receiver(source=source, scheme=scheme, n_nodes=4, rx_amplitude=0.5, frame=frame).run()


if __name__ == "__main__":
    main()
