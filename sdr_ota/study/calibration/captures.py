"""Captures of a calibration on disk: SigMF, so that other programs read them too.

What a calibration needs beyond SigMF's own fields has the namespace ``ota``:

    ota:calibration   sequence, ladder or idle
    ota:node          serial of the transmitter; empty for idle
    ota:receiver      serial of the receiver
    ota:amplitudes    of the sequence's bursts, full scale 1.0
    ota:sequence_tick    tick at which the sequence was to arrive, or null

The receiver's tick of the first sample is ``core:global_index``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ota_calibration.measure.sounding_sequence import SequenceCapture, SoundingSequence

from sdr_ota.radio.base import Capture
from sdr_ota.rounds.exchange import Bench
from sdr_ota.runs.recording import CaptureError, Recording, write_recording
from sdr_ota.signal.iq_file import META, read_iq_file
from sdr_ota.types import Samples


@dataclass(frozen=True)
class CalibrationCapture:
    """A capture as read.

    Attributes:
        kind: ``sequence``, ``ladder`` or ``idle``.
        node: Serial of the transmitter.
        receiver: Serial of the receiver.
        amplitudes: Of the bursts.
        sample_rate_hz: As recorded.
        center_freq_hz: As recorded.
        capture: The samples.
    """

    kind: str
    node: str
    receiver: str
    amplitudes: tuple[float, ...]
    sample_rate_hz: float
    center_freq_hz: float
    capture: SequenceCapture


class CaptureWriter:
    """Writes captures into a folder, numbered in order of time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = 0

    def keep_idle(self, bench: Bench, samples: Samples, start_tick: int) -> None:
        """Write a capture of silence."""
        self._write(bench, SequenceCapture(samples, start_tick, None), "idle", "", ())

    def keep_sequence(
        self, bench: Bench, node: int, sequence: SoundingSequence, capture: SequenceCapture
    ) -> None:
        """Write a sequence or a ladder of a node."""
        kind = "sequence" if len(set(sequence.amplitudes)) == 1 else "ladder"
        serial = bench.nodes[node].info.serial
        self._write(bench, capture, kind, serial, sequence.amplitudes)

    def _write(
        self,
        bench: Bench,
        capture: SequenceCapture,
        kind: str,
        node: str,
        amplitudes: Sequence[float],
    ) -> None:
        self._path.mkdir(parents=True, exist_ok=True)
        fields = {
            "ota:calibration": kind,
            "ota:node": node,
            "ota:receiver": bench.receiver.info.serial,
            "ota:amplitudes": list(amplitudes),
            "ota:sequence_tick": capture.sequence_tick,
        }
        received = Capture(capture.samples, capture.start_tick)
        recording = Recording(received, f"{kind} of a calibration", fields)
        write_recording(self._path, f"{self._count:05d}-{kind}", recording, bench)
        self._count += 1


def read_captures(folder: Path) -> tuple[list[CalibrationCapture], list[str]]:
    """Read all captures of a folder, in the order of their names.

    Returns:
        Those that can be read; a sentence for every one that cannot.

    Raises:
        CaptureError: If there is none.
    """
    paths = sorted(folder.glob(f"*{META}")) if folder.is_dir() else []
    if not paths:
        raise CaptureError(
            f"no *{META} in {folder}; record captures with sdr-ota calibrate ... "
            "--keep-captures DIR"
        )
    read: list[CalibrationCapture] = []
    damaged: list[str] = []
    for path in paths:
        try:
            read.append(_read(path))
        except CaptureError as wrong:
            damaged.append(str(wrong))
    return read, damaged


def _read(path: Path) -> CalibrationCapture:
    try:
        meta = json.loads(path.read_text(encoding="utf-8-sig"))
        return _stored(meta["global"], meta["captures"][0], path)
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise CaptureError(f"cannot read {path}: {type(error).__name__}: {error}") from error


def _stored(about: Mapping[str, Any], first: Mapping[str, Any], path: Path) -> CalibrationCapture:
    tick = about["ota:sequence_tick"]
    samples = read_iq_file(path).samples()
    return CalibrationCapture(
        kind=str(about["ota:calibration"]),
        node=str(about["ota:node"]),
        receiver=str(about["ota:receiver"]),
        amplitudes=tuple(float(a) for a in about["ota:amplitudes"]),
        sample_rate_hz=float(about["core:sample_rate"]),
        center_freq_hz=float(first["core:frequency"]),
        capture=SequenceCapture(
            samples, int(first["core:global_index"]), None if tick is None else int(tick)
        ),
    )
