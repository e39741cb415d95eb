"""The flowgraphs as a GNU Radio user runs them: scalars in, their sum out."""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ota_flowgraphs.compile import companion_environment

pytestmark = [pytest.mark.gnuradio, pytest.mark.usefixtures("gnuradio")]

SCRIPT = Path(__file__).with_name("nodes_to_sum.py")
TRUE_SUM = (1.0 - 0.5 + 1.5 + 0.2) / 2.0


def run(python: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-s", *arguments], capture_output=True, text=True, timeout=100, check=False,
        env=companion_environment(folder),
    )  # fmt: skip


def lines(said: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


@pytest.mark.parametrize(
    ("scheme", "n_symbols"),
    [("coherent", 1), ("energy-difference", 1), ("coherent", 3), ("tdma", 2)],
)
def test_scalars_of_four_transmitters_come_out_as_their_sums(
    gnuradio: str, tmp_path: Path, scheme: str, n_symbols: int
) -> None:
    done = run(gnuradio, tmp_path, str(SCRIPT), str(tmp_path), "ideal", scheme, str(n_symbols))
    assert done.returncode == 0, done.stderr
    said = lines(done.stdout)
    sums = [line for line in said if line["kind"] == "sum"]
    assert len(sums) == 3
    for line in sums:
        assert len(line["sums"]) == len(line["stds"]) == n_symbols
        assert (line["sum"], line["std"]) == (line["sums"][0], line["stds"][0])
        for place, (value, std) in enumerate(zip(line["sums"], line["stds"], strict=True)):
            assert abs(value - TRUE_SUM / (place + 1)) < 5 * std + 0.005
        assert line["burst_gain"][0] == pytest.approx(1.0, abs=0.01)
    (estimate,) = [line for line in said if line["kind"] == "estimate"]
    assert abs(complex(*estimate["gain"]) - 1.0) < 5 * estimate["gain_std"] + 1e-3
    assert abs(estimate["cfo_hz"]) < 5 * estimate["cfo_std_hz"]
    # 30 dB: the ideal air's noise in a chip of the pulse
    assert estimate["noise_power"] == pytest.approx(sums[0]["noise_power"], rel=0.3)


def test_a_recording_describes_itself(gnuradio: str, tmp_path: Path) -> None:
    import sigmf  # noqa: PLC0415

    done = run(gnuradio, tmp_path, str(SCRIPT), str(tmp_path), "ideal", "coherent", "1")
    assert done.returncode == 0, done.stderr
    recording = sigmf.fromfile(str(tmp_path / "air.sigmf-meta"))
    recording.validate()
    samples = recording.read_samples()
    assert recording.get_global_info()["core:sample_rate"] == 1e6
    assert recording.get_captures()[0]["core:frequency"] == 915e6
    assert np.abs(samples).max() > 0.5


OUTSIDE = """
from ota_flowgraphs.generated.node_transmitter import node_transmitter
node_transmitter(sink="driver=pluto,uri=ip:127.0.0.1:1", band={band}, scalars="ipc://{folder}/s")
"""


@pytest.mark.parametrize("band", ["()", "(868e6, 869e6)", "(914.9e6, 915.1e6)"])
def test_a_radio_never_sends_outside_its_band(gnuradio: str, tmp_path: Path, band: str) -> None:
    done = run(gnuradio, tmp_path, "-c", OUTSIDE.format(band=band, folder=tmp_path))
    assert done.returncode == 1
    assert "914.5 to 915.5 MHz; the band in which it may send is" in done.stderr


NOT_A_NUMBER = """
import time, pmt
from ota_flowgraphs.failure import REPORTED
from ota_flowgraphs.blocks.scheme_encoder import SchemeEncoder
from sdr_ota.signal.frame import FrameFormat
from gnuradio import gr, blocks
top, seen = gr.top_block(), blocks.message_debug()
encoder = SchemeEncoder("coherent", 0, 1, FrameFormat(n_payload_chips=64), 1.0, 1)
top.msg_connect((encoder, "chips"), (seen, "store"))
top.start()
for message in (pmt.from_double(float("nan")), pmt.intern("loud"), pmt.from_double(float("inf")),
                pmt.init_f64vector(2, [1.0, 2.0]), pmt.PMT_T):
    encoder.to_basic_block()._post(pmt.intern("scalars"), message)
    assert "nothing is sent" in REPORTED.get(timeout=60)
encoder.to_basic_block()._post(pmt.intern("scalars"), pmt.from_long(7))
while not seen.num_messages():
    time.sleep(0.01)
print(seen.num_messages(), pmt.to_python(pmt.car(seen.get_message(0)))["symbol"])
"""


def test_what_is_no_number_is_not_sent_and_a_number_is_clipped(
    gnuradio: str, tmp_path: Path
) -> None:
    done = run(gnuradio, tmp_path, "-c", NOT_A_NUMBER)
    assert done.stdout.split() == ["1", "1.0"], done.stderr


MONITOR = """
import sys
from PyQt5 import Qt
from ota_flowgraphs.generated.spectrum_monitor import spectrum_monitor
application = Qt.QApplication(sys.argv)
window = spectrum_monitor(source=sys.argv[1], sample_rate=1e6)
window.start()
window.show()
Qt.QTimer.singleShot(1500, application.quit)
application.exec_()
window.stop()
window.wait()
picture = window.grab().toImage()
print(len({picture.pixel(x, y) for x in range(0, picture.width(), 3) for y in (50, 150, 250)}))
"""


def test_the_monitor_shows_something(
    gnuradio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.setenv("HOME", str(tmp_path))
    golden = next((SCRIPT.parents[1] / "data" / "golden").glob("ideal*-meta"))
    done = run(gnuradio, tmp_path, "-c", MONITOR, f"driver=file,path={golden}")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[-1]) > 5  # colours: axes and curves, not an empty window
