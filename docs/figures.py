"""Draw the figures of the documentation from the code itself: python docs/figures.py."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sdr_ota.air.impairments import add_awgn, apply_cfo, fractional_delay
from sdr_ota.assembly.bench import open_bench
from sdr_ota.assembly.planner import planner_of
from sdr_ota.config.load import load_config
from sdr_ota.config.parts import link_of, simulated_air
from sdr_ota.radio.base import Capture, Radio
from sdr_ota.receiver.burst_fit import cramer_rao_bound
from sdr_ota.receiver.synchronisation import BurstNotFound, locate_burst
from sdr_ota.report.plots import house_style
from sdr_ota.rounds.given_symbols import exchange_symbols, sound_bench
from sdr_ota.signal.frame import EDGE_CHIPS, FrameFormat
from sdr_ota.study.latency import LatencySetting, measure_latency
from sdr_ota.study.latency_figure import latency_drawing
from sdr_ota.units import db_to_power

HERE = Path(__file__).parent
N_NODES = 3
RATE_HZ = 1e6


def main() -> None:
    """Draw everything."""
    with house_style():
        for name, draw in FIGURES.items():
            draw().savefig(HERE / f"{name}.svg", bbox_inches="tight", metadata={"Date": None})
            print(HERE / f"{name}.svg")


def round_figure() -> Figure:
    """Draw one round: who computes what, and the one place where numbers meet."""
    figure = Figure(figsize=(9, 3.6))
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_xlim(0, 12)
    axes.set_ylim(-0.6, 4.4)
    box = {"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": "0.4"}
    for k, y in enumerate((3.6, 2.0, 0.4)):
        name = ("client 1", "client 2", "client K")[k]
        text = f"{name}: two forward passes\nat θ ± μ·z(seed) → one scalar"
        axes.text(2.3, y, text, ha="center", va="center", bbox=box)
        axes.text(5.3, y, "amplitude\non a burst", ha="center", va="center", bbox=box)
        _arrow(axes, (3.95, y), (4.6, y))
        _arrow(axes, (6.0, y), (7.05, 2.0 + 0.25 * (1 - k)))
    axes.text(2.3, 1.2, "⋮", ha="center", va="center")
    axes.text(
        7.4, 2.0, "+", ha="center", va="center", fontsize=18, bbox={**box, "boxstyle": "circle"}
    )
    axes.text(7.4, 1.15, "the air adds", ha="center", va="center")
    text = "receiver: find the burst,\nalign, decode the sum"
    axes.text(10.1, 2.0, text, ha="center", va="center", bbox=box)
    _arrow(axes, (7.85, 2.0), (8.65, 2.0))
    axes.annotate(
        "",
        (2.3, -0.15),
        (10.1, 1.45),
        arrowprops={"arrowstyle": "->", "color": "0.4", "connectionstyle": "angle,rad=10"},
    )
    text = "one number back: every client steps θ ← θ - η · mean scalar · z(seed)"
    axes.text(6.2, -0.42, text, ha="center", va="center")
    return figure


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": "0.4"})


def frame_figure() -> Figure:
    """Draw what the receiver receives of a sounding frame and of a joint frame."""
    settings = [f"clients.count={N_NODES}", "clients.source=synthetic", "link.sounding_every=1"]
    config = load_config(None, settings)
    link = link_of(config)
    frame = link.frame
    with open_bench(config, simulated_air(config)) as opened:
        tap = Tap(opened.receiver)
        bench = replace(opened, receiver=tap)
        plan = planner_of(config, link)(sound_bench(bench, link))
        exchange_symbols(np.array([0.9, 0.5, -0.2]), plan, bench, link, seed=1)
    figure = Figure(figsize=(9, 4.4))
    above, below = figure.subplots(2, 1)
    _draw_capture(above, tap.captures[0].samples, "sounding frame")
    joint = tap.captures[1].samples[frame.guard_samples : -frame.guard_samples]
    _draw_capture(below, joint, "joint frame")
    for node in range(N_NODES):
        start = frame.sounding_start(node)
        _mark(above, start, frame.n_preamble, f"preamble {node + 1}", 0)
        pilot = frame.n_sounding_burst - frame.n_preamble
        _mark(above, start + frame.n_preamble, pilot, f"pilot {node + 1}", 1)
    _mark_joint(below, frame)
    below.set_xlabel("time (ms)")
    figure.tight_layout()
    return figure


def _mark_joint(axes: Axes, frame: FrameFormat) -> None:
    """Name the parts of a joint frame."""
    _mark(axes, frame.preamble_start, frame.n_preamble, "preamble: lead node alone", 0)
    chip = frame.pulse.samples_per_chip
    n_pilot = frame.n_node_pilot_chips * chip
    first = frame.payload_start + frame.pulse.half_samples
    payload = first + n_pilot + EDGE_CHIPS * chip
    behind = payload + (frame.n_payload_chips + EDGE_CHIPS) * chip
    _mark(axes, first, n_pilot, "node pilots", 2)
    _mark(axes, payload, frame.n_payload_chips * chip, "payload: all nodes add", 1)
    _mark(axes, behind, n_pilot, "node pilots", 2)
    _mark(axes, frame.idle_start, frame.n_idle, "idle: noise is measured", 2)


class Tap:
    """A receiver that keeps what it receives."""

    def __init__(self, radio: Radio) -> None:
        self.radio = radio
        self.captures: list[Capture] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self.radio, name)

    def begin_receive(self, n_samples: int, start_tick: int | None = None) -> "Tap":
        """Start receiving."""
        self.pending = self.radio.begin_receive(n_samples, start_tick)
        return self

    def result(self, timeout_s: float) -> Capture:
        """Return the capture and keep it."""
        self.captures.append(self.pending.result(timeout_s))
        return self.captures[-1]


def _draw_capture(axes: Axes, samples: np.ndarray, title: str) -> None:
    axes.plot(np.arange(len(samples)) / RATE_HZ * 1e3, np.abs(samples), color="0.2", linewidth=0.5)
    axes.set_ylabel("amplitude (full scale 1)")
    axes.set_title(title, loc="left", fontsize=9)
    axes.set_xlim(0, len(samples) / RATE_HZ * 1e3)
    axes.set_ylim(0, 1.35 * np.abs(samples).max())


def _mark(axes: Axes, start: int, length: int, text: str, colour: int) -> None:
    left, right = start / RATE_HZ * 1e3, (start + length) / RATE_HZ * 1e3
    axes.axvspan(left, right, color=f"C{colour}", alpha=0.2, linewidth=0)
    place = (left + right) / 2
    axes.text(place, axes.get_ylim()[1] * 0.98, text, ha="center", va="top", fontsize=7)


def sync_figure(n_trials: int = 100) -> Figure:
    """Draw the burst fit's errors over the signal-to-noise ratio, beside the bound."""
    frame = FrameFormat(known_amplitude=1.0)
    reference = frame.sounding_burst()
    snrs_db = np.arange(-12, 41, 4)
    rng = np.random.default_rng(1)
    rows = [_sync_errors(reference, frame.n_chirp, db_to_power(s), n_trials, rng) for s in snrs_db]
    bounds = [cramer_rao_bound(reference, db_to_power(s)) for s in snrs_db]
    figure = Figure(figsize=(11, 3.2))
    panels = figure.subplots(1, 4)
    labels = ("start (samples)", "carrier offset (cycles/sample)", "phase (rad)")
    names = ("start_std", "cfo_std", "phase_std")
    for column, (axes, label, name) in enumerate(zip(panels, labels, names, strict=False)):
        axes.semilogy(snrs_db, [getattr(b, name) for b in bounds], label="Cramér-Rao bound")
        axes.semilogy(snrs_db, [row[column] for row in rows], "o", markersize=4, label="measured")
        axes.set_title(f"standard error of the {label}", fontsize=8)
        axes.set_xlabel("SNR of a sample (dB)")
    panels[0].legend(fontsize=7)
    panels[3].plot(snrs_db, [row[3] for row in rows], "o-", markersize=4)
    panels[3].set_title("share of bursts found", fontsize=8)
    panels[3].set_xlabel("SNR of a sample (dB)")
    figure.tight_layout()
    return figure


