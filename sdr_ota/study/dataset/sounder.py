"""The planner of a data set: a round's last sounding is kept beside what is true of the paths."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ota_calibration.paths.sounding import estimate_nodes, make_plan
from ota_calibration.paths.tracker import with_forecast

from sdr_ota.air.node_path import NodePath
from sdr_ota.air.receiver_oscillator import ReceiverOscillator
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.assembly.planner import path_tracker
from sdr_ota.config.air_time import sounding_gap_s
from sdr_ota.config.link_table import LinkTable
from sdr_ota.radio.base import Capture
from sdr_ota.rounds.exchange import Bench, Link, ReceivedSounding
from sdr_ota.runs.capture_record import link_record, radios_record
from sdr_ota.runs.recording import FramePart, Json, Recording, write_recording
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import ChannelEstimate, TransmitPlan


class KeptSoundings:
    """Plans rounds from soundings and keeps the one from which each round was planned.

    Args:
        folder: Where to.
        link: Frame and search range.
        table: How loud nodes may be, and which are left out.
        air: The simulated world: it knows the truth.
        bench: Its radios.
    """

    def __init__(
        self, folder: Path, link: Link, table: LinkTable, air: SimulatedAir, bench: Bench
    ) -> None:
        self.latest = ""
        self.n_kept = 0
        self._folder = folder
        self._link = link
        self._table = table
        self._air = air
        self._bench = bench
        self._tracker = path_tracker(link, air.sample_rate_hz, air.preset.shared_clock)

    def __call__(self, sounding: ReceivedSounding) -> TransmitPlan:
        """Keep a sounding and return the plan that it asks for."""
        name = f"sounding-{self.n_kept:06d}"
        estimates = estimate_nodes(sounding, self._link)
        if sounding.frame is not None:
            recording = self._recording(sounding.frame, estimates)
            # If the nodes are sounded once more for the same round, this is written over.
            write_recording(self._folder, name, recording, self._bench)
            self.latest = name
        self._tracker.observe(estimates, sounding.late_nodes)
        forecast = self._tracker.forecast(sounding_gap_s(self._link, 1, self._air.sample_rate_hz))
        table = self._table
        plan = make_plan(forecast.estimates, table.peak_amplitude, table.truncation_db)
        return with_forecast(plan, forecast)

    def again(self, before: TransmitPlan, now_tick: int) -> TransmitPlan:
        """Return the plan: a data set sounds before every round."""
        return before

    def take(self) -> str:
        """Return the name of the last recording, once; empty where the sounding was lost."""
        latest, self.latest = self.latest, ""
        self.n_kept += bool(latest)
        return latest

    def _recording(
        self, capture: Capture, estimates: Sequence[ChannelEstimate | None]
    ) -> Recording:
        return Recording(
            capture=capture,
            description=f"{len(estimates)} nodes sounded one after the other",
            fields={
                "ota:link": link_record(self._link),
                "ota:estimates": [e and _estimate(e) for e in estimates],
                "ota:truth": [_truth(path, self._air.receiver) for path in self._air.paths],
                "ota:radios": radios_record(self._bench),
            },
            parts=_slots(self._link.frame, len(estimates)),
        )


def _slots(frame: FrameFormat, n_nodes: int) -> tuple[FramePart, ...]:
    return tuple(
        FramePart(
            f"sounding of node {node}",
            frame.sounding_start(node),
            frame.n_sounding_burst,
            (1 + frame.pulse.rolloff) / frame.pulse.samples_per_chip,
        )
        for node in range(n_nodes)
    )


def _estimate(estimate: ChannelEstimate) -> Json:
    return {**asdict(estimate), "gain": [estimate.gain.real, estimate.gain.imag]}


def _truth(path: NodePath, receiver: ReceiverOscillator) -> Json:
    """Return what is true of a path as it is received; fading, jitter and walks come on top."""
    return {
        "gain": [path.gain.real, path.gain.imag],
        "delay_s": path.delay_samples / path.sample_rate_hz,
        "cfo_hz": path.cfo_hz - receiver.cfo_hz,
        "drift_hz_per_s": path.drift_hz_per_s - receiver.drift_hz_per_s,
        "clock_error_ppm": path.clock_error_ppm,
    }
