"""Samples of a recording, whoever made it: one reader for every part of this project.

SigMF (two files, or an archive) of every complex little-endian datatype, raw samples, ``.npy`` and
``.wav``. It needs nothing but numpy and scipy, so that GNU Radio's interpreter has it too.
"""

import json
import tarfile
from dataclasses import dataclass, field
from hashlib import sha512
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdr_ota.signal.iq_words import RAW_DATATYPES, IqFileError, WordFormat, word_format
from sdr_ota.types import Samples

DATA, META, ARCHIVE = ".sigmf-data", ".sigmf-meta", ".sigmf"

_DAMAGE = (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError,
           EOFError, tarfile.TarError)  # fmt: skip


@dataclass(frozen=True)
class IqFile:
    """A recording; its samples are converted as they are needed.

    Attributes:
        words: Real and imaginary part of every sample, shape ``(n_samples, 2)``, as written.
        form: How they are written.
        sample_rate_hz: None where neither the file nor its reader says.
        described: SigMF's global fields; empty for other files.
        segments: SigMF's captures, in order of their samples; none for other files.
    """

    words: NDArray[Any]
    form: WordFormat
    sample_rate_hz: float | None
    described: dict[str, Any] = field(default_factory=dict)
    segments: tuple[dict[str, Any], ...] = ()

    @property
    def n_samples(self) -> int:
        """Complex samples in it."""
        return len(self.words)

    def samples(self, first: int = 0, n_samples: int | None = None) -> Samples:
        """Return samples from an index on, full scale 1.0; fewer at the end.

        Raises:
            IqFileError: If one of them is no finite number.
        """
        stop = None if n_samples is None else first + n_samples
        got = self.form.samples(self.words[first:stop])
        if not np.isfinite(got).all():
            bad = first + int(np.argmin(np.isfinite(got)))
            raise IqFileError(f"its samples are not all finite: the first is number {bad}")
        return got


def read_iq_file(path: Path, sample_rate_hz: float | None = None) -> IqFile:
    """Open a recording.

    Args:
        path: ``.sigmf-meta``, ``.sigmf-data`` or ``.sigmf``; ``.npy`` (complex), ``.wav`` (I and Q
            as two channels); raw words, by their ending (`RAW_DATATYPES`).
        sample_rate_hz: Of files that do not say theirs; what one says must be the same.

    Raises:
        IqFileError: With one sentence, if it is not there, of another kind, damaged, big-endian, of
            several channels, empty, or if length, checksum or sample rate do not fit.
    """
    try:
        found = _read(path, sample_rate_hz)
        if not found.n_samples:
            raise ValueError("it holds no samples")
        if sample_rate_hz is not None and found.sample_rate_hz not in {None, sample_rate_hz}:
            rates = f"{found.sample_rate_hz:.12g} samples/s, asked for were {sample_rate_hz:.12g}"
            raise ValueError(f"it says {rates}")
        if found.sample_rate_hz is not None and not 0 < found.sample_rate_hz < np.inf:
            raise ValueError(f"its sample rate is {found.sample_rate_hz:g}, not positive")
    except _DAMAGE as wrong:
        reason = f"it has no {wrong}" if isinstance(wrong, KeyError) else wrong
        if isinstance(wrong, OSError) and wrong.strerror:
            reason = wrong.strerror
        raise IqFileError(f"{path} cannot be read: {reason}") from wrong
    return found


def _read(path: Path, sample_rate_hz: float | None) -> IqFile:
    ending = path.suffix.lower()
    if ending in {META, DATA}:
        meta, data = path.with_suffix(META), path.with_suffix(DATA)
        content = np.memmap(data, np.uint8, "r") if data.stat().st_size else np.zeros(0, np.uint8)
        return _sigmf(meta.read_bytes(), content)
    if ending == ARCHIVE:
        return _sigmf(*_archived(path))
    if ending == ".npy":
        return _numpy(np.load(path, mmap_mode="r", allow_pickle=False), sample_rate_hz)
    if ending == ".wav":
        return _wave(path)
    if (datatype := RAW_DATATYPES.get(ending.removeprefix("."))) is None:
        known = ", ".join((META, ARCHIVE, ".npy", ".wav", *(f".{name}" for name in RAW_DATATYPES)))
        raise ValueError(f"its ending {ending!r} is none of {known}")
    form, raw = word_format(datatype), np.fromfile(path, np.uint8)
    return IqFile(_words(raw, form), form, sample_rate_hz)


