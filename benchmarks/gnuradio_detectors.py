"""Our burst search beside GNU Radio's corr_est_cc and Schmidl-Cox, on captures of the same kind.

Runs under the Python that has GNU Radio; started from any other it starts itself there.
Each detector finds its own preamble: ours and corr_est_cc's is the chirp pair of 768 samples,
Schmidl-Cox's two equal halves of as many in all. Bursts are complete frames of a preamble and
random chips after it. Prints a table in Markdown, or JSON.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np
from gnuradio_impairments import restart_under_gnuradio
from numpy.typing import NDArray

from sdr_ota.air.impairments import add_awgn, apply_cfo
from sdr_ota.receiver.burst_fit import fit_burst
from sdr_ota.receiver.detection import detect_bursts
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.signal.waveform import Pulse
from sdr_ota.types import Samples

FRAME = FrameFormat(known_amplitude=1.0)
N_PREAMBLE = FRAME.n_preamble
EVERY = 6000
"""Samples from burst to burst, on average."""

SCHMIDL_COX = (0.6, 0.1)
"""Thresholds. GNU Radio's default, 0.9, misses bursts at 10 dB; 0.1 is still safe in noise."""

POINTS = (
    (-5.0, 0.0),
    (0.0, 0.0),
    (10.0, 0.0),
    (10.0, 1e-4),
    (0.0, 1e-3),
    (10.0, 1e-3),
    (10.0, 0.03),
)
"""Signal to noise ratio a sample in dB, carrier offset in cycles per sample."""


@dataclass(frozen=True)
class Find:
    """A burst as a detector saw it; one that does not estimate the offset says None."""

    start: float
    cfo: float | None


@dataclass(frozen=True)
class Row:
    """One detector at one point.

    Attributes:
        detector: Its name.
        snr_db: A sample.
        cfo: In cycles per sample.
        detected: Share of the bursts.
        start_rms: Root mean square error of the start, in samples; None without detections.
        cfo_rms: The same of the carrier offset, in cycles per sample.
        n_extra: Detections that belong to no burst, over the number of bursts.
    """

    detector: str
    snr_db: float
    cfo: float
    detected: float
    start_rms: float | None
    cfo_rms: float | None
    n_extra: float


class Detector(Protocol):
    """Something that finds a preamble of its own."""

    name: str
    preamble: Samples

    def find(self, capture: Samples) -> list[Find]:
        """Return what is found."""
        ...


class Ours:
    """Chirp search, then the maximum-likelihood fit."""

    name = "chirp pair and fit"
    preamble = FRAME.preamble()

    def find(self, capture: Samples) -> list[Find]:
        """Search, then fit."""
        found = detect_bursts(capture, FRAME.n_chirp, 0.06)
        whole = [d for d in found if 0 <= round(d.start) <= len(capture) - N_PREAMBLE]
        fits = [fit_burst(capture, self.preamble, detection) for detection in whole]
        return [Find(fit.start, fit.cfo) for fit in fits]


class CorrEst:
    """Correlation estimator; its threshold is half of the preamble's own peak."""

    name = "`corr_est_cc`"
    preamble = FRAME.preamble()

    def find(self, capture: Samples) -> list[Find]:
        """Read the tags it sets; each lies at the preamble's last sample."""
        import pmt  # noqa: PLC0415
        from gnuradio import blocks, digital, gr  # noqa: PLC0415

        top = gr.top_block("corr_est", catch_exceptions=False)
        source = blocks.vector_source_c(np.pad(capture, (0, 4096)).tolist())
        detector = digital.corr_est_cc(
            self.preamble.tolist(), 1, 0, 0.5, digital.THRESHOLD_ABSOLUTE
        )
        sink = blocks.vector_sink_c()
        top.connect(source, detector, sink)
        top.run()
        peaks: list[tuple[int, float]] = []
        for tag in sink.tags():
            if pmt.symbol_to_string(tag.key) != "corr_est":
                continue
            peak = (tag.offset - (N_PREAMBLE - 1), float(pmt.to_python(tag.value)))
            # An oversampled preamble gives a tag for every sample of a peak: keep the highest.
            if peaks and peak[0] - peaks[-1][0] < N_PREAMBLE // 2:
                peaks[-1] = max(peaks[-1], peak, key=lambda p: p[1])
            else:
                peaks.append(peak)
        return [Find(start, None) for start, _ in peaks]


