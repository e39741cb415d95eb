"""Samples and what is known about them as a SigMF recording: two files of one name.

``NAME.sigmf-data`` holds complex float samples, ``NAME.sigmf-meta`` JSON. The metadata file
is written last: a recording is there whole, or not at all. The `SigMF specification
<https://sigmf.org>`_ says what the ``core`` fields mean; ours have the namespace ``ota``.
"""

import codecs
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError
from pydantic_core import from_json

from sdr_ota.radio.base import Capture
from sdr_ota.rounds.exchange import Bench
from sdr_ota.runs.namespace import NAMESPACE_VERSION, check_version
from sdr_ota.runs.read_records import LARGEST_NUMBER, MOST_BITS, check_numbers, first_error
from sdr_ota.runs.replaced_file import replace_file
from sdr_ota.signal.iq_file import DATA, META, read_iq_file

if TYPE_CHECKING:
    from sigmf import SigMFFile

Json = dict[str, Any]
"""A JSON object: what is in it is checked where it becomes a record again."""

DATATYPE = "cf32_le"
"""Of what is written here; every datatype is read."""

DAMAGE = (OSError, KeyError, TypeError, ValueError, IndexError, ArithmeticError, AttributeError)
"""What may be raised while a damaged record is taken apart."""


class CaptureError(ValueError):
    """A file is no capture of ours, or a damaged one."""


@dataclass(frozen=True)
class FramePart:
    """Where a part of a frame lies in a capture, if it arrived when it should.

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


@dataclass(frozen=True)
class Recording:
    """What a recording's two files hold.

    Attributes:
        capture: Samples and the receiver's tick of the first.
        description: One sentence.
        fields: Global fields of the namespace ``ota``.
        parts: What becomes annotations.
    """

    capture: Capture
    description: str
    fields: Mapping[str, object]
    parts: tuple[FramePart, ...] = ()


def write_recording(folder: Path, name: str, recording: Recording, bench: Bench) -> int:
    """Write a recording and return its size in bytes.

    Args:
        folder: Where to; it must be there. A recording of the same name is replaced.
        name: Of both files, without their endings.
        recording: What is written.
        bench: The radios that made it.

    Raises:
        OSError: If it cannot be written.
    """
    samples = np.asarray(recording.capture.samples, "<c8").tobytes()
    text = _as_sigmf(samples, recording, bench).dumps() + "\n"
    (folder / f"{name}{META}").unlink(missing_ok=True)
    replace_file(folder / f"{name}{DATA}", samples)
    replace_file(folder / f"{name}{META}", text.encode())
    return len(samples) + len(text)


def read_recording(path: Path) -> tuple[Json, Capture]:
    """Read a recording and check it against its own checksum.

    Args:
        path: Its metadata file.

    Returns:
        Its global fields, and its samples; clipping is not among what SigMF knows.

    Raises:
        CaptureError: If it is damaged, or lacks what every recording of ours has.
    """
    try:
        meta: Json = from_json(path.read_bytes().removeprefix(codecs.BOM_UTF8), allow_inf_nan=False)
        check_numbers(meta, MOST_BITS, LARGEST_NUMBER)
        fields, segment = dict(meta["global"]), meta["captures"][0]
        check_version(fields)
        fields["core:sha512"]  # whatever wrote ours left one, and it is compared
        samples = read_iq_file(path).samples()
        return fields, Capture(samples, int(segment["core:global_index"]))
    except DAMAGE as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> CaptureError:
    """Return the error that says why a recording cannot be used."""
    reason = f"it has no {error}" if isinstance(error, KeyError) else error
    if isinstance(error, ValidationError):
        reason = first_error(error)
    return CaptureError(f"{path} is no capture that can be decoded again: {reason}")


def _as_sigmf(samples: bytes, recording: Recording, bench: Bench) -> "SigMFFile":
    """Return samples and metadata as the SigMF library holds them."""
    import sigmf  # noqa: PLC0415 - slow to import

    radios = bench.infos
    made = sigmf.SigMFFile(
        global_info={
            sigmf.DATATYPE_KEY: DATATYPE,
            sigmf.SAMPLE_RATE_KEY: bench.sample_rate_hz,
            sigmf.DESCRIPTION_KEY: recording.description,
            sigmf.RECORDER_KEY: _recorder(),
            sigmf.HW_KEY: ", ".join(f"{info.driver} {info.serial}" for info in radios),
            sigmf.EXTENSIONS_KEY: [{"name": "ota", "version": NAMESPACE_VERSION, "optional": True}],
            **recording.fields,
        }
    )
    made.set_data_file(data_buffer=io.BytesIO(samples))
    center_freq_hz = bench.settings[0].center_freq_hz if bench.settings else 0.0
    segment: Json = {
        sigmf.GLOBAL_INDEX_KEY: recording.capture.start_tick,
        sigmf.FREQUENCY_KEY: center_freq_hz,
    }
    if radios[0].driver != "simulated":  # a simulated air has no date
        segment[sigmf.DATETIME_KEY] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    made.add_capture(0, segment)
    for part in recording.parts:
        half_hz = part.bandwidth * bench.sample_rate_hz / 2
        annotation = {
            sigmf.LABEL_KEY: part.label,
            sigmf.FREQ_LOWER_EDGE_KEY: center_freq_hz - half_hz,
            sigmf.FREQ_UPPER_EDGE_KEY: center_freq_hz + half_hz,
        }
        made.add_annotation(part.start_sample, part.n_samples, annotation)
    return made


@cache
def _recorder() -> str:
    return f"sdr-ota {metadata.version('sdr-ota')}"
