"""`sdr-ota decode`: the same frame in every kind of file, and why there is none."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from sdr_ota.cli.decode import decode
from sdr_ota.cli.run import run_command
from sdr_ota.failure import CommandFailed
from sdr_ota.runs.captures import read_capture, stored_captures
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import Samples

RATE_HZ, CFO_HZ, START = 2e6, 1234.0, 3000
FRAME = FrameFormat()
NOISE_STD = 0.005
Capsys = pytest.CaptureFixture[str]


def recorded() -> Samples:
    """Return a preamble at a known place, with a known offset, in noise."""
    rng = np.random.default_rng(1)
    samples = NOISE_STD * (rng.standard_normal(20000) + 1j * rng.standard_normal(20000))
    preamble = 0.3 * FRAME.preamble()
    turned = preamble * np.exp(2j * np.pi * CFO_HZ / RATE_HZ * np.arange(len(preamble)))
    samples[START : START + len(preamble)] += turned
    return np.asarray(samples, np.complex64)


def write(path: Path, samples: Samples) -> Path:
    pairs = samples.view(np.float32).reshape(-1, 2)
    integers = {".ci16": (2**15, "<i2"), ".ci8": (2**7, "i1"), ".wav": (2**15, "<i2")}
    scale, dtype = integers.get(path.suffix, (1, "<f4"))
    words = np.round(pairs * scale).astype(dtype) if scale > 1 else pairs
    if path.suffix == ".npy":
        np.save(path, samples)
    elif path.suffix == ".wav":
        wavfile.write(path, int(RATE_HZ), words)
    else:
        path.write_bytes(words.tobytes())
    return path


@pytest.mark.parametrize("ending", ["cf32", "ci16", "ci8", "npy", "wav"])
def test_a_frame_is_found_in_every_kind_of_file(
    tmp_path: Path, ending: str, capsys: Capsys
) -> None:
    decode(write(tmp_path / f"a.{ending}", recorded()), None if ending == "wav" else RATE_HZ)
    said = capsys.readouterr().out
    assert "1 preambles" in said
    (found,) = re.findall(r"at (\S+) s: offset (\S+) Hz, (\S+) dBFS", said)
    start_s, cfo_hz, power_dbfs = map(float, found)
    # The search knows the peak to one of its decimated samples, and the offset accordingly.
    assert start_s == pytest.approx(START / RATE_HZ, abs=3 / RATE_HZ)
    assert cfo_hz == pytest.approx(CFO_HZ, abs=RATE_HZ / FRAME.n_chirp)
    # Half a decimated sample beside the peak, a chirp of a third of the band loses 3.9 dB.
    sent_dbfs = 20 * np.log10(0.3 * FRAME.known_amplitude)
    assert sent_dbfs - 4 < power_dbfs < sent_dbfs + 0.5


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (np.zeros(9000, np.complex64), "all samples are zero"),
        (recorded()[:100], "fewer than a preamble"),
        (recorded()[:2500], r"largest metric 0\.\d+, threshold 0\.\d+\. Check --rate"),
        (np.sign(recorded()[:2900].real) * np.complex64(1), "100.0 % of the samples are at full"),
    ],
)
def test_where_there_is_none_it_says_why(
    tmp_path: Path, samples: Samples, words: str, capsys: Capsys
) -> None:
    with pytest.raises(CommandFailed, match=f"no frame found: .*{words}"):
        decode(write(tmp_path / "a.cf32", np.asarray(samples, np.complex64)), RATE_HZ)
    assert "dBFS" in capsys.readouterr().out


def test_clipping_is_seen_in_eight_bits_too(tmp_path: Path, capsys: Capsys) -> None:
    path = tmp_path / "a.ci8"
    path.write_bytes(np.full(20000, 127, "i1").tobytes())
    with pytest.raises(CommandFailed, match=r"100\.0 % of the samples are at full scale"):
        decode(path, RATE_HZ)
    assert "1e+02 % clipped" not in capsys.readouterr().out


def test_what_cannot_be_read_is_wrong_use(tmp_path: Path) -> None:
    path = write(tmp_path / "a.cf32", recorded())
    with pytest.raises(
        CommandFailed, match="does not say its sample rate: add --rate HZ"
    ) as failed:
        decode(path)
    assert failed.value.exit_code == 2
    with pytest.raises(CommandFailed, match="it says 2000000 samples/s, asked for were 1000000"):
        decode(write(tmp_path / "a.wav", recorded()), 1e6)
    with pytest.raises(CommandFailed, match=r"a\.cf32: its samples are not all finite"):
        decode(write(path, recorded() * np.complex64(np.nan)), RATE_HZ)
    with pytest.raises(CommandFailed, match="no frame can be looked for"):
        decode(write(path, recorded()), RATE_HZ, ["frame.chirp_samples=-1"])


def test_the_sum_of_a_capture_of_ours_is_decoded(tmp_path: Path, capsys: Capsys) -> None:
    run_command(None, ["clients.source=synthetic", "run.rounds=2", "captures.every=1",
                       f"run.folder={tmp_path}"])  # fmt: skip
    (folder,) = tmp_path.iterdir()
    path = stored_captures(folder)[1]
    capsys.readouterr()
    decode(path)
    said = capsys.readouterr().out
    assert "1 preambles" in said
    decoded = read_capture(path).result.decoded_sum
    assert decoded is not None
    assert f"round 1: sum {decoded:.6g}, deviation" in said
