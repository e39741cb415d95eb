"""The drawings of a calibration report."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing
from ota_calibration.measure.burst_view import impulse_response, pilot_chips
from ota_calibration.measure.cfo import allan_deviation, sequence_phases
from ota_calibration.measure.noise_floor import NoiseFloor
from ota_calibration.measure.sounding_sequence import SoundingSequence
from ota_calibration.measure.survey import Survey

from sdr_ota.report.calibration.result import NodeResult
from sdr_ota.report.html_page import Figure
from sdr_ota.report.plots import house_style, joined_style
from sdr_ota.signal.frame import FrameFormat


def idle_figure(floor: NoiseFloor) -> Figure:
    """Draw the power density of the idle capture."""
    drawing, axes = _single()
    share = np.linspace(-0.5, 0.5, len(floor.spectrum), endpoint=False)
    axes.plot(share, 10 * np.log10(np.maximum(floor.spectrum, 1e-12)), color="0.2", linewidth=0.8)
    axes.set_xlabel("frequency (sample rates)")
    axes.set_ylabel("density over mean (dB)")
    caption = (
        "Spectrum of the idle slot. Flat within the analog filter is thermal noise; lines are "
        "interference."
    )
    return Figure(caption, drawing, "idle-spectrum")


def offset_figure(nodes: Sequence[NodeResult]) -> Figure:
    """Draw every node's carrier offset over time, around its mean."""
    drawing, axes = _single()
    for place, (name, survey) in enumerate(_surveys(nodes)):
        offsets = np.array(survey.series("cfo_hz"))
        times = np.array(survey.times_s) - survey.times_s[0]
        label = f"{name}: {offsets.mean():+.1f} Hz"
        axes.plot(times, offsets - offsets.mean(), markersize=3, label=label, **joined_style(place))
    axes.set_xlabel("time since the node's first sequence (s)")
    axes.set_ylabel("offset from mean (Hz)")
    axes.legend(fontsize=7)
    caption = "Carrier offset over time. A slope is drift: warm up, or sound more often."
    return Figure(caption, drawing, "carrier-offset")


def allan_figure(nodes: Sequence[NodeResult], rate_hz: float, center_hz: float) -> Figure:
    """Draw the Allan deviation inside sequences, and a slope of -1 for noise."""
    drawing, axes = _single()
    for place, (name, survey) in enumerate(_surveys(nodes)):
        phases = [sequence_phases(observation.fit) for observation in survey.observations]
        shortest = min(len(p) for p in phases)
        lags = [m for m in (1, 2, 3, 4, 5, 6) if 2 * m < shortest]
        interval_s = survey.observations[0].fit.period / rate_hz
        values = [
            np.sqrt(np.mean([allan_deviation(p, interval_s, center_hz, m) ** 2 for p in phases]))
            for m in lags
        ]
        axes.loglog([1e3 * m * interval_s for m in lags], values, label=name, **joined_style(place))
    axes.set_xlabel("averaging time (ms)")
    axes.set_ylabel("Allan deviation")
    axes.legend(fontsize=7)
    caption = (
        "Allan deviation of the carriers in a sequence. Falling as 1/time it shows the noise of "
        "the observations; falling more slowly, the oscillators."
    )
    return Figure(caption, drawing, "allan-deviation")


def linearity_figure(nodes: Sequence[NodeResult]) -> Figure:
    """Draw every node's gain over its amplitude."""
    drawing, axes = _single()
    for place, node in enumerate(node for node in nodes if node.linearity is not None):
        found = node.linearity
        if found is None:
            continue
        sent_db = 20 * np.log10(found.amplitudes)
        gains = found.gains_db - found.small_signal_db
        style = {**joined_style(place), "markersize": 3}
        axes.errorbar(sent_db, gains, found.stds_db, label=node.serial, **style)
    axes.axhline(-1.0, color="0.6", linewidth=0.8)
    axes.set_ylim(-2.5, 1.0)
    axes.set_xlabel("amplitude sent (dBFS)")
    axes.set_ylabel("gain over small signals (dB)")
    axes.legend(fontsize=7)
    caption = "Gain linearity. The grey line is 1 dB of compression."
    return Figure(caption, drawing, "linearity")


def node_figure(node: NodeResult, frame: FrameFormat, n_bursts: int) -> Figure:
    """Draw impulse response, phase clock and pilot constellation of a node."""
    with house_style():
        drawing = Drawing(figsize=(8, 2.8), layout="constrained")
        left = drawing.add_subplot(1, 3, 1)
        clock = drawing.add_subplot(1, 3, 2, projection="polar")
        right = drawing.add_subplot(1, 3, 3)
    survey = node.survey
    if survey is not None:
        observation = survey.observations[-1]
        sequence = SoundingSequence.even(frame, n_bursts)
        delays, response = impulse_response(observation.capture, sequence, observation.fit)
        level_db = 20 * np.log10(np.maximum(response / response.max(), 1e-3))
        left.plot(delays, level_db, color="0.2")
        _draw_clock(clock, node, survey)
        chips = pilot_chips(observation.capture, sequence, observation.fit)
        right.plot(chips.real, chips.imag, ".", markersize=1, color="0.3", alpha=0.4)
    left.set_xlabel("delay (samples)")
    left.set_ylabel("impulse response (dB)")
    right.plot([1], [0], "x", color="black")
    right.set_xlim(0.0, 2.0)
    right.set_ylim(-1.0, 1.0)
    right.set_aspect("equal")
    right.set_xlabel("pilot chips over sent ones")
    caption = (
        f"{node.serial}: impulse response; phase clock ({_clock_words(node)}); pilot chips after "
        "correction, a point at the cross if nothing were wrong."
    )
    return Figure(caption, drawing, f"node-{node.serial}".replace(" ", "-"))


def _draw_clock(axes: Any, node: NodeResult, survey: Survey) -> None:
    """Draw start phases as hands, or else the phases inside sequences around their line."""
    axes.set_yticklabels([])
    axes.set_xticks(np.arange(8) * np.pi / 4)
    axes.tick_params(labelsize=6)
    if node.starts is not None:
        for phase in node.starts.phases_rad:
            axes.plot([0, phase], [0, 1], color="0.2", linewidth=1)
        return
    phases = np.concatenate(
        [sequence_phases(observation.fit) for observation in survey.observations]
    )
    axes.plot(phases, np.linspace(0.2, 1.0, len(phases)), ".", markersize=2, color="0.2")


def _clock_words(node: NodeResult) -> str:
    if node.starts is None:
        return "phases in sequences, their turning taken out"
    if node.starts.n_states:
        return f"{node.starts.n_starts} starts on a grid of {node.starts.n_states}"
    return f"{node.starts.n_starts} starts on no grid"


def _surveys(nodes: Sequence[NodeResult]) -> list[tuple[str, Survey]]:
    return [(node.serial, node.survey) for node in nodes if node.survey is not None]


def _single() -> tuple[Drawing, Any]:
    with house_style():
        drawing = Drawing(figsize=(5.5, 2.8), layout="constrained")
        return drawing, drawing.subplots()
