"""Sources and sinks that are radios: gr-iio and gr-soapy against virtual boards."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ota_flowgraphs.compile import companion_environment

from sdr_ota.air.presets import AirPreset
from sdr_ota.air.settings import AirSettings
from sdr_ota.radio.pluto import PlutoRadio
from sdr_ota.radio.virtual.pluto_board import PlutoWorld
from sdr_ota.radio.virtual.pluto_server import VirtualPlutos
from sdr_ota.radio.virtual.soapy_server import VirtualSoapy
from sdr_ota.radio.virtual.soapy_world import SoapyWorld
from sdr_ota.types import RadioSettings, Samples

pytestmark = [pytest.mark.gnuradio, pytest.mark.usefixtures("gnuradio")]

WORLD = AirSettings(
    AirPreset("cable", path_gain_db=-6.0, snr_db=60.0, shared_clock=True), 1, 1e6, 915e6, 3
)
SETTINGS = RadioSettings(center_freq_hz=915e6, sample_rate_hz=1e6, bandwidth_hz=1e6)

RECEIVE = """
import os, sys, time
from gnuradio import blocks, gr
from ota_flowgraphs.blocks.iq_source import IqSource
address, path = sys.argv[1:]
top = gr.top_block("receive", catch_exceptions=False)
source = IqSource(address, 1e6, 915e6, 0.0)
head, sink = blocks.head(8, 200000), blocks.file_sink(8, path)
sink.set_unbuffered(True)
top.connect(source, head, sink)
top.start()
while os.path.getsize(path) < 8 * 200000:
    time.sleep(0.01)
os._exit(0)  # gr-iio's source sometimes waits for ever when it is stopped
"""

SEND = """
import sys
from gnuradio import analog, gr
from ota_flowgraphs.blocks.iq_sink import IqSink
top = gr.top_block("send", catch_exceptions=False)
tone = analog.sig_source_c(1e6, analog.GR_COS_WAVE, 110e3, 0.5)
sink = IqSink(sys.argv[1], 1e6, 915e6, 0.0, (914e6, 916e6))
top.connect(tone, sink)
top.start()
print("sending", flush=True)
sys.stdin.read()
top.stop()
top.wait()
"""


@pytest.fixture
def plutos() -> Iterator[VirtualPlutos]:
    with VirtualPlutos(PlutoWorld(WORLD)) as served:
        yield served


def tone(n_samples: int = 2000) -> Samples:
    return (0.5 * np.exp(2j * np.pi * 0.11 * np.arange(n_samples))).astype(np.complex64)


def level(samples: Samples) -> float:
    lines = np.abs(np.fft.fft(samples)) / len(samples)
    near = np.abs(np.fft.fftfreq(len(samples)) - 0.11) < 0.001
    return float(np.sqrt(np.sum(lines[near] ** 2)))


def test_a_pluto_is_a_source(gnuradio: str, tmp_path: Path, plutos: VirtualPlutos) -> None:
    path = tmp_path / "received"
    address = f"driver=pluto,uri={plutos.receiver_uri}"
    with PlutoRadio(plutos.node_uris[0]) as node:
        node.configure(SETTINGS)
        node.begin_cyclic(tone())
        done = subprocess.run(
            [gnuradio, "-s", "-c", RECEIVE, address, str(path)],
            env=companion_environment(tmp_path), capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    received = np.fromfile(path, np.complex64)[-50_000:]
    assert level(received) == pytest.approx(0.25, rel=0.03)  # half of full scale, 6 dB of path


def test_a_pluto_is_a_sink(gnuradio: str, tmp_path: Path, plutos: VirtualPlutos) -> None:
    address = f"driver=pluto,uri={plutos.node_uris[0]}"
    with (
        subprocess.Popen(
            [gnuradio, "-s", "-c", SEND, address], env=companion_environment(tmp_path),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as sender,
        PlutoRadio(plutos.receiver_uri) as receiver,
    ):  # fmt: skip
        assert sender.stdout is not None
        assert sender.stdout.readline() == "sending\n"
        receiver.configure(SETTINGS)
        levels = []
        for _ in range(40):
            received = receiver.begin_receive(100_000).result(5.0).samples[-50_000:]
            levels.append(level(received) / float(np.sqrt(np.mean(np.abs(received) ** 2))))
            if levels[-1] > 0.9:
                break
        sender.kill()
        sender.communicate(timeout=60)
    # What arrives is the tone. Not its level: the virtual board lays buffers that come faster
    # than its time moves over each other.
    assert max(levels) > 0.9


def test_a_soapy_device_is_a_source(
    gnuradio: str, tmp_path: Path, virtual_soapy_driver: Path
) -> None:
    path = tmp_path / "received"
    with VirtualSoapy(SoapyWorld(WORLD)) as served:
        address = ",".join(
            part for part in served.receiver_address.split(",") if "_source" not in part
        )
        environment = companion_environment(tmp_path)
        environment["SOAPY_SDR_PLUGIN_PATH"] = str(virtual_soapy_driver.parent)
        done = subprocess.run(
            [gnuradio, "-s", "-c", RECEIVE, address, str(path)], env=environment,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    received = np.fromfile(path, np.complex64)
    assert len(received) == 200_000
    assert 0 < np.sqrt(np.mean(np.abs(received) ** 2)) < 0.01  # 60 dB below full scale: noise