class SchmidlCox:
    """Two equal halves; a plateau as long as the cyclic prefix tells the start."""

    n_prefix = 96

    def __init__(self, threshold: float) -> None:
        self.name = f"Schmidl-Cox, threshold {threshold:g}"
        self.threshold = threshold
        rng = np.random.default_rng(11)
        half = np.exp(2j * np.pi * rng.random(N_PREAMBLE // 2)).astype(np.complex64)
        self.preamble = np.concatenate([half[-self.n_prefix :], half, half])
        self.nominal = 0.0  # where the trigger lies after the start, measured once below

    def find(self, capture: Samples) -> list[Find]:
        """Read trigger and offset streams."""
        from gnuradio import blocks, digital, gr  # noqa: PLC0415

        top = gr.top_block("schmidl_cox", catch_exceptions=False)
        source = blocks.vector_source_c(np.pad(capture, (0, 8192)).tolist())
        detector = digital.ofdm_sync_sc_cfb(N_PREAMBLE, self.n_prefix, True, self.threshold)
        offsets, triggers = blocks.vector_sink_f(), blocks.vector_sink_b()
        top.connect(source, detector, offsets)
        top.connect((detector, 1), triggers)
        top.run()
        at = np.flatnonzero(np.array(triggers.data()))
        # Meant for a frequency modulator of sensitivity -2 / fft_len radians a sample.
        turns = np.array(offsets.data())[at] / (np.pi * N_PREAMBLE)
        return [Find(float(i) - self.nominal, float(f)) for i, f in zip(at, turns, strict=True)]


def capture_of(
    preamble: Samples, n_bursts: int, snr_db: float, cfo: float, seed: int
) -> tuple[Samples, NDArray[np.intp]]:
    """Return bursts in noise and where they begin."""
    rng, pulse = np.random.default_rng(seed), Pulse()
    starts = EVERY * np.arange(n_bursts) + rng.integers(500, 1500, n_bursts)
    quiet = np.zeros(EVERY * n_bursts, np.complex64)
    for start in starts:
        chips = np.exp(2j * np.pi * rng.random(512))
        gap = np.zeros(FRAME.guard_samples, np.complex64)
        burst = np.concatenate([preamble, gap, pulse.shape(chips)])
        burst = burst * np.complex64(np.exp(2j * np.pi * rng.random()))
        quiet[start : start + len(burst)] = apply_cfo(burst, cfo, 1.0)
    return add_awgn(quiet, 10 ** (-snr_db / 10), rng), starts


def judged(
    detector: Detector, snr_db: float, cfo: float, n_bursts: int, seed: int
) -> tuple[Row, list[float]]:
    """Count what a detector finds; also return its start errors."""
    capture, starts = capture_of(detector.preamble, n_bursts, snr_db, cfo, seed)
    finds = detector.find(capture)
    errors, offsets, used = [], [], set()
    for start in starts:
        near = [f for f in finds if abs(f.start - start) < N_PREAMBLE // 4]
        if near:
            best = min(near, key=lambda f: abs(f.start - start))
            used.add(id(best))
            errors.append(best.start - start)
            offsets += [best.cfo - cfo] if best.cfo is not None else []
    row = Row(
        detector.name,
        snr_db,
        cfo,
        len(errors) / n_bursts,
        _rms(errors),
        _rms(offsets),
        (len(finds) - len(used)) / n_bursts,
    )
    return row, errors


def _rms(errors: Sequence[float]) -> float | None:
    return float(np.sqrt(np.mean(np.square(errors)))) if errors else None


def all_rows(n_bursts: int) -> Iterator[Row]:
    """Judge every detector at every point."""
    both = tuple(SchmidlCox(threshold) for threshold in SCHMIDL_COX)
    for schmidl_cox in both:
        schmidl_cox.nominal = float(schmidl_cox.n_prefix + N_PREAMBLE)
        _, errors = judged(schmidl_cox, 30.0, 0.0, n_bursts, 99)
        schmidl_cox.nominal += float(np.median(errors)) if errors else 0.0
    for snr_db, cfo in POINTS:
        for detector in (Ours(), CorrEst(), *both):
            yield judged(detector, snr_db, cfo, n_bursts, 1)[0]


def false_alarms(n_samples: int) -> dict[str, float]:
    """Return detections per million samples of noise alone."""
    noise = add_awgn(np.zeros(n_samples, np.complex64), 1.0, np.random.default_rng(2))
    both = tuple(SchmidlCox(threshold) for threshold in SCHMIDL_COX)
    detectors: tuple[Detector, ...] = (Ours(), CorrEst(), *both)
    return {d.name: len(d.find(noise)) / n_samples * 1e6 for d in detectors}


def table(rows: list[Row], alarms: dict[str, float]) -> str:
    """Return everything in Markdown."""
    lines = [
        "| SNR, dB | offset, cycles/sample | detector | detected | start error, samples | "
        "offset error, cycles/sample | extra finds a burst |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        start = "" if row.start_rms is None else f"{row.start_rms:.2g}"
        offset = "" if row.cfo_rms is None else f"{row.cfo_rms:.1e}"
        lines.append(
            f"| {row.snr_db:g} | {row.cfo:g} | {row.detector} | {row.detected:.3f} | {start} | "
            f"{offset} | {row.n_extra:.2g} |"
        )
    said = ", ".join(f"{name} {rate:.2g}" for name, rate in alarms.items())
    return "\n".join([*lines, "", f"Detections per million samples of noise alone: {said}."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bursts", type=int, default=300, help="of every point")
    parser.add_argument("--noise", type=int, default=3_000_000, help="samples of noise alone")
    parser.add_argument("--json", action="store_true", help="for machines")
    arguments = parser.parse_args()
    rows, alarms = list(all_rows(arguments.bursts)), false_alarms(arguments.noise)
    if arguments.json:
        print(json.dumps({"rows": [asdict(row) for row in rows], "false_alarms": alarms}))
    else:
        print(table(rows, alarms))


if __name__ == "__main__":
    if np.__version__ >= "2":
        sys.exit(restart_under_gnuradio(__file__))
    main()
