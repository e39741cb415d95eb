"""Our impairment models beside GNU Radio's, number by number.

Runs under the Python that has GNU Radio; started from any other it starts itself there.
Prints a table in Markdown, or JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ota_flowgraphs.compile import companion_environment
from ota_flowgraphs.process import PYTHON

from sdr_ota.air import impairments as imp
from sdr_ota.signal.waveform import Pulse
from sdr_ota.types import Samples

SHIFT = 3
"""GNU Radio's channel_model gives the signal so many samples early, whatever its settings."""

EDGE = 64
"""Samples left out at both ends: interpolation has no neighbours there."""

CFO = 0.0123
CLOCK_PPM = 20.0
STEP_RAD = 1e-3
GAIN_DB, PHASE_DEG = 1.0, 5.0
RICIAN_K = 4.0


@dataclass(frozen=True)
class Row:
    """One quantity.

    Attributes:
        what: Which.
        unit: Of the three values.
        ours: By the project's model.
        theirs: By GNU Radio's.
        theory: What both should give; None for a difference of the two.
    """

    what: str
    unit: str
    ours: float | None
    theirs: float
    theory: float | None


def run_block(block: Any, samples: Samples) -> Samples:
    """Return what a GNU Radio block makes of samples; zeros behind them push the last ones out."""
    from gnuradio import blocks, gr  # noqa: PLC0415

    top = gr.top_block("pair", catch_exceptions=False)
    source = blocks.vector_source_c(np.pad(samples, (0, 8192)).tolist())
    sink = blocks.vector_sink_c()
    top.connect(source, block, sink)
    top.run()
    return np.array(sink.data(), np.complex64)[: len(samples)]


