"""Listening: what is shown is what is there, at any width, and nothing is ever sent."""

import io
import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from sdr_ota.air.presets import air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.assembly.listening import Source, Tuning, open_source, readings
from sdr_ota.failure import CommandFailed
from sdr_ota.printable import PLAINER
from sdr_ota.radio.virtual.pluto_attributes import PHY, TX_LO
from sdr_ota.radio.virtual.pluto_board import PlutoWorld
from sdr_ota.radio.virtual.pluto_server import VirtualPlutos
from sdr_ota.receiver.reading import Reading, reading_of
from sdr_ota.report.level_view import LevelView
from sdr_ota.report.level_words import level_line
from sdr_ota.report.watch.level_page import LevelPage, serving
from sdr_ota.types import Samples
from tests.conftest import Seen

RATE_HZ = 1e6
TUNING = Tuning(915e6, None, 0.0)


def tone(n_samples: int, power_dbfs: float = -20.0, freq_hz: float = 125e3) -> Samples:
    turns = freq_hz / RATE_HZ * np.arange(n_samples)
    return np.asarray(10 ** (power_dbfs / 20) * np.exp(2j * np.pi * turns), np.complex64)


def written(folder: Path, samples: Samples, name: str = "recording") -> Path:
    described = {
        "global": {
            "core:datatype": "cf32_le",
            "core:sample_rate": RATE_HZ,
            "core:version": "1.0.0",
        },
        "captures": [{"core:sample_start": 0}],
        "annotations": [],
    }
    (folder / f"{name}.sigmf-meta").write_text(json.dumps(described))
    samples.tofile(folder / f"{name}.sigmf-data")
    return folder / f"{name}.sigmf-meta"


def listen(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sdr_ota.cli", "listen", *words],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


def test_one_reading_of_a_recording_is_the_tone_in_it(tmp_path: Path) -> None:
    done = listen(str(written(tmp_path, tone(200_000))), "--once", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (said,) = map(json.loads, done.stdout.splitlines())
    assert said["power_dbfs"] == pytest.approx(-20, abs=0.01)
    assert said["peak_dbfs"] == pytest.approx(-20, abs=0.01)
    assert said["clipped_share"] == 0 and said["dc_dbfs"] < -80
    assert said["strongest_hz"] == 125e3
    assert said["occupied_low_hz"] < 125e3 < said["occupied_high_hz"]
    assert max(said["bin_dbfs"]) == pytest.approx(-20, abs=0.01)


def test_a_recording_ends_and_is_told_by_the_second(tmp_path: Path) -> None:
    done = listen(str(written(tmp_path, tone(1_300_000))))
    assert done.returncode == 0, done.stderr
    name, *lines = done.stdout.splitlines()
    assert "1 MS/s, 1.3 s" in name
    assert [line.split()[0] for line in lines] == ["0.0", "1.0"]
    assert all("level -20.0 dBFS" in line and "99 % band" in line for line in lines)


def test_pieces_follow_the_clock(tmp_path: Path) -> None:
    loud_later = np.concatenate([tone(250_000, -40.0), tone(250_000, -10.0)])
    with open_source(str(written(tmp_path, loud_later)), TUNING) as source:
        seen = [(at_s, r.level.power_dbfs) for at_s, r in readings(source, 0.25, sleep=_no_sleep)]
    assert [at_s for at_s, _ in seen] == [0.0, 0.25]
    assert [power for _, power in seen] == pytest.approx([-40, -10], abs=0.01)


def _no_sleep(seconds: float) -> None:
    """A recording needs no waiting."""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.sigmf-meta", "--once"], "cannot be read"),
        (["nonsense", "--once"], "cannot be read"),
        (["driver=nobody,uri=x", "--once"], "names no known driver"),
        (["driver=pluto,uri=ip:127.0.0.1:1,host=attic"], "names a radio of another machine"),
    ],
)
def test_what_cannot_be_opened_is_wrong_use(words: list[str], said: str) -> None:
    done = listen(*words)
    assert done.returncode == 2
    assert said in done.stderr and "Traceback" not in done.stderr


def test_recordings_that_cannot_be_shown_are_refused(tmp_path: Path) -> None:
    raw = tmp_path / "raw.cf32"
    tone(1000).tofile(raw)
    with (
        pytest.raises(CommandFailed, match="add --sample-rate-hz"),
        open_source(str(raw), TUNING),
    ):
        pass
    with open_source(str(raw), Tuning(0.0, RATE_HZ, 0.0)) as source:
        assert source.sample_rate_hz == RATE_HZ
    short = written(tmp_path, tone(100), "short")
    with pytest.raises(CommandFailed, match="100 samples; 256"), open_source(str(short), TUNING):
        pass
    broken = tone(1000)
    broken[400] = np.nan
    there = written(tmp_path, broken, "broken")
    with (
        open_source(str(there), TUNING) as source,
        pytest.raises(CommandFailed, match="not all finite: the first is number 400"),
    ):
        next(readings(source, 1.0))


