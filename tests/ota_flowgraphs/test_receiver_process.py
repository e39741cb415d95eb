"""The receiver flowgraph says what the numpy receiver says, or fails clearly; it never hangs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import ota_flowgraphs
import pytest
from ota_flowgraphs.process import ChildFailed, socket_folder, start_flowgraph
from ota_flowgraphs.receiver_process import GnuRadioReceiver, open_receiver

from sdr_ota.air.impairments import add_awgn, awgn
from sdr_ota.air.presets import air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.erasure import Erasure
from sdr_ota.radio.base import Capture
from sdr_ota.receiver.joint_frame import receive_joint_frame
from sdr_ota.rounds.transmitter import lead_burst, payload_burst
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.signal.waveform import Pulse
from sdr_ota.types import Precoder

pytestmark = [pytest.mark.gnuradio, pytest.mark.usefixtures("gnuradio")]

FRAME = FrameFormat()
MAX_CFO = 0.06
RATE_HZ = 1e6


@pytest.fixture(scope="module")
def receive(gnuradio: str) -> Iterator[GnuRadioReceiver]:
    with open_receiver(FRAME, MAX_CFO) as opened:
        yield opened


def capture_of(
    preset: str, scheme: str, seed: int, n_more: int = 0, frame: FrameFormat = FRAME
) -> Capture:
    """Return a joint frame of three nodes, sent without a plan: offsets as they come."""
    air = SimulatedAir(AirSettings(air_preset(preset), 3, RATE_HZ, 915e6, seed))
    rng = np.random.default_rng(seed)
    frame_tick = 1000
    for node, symbol in enumerate(rng.uniform(-1, 1, 3)):
        payload = load_scheme(scheme).encode(symbol, node, 3, frame.n_payload_chips, rng)
        chips = frame.sent_chips(payload, node, seed)
        make_burst = payload_burst if node else lead_burst
        burst = make_burst(chips, frame, Precoder(0.5 + 0j), frame_tick, RATE_HZ)
        air.send(node, burst.samples, burst.start_tick)
    start = frame_tick - 2 * frame.guard_samples
    samples, n_clipped = air.receive(start, frame.n_joint_frame + 4 * frame.guard_samples + n_more)
    return Capture(samples, start, n_clipped)


@pytest.mark.parametrize("preset", ["ideal", "lab-wired", "lab-indoor", "free-running-pluto"])
@pytest.mark.parametrize("scheme", ["coherent", "energy-difference"])
def test_both_receivers_say_the_same(receive: GnuRadioReceiver, preset: str, scheme: str) -> None:
    for seed in range(3):
        capture = capture_of(preset, scheme, seed, n_more=100 * seed)
        theirs = receive(capture, FRAME, MAX_CFO)
        ours = receive_joint_frame(capture, FRAME, MAX_CFO)
        level = float(np.abs(ours.chips).max())
        # numpy and scipy are of two generations: single precision transforms may round apart.
        np.testing.assert_allclose(theirs.chips, ours.chips, atol=1e-6 * level)
        assert theirs.noise_power == pytest.approx(ours.noise_power, rel=1e-5)
        np.testing.assert_allclose(theirs.pilots, ours.pilots, atol=1e-6 * level)
        assert theirs.burst.start == pytest.approx(ours.burst.start, abs=1e-6)
        assert theirs.burst.cfo == pytest.approx(ours.burst.cfo, abs=1e-9)
        assert theirs.burst.gain == pytest.approx(ours.burst.gain, rel=1e-6)
        sums = [load_scheme(scheme).decode(r.chips, 3, 0.05) for r in (theirs, ours)]
        assert sums[0].value == pytest.approx(sums[1].value, abs=1e-6)
        assert sums[0].std == pytest.approx(sums[1].std, abs=1e-6)


@pytest.mark.parametrize("samples", [16, 64])
def test_chips_of_another_length_are_received_alike(gnuradio: str, samples: int) -> None:
    frame = FrameFormat(
        n_pilot_chips=max(512 // samples, 16),
        n_payload_chips=1024 // samples,
        n_idle_chips=1024 // samples,
        pulse=Pulse(samples),
    )
    capture = capture_of("free-running-pluto", "coherent", 1, frame=frame)
    with open_receiver(frame, MAX_CFO) as receive_long:
        theirs = receive_long(capture, frame, MAX_CFO)
    ours = receive_joint_frame(capture, frame, MAX_CFO)
    level = float(np.abs(ours.chips).max())
    np.testing.assert_allclose(theirs.chips, ours.chips, atol=1e-6 * level)
    assert theirs.noise_power == pytest.approx(ours.noise_power, rel=1e-5)


def test_frames_of_several_symbols_are_received_alike(gnuradio: str) -> None:
    one = FrameFormat()
    frame = FrameFormat(n_payload_chips=one.n_payload_chips // 4, n_symbols=4)
    capture = capture_of("lab-wired", "coherent", 1, frame=one)  # as long, in one symbol
    with open_receiver(frame, MAX_CFO) as receive_several:
        theirs = receive_several(capture, frame, MAX_CFO)
    ours = receive_joint_frame(capture, frame, MAX_CFO)
    assert theirs.chips.shape == ours.chips.shape == (frame.n_carried_chips,)
    level = float(np.abs(ours.chips).max())
    np.testing.assert_allclose(theirs.chips, ours.chips, atol=1e-6 * level)
    np.testing.assert_allclose(theirs.pilots, ours.pilots, atol=1e-6 * level)


def erased(receive: GnuRadioReceiver, capture: Capture) -> tuple[str, str]:
    with pytest.raises(Erasure) as lost:
        receive(capture, FRAME, MAX_CFO)
    return lost.value.reason, lost.value.detail


def test_erasures_come_back_with_their_reason(receive: GnuRadioReceiver) -> None:
    noise = Capture(awgn(4000, 1.0, np.random.default_rng(4)), 0)
    reason, detail = erased(receive, noise)
    assert reason == "not-found"
    assert "best metric" in detail
    whole = capture_of("lab-wired", "coherent", 1)
    reason, detail = erased(receive, Capture(whole.samples[:-700], 0))
    assert reason == "not-found"
    assert "runs out" in detail
    sounding = np.pad(FRAME.sounding_burst(), FRAME.n_joint_frame)
    reason, detail = erased(receive, Capture(add_awgn(sounding, 1e-6, np.random.default_rng(4)), 0))
    assert reason == "not-found"
    assert "belongs to a sounding burst" in detail
    reason, detail = erased(receive, Capture(whole.samples, 0, n_clipped=7))
    assert reason == "saturated"
    assert receive(whole, FRAME, MAX_CFO).noise_power > 0  # it goes on after erasures


def test_another_frame_is_refused(receive: GnuRadioReceiver) -> None:
    with pytest.raises(ValueError, match="another frame"):
        receive(capture_of("ideal", "coherent", 1), FrameFormat(n_chirp=500), MAX_CFO)


NEVER_S = 1e4
"""A patience that ends after this suite's own: what waits for it never passes."""


