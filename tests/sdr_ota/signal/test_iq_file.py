"""One reader for every recording: the same samples as the SigMF library, one sentence otherwise."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import wavfile

from sdr_ota.signal.iq_file import read_iq_file
from sdr_ota.signal.iq_words import IqFileError
from tests.sdr_ota.signal.recordings import recorded, words


@pytest.mark.parametrize(("ending", "dtype"), [("cf32", "<f4"), ("ci16", "<i2"), ("ci8", "i1")])
def test_raw_files_are_read_by_their_ending(tmp_path: Path, ending: str, dtype: str) -> None:
    data = words(dtype)
    (tmp_path / f"a.{ending}").write_bytes(data.tobytes())
    found = read_iq_file(tmp_path / f"a.{ending}", 2e6)
    scale = 1.0 if dtype == "<f4" else float(-np.iinfo(dtype).min)
    np.testing.assert_allclose(found.samples().real, data[::2] / scale, atol=1e-7)
    assert found.sample_rate_hz == 2e6


@pytest.mark.parametrize("dtype", ["<i2", "<i4", "u1", "<f4"])
def test_waves_hold_i_and_q_as_channels(tmp_path: Path, dtype: str) -> None:
    wavfile.write(tmp_path / "a.wav", 48000, data := words(dtype).reshape(-1, 2))
    found = read_iq_file(tmp_path / "a.wav")
    assert found.sample_rate_hz == 48000
    scaled = data.astype(float) - (128 if dtype == "u1" else 0)
    scale = {"<i2": 2**15, "<i4": 2**31, "u1": 2**7, "<f4": 1}[dtype]
    np.testing.assert_allclose(found.samples().imag, scaled[:, 1] / scale, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_arrays_are_read(tmp_path: Path, dtype: Any) -> None:
    np.save(tmp_path / "a.npy", there := np.exp(1j * np.arange(9)).astype(dtype))
    np.testing.assert_allclose(read_iq_file(tmp_path / "a.npy").samples(), there, atol=1e-6)


@pytest.mark.parametrize(
    ("data", "fields", "words"),
    [
        (bytes(80), {"name": "cf32_be"}, "big-endian"),
        (bytes(80), {"name": "ci16_be"}, "big-endian"),
        (bytes(80), {"name": "rf32_le"}, "are real"),
        (bytes(80), {"name": "cf16_le"}, "none of SigMF's"),
        (bytes(80), {"name": "cf32"}, "lacks the byte order"),
        (bytes(80), {"num_channels": 2}, "2 channels"),
        (bytes(80), {"sha512": "00"}, "checksum"),
        (bytes(80), {"trailing_bytes": 4}, "headers between"),
        (bytes(81), {}, "81 bytes are 10 samples of 8 bytes and 1 more"),
        (b"", {}, "no samples"),
        (bytes(80), {"sample_rate": -1}, "not positive"),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    tmp_path: Path, data: bytes, fields: dict[str, Any], words: str
) -> None:
    path = recorded(tmp_path, data, **fields)
    with pytest.raises(IqFileError, match=words) as refused:
        read_iq_file(path)
    assert str(refused.value).startswith(f"{path} cannot be read: ")
    assert "\n" not in str(refused.value)


def test_a_rate_that_contradicts_the_file_is_refused(tmp_path: Path) -> None:
    path = recorded(tmp_path, bytes(80))
    assert read_iq_file(path, 1e6).sample_rate_hz == 1e6
    with pytest.raises(IqFileError, match="it says 1000000 samples/s, asked for were 2000000"):
        read_iq_file(path, 2e6)


def test_a_number_that_is_none_is_named(tmp_path: Path) -> None:
    path = recorded(tmp_path, struct.pack("<4f", 0, 0, float("nan"), 0))
    with pytest.raises(IqFileError, match="not all finite: the first is number 1"):
        read_iq_file(path).samples()


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("a.npy", np.zeros(4, ">c8"), "big-endian"),
        ("a.npy", np.zeros((2, 4), "<c8"), "one channel"),
        ("a.npy", np.zeros(4), "float64"),
        ("a.npy", np.array([{}], object), "Python objects"),
    ],
)
def test_arrays_of_another_kind_are_refused(
    tmp_path: Path, name: str, array: Any, words: str
) -> None:
    np.save(tmp_path / name, array, allow_pickle=True)
    with pytest.raises(IqFileError, match=words):
        read_iq_file(tmp_path / name)


@pytest.mark.parametrize("name", ["a.sigmf-meta", "a.sigmf", "a.npy", "a.wav", "a.cf32", "a.txt"])
@pytest.mark.parametrize("content", [None, b"", b"[1]", b"{", b"\xff" * 7, b"RIFX" + bytes(40)])
def test_whatever_a_file_holds_it_is_refused_in_a_sentence(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "a.sigmf-data").write_bytes(bytes(8))
        (tmp_path / name).write_bytes(content if name != "a.cf32" else content[:7])
    with pytest.raises(IqFileError, match="cannot be read: "):
        read_iq_file(tmp_path / name)