def test_a_board_is_listened_to_and_sends_nothing() -> None:
    world = PlutoWorld(AirSettings(air_preset("lab-wired"), 1, RATE_HZ, 915e6, seed=2))
    (node,) = world.nodes
    sent = []
    with VirtualPlutos(world) as served:
        address = f"driver=pluto,uri={served.node_uris[0]}"
        with open_source(address, Tuning(868e6, 2.5e6, 10.0)) as source:
            assert "868 MHz, 2.5 MS/s, receive gain 10 dB" in source.name
            for _, reading in readings(source, 0.01, 0.03):
                sent.append(node.radiated())
                assert node.number((PHY, TX_LO, "powerdown")) == 1
                # -40 dB over full scale, 10 dB of gain, 0.8 of the rate.
                assert reading.level.power_dbfs == pytest.approx(-31, abs=1)
        assert len(sent) == 3 and not any(one is not None for one in sent)
        assert node.number((PHY, TX_LO, "powerdown")) == 1


def shown(reading: Reading, width: int, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors=PLAINER, newline="")
    view = LevelView("driver=pluto,uri=ip:192.168.2.1: 915 MHz, 1 MS/s, receive gain 20 dB")
    view.take(1.25, reading)
    Console(file=stream, width=width, force_terminal=True, color_system=None).print(view)
    stream.flush()
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
@pytest.mark.parametrize("width", [120, 80, 50])
def test_the_view_keeps_its_labels_and_figures(width: int, encoding: str) -> None:
    text = shown(reading_of(tone(50_000), RATE_HZ), width, encoding)
    assert max(map(len, text.splitlines())) <= width
    for words in ("level", "peak", "clipped", "DC", "strongest", "99 % band", "time"):
        assert any(line[2:].startswith(words) for line in text.splitlines()), words
    for words in ("-20.0 dBFS", "+125.0 kHz", "-500", "+500 kHz"):
        assert words in text


def test_a_tone_stands_where_it_belongs_in_the_view() -> None:
    lines = shown(reading_of(tone(50_000, freq_hz=250e3), RATE_HZ), 80).splitlines()
    (top,) = [line for line in lines if line[2:].startswith("  -10") or "█" in line][:1]
    spectrum = [line for line in lines if "█" in line]
    columns = {line.index("█") for line in spectrum}
    first = 2 + 6  # frame and scale
    assert top and {(column - first) / 70 for column in columns} <= {
        share for share in np.arange(70) / 70 if 0.7 < share < 0.8
    }


def test_clipping_is_said() -> None:
    reading = reading_of(np.ones(1000, np.complex64), RATE_HZ)
    assert "clipped 1e+02 %" not in level_line(0.0, reading)
    assert "clipped 100 %" in level_line(0.0, reading)
    assert "99 % band none" in level_line(0.0, reading)


def test_the_page_shows_the_reading(browse: Callable[[Path | str], Seen]) -> None:
    page = LevelPage("driver=pluto,uri=ip:192.168.2.1: 915 MHz", 915e6)
    with serving(page, 0) as url:
        with urllib.request.urlopen(f"{url}level.json") as answer:
            assert json.load(answer)["rows"] == {}
        page.take(3.5, reading_of(tone(50_000), RATE_HZ))
        with urllib.request.urlopen(f"{url}level.json") as answer:
            assert json.load(answer)["power_dbfs"] == pytest.approx(-20, abs=0.01)
        seen = browse(url)
    assert not seen.console
    for words in ("915 MHz", "-20.0 dBFS", "+125.0 kHz", "3.5 s", "99 % band"):
        assert words in seen.document
    ink = np.mean(np.abs(seen.picture - seen.picture[0, 0]) > 0.1)
    assert ink > 0.001


def test_a_port_that_is_taken_is_said() -> None:
    page = LevelPage("nothing", None)
    with serving(page, 0) as url, pytest.raises(CommandFailed, match="choose another with --port"):
        port = int(url.rstrip("/").rpartition(":")[2])
        with serving(page, port):
            pass


def test_a_radio_that_gives_no_end_is_ended() -> None:
    source = Source("endless", RATE_HZ, None, lambda at_s: tone(1000))
    assert [at for at, _ in readings(source, 0.5, 1.0, sleep=_no_sleep)] == [0.0, 0.5]
    assert [at for at, _ in readings(source, 0.5, 0.0, sleep=_no_sleep)] == [0.0]
