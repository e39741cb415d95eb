"""The server's loop over nodes that receive nothing but its control frames.

The loop, its planner and the nodes' soundings and payloads are those of every simulated run; what
the server says to a node is a `ByAir`, which says it to all of them through waveforms in noise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.downlink.air_node import AirNode
from sdr_ota.downlink.frames import control_burst, receive_message
from sdr_ota.downlink.messages import (
    AirAnnouncement,
    AirMessage,
    AirOutcome,
    AirRequest,
    payload_batches,
    payload_message,
    sounding_message,
)
from sdr_ota.downlink.progress import StepLog
from sdr_ota.downlink.sealing import RunKey
from sdr_ota.radio.base import Capture, PendingCapture, RadioInfo
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.receiver.control_frame import FrameRefused
from sdr_ota.rounds.messages import (
    Announcement,
    Outcome,
    PayloadOrder,
    Ready,
    SoundingOrder,
    Truth,
    TuneOrder,
)
from sdr_ota.rounds.node import LocalNode
from sdr_ota.signal.control_frame import ControlFormat

MAX_CFO, REQUEST_LEAD, MARGIN = 0.07, 5000, 500


@dataclass
class Broadcast:
    """The server's transmitter, its log, and the air from it to the nodes.

    Attributes:
        air: The world; its ticks are those of all radios.
        receiver: The server's own.
        nodes: What receives.
        key: Of the run.
        control: Format.
        log: Steps so far.
        is_lost: Whether a node loses a message.
        chip_snr_db: At every node.
    """

    air: SimulatedAir
    receiver: SimulatedRadio
    nodes: Sequence[AirNode]
    key: RunKey
    control: ControlFormat
    log: StepLog
    is_lost: Callable[[int, AirMessage], bool] = lambda node, message: False
    chip_snr_db: float = -5.0
    requests: list[AirRequest] = field(default_factory=list)
    orders: dict[int, PayloadOrder] = field(default_factory=dict)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(1))
    sequence: int = -1
    announced: AirAnnouncement | None = None

    def say(self, message: AirMessage) -> int:
        """Send a message now; return the samples that it takes."""
        self.sequence += 1
        burst = control_burst(message, self.sequence, self.key, self.control)
        for place, node in enumerate(self.nodes):
            if not self.is_lost(place, message):
                node.take(self._captured(place, burst), 1.0)
        return len(burst)

    def _captured(self, place: int, burst: np.ndarray) -> Capture:  # type: ignore[type-arg]
        path, early = self.air.paths[place], int(self.rng.integers(200, 400))
        padded = np.pad(burst.astype(np.complex128), (early, 300))
        turns = np.fft.fftfreq(len(padded)) * path.delay_samples
        late = np.fft.ifft(np.fft.fft(padded) * np.exp(-2j * np.pi * turns))
        cfo = -path.cfo_hz / self.air.sample_rate_hz
        turn = np.exp(2j * np.pi * (cfo * np.arange(len(late)) + self.rng.random()))
        noise_power = self.control.pulse.energy / 10 ** (self.chip_snr_db / 10)
        noise = self.rng.normal(size=(2, len(late))) * np.sqrt(noise_power / 2)
        samples = 0.1 * (late * turn + noise[0] + 1j * noise[1])
        return Capture(samples.astype(np.complex64), self.air.now_tick - early)

    def announce(self, announcement: Announcement) -> None:
        journal = self.log.journal
        self.announced = AirAnnouncement(announcement.round, announcement.seeds, journal)
        request = self._request(self.say(self.announced))
        if request is not None:
            self.requests.append(request)
            for step in self.log.missing(request.journal, 2 * len(self.nodes)):
                self.say(step)
            self.say(self.announced)

    def _request(self, n_said: int) -> AirRequest | None:
        """Receive what a node asks behind an announcement of so many samples."""
        assert self.announced is not None
        index = self.announced.round
        first = self.air.now_tick + n_said + REQUEST_LEAD - MARGIN
        pending = self.receiver.begin_receive(self.control.n_samples(80) + 2 * MARGIN, first)
        samples, key = pending.result(1.0).samples, self.key.of_node(index % len(self.nodes))
        try:
            found = receive_message(samples, index - 1, key, self.control, MAX_CFO).message
        except FrameRefused:
            return None
        assert isinstance(found, AirRequest)
        return found

    def order_payloads(self) -> None:
        """Say the orders that have come together."""
        orders, self.orders = self.orders, {}
        for batch in payload_batches(orders) if orders else ():
            (lead,) = (node for node, order in orders.items() if order.leads)
            now, rate_hz = self.air.now_tick, self.air.sample_rate_hz
            self.say(payload_message(batch, lead, now, rate_hz))

    def end(self, outcome: Outcome) -> None:
        assert self.announced is not None
        self.say(AirOutcome(outcome.round, outcome.means, outcome.erasure))
        if outcome.means:
            self.log = self.log.with_step(self.announced, outcome.means)


class OrderingReceiver(SimulatedRadio):
    """Says what was ordered before it captures it."""

    broadcast: Broadcast | None = None

    def begin_receive(self, n_samples: int, start_tick: int | None = None) -> PendingCapture:
        pending, radio = super().begin_receive(n_samples, start_tick), self

        class Pending:
            def result(self, timeout_s: float) -> Capture:
                if radio.broadcast is not None:
                    radio.broadcast.order_payloads()
                return pending.result(timeout_s)

        return Pending()


@dataclass
class ByAir:
    """What the loop takes for a node."""

    place: int
    broadcast: Broadcast
    local: LocalNode

    @property
    def info(self) -> RadioInfo:
        return self.local.info

    def tune(self, order: TuneOrder) -> None:
        raise NotImplementedError

    def announce(self, announcement: Announcement) -> None:
        if self.place == 0:
            self.broadcast.announce(announcement)

    def ready(self) -> Ready:
        """Nobody says so: the server waits as long as nodes need."""
        return Ready(0)

    def sound(self, order: SoundingOrder) -> None:
        if self.place == 0:
            now = self.broadcast.air.now_tick
            self.broadcast.say(sounding_message(order.round, order.tick, now))

    def send(self, order: PayloadOrder) -> None:
        self.broadcast.orders[self.place] = order

    def sent(self, timeout_s: float) -> None:
        """Nobody says so: the pilots do."""

    def silence(self) -> None: ...

    def apply(self, outcome: Outcome) -> None:
        if self.place == 0:
            self.broadcast.end(outcome)

    def truth(self, round_index: int) -> Truth | None:
        return self.local.truth(round_index)

    def close(self) -> None: ...
