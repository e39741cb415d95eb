"""The planner of a data set: every sounding is kept beside what is true of the paths."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ota_calibration.paths.sounding import estimate_nodes, make_plan, receive_sounding
from ota_calibration.paths.tracker import PathTracker, with_variation

from sdr_ota.air.simulated_air import NodePath, SimulatedAir
from sdr_ota.config.tables import LinkTable
from sdr_ota.radio.base import Capture
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.runs.capture_record import link_record, radios_record
from sdr_ota.runs.recording import FramePart, Json, Recording, write_recording
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import ChannelEstimate, TransmitPlan


class KeptSoundings:
    """Sounds the nodes before every round, keeps what was received, and plans from it.

    Args:
        folder: Where to.
        link: Frame and search range.
        table: How loud nodes may be, and which are left out.
        air: The simulated world: it knows the truth.
    """

    def __init__(self, folder: Path, link: Link, table: LinkTable, air: SimulatedAir) -> None:
        self.names: list[str] = []
        """One a round: of the recording, or empty where the sounding itself was lost."""
        self._folder = folder
        self._link = link
        self._table = table
        self._air = air
        self._tracker = PathTracker(air.sample_rate_hz)

    def __call__(self, bench: Bench) -> TransmitPlan:
        """Return the plan that a new sounding asks for."""
        name = f"sounding-{len(self.names):06d}"
        self.names.append("")
        received = receive_sounding(bench, self._link)
        estimates = estimate_nodes(received.capture, bench, self._link)
        write_recording(
            self._folder, name, self._recording(received.capture, estimates, bench), bench
        )
        self.names[-1] = name
        plan = make_plan(estimates, self._table.peak_amplitude, self._table.truncation_db)
        return with_variation(plan, self._tracker.observe(estimates, received.late_nodes))

    def _recording(
        self, capture: Capture, estimates: Sequence[ChannelEstimate | None], bench: Bench
    ) -> Recording:
        return Recording(
            capture=capture,
            description=f"{len(estimates)} nodes sounded one after the other",
            fields={
                "ota:link": link_record(self._link),
                "ota:estimates": [e and _estimate(e) for e in estimates],
                "ota:truth": [_truth(path) for path in self._air.paths],
                "ota:radios": radios_record(bench),
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


def _truth(path: NodePath) -> Json:
    """Return what the air holds true of a path; fading and jitter come on top."""
    return {
        "gain": [path.gain.real, path.gain.imag],
        "delay_s": path.delay_samples / path.sample_rate_hz,
        "cfo_hz": path.cfo_hz,
        "drift_hz_per_s": path.drift_hz_per_s,
        "clock_error_ppm": path.clock_error_ppm,
    }
