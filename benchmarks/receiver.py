"""Speed of the receiver on one core, beside plain correlation and GNU Radio's detector.

Ours does the whole job (detect, carrier offset, delay to a fraction of a sample, align,
matched filter, decode); the peers only correlate with the same preamble. All run on one
core, one after the other, over the same capture. GNU Radio runs under Debian's Python.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when numpy is imported: one core, one thread

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from rows import Row, emit, in_turn_s, parsed, ratios
from scipy import signal

from sdr_ota.air.impairments import add_awgn, apply_cfo
from sdr_ota.receiver.burst_fit import fit_burst
from sdr_ota.receiver.detection import detect_bursts
from sdr_ota.receiver.joint_frame import align_joint_frame
from sdr_ota.rounds.transmitter import lead_burst
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import Precoder, Samples

SNR_DB = 10.0
SAMPLE_RATE_HZ = 1e6
OURS = "sdr_ota: detect and decode"
FRAMES_EVERY = 100_000
"""Samples from frame to frame: ten rounds a second at 1 MS/s."""

GNURADIO = """
import sys, time
import numpy as np
from gnuradio import blocks, digital, gr
capture, preamble, repeats = np.load(sys.argv[1]), np.load(sys.argv[2]), int(sys.argv[3])
for mark in range(repeats):
    top = gr.top_block()
    source = blocks.vector_source_c(capture, False)
    detector = digital.corr_est_cc(preamble.tolist(), 1, 0, 0.5, digital.THRESHOLD_ABSOLUTE)
    sink = blocks.null_sink(gr.sizeof_gr_complex)
    top.connect(source, detector, sink)
    began = time.perf_counter()
    top.run()
    print(time.perf_counter() - began)
"""


def stream(n_frames: int, frame: FrameFormat, rng: np.random.Generator) -> Samples:
    """Return joint frames of one node in noise, each with its own carrier offset."""
    quiet = np.zeros(n_frames * FRAMES_EVERY, np.complex64)
    for index in range(n_frames):
        payload = load_scheme("coherent").encode(0.5, 0, 1, frame.n_payload_chips, rng)
        chips = frame.sent_chips(payload, 0, 1)
        burst = lead_burst(chips, frame, Precoder(0.9 + 0j), index * FRAMES_EVERY, SAMPLE_RATE_HZ)
        sent = apply_cfo(burst.samples, float(rng.uniform(-30e3, 30e3)), SAMPLE_RATE_HZ)
        quiet[burst.start_tick : burst.start_tick + len(sent)] += sent
    return add_awgn(quiet, 10 ** (-SNR_DB / 10), rng)


def receive_stream(capture: Samples, frame: FrameFormat) -> int:
    """Decode every frame of a capture; return how many there were."""
    scheme, n_decoded = load_scheme("coherent"), 0
    for found in detect_bursts(capture, frame.n_chirp):
        burst = fit_burst(capture, frame.preamble(), found)
        scheme.decode(align_joint_frame(capture, frame, burst).chips, 1, 0.9)
        n_decoded += 1
    return n_decoded


def gnuradio_s(capture: Samples, preamble: Samples, repeats: int) -> list[float]:
    """Return the times of corr_est_cc, none without GNU Radio; not in turn with the others."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, "capture.npy"), Path(folder, "preamble.npy")]
        for file, array in zip(files, (capture, preamble), strict=True):
            np.save(file, array)
        command = ["/usr/bin/python3", "-c", GNURADIO, *map(str, files), str(repeats)]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        said = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if said.returncode:
        print(f"GNU Radio left out: {said.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return []
    return list(map(float, said.stdout.split()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=40, help="frames in the capture")
    parser.add_argument("--repeats", type=int, default=7, help="turns; the best one counts")
    arguments = parsed(parser, frames=8)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    frame = FrameFormat(known_amplitude=0.9)
    capture = stream(arguments.frames, frame, np.random.default_rng(1))
    preamble = frame.preamble()
    n_decoded = receive_stream(capture, frame)
    template = preamble[::-1].conj()
    works = {
        OURS: lambda: receive_stream(capture, frame),
        "sdr_ota: detect": lambda: detect_bursts(capture, frame.n_chirp),
        "scipy.signal.fftconvolve": lambda: signal.fftconvolve(capture, template),
        "scipy.signal.oaconvolve": lambda: signal.oaconvolve(capture, template),
    }
    times = in_turn_s(works, arguments.repeats)
    apart = {"GNU Radio corr_est_cc": gnuradio_s(capture, preamble, arguments.repeats)}
    seconds = {name: min(all_s) for name, all_s in (times | apart).items() if all_s}
    ours = seconds[OURS]
    print(
        f"{len(capture) / 1e6:.1f} MS, {n_decoded} of {arguments.frames} frames decoded, one core"
    )
    print(f"{'':30} {'MS/s':>8} {'ours is':>10}")
    setting = f"{len(capture) / 1e6:.1f} MS, one core"
    for name, time_s in seconds.items():
        print(f"{name:30} {len(capture) / time_s / 1e6:8.1f} {time_s / ours:9.2f}x")
        if not name.startswith("sdr_ota"):
            pairs = ratios(times[OURS], times[name]) if name in times else ()
            emit(Row("detect and decode", ours, name, time_s, "s", setting, pairs))


if __name__ == "__main__":
    main()