def _sync_errors(
    reference: np.ndarray, n_chirp: int, snr: float, n_trials: int, rng: np.random.Generator
) -> tuple[float, float, float, float]:
    """Return RMS errors of start, offset and phase, and the share of bursts found."""
    errors = []
    for _ in range(n_trials):
        delay, cfo = rng.uniform(100, 140), rng.uniform(-0.06, 0.06)
        placed = fractional_delay(reference, delay)
        quiet = np.zeros(len(reference) + 300, np.complex64)
        quiet[placed.first_tick : placed.first_tick + len(placed.samples)] = placed.samples
        centre = delay + (len(reference) - 1) / 2
        turned = apply_cfo(quiet, cfo, 1.0, 0, -2 * np.pi * cfo * centre)
        try:
            fit = locate_burst(add_awgn(turned, 1 / snr, rng), reference, n_chirp)
        except BurstNotFound:
            continue
        errors.append((fit.start - delay, fit.cfo - cfo, np.angle(fit.gain)))
    rms = np.sqrt(np.mean(np.square(errors), axis=0)) if errors else [np.nan] * 3
    return float(rms[0]), float(rms[1]), float(rms[2]), len(errors) / n_trials


def latency_figure() -> Figure:
    """Draw the error of every scheme over the time from sounding to payload; takes minutes."""
    setting = LatencySetting("lab-indoor", n_worlds=3, n_rounds=40)
    return latency_drawing(measure_latency(setting), setting)


FIGURES = {
    "round": round_figure,
    "frame": frame_figure,
    "sync": sync_figure,
    "latency": latency_figure,
}


if __name__ == "__main__":
    main()
