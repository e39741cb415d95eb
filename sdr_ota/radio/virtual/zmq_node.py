"""A virtual node: a process with an oscillator, a converter and an amplifier of its own.

It pushes samples to the air over ZeroMQ, silence most of the time, as many as the receiver wants
and as fast as they are taken: nothing here knows of the clock on the wall.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import zmq

from sdr_ota.air.air_stream import oscillator_and_front_end
from sdr_ota.air.node_path import CyclicSource, NodePath
from sdr_ota.air.presets import AirPreset
from sdr_ota.radio.virtual.zmq_control import (
    NOTHING,
    PIECE,
    ControlServer,
    Fields,
    process_arguments,
    say_ready,
)
from sdr_ota.radio.virtual.zmq_demand import Demand
from sdr_ota.types import Samples

_SOCKET_BYTES = 8 * PIECE
"""Of the socket's own buffer."""

_WAIT_MS = 1
"""Between two looks at questions while no samples are wanted or taken."""


class VirtualNode:
    """What one node sends, piece by piece.

    Args:
        path: Its oscillator and front end.
        name: What it is called.
        sample_rate_hz: Samples a second.
        center_freq_hz: The only carrier of this world.
        start_latency_s: Scale of the latency with which it starts, new each time.
    """

    def __init__(
        self,
        path: NodePath,
        name: str,
        sample_rate_hz: float,
        center_freq_hz: float,
        start_latency_s: float,
    ) -> None:
        self._path, self._name = path, name
        self._world = {"sample_rate_hz": sample_rate_hz, "center_freq_hz": center_freq_hz}
        self._latency = start_latency_s * sample_rate_hz
        # Nodes were not switched on together.
        self._n_made = 0
        self._tick = int(path.rng.integers(round(10 * sample_rate_hz)))
        self._source: CyclicSource | None = None
        self._end: float = math.inf

    def answer(self, asked: Fields, samples: Samples) -> tuple[Fields, Samples]:
        """Do what is asked for."""
        match asked["what"]:
            case "hello":
                return {"serial": self._name, **self._world, "receives": False}, NOTHING
            case "repeat":
                self._begin(samples, math.inf)
            case "burst":
                self._begin(samples, len(samples))
            case "silence":
                self.fall_silent()
            case "tick":
                pass
            case other:
                raise ValueError(f"a node cannot {other!r}")
        return {"tick": self._tick}, NOTHING

    def _begin(self, samples: Samples, n_samples: float) -> None:
        start = self._tick + self._latency * (0.2 + self._path.rng.random())
        self._source = CyclicSource(samples, start)
        self._end = start + n_samples

    @property
    def n_made(self) -> int:
        """Samples that have left it since it began."""
        return self._n_made

    def fall_silent(self) -> None:
        """Send nothing any more."""
        self._source = None

    def piece(self) -> Samples:
        """Return what leaves the node next."""
        first, self._tick = self._tick, self._tick + PIECE
        self._n_made += PIECE
        if self._source is None:
            return np.zeros(PIECE, np.complex64)
        (sent,) = self._path.propagate_cyclic(self._source, first, PIECE)
        if self._end < self._tick:
            sent[max(math.ceil(self._end) - first, 0) :] = 0
            self.fall_silent()
        return sent


@dataclass(frozen=True)
class NodeArguments:
    """What a node's process is started with.

    Attributes:
        control: Path of the socket on which it is asked.
        output: ZeroMQ address that it pushes samples from.
        demand: ZeroMQ address at which the receiver says how many; empty for as many as are taken.
        node: Its number.
        preset: Fields of the air whose oscillators and front ends it has.
        sample_rate_hz: Samples a second.
        center_freq_hz: Carrier.
        seed: Of the whole world.
    """

    control: str
    output: str
    demand: str
    node: int
    preset: Mapping[str, Any]
    sample_rate_hz: float
    center_freq_hz: float
    seed: int


def make_node(arguments: Mapping[str, Any]) -> VirtualNode:
    """Return the node that some arguments describe."""
    given = NodeArguments(**arguments)
    preset = AirPreset(**given.preset)
    rng = np.random.default_rng([given.seed, given.node])
    world = (given.sample_rate_hz, given.center_freq_hz)
    path = NodePath.draw(oscillator_and_front_end(preset), *world, rng)
    return VirtualNode(path, f"virtual-node-{given.node}", *world, preset.start_latency_s)


def main() -> None:
    """Push samples and answer questions until the parent ends."""
    arguments = process_arguments()
    node = make_node(arguments)
    server = ControlServer(arguments["control"], node.answer, node.fall_silent)
    output = bind_output(zmq.Context.instance(), arguments["output"])
    demand = Demand(arguments["demand"])
    say_ready()
    while True:
        if demand.exceeds(node.n_made, _WAIT_MS) and output.poll(_WAIT_MS, zmq.POLLOUT):
            output.send(node.piece().tobytes())
        server.serve(0.0)


def bind_output(context: "zmq.Context[zmq.Socket[bytes]]", address: str) -> zmq.Socket[bytes]:
    """Return a socket that holds back as little as it can."""
    output = context.socket(zmq.PUSH)
    output.setsockopt(zmq.SNDHWM, 1)
    output.setsockopt(zmq.SNDBUF, _SOCKET_BYTES)
    output.setsockopt(zmq.LINGER, 0)
    output.bind(address)
    return output


if __name__ == "__main__":
    main()