def _sigmf(meta: bytes, content: NDArray[np.uint8]) -> IqFile:
    described = json.loads(meta.decode("utf-8-sig"))
    fields = described["global"]
    form = word_format(str(fields["core:datatype"]))
    if (n_channels := fields.get("core:num_channels", 1)) != 1:
        raise ValueError(f"it has {n_channels} channels; one carries frames: split it")
    if fields.get("core:trailing_bytes") or any(
        segment.get("core:header_bytes") for segment in described.get("captures", [])
    ):
        raise ValueError("it holds headers between its samples; convert it to plain samples")
    checksum = fields.get("core:sha512")
    if checksum is not None and sha512(content.data).hexdigest() != checksum:
        raise ValueError("its samples are not those of its checksum")
    words = _words(content, form)
    starts = [int(segment["core:sample_start"]) for segment in described.get("captures", [])]
    if starts and not 0 <= max(starts) < max(len(words), 1):
        raise ValueError(f"a segment starts at sample {max(starts)}; there are {len(words)}")
    rate = fields.get("core:sample_rate")
    segments = tuple(described.get("captures", ()))
    return IqFile(words, form, None if rate is None else float(rate), dict(fields), segments)


def _archived(path: Path) -> tuple[bytes, NDArray[np.uint8]]:
    """Return metadata and data of an archive of one recording."""
    with tarfile.open(path) as archive:
        members = {one.name: one for one in archive.getmembers() if one.isfile()}
        names = sorted(name for name in members if name.endswith(META))
        if len(names) != 1:
            raise ValueError(f"it holds {len(names)} recordings; an archive of one can be read")
        parts = (names[0], names[0].removesuffix(META) + DATA)
        files = [archive.extractfile(members[name]) for name in parts]
        meta, data = (file.read() if file else b"" for file in files)
    return meta, np.frombuffer(data, np.uint8)


def _numpy(array: NDArray[Any], sample_rate_hz: float | None) -> IqFile:
    if array.dtype.byteorder == ">":
        raise ValueError(f"its samples are big-endian ({array.dtype}); convert them")
    if array.ndim != 1:
        raise ValueError(f"its shape is {array.shape}; one channel has shape (n_samples,)")
    if array.dtype.kind != "c" or array.dtype.itemsize not in {8, 16}:
        raise ValueError(f"its samples are {array.dtype}; complex64 and complex128 can be read")
    form = word_format("cf32_le" if array.dtype.itemsize == 8 else "cf64_le")
    return IqFile(array.view(form.dtype).reshape(-1, 2), form, sample_rate_hz)


def _wave(path: Path) -> IqFile:
    from scipy.io import wavfile  # noqa: PLC0415 - slow to import

    with path.open("rb") as file:
        if file.read(4) == b"RIFX":
            raise ValueError("its samples are big-endian (RIFX); convert them")
    rate, words = wavfile.read(path)
    if words.ndim != 2 or words.shape[1] != 2:
        n_channels = 1 if words.ndim == 1 else words.shape[1]
        raise ValueError(f"it has {n_channels} channels; I and Q are two")
    kind, bits = words.dtype.kind, 8 * words.dtype.itemsize
    return IqFile(words, word_format(f"c{kind}{bits}" + ("" if bits == 8 else "_le")), float(rate))


def _words(content: NDArray[np.uint8], form: WordFormat) -> NDArray[Any]:
    if rest := len(content) % form.n_bytes:
        raise ValueError(
            f"its length does not fit: {len(content)} bytes are {len(content) // form.n_bytes} "
            f"samples of {form.n_bytes} bytes and {rest} more"
        )
    return content.view(form.dtype).reshape(-1, 2)
