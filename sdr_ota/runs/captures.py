"""Captures of rounds, each with all that is needed to decode it again.

A run keeps them as SigMF recordings ``captures/round-000123``; docs/captures.md describes the
fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sdr_ota.rounds.exchange import Bench, Link, Reception
from sdr_ota.rounds.round import RoundResult
from sdr_ota.runs.capture_check import check_capture
from sdr_ota.runs.capture_record import link_of, ota_fields, reception_of
from sdr_ota.runs.recording import (
    DAMAGE,
    CaptureError,
    FramePart,
    Recording,
    read_recording,
    unreadable,
    write_recording,
)
from sdr_ota.runs.run_records import round_of
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.signal.iq_file import META
from sdr_ota.signal.subcarriers import USED_BAND

__all__ = ["CaptureError", "StoredCapture", "read_capture", "stored_captures", "write_capture"]

CAPTURES = "captures"
"""Folder of a run in which its captures lie."""


@dataclass(frozen=True)
class StoredCapture:
    """A capture as read.

    Attributes:
        path: Its metadata file.
        reception: Samples, plan and truth: all that decoding needs.
        link: Frame and scheme with which it was sent.
        result: What came of it when it was received; its wall times stand in rounds.jsonl alone.
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

    Raises:
        OSError: If it cannot be written.
    """
    recording = Recording(
        capture=reception.capture,
        description=f"round {result.round}: symbols of many nodes added in the air",
        fields=ota_fields(reception, result, link, bench),
        parts=frame_parts(reception, link.frame),
    )
    return write_recording(folder, capture_name(result.round), recording, bench)


def read_capture(path: Path) -> StoredCapture:
    """Read a recording and check it against its own checksum.

    Args:
        path: Its metadata file.

    Raises:
        CaptureError: If it is damaged, or no capture of ours.
    """
    fields, capture = read_recording(path)
    try:
        clipped = replace(capture, n_clipped=int(fields["ota:clipped"]))
        stored = StoredCapture(
            path=path,
            reception=reception_of(fields, clipped),
            link=link_of(fields["ota:link"]),
            result=round_of(fields["ota:result"], "ota:result"),
            radios=tuple(fields["ota:radios"]),
        )
        check_capture(stored.reception, stored.link)
    except DAMAGE as error:
        raise unreadable(path, error) from error
    return stored


def frame_parts(reception: Reception, frame: FrameFormat) -> tuple[FramePart, ...]:
    """Return the parts of a captured frame in order of time."""
    if reception.is_cyclic:
        n_samples = len(reception.capture.samples)
        return (FramePart("payload, marks, silence on subcarriers", 0, n_samples, USED_BAND),)
    first = frame.guard_samples  # the receiver starts so much before the frame
    chips = (1 + frame.pulse.rolloff) / frame.pulse.samples_per_chip
    return (
        FramePart("preamble", first + frame.preamble_start, frame.n_preamble, 1 / 3),
        FramePart("payload", first + frame.payload_start, frame.n_payload, chips),
        FramePart("idle", first + frame.idle_start, frame.n_idle, 1.0),
    )