def waveform(n_samples: int) -> Samples:
    """Return random chips in the project's pulse: a signal of two thirds of the band."""
    rng, pulse = np.random.default_rng(1), Pulse()
    chips = np.exp(2j * np.pi * rng.random(n_samples // 2 + 40))
    return pulse.shape(chips)[:n_samples]


def difference_db(theirs: Samples, ours: Samples) -> float:
    """Return the power of the difference over the power of ours, in dB; edges left out."""
    n_both = min(len(theirs), len(ours))
    a, b = theirs[EDGE : n_both - EDGE], ours[EDGE : n_both - EDGE]
    return float(10 * np.log10(np.mean(np.abs(a - b) ** 2) / np.mean(np.abs(b) ** 2)))


def carrier_and_clock(n_samples: int) -> Iterator[Row]:
    """Compare carrier offset and sampling clock of ``channel_model``, sample by sample."""
    from gnuradio import channels  # noqa: PLC0415

    sent = waveform(n_samples)
    theirs = run_block(channels.channel_model(0.0, CFO, 1.0, [1.0]), sent)
    ours = imp.apply_cfo(sent[SHIFT:], CFO, 1.0)
    yield Row("carrier offset: difference", "dB", None, difference_db(theirs, ours), None)
    wrong = imp.apply_cfo(sent, CFO, 1.0)
    yield Row("the same without the 3 samples", "dB", None, difference_db(theirs, wrong), None)
    theirs = run_block(channels.channel_model(0.0, 0.0, 1 + CLOCK_PPM * 1e-6, [1.0]), sent)
    placed = imp.resample_by_ppm(sent[SHIFT:], CLOCK_PPM)
    ours = placed.samples[-placed.first_tick :]
    yield Row("clock error of 20 ppm: difference", "dB", None, difference_db(theirs, ours), None)


def noise(n_samples: int) -> Iterator[Row]:
    """Compare the power of white noise for a noise voltage of 0.1."""
    from gnuradio import channels  # noqa: PLC0415

    quiet = np.zeros(n_samples, np.complex64)
    theirs = run_block(channels.channel_model(0.1, 0.0, 1.0, [1.0], 7), quiet)
    ours = imp.awgn(n_samples, 0.01, np.random.default_rng(7))
    powers = [float(np.mean(np.abs(x) ** 2)) for x in (ours, theirs)]
    yield Row("white noise: power", "1e-3", powers[0] * 1e3, powers[1] * 1e3, 10.0)
    shares = [float(np.mean(x.real**2) / np.mean(np.abs(x) ** 2)) for x in (ours, theirs)]
    yield Row("white noise: share of the real part", "", *shares, 0.5)


def image(n_samples: int) -> Iterator[Row]:
    """Compare the image of a tone behind unequal I and Q branches."""
    from gnuradio import channels  # noqa: PLC0415

    tone = np.exp(2j * np.pi * 0.125 * np.arange(n_samples // 8 * 8)).astype(np.complex64)

    def rejection_db(samples: Samples) -> float:
        wanted, mirrored = np.vdot(tone, samples), np.vdot(tone.conj(), samples)
        return float(20 * np.log10(abs(wanted) / abs(mirrored)))

    theirs = run_block(channels.iqbal_gen(GAIN_DB, PHASE_DEG), tone)
    ours = imp.apply_iq_imbalance(tone, GAIN_DB, PHASE_DEG)
    theory = imp.image_rejection_db(GAIN_DB, PHASE_DEG)
    yield Row(
        "image rejection, 1 dB and 5 deg", "dB", rejection_db(ours), rejection_db(theirs), theory
    )


def phase_noise(n_samples: int) -> Iterator[Row]:
    """Compare how far a phase walks; GNU Radio's noise is a walk for times well below 1/alpha."""
    from gnuradio import channels  # noqa: PLC0415

    alpha, steady = 1e-5, np.ones(n_samples, np.complex64)
    linewidth_hz = STEP_RAD**2 / (2 * np.pi)  # at one sample a second
    rng = np.random.default_rng(3)
    ours, _ = imp.apply_phase_noise(steady, linewidth_hz, 1.0, 0.0, rng)
    theirs = run_block(channels.phase_noise_gen(STEP_RAD / alpha, alpha), steady)
    for lag in (1, 10, 100):
        walked = [
            float(np.sqrt(np.mean(np.angle(x[lag:] * x[:-lag].conj()) ** 2))) * 1e3
            for x in (ours, theirs)
        ]
        yield Row(f"phase noise: walk in {lag} samples", "mrad", *walked, np.sqrt(lag))


def fading(n_samples: int) -> Iterator[Row]:
    """Compare the fourth moment of a fading gain over its second's square."""
    from gnuradio import channels  # noqa: PLC0415

    steady, rng = np.ones(n_samples, np.complex64), np.random.default_rng(5)
    for name, line_of_sight, k in (("Rayleigh", False, 0.0), ("Rician, K = 4", True, RICIAN_K)):
        seen = [
            run_block(channels.fading_model(32, 0.02, line_of_sight, k, seed), steady)
            for seed in range(4)
        ]
        scatter = imp.draw_scatter(n_samples, rng)
        drawn = imp.rician_gains(scatter, 10 * np.log10(k)) if k else scatter
        moments = [
            float(np.mean(np.abs(x) ** 4) / np.mean(np.abs(x) ** 2) ** 2)
            for x in (drawn, np.concatenate(seen))
        ]
        yield Row(
            f"{name} fading: spread of power", "", *moments, (2 + 4 * k + k**2) / (1 + k) ** 2
        )


PAIRS: tuple[Callable[[int], Iterator[Row]], ...] = (
    carrier_and_clock,
    noise,
    image,
    phase_noise,
    fading,
)


def table(rows: list[Row]) -> str:
    """Return the rows in Markdown."""
    lines = ["| quantity | unit | ours | GNU Radio | theory |", "|---|---|---|---|---|"]
    for row in rows:
        values = (f"{v:.3g}" if v is not None else "" for v in (row.ours, row.theirs, row.theory))
        lines.append(f"| {row.what} | {row.unit} | {' | '.join(values)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=400_000, help="of every comparison")
    parser.add_argument("--json", action="store_true", help="for machines")
    arguments = parser.parse_args()
    rows = [row for pair in PAIRS for row in pair(arguments.samples)]
    print(json.dumps([asdict(row) for row in rows]) if arguments.json else table(rows))


def restart_under_gnuradio(script: str) -> int:
    """Run a script under the Python that has GNU Radio; return its exit status."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**companion_environment(Path(folder)), "OPENBLAS_NUM_THREADS": "1"}
        command = [PYTHON, "-s", os.path.abspath(script), *sys.argv[1:]]
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    if np.__version__ >= "2":
        sys.exit(restart_under_gnuradio(__file__))
    main()
