r"""Virtual radios between processes: each node one, the air in GNU Radio, the receiver one.

    node 0 --\
    node 1 ---+--> air (GNU Radio) --> receiver
    ...    --/

Samples go over ZeroMQ push/pull and are made as fast as they are taken, as many as the receiver
wants: time moves when it listens or is told that time passes, and stands still otherwise.
"""

import threading
from contextlib import ExitStack
from pathlib import Path

from ota_flowgraphs.process import (
    ChildFailed,
    ChildProcess,
    socket_folder,
    start_flowgraph,
    start_module,
)
from sdr_ota.air.settings import AirSettings
from sdr_ota.process.closed_by_block import ClosedByBlock

MAX_NODES = 4
"""Inputs of ``air.grc``."""

_WATCH_S = 0.05


class VirtualRadios(ClosedByBlock):
    """Starts all processes and ends them with its block.

    A node that dies is replaced by one that is silent for ever, so that the air goes on for
    the others. If the air dies, so does the receiver: whoever asks it learns so at once.

    Args:
        settings: What the air is made from, with at most ``MAX_NODES`` nodes; all follows from
            its seed.

    Attributes:
        node_addresses: How the nodes are opened.
        receiver_address: How the receiver is opened.

    Raises:
        ChildFailed: If a process does not start.
    """

    def __init__(self, settings: AirSettings) -> None:
        self._ended = threading.Event()
        self._settings = settings
        self._opened = ExitStack()
        with ExitStack() as opened:

            def started(child: ChildProcess) -> ChildProcess:
                opened.callback(child.close)
                return child

            self._folder = Path(opened.enter_context(socket_folder()))
            self.nodes = [started(self._node(k)) for k in range(settings.n_nodes)]
            self.air, self.receiver = started(self._air()), started(self._receiver())
            for child in (self.receiver, self.air, *self.nodes):  # they start at the same time
                child.wait_until_ready()
            self._opened = opened.pop_all()
        self.node_addresses = tuple(
            f"driver=zmq,control={self._folder}/node-{k}" for k in range(settings.n_nodes)
        )
        self.receiver_address = f"driver=zmq,control={self._folder}/receiver"
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def _node(self, node: int, is_silent: bool = False) -> ChildProcess:
        control = f"{self._folder}/{'silent' if is_silent else 'node'}-{node}"
        arguments = {
            "control": control,
            "output": self._stream(f"from-node-{node}"),
            # How much the dead one made is not known; of silence there may be more.
            "demand": "" if is_silent else self._stream("demand"),
            "node": node,
            "preset": self._settings.preset,
            "seed": self._settings.seed,
            **self._rates,
        }
        return start_module(f"virtual node {node}", "sdr_ota.radio.virtual.zmq_node", arguments)

    def _air(self) -> ChildProcess:
        inputs = {
            f"input_{k}": f"driver=zmq,address={self._stream(f'from-node-{k}')},buffer=small"
            for k in range(self._settings.n_nodes)
        }
        unused = {f"input_{k}": "driver=none" for k in range(self._settings.n_nodes, MAX_NODES)}
        arguments = {
            **inputs,
            **unused,
            "output": f"driver=zmq,address={self._stream('from-air')}",
            "preset": self._settings.preset,
            "seed": self._settings.seed,
            "oscillators": False,
            "sample_rate": self._settings.sample_rate_hz,
            "center_freq": self._settings.center_freq_hz,
        }
        return start_flowgraph("air", arguments, self._folder)

    @property
    def _rates(self) -> dict[str, float]:
        settings = self._settings
        return {
            "sample_rate_hz": settings.sample_rate_hz,
            "center_freq_hz": settings.center_freq_hz,
        }

    def _receiver(self) -> ChildProcess:
        arguments = {
            "control": f"{self._folder}/receiver",
            "source": self._stream("from-air"),
            "demand": self._stream("demand"),
            "adc_bits": self._settings.preset.adc_bits,
            **self._rates,
        }
        return start_module("virtual receiver", "sdr_ota.radio.virtual.zmq_receiver", arguments)

    def _stream(self, name: str) -> str:
        return f"ipc://{self._folder}/{name}"

    def _watch(self) -> None:
        replaced: set[int] = set()
        while not self._ended.wait(_WATCH_S):
            for number, node in enumerate(self.nodes):
                if not node.is_alive and number not in replaced:
                    replaced.add(number)
                    self._replace(number)
            if not self.air.is_alive and self.receiver.is_alive:
                self.receiver.kill()

    def _replace(self, number: int) -> None:
        """Let a silent process stand in for a dead node; without it the air would stand still."""
        try:
            self._opened.enter_context(self._node(number, is_silent=True))
        except ChildFailed:
            self.receiver.kill()

    def close(self) -> None:
        """End all processes."""
        self._ended.set()
        self._watcher.join()
        self._opened.close()