def pid_of(receiver: GnuRadioReceiver) -> int:
    return receiver._flowgraph.pid


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_crash_is_a_clear_error_at_once(gnuradio: str, number: signal.Signals) -> None:
    with open_receiver(FRAME, MAX_CFO, patience_s=NEVER_S) as receiver:
        os.kill(pid_of(receiver), number)
        with pytest.raises(ChildFailed, match=f"'receiver' was ended by signal {number}"):
            for _ in range(2):  # the first capture may meet a process that still falls
                receiver(capture_of("ideal", "coherent", 1), FRAME, MAX_CFO)


def test_a_hang_is_a_clear_error_in_time(gnuradio: str) -> None:
    with open_receiver(FRAME, MAX_CFO, patience_s=0.5) as receiver:
        os.kill(pid_of(receiver), signal.SIGSTOP)
        with pytest.raises(ChildFailed, match=r"(gave no answer|took no samples).* within 0\.5 s"):
            receiver(capture_of("ideal", "coherent", 1), FRAME, MAX_CFO)


def test_an_exception_in_work_is_a_clear_error(gnuradio: str) -> None:
    with open_receiver(FRAME, "much") as receiver, pytest.raises(  # type: ignore[arg-type]
        ChildFailed, match="ended with status 1; it said: TypeError"
    ):  # fmt: skip
        receiver(capture_of("ideal", "coherent", 1), FRAME, MAX_CFO)


def test_an_exception_in_a_message_handler_is_a_clear_error(gnuradio: str) -> None:
    with open_receiver(FRAME, MAX_CFO, "tdma", n_nodes=-1) as receiver, pytest.raises(
        ChildFailed, match="ended with status 1; it said: ValueError: negative dimensions"
    ):  # fmt: skip
        until_s = time.monotonic() + 60
        while time.monotonic() < until_s:  # the payload may be faster than the decoder's failure
            receiver(capture_of("ideal", "coherent", 1), FRAME, MAX_CFO)


FOREIGN_BLOCK = """
import numpy as np
from gnuradio import blocks, gr
class Breaks(gr.sync_block):
    def __init__(self):
        gr.sync_block.__init__(self, "breaks", [np.complex64], None)
    def work(self, input_items, output_items):
        raise KeyError("mine")
top = gr.top_block("foreign", catch_exceptions=False)
source, broken = blocks.null_source(gr.sizeof_gr_complex), Breaks()
top.connect(source, broken)
top.run()
"""


def test_an_exception_in_a_foreign_block_aborts_its_process(gnuradio: str) -> None:
    done = subprocess.run(
        [gnuradio, "-c", FOREIGN_BLOCK], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == -signal.SIGABRT
    assert "mine" in done.stderr
    for flowgraph in (Path(ota_flowgraphs.__file__).parent / "generated").glob("[a-z]*.py"):
        text = flowgraph.read_text()
        assert "catch_exceptions=False" in text, f"{flowgraph.name} would hang instead"


def test_a_wrong_source_is_a_clear_error(gnuradio: str, tmp_path: Path) -> None:
    arguments = {"source": f"driver=file,path={tmp_path}/none.sigmf-meta"}
    with (
        pytest.raises(ChildFailed, match="cannot be read"),
        start_flowgraph("receiver", arguments, tmp_path),
    ):
        pass


def test_a_missing_gnuradio_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ota_flowgraphs.process.PYTHON", "/nowhere/python3")
    with pytest.raises(ChildFailed, match="apt-get install gnuradio"):
        start_flowgraph("receiver", {}, tmp_path)


PARENT = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
from ota_flowgraphs.receiver_process import open_receiver
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.signal.waveform import Pulse
with open_receiver(FrameFormat(), 0.06) as receiver:
    print(receiver._flowgraph.pid, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_its_parent(gnuradio: str, number: signal.Signals) -> None:
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=paths, text=True,
    ) as parent:  # fmt: skip
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.send_signal(number)
        parent.wait(60)
    until_s = time.monotonic() + 60
    while Path(f"/proc/{child}").exists():
        assert time.monotonic() < until_s, "the flowgraph's process lives on"
        time.sleep(0.01)


@pytest.mark.parametrize("n_letters", [5, 90])
def test_sockets_lie_in_a_short_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_letters: int
) -> None:
    folder = tmp_path / ("a" * n_letters)
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    with socket_folder() as made:
        assert len(made) < 75 or n_letters == 5
        assert Path(made).is_dir()
