"""A virtual receiver: a process that takes samples from the air when it is asked to.

While nobody asks it wants none, and then the air, and all nodes, stand still.
"""

import numpy as np
import zmq

from sdr_ota.air.impairments import saturated_fraction
from sdr_ota.radio.virtual.zmq_control import (
    NOTHING,
    PIECE,
    ControlServer,
    Fields,
    process_arguments,
    say_ready,
)
from sdr_ota.radio.virtual.zmq_demand import DemandSource
from sdr_ota.types import Samples

_POLL_MS = 50


class VirtualReceiver:
    """Cuts windows out of a stream.

    Args:
        source: Socket from which it pulls the air's samples.
        demand: Tells the nodes how many are wanted.
        world: Rate and carrier, by name.
        adc_bits: Of the converter, to see what it clips; None for one without limits.
    """

    def __init__(
        self,
        source: zmq.Socket[bytes],
        demand: DemandSource,
        world: dict[str, float],
        adc_bits: int | None,
    ) -> None:
        self._source, self._demand = source, demand
        self._world, self._adc_bits = world, adc_bits
        self._tick = 0
        self._rest = NOTHING

    def answer(self, asked: Fields, samples: Samples) -> tuple[Fields, Samples]:
        """Do what is asked for."""
        match asked["what"]:
            case "hello":
                return {"serial": "virtual-receiver", **self._world, "receives": True}, NOTHING
            case "receive":
                return self._hear(asked["n_samples"], asked["timeout_s"])
            case "pass":
                passed = self._take(asked["n_samples"], asked["timeout_s"])
                return {"timeout": True} if passed is None else {"tick": self._tick}, NOTHING
            case "tick":
                return {"tick": self._tick}, NOTHING
            case other:
                raise ValueError(f"a receiver cannot {other!r}")

    def _hear(self, n_samples: int, timeout_s: float) -> tuple[Fields, Samples]:
        # What is left of the last pieces was sent before anybody asked.
        stale = self._take(-self._tick % PIECE, timeout_s)
        start = self._tick
        received = self._take(n_samples, timeout_s) if stale is not None else None
        if received is None:
            return {"timeout": True}, NOTHING
        n_clipped = 0
        if self._adc_bits is not None:
            n_clipped = round(saturated_fraction(received, self._adc_bits) * len(received))
        return {"tick": start, "n_clipped": n_clipped}, received

    def _take(self, n_samples: int, timeout_s: float) -> Samples | None:
        """Return the next samples of the stream; None if they do not come."""
        wanted = self._tick + n_samples
        self._demand.say(wanted)
        parts, n_missing = [self._rest], n_samples - len(self._rest)
        polls_left = max(round(timeout_s * 1000 / _POLL_MS), 1)
        while n_missing > 0:
            if not self._source.poll(_POLL_MS):
                polls_left -= 1
                if not polls_left:
                    return None
                self._demand.say(wanted)
                continue
            parts.append(np.frombuffer(self._source.recv(), np.complex64))
            n_missing -= len(parts[-1])
        stream = np.concatenate(parts)
        self._rest = stream[n_samples:]
        self._tick += n_samples
        return stream[:n_samples]


def main() -> None:
    """Answer questions until the parent ends."""
    given = process_arguments()
    source: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.PULL)
    source.setsockopt(zmq.RCVHWM, 1)
    source.connect(given["source"])
    world = {name: given[name] for name in ("sample_rate_hz", "center_freq_hz")}
    receiver = VirtualReceiver(source, DemandSource(given["demand"]), world, given["adc_bits"])
    server = ControlServer(given["control"], receiver.answer, lambda: None)
    say_ready()
    while True:
        server.serve(0.05)


if __name__ == "__main__":
    main()
