"""Speed of the receiver flowgraph in GNU Radio, beside its own correlator alone.

Both run in GNU Radio under Debian's Python, one after the other, over the same stream: joint
frames of one node in noise, ten a second at 1 MS/s, each with its own carrier offset. The
receiver flowgraph does the whole job (detect at any offset, fit, align, matched filter, decode);
corr_est_cc only correlates with the same preamble, and tolerates no offset.
"""

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from ota_flowgraphs.compile import companion_environment
from ota_flowgraphs.process import PYTHON
from rows import Row, emit, parsed

from sdr_ota.air.impairments import add_awgn, apply_cfo
from sdr_ota.rounds.transmitter import lead_burst
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import Precoder, Samples

FRAMES_EVERY = 100_000
SNR_DB = 10.0

RECEIVER = "receiver: detect to sum"
SCRIPT = r"""
import json, os, sys, time
import numpy as np
from gnuradio import blocks, digital, gr
from ota_flowgraphs.blocks.burst_detector import BurstDetector
from ota_flowgraphs.blocks.frame_synchroniser import FrameSynchroniser
from ota_flowgraphs.blocks.scheme_decoder import SchemeDecoder
from sdr_ota.signal.frame import FrameFormat

path, repeats, preamble = sys.argv[1], int(sys.argv[2]), np.load(sys.argv[3])
n_samples = os.path.getsize(path) // 8
frame = FrameFormat(known_amplitude=0.9)

def timed(*chain, messages=lambda top: None, done=lambda: True):
    top = gr.top_block()
    source = blocks.file_source(8, path, True)
    head = blocks.head(8, repeats * n_samples)
    source.set_min_output_buffer(1 << 16)
    head.set_min_output_buffer(1 << 16)
    top.connect(source, head, *chain)
    messages(top)
    began = time.perf_counter()
    top.start()
    while not done():
        time.sleep(0.001)
    if done is always:
        top.wait()
    took = time.perf_counter() - began
    top.stop(); top.wait()
    return repeats * n_samples / took / 1e6

def always():
    return True

def whole(n_frames):
    detector, synchroniser = BurstDetector(frame, 0.06), FrameSynchroniser(frame)
    decoder, sums = SchemeDecoder(frame, "coherent", 1, 0.9, 1), blocks.message_debug()
    kept = [detector, synchroniser, decoder, sums]
    def messages(top):
        top.msg_connect((detector, "bursts"), (synchroniser, "bursts"))
        top.msg_connect((synchroniser, "payloads"), (decoder, "payloads"))
        top.msg_connect((decoder, "sums"), (sums, "store"))
    rate = timed(detector, messages=messages, done=lambda: sums.num_messages() >= n_frames)
    return rate

n_frames = repeats * (n_samples // 100000) - 2  # the last chunk is never complete
correlator = digital.corr_est_cc(preamble.tolist(), 1, 0, 0.5, digital.THRESHOLD_ABSOLUTE)
nothing, nothing_too = blocks.null_sink(8), blocks.null_sink(8)
print(json.dumps({
    "file source alone": timed(nothing, done=always),
    "corr_est_cc alone": timed(correlator, nothing_too, done=always),
    "receiver: detect to sum": whole(n_frames),
}))
"""


def stream(n_frames: int, frame: FrameFormat) -> Samples:
    """Return joint frames of one node in noise, each with a carrier offset of its own."""
    rng = np.random.default_rng(1)
    quiet = np.zeros(n_frames * FRAMES_EVERY, np.complex64)
    for index in range(n_frames):
        payload = load_scheme("coherent").encode(0.5, 0, 1, frame.n_payload_chips, rng)
        chips = frame.sent_chips(payload, 0, 1)
        burst = lead_burst(chips, frame, Precoder(0.9 + 0j), index * FRAMES_EVERY, 1e6)
        sent = apply_cfo(burst.samples, float(rng.uniform(-30e3, 30e3)), 1e6)
        quiet[burst.start_tick : burst.start_tick + len(sent)] += sent
    return add_awgn(quiet, 10 ** (-SNR_DB / 10), rng)


def measure(n_frames: int, repeats: int) -> dict[str, float]:
    """Return the speeds in MS/s."""
    frame = FrameFormat(known_amplitude=0.9)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stream(n_frames, frame).tofile(folder / "stream")
        np.save(folder / "preamble.npy", frame.preamble())
        environment = {**companion_environment(folder), "OPENBLAS_NUM_THREADS": "1"}
        said = subprocess.run(
            [PYTHON, "-s", "-c", SCRIPT, str(folder / "stream"), str(repeats),
             str(folder / "preamble.npy")],
            capture_output=True, text=True, env=environment, check=False, timeout=600,
        )  # fmt: skip
    if said.returncode:
        raise SystemExit(f"GNU Radio failed: {said.stderr.strip()}")
    measured: dict[str, float] = json.loads(said.stdout.splitlines()[-1])
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=40, help="frames in the stream")
    parser.add_argument("--repeats", type=int, default=10, help="times that it is played")
    parser.add_argument("--turns", type=int, default=7, help="runs; the best one counts")
    arguments = parsed(parser, frames=10, turns=1)
    turns = [measure(arguments.frames, arguments.repeats) for _ in range(arguments.turns)]
    best = {name: max(turn[name] for turn in turns) for name in turns[0]}
    ours = best[RECEIVER]
    print(f"{len(os.sched_getaffinity(0))} cores, {arguments.frames * arguments.repeats} frames")
    for name, rate in best.items():
        print(f"{name:26} {rate:8.1f} MS/s {rate / ours:8.2f} x ours")
        if rate != ours:
            pairs = [turn[name] / turn[RECEIVER] for turn in turns]  # of speeds, not of costs
            emit(Row("receiver: a million samples", 1 / ours, name, 1 / rate, "s", "", pairs))


if __name__ == "__main__":
    main()
