"""The receiver flowgraph refuses what `sdr_ota.receiver` refuses: the same faults, the same checks.

Frames and soundings come from the generator that shares no code with transmitter and air.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
import zmq
from ota_flowgraphs.process import ChildProcess, start_flowgraph
from ota_flowgraphs.receiver_process import receiver_ends
from ota_flowgraphs.tagged_packet import tagged_packet

from tests.sdr_ota.receiver.air_faults import FAULTS, Fault, bump
from tests.sdr_ota.receiver.independent_air import (
    FRAME,
    TAIL,
    Scene,
    SoundingScene,
    Waveform,
    draw_scene,
    noise,
)
from tests.sdr_ota.receiver.sounding_faults import SOUNDING_FAULTS

Lines: TypeAlias = list[dict[str, Any]]

pytestmark = [pytest.mark.gnuradio, pytest.mark.usefixtures("gnuradio")]

BROKEN = {
    name: FAULTS[name]
    for name in ("10 dropped in payload", "gain +3 dB in payload", "phase 177 deg in payload")
} | {"phase leaves and comes back": Fault(samples=bump(np.exp(1j * np.pi / 3), 0.25))}


def said_of(folder: Path, parts: Sequence[Waveform], kinds: set[str], **arguments: object) -> Lines:
    """Hand captures to a running flowgraph; return its messages of some kinds, one a capture."""
    with ExitStack() as opened:
        captures, results, ends = opened.enter_context(receiver_ends(folder))
        flowgraph = opened.enter_context(
            start_flowgraph("receiver", {**ends, "frame": FRAME, **arguments}, folder)
        )
        said: Lines = []
        for part in parts:
            captures.send(tagged_packet(part.astype(np.complex64)))
            said.append(_next(results, flowgraph, kinds))
        return said


def _next(results: zmq.Socket[bytes], flowgraph: ChildProcess, kinds: set[str]) -> dict[str, Any]:
    while True:
        flowgraph.check()
        if results.poll(100):
            line: dict[str, Any] = json.loads(results.recv_multipart()[0])
            if line["kind"] in kinds:
                return line


def heard(scene: Scene, fault: Fault, rng: np.random.Generator) -> Waveform:
    times = np.arange(scene.layout.n_capture + TAIL) - float(scene.frame.guard_samples)
    samples = scene.received(times, rng)
    return fault.samples(samples + noise(len(samples), scene.noise_power, rng), scene, rng)


@pytest.mark.parametrize("scheme", ["coherent", "energy-difference", "tdma"])
def test_frames_that_changed_on_their_way_are_refused(tmp_path: Path, scheme: str) -> None:
    rng = np.random.default_rng(7)
    scene = draw_scene(rng, scheme)
    faults: Mapping[str, Fault] = {"first": Fault(), **BROKEN, "last": Fault()}
    said = said_of(
        tmp_path, [heard(scene, fault, rng) for fault in faults.values()], {"sum", "refused"},
        scheme=scheme, n_nodes=3, rx_amplitude=scene.rx_amplitude, seed=scene.seed,
    )  # fmt: skip
    by_name = dict(zip(faults, said, strict=True))
    assert by_name["first"]["kind"] == by_name["last"]["kind"] == "sum"
    for name, line in by_name.items():  # what is not refused is in the deviation
        if line["kind"] == "sum":
            assert abs(line["sum"] - scene.symbols.sum()) < 5 * line["std"], name
    refused = {name for name, line in by_name.items() if line["kind"] == "refused"}
    needs_no_phase = {"phase 177 deg in payload", "phase leaves and comes back"}
    assert refused == BROKEN.keys() - (needs_no_phase if scheme == "energy-difference" else set())


@pytest.mark.parametrize("name", ["nothing", "10 dropped", "phase 177 deg inside"])
def test_soundings_that_changed_on_their_way_are_refused(tmp_path: Path, name: str) -> None:
    rng, power, fault = np.random.default_rng(8), 1e-3, SOUNDING_FAULTS[name]
    scene = SoundingScene(FRAME, gain=0.5 + 0.2j, cfo_hz=2e3, late=0.3, noise_power=power)
    times = np.arange(scene.n_slot + TAIL) - float(FRAME.guard_samples)
    samples = scene.received(times) + noise(scene.n_slot + TAIL, power, rng)
    kinds = {"estimate", "disturbed", "payload", "erasure"}
    (line,) = said_of(tmp_path, [fault.samples(samples, scene, rng)], kinds)
    if name == "nothing":
        assert line["kind"] == "estimate"
        assert abs(complex(*line["gain"])) == pytest.approx(abs(scene.gain), rel=0.02)
    else:  # a burst whose pilot is not where it should be may pass for a joint frame, cut short
        assert line["kind"] in {"disturbed", "erasure"}
