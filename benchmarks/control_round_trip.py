"""How long a machine takes to answer: a node through Ray beside bare ZeroMQ.

All K machines are processes on this one, so that the network's own time is not in it. "At once"
is how orders go to the nodes, as bytes: all are begun, then all are waited for. "One by one" is how
they are asked what became of it; a capture is what a receiver elsewhere returns, 2048 samples.

    python benchmarks/control_round_trip.py
"""

import multiprocessing as mp
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import ray
import zmq
from rows import Row, emit

from sdr_ota.remote.cluster import Agent
from sdr_ota.rounds.messages import to_bytes, told_in_a_round

COUNTS = (2, 8, 20)
N_ROUNDS = 200
ORDER = to_bytes(told_in_a_round()[2])
CAPTURE = np.ones(2048, np.complex64).tobytes()


class Answerer:
    """What an actor does at least: take the call and answer."""

    def send(self, order: bytes) -> bytes:
        """Take an order."""
        return b""

    def sent(self) -> bytes:
        """Say what became of it."""
        return b""

    def result(self) -> bytes:
        """Return a capture."""
        return CAPTURE


def median_ms(call: Callable[[], None]) -> float:
    """Return the median time of a call, in milliseconds."""
    for _ in range(20):
        call()
    taken = []
    for _ in range(N_ROUNDS):
        began_s = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began_s)
    return 1e3 * statistics.median(taken)


def ray_times(count: int) -> tuple[float, float, float]:
    """Return the times of answers one by one, of orders at once, of captures one by one."""
    actors = [ray.remote(Answerer).options(num_cpus=0).remote() for _ in range(count)]
    agents: list[Agent[Any]] = [Agent(f"host {k}", actor) for k, actor in enumerate(actors)]

    def at_once() -> None:
        for agent, begun in [(agent, agent.begin("send", ORDER)) for agent in agents]:
            agent.answer(begun)

    def one_by_one(method: str) -> None:
        for agent in agents:
            agent.answer(agent.begin(method))

    times = (
        median_ms(lambda: one_by_one("sent")),
        median_ms(at_once),
        median_ms(lambda: one_by_one("result")),
    )
    for agent in agents:
        agent.end()
    return times


def answer_over_zmq(port: Any) -> None:
    """Be the other side of a ZeroMQ socket."""
    socket = zmq.Context().socket(zmq.REP)
    port.send(socket.bind_to_random_port("tcp://127.0.0.1"))
    while (asked := socket.recv()) != b"end":
        socket.send(CAPTURE if asked == b"result" else b"")
    socket.send(b"")


def zmq_times(count: int) -> tuple[float, float, float]:
    """Return the same times with nothing but a socket between."""
    context = zmq.Context()
    there, sockets = [], []
    for _ in range(count):
        ours, theirs = mp.Pipe()
        process = mp.Process(target=answer_over_zmq, args=(theirs,), daemon=True)
        process.start()
        sockets.append(context.socket(zmq.REQ))
        sockets[-1].connect(f"tcp://127.0.0.1:{ours.recv()}")
        there.append(process)

    def one_by_one(message: bytes) -> None:
        for socket in sockets:
            socket.send(message)
            socket.recv()

    def at_once() -> None:
        for socket in sockets:
            socket.send(ORDER)
        for socket in sockets:
            socket.recv()

    times = (
        median_ms(lambda: one_by_one(b"sent")),
        median_ms(at_once),
        median_ms(lambda: one_by_one(b"result")),
    )
    one_by_one(b"end")
    for process in there:
        process.join(5)
    context.destroy()
    return times


def main() -> None:
    """Print medians and ratios."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    print(f"{os.cpu_count()} cores; medians of {N_ROUNDS} rounds over K machines, in ms")
    print(f"{'K':>3}  {'what':<22}{'Ray':>8}{'ZeroMQ':>8}{'ratio':>7}")
    plain = {count: zmq_times(count) for count in COUNTS}  # before Ray takes the cores
    ray.init("local", num_cpus=1, log_to_driver=False, include_dashboard=False)
    names = ("answers, one by one", "orders, at once", "captures, one by one")
    for count in COUNTS:
        for name, ours, peer in zip(names, ray_times(count), plain[count], strict=True):
            print(f"{count:>3}  {name:<22}{ours:>8.2f}{peer:>8.2f}{ours / peer:>7.1f}")
            emit(Row(f"Ray: {name}", ours / 1e3, "bare ZeroMQ", peer / 1e3, "s", f"K = {count}"))
    ray.shutdown()


if __name__ == "__main__":
    main()
