"""Captures of rounds as SigMF recordings: what was on the air, and all that is known about it.

One round is two files, ``round-000123.sigmf-data`` (complex float samples) and
``round-000123.sigmf-meta`` (JSON with our namespace ``ota``, see docs/captures.md). The
metadata file is written last: a recording is there whole, or not at all.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sdr_ota.capture_record import Json, link_of, ota_fields, reception_of
from sdr_ota.exchange import Bench, Link, Reception
from sdr_ota.experiment import RoundResult
from sdr_ota.frame import FrameFormat
from sdr_ota.records import round_of
from sdr_ota.types import Samples

if TYPE_CHECKING:
    from sigmf import SigMFFile

CAPTURES = "captures"
"""Folder of a run in which its captures lie."""

DATA, META = ".sigmf-data", ".sigmf-meta"

NAMESPACE_VERSION = "1.0.0"


class CaptureError(ValueError):
    """A file is no capture of ours, or a damaged one."""


@dataclass(frozen=True)
class StoredCapture:
    """A capture as read.

    Attributes:
        path: Its metadata file.
        reception: Samples, plan and truth: all that decoding needs.
        link: Frame and scheme with which it was sent.
        result: What came of it when it was received.
        radios: Driver, serial and settings of every radio, the receiver first.
    """

    path: Path
    reception: Reception
    link: Link
    result: RoundResult
    radios: tuple[Mapping[str, object], ...]


def stored_captures(run: Path) -> tuple[Path, ...]:
    """Return the metadata files of a run's captures, in the order of their rounds."""
    return tuple(sorted((run / CAPTURES).glob(f"*{META}")))


def capture_name(index: int) -> str:
    """Return the name of a round's recording, without an ending."""
    return f"round-{index:06d}"


def write_capture(
    folder: Path, reception: Reception, result: RoundResult, link: Link, bench: Bench
) -> int:
    """Write one round's recording and return its size in bytes.

    Args:
        folder: Where to; it must be there. A recording of the same round is replaced.
        reception: What was received.
        result: What came of it.
        link: Frame and scheme with which it was sent.
        bench: The radios.
    """
    samples = np.asarray(reception.capture.samples, "<c8").tobytes()
    text = _recording(samples, reception, result, link, bench).dumps() + "\n"
    name = capture_name(result.round)
    (folder / f"{name}{META}").unlink(missing_ok=True)
    (folder / f"{name}{DATA}").write_bytes(samples)
    draft = folder / f"{name}.draft"
    draft.write_text(text, encoding="utf-8")
    draft.replace(folder / f"{name}{META}")
    return len(samples) + len(text)


def read_capture(path: Path) -> StoredCapture:
    """Read a recording and check it against its own checksum.

    Args:
        path: Its metadata file.

    Raises:
        CaptureError: If it is damaged, or no capture of ours.
    """
    import sigmf  # noqa: PLC0415 - slow to import
    from sigmf.error import SigMFError  # noqa: PLC0415

    try:
        recording = sigmf.fromfile(path)
        meta: Json = recording.get_global_info()
        start_tick = int(recording.get_captures()[0][sigmf.GLOBAL_INDEX_KEY])
        samples: Samples = np.asarray(recording.read_samples(), np.complex64)
        return StoredCapture(
            path=path,
            reception=reception_of(meta, samples, start_tick),
            link=link_of(meta["ota:link"]),
            result=round_of(meta["ota:result"]),
            radios=tuple(meta["ota:radios"]),
        )
    except (SigMFError, OSError, KeyError, TypeError, ValueError, IndexError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else error
        raise CaptureError(f"{path} is no capture that can be decoded again: {reason}") from error


def _recording(
    samples: bytes, reception: Reception, result: RoundResult, link: Link, bench: Bench
) -> "SigMFFile":
    """Return samples and metadata as the SigMF library holds them."""
    import sigmf  # noqa: PLC0415 - slow to import

    names = ", ".join(f"{r.info.driver} {r.info.serial}" for r in (bench.receiver, *bench.nodes))
    recording = sigmf.SigMFFile(
        global_info={
            sigmf.DATATYPE_KEY: "cf32_le",
            sigmf.SAMPLE_RATE_KEY: reception.sample_rate_hz,
            sigmf.DESCRIPTION_KEY: f"round {result.round}: symbols of many nodes added in the air",
            sigmf.RECORDER_KEY: _recorder(),
            sigmf.HW_KEY: names,
            sigmf.EXTENSIONS_KEY: [{"name": "ota", "version": NAMESPACE_VERSION, "optional": True}],
            **ota_fields(reception, result, link, bench),
        }
    )
    recording.set_data_file(data_buffer=io.BytesIO(samples))
    center_freq_hz = bench.settings[0].center_freq_hz if bench.settings else 0.0
    segment: Json = {
        sigmf.GLOBAL_INDEX_KEY: reception.capture.start_tick,
        sigmf.FREQUENCY_KEY: center_freq_hz,
    }
    if bench.receiver.info.driver != "simulated":  # a simulated air has no date
        segment[sigmf.DATETIME_KEY] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    recording.add_capture(0, segment)
    for part in frame_parts(reception, link.frame):
        half_hz = part.bandwidth * reception.sample_rate_hz / 2
        annotation = {
            sigmf.LABEL_KEY: part.label,
            sigmf.FREQ_LOWER_EDGE_KEY: center_freq_hz - half_hz,
            sigmf.FREQ_UPPER_EDGE_KEY: center_freq_hz + half_hz,
        }
        recording.add_annotation(part.start_sample, part.n_samples, annotation)
    return recording


@cache
def _recorder() -> str:
    return f"sdr-ota {metadata.version('sdr-ota')}"


@dataclass(frozen=True)
class FramePart:
    """Where a part of the frame lies in a capture, if it arrived when it should.

    Attributes:
        label: What it is.
        start_sample: Its first sample.
        n_samples: Its length.
        bandwidth: What it occupies, around zero, in cycles per sample.
    """

    label: str
    start_sample: int
    n_samples: int
    bandwidth: float


def frame_parts(reception: Reception, frame: FrameFormat) -> tuple[FramePart, ...]:
    """Return the parts of a captured frame in order of time."""
    if reception.is_cyclic:
        n_samples = len(reception.capture.samples)
        return (FramePart("payload, marks and silence on subcarriers", 0, n_samples, 0.7),)
    first = frame.guard_samples  # the receiver starts so much before the frame
    chips = (1 + frame.pulse.rolloff) / frame.pulse.samples_per_chip
    return (
        FramePart("preamble", first + frame.preamble_start, frame.n_preamble, 1 / 3),
        FramePart("payload", first + frame.payload_start, frame.n_payload, chips),
        FramePart("idle", first + frame.idle_start, frame.n_idle, 1.0),
    )
