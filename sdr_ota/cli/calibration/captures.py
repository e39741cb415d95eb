"""Captures of a calibration on disk: SigMF, so that other programs read them too.

A capture is a pair of files, ``NAME.sigmf-meta`` and ``NAME.sigmf-data`` (complex float32,
little endian). What a calibration needs beyond SigMF's own fields stands under ``sdr_ota:``:

    sdr_ota:calibration   train, ladder or idle
    sdr_ota:node          serial of the transmitter; empty for idle
    sdr_ota:receiver      serial of the receiver
    sdr_ota:amplitudes    of the train's bursts, full scale 1.0
    sdr_ota:start_tick    receiver tick of the first sample
    sdr_ota:train_tick    tick at which the train was to arrive, or null
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ota_calibration.train import Train, TrainCapture

from sdr_ota.exchange import Bench
from sdr_ota.types import Samples


class CaptureError(Exception):
    """A folder of captures cannot be read; the text says what is wrong."""


@dataclass(frozen=True)
class StoredCapture:
    """A capture as read.

    Attributes:
        kind: ``train``, ``ladder`` or ``idle``.
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
    capture: TrainCapture


class CaptureFolder:
    """Writes captures into a folder, numbered in order of time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = 0

    def keep_idle(self, bench: Bench, samples: Samples, start_tick: int) -> None:
        """Write a capture of silence."""
        self._write(bench, TrainCapture(samples, start_tick, None), "idle", "", ())

    def keep_train(self, bench: Bench, node: int, train: Train, capture: TrainCapture) -> None:
        """Write a train or a ladder of a node."""
        kind = "train" if len(set(train.amplitudes)) == 1 else "ladder"
        serial = bench.nodes[node].info.serial
        self._write(bench, capture, kind, serial, train.amplitudes)

    def _write(
        self,
        bench: Bench,
        capture: TrainCapture,
        kind: str,
        node: str,
        amplitudes: Sequence[float],
    ) -> None:
        self._path.mkdir(parents=True, exist_ok=True)
        stem = self._path / f"{self._count:05d}-{kind}"
        self._count += 1
        capture.samples.astype("<c8").tofile(stem.with_suffix(".sigmf-data"))
        meta = {
            "global": {
                "core:datatype": "cf32_le",
                "core:sample_rate": bench.settings[0].sample_rate_hz,
                "core:version": "1.0.0",
                "sdr_ota:calibration": kind,
                "sdr_ota:node": node,
                "sdr_ota:receiver": bench.receiver.info.serial,
                "sdr_ota:amplitudes": list(amplitudes),
                "sdr_ota:start_tick": capture.start_tick,
                "sdr_ota:train_tick": capture.train_tick,
            },
            "captures": [
                {"core:sample_start": 0, "core:frequency": bench.settings[0].center_freq_hz}
            ],
            "annotations": [],
        }
        stem.with_suffix(".sigmf-meta").write_text(json.dumps(meta, indent=2), encoding="utf-8")


def read_captures(folder: Path) -> list[StoredCapture]:
    """Read all captures of a folder, in the order of their names.

    Raises:
        CaptureError: If there is none, or one cannot be read.
    """
    paths = sorted(folder.glob("*.sigmf-meta")) if folder.is_dir() else []
    if not paths:
        raise CaptureError(
            f"no *.sigmf-meta in {folder}; record captures with sdr-ota calibrate ... "
            "--keep-captures DIR"
        )
    return [_read(path) for path in paths]


def _read(path: Path) -> StoredCapture:
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
        return _stored(meta["global"], meta["captures"][0], path)
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise CaptureError(f"cannot read {path}: {type(error).__name__}: {error}") from error


def _stored(about: Mapping[str, Any], first: Mapping[str, Any], path: Path) -> StoredCapture:
    if about["core:datatype"] != "cf32_le":
        raise ValueError(f"datatype {about['core:datatype']!r}; only cf32_le is read")
    tick = about["sdr_ota:train_tick"]
    samples = np.fromfile(path.with_suffix(".sigmf-data"), "<c8").astype(np.complex64)
    return StoredCapture(
        kind=str(about["sdr_ota:calibration"]),
        node=str(about["sdr_ota:node"]),
        receiver=str(about["sdr_ota:receiver"]),
        amplitudes=tuple(float(a) for a in about["sdr_ota:amplitudes"]),
        sample_rate_hz=float(about["core:sample_rate"]),
        center_freq_hz=float(first["core:frequency"]),
        capture=TrainCapture(
            samples, int(about["sdr_ota:start_tick"]), None if tick is None else int(tick)
        ),
    )
