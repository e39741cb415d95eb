"""What an exchange over a bench of radios needs and what it brings: records only."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdr_ota.process.closed_by_block import ClosedByBlock
from sdr_ota.radio.air_time_account import AirTimeAccount
from sdr_ota.radio.base import Capture, Radio, RadioInfo
from sdr_ota.receiver.joint_frame import ReceivedPayload, receive_joint_frame
from sdr_ota.receiver.levels import ShownLevel
from sdr_ota.schemes import AggregationScheme, LinkQuality
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import DecodedSum, RadioSettings, Samples, TransmitPlan


@dataclass(frozen=True)
class Bench(ClosedByBlock):
    """The radios of an experiment: one receiver, one transmitter a node.

    Attributes:
        receiver: Its radio.
        nodes: Radios of this machine that transmit.
        sample_rate_hz: Samples a second, of all radios.
        settings: In force, the receiver's first.
        elsewhere: Radios of nodes on other machines.
        air_time: What counts how long the radios of this machine are on the air.
    """

    receiver: Radio
    nodes: tuple[Radio, ...]
    sample_rate_hz: float
    settings: tuple[RadioSettings, ...] = ()
    elsewhere: tuple[RadioInfo, ...] = ()
    air_time: AirTimeAccount = field(default_factory=AirTimeAccount)

    @property
    def infos(self) -> tuple[RadioInfo, ...]:
        """All radios, the receiver first."""
        here = (self.receiver, *self.nodes)
        return (*(radio.info for radio in here), *self.elsewhere)

    @property
    def has_hardware_time(self) -> bool:
        """Whether all radios obey start ticks: otherwise frames must be cyclic."""
        return all(info.has_hardware_time for info in self.infos)

    def close(self) -> None:
        """Close every radio, even if closing one fails."""
        with ExitStack() as stack:
            for radio in (self.receiver, *self.nodes):
                stack.callback(radio.close)


Receive: TypeAlias = Callable[[Capture, FrameFormat, float], ReceivedPayload]
"""Turns a capture into an aligned payload, or raises `Erasure`; see `receive_joint_frame`."""


DecodeRule: TypeAlias = Literal["unbiased", "lmmse"]
"""What becomes of a sum that was read off the chips; see `sdr_ota.rounds.judged_sum`."""


@dataclass(frozen=True)
class Link:
    """How numbers travel over a bench.

    Attributes:
        frame: Where everything lies in a frame.
        scheme: How symbols are added.
        max_cfo_hz: Largest carrier offset of a node that is looked for.
        lead_s: Time from the decision to send until the frame begins; with a trigger, from the next
            pulse.
        pulse_s: Time between two pulses of a trigger that frames wait for; 0 without one.
        timeout_s: How long to wait for a capture.
        settle_s: Without hardware time: longest time until a node that was started sends.
        receive: What finds and aligns the payload of a joint frame.
        decode: Whether the sum is taken as the chips show it, or shrunk to the least error.
    """

    frame: FrameFormat
    scheme: AggregationScheme
    max_cfo_hz: float
    lead_s: float = 1e-3
    pulse_s: float = 0.0
    timeout_s: float = 5.0
    settle_s: float = 5e-3
    receive: Receive = receive_joint_frame
    decode: DecodeRule = "unbiased"


@dataclass(frozen=True)
class Slot:
    """Samples in which one node's sounding burst is looked for.

    Attributes:
        samples: Shape ``(n_samples,)``.
        start_tick: Receiver tick of the first sample.
        due_tick: Tick at which the burst was to begin; None where nobody knows.
    """

    samples: Samples
    start_tick: int
    due_tick: int | None


@dataclass(frozen=True)
class ReceivedSounding:
    """What was received while the nodes sent one after the other.

    Attributes:
        slots: One a node, in node order; None for a node that did not send.
        sample_rate_hz: Samples a second.
        late_nodes: Nodes whose radios said that they did not send: the order came too late.
        frame: The capture of all slots; None where each has its own.
        further: The same at the receiver's other antennas, each alone.
    """

    slots: tuple[Slot | None, ...]
    sample_rate_hz: float
    late_nodes: frozenset[int] = frozenset()
    frame: Capture | None = None
    further: tuple["ReceivedSounding", ...] = ()

    @property
    def antennas(self) -> tuple["ReceivedSounding", ...]:
        """What each antenna received, in their order."""
        return (replace(self, further=()), *self.further) if self.further else (self,)


@dataclass(frozen=True)
class ReceivedPayloads:
    """What was received while nodes sent their payload at the same time.

    Attributes:
        capture: Of the frame.
        absent: Nodes that were ordered to send and did not, each with why.
    """

    capture: Capture
    absent: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reception:
    """What one exchange put into the receiver's hands.

    All that decoding needs: kept in a file, it can be decoded again.

    Attributes:
        capture: What was received.
        sample_rate_hz: Samples a second.
        plan: How each node sent.
        seed: Of the round; it makes chips and node pilots.
        is_cyclic: Whether the frame was repeated by radios without hardware time.
        symbols: What the nodes sent, in [-1, 1], shape ``(n_nodes,)``, or ``(n_nodes, n_symbols)``
            where a frame carries several; None where they keep it. Decoding does not use it.
    """

    capture: Capture
    sample_rate_hz: float
    plan: TransmitPlan
    seed: int
    is_cyclic: bool = False
    symbols: NDArray[np.float64] | None = None

    @property
    def n_nodes(self) -> int:
        """Nodes of the round, silent ones included."""
        return len(self.plan.precoders)

    @property
    def sent_symbols(self) -> NDArray[np.float64] | None:
        """Symbols of the nodes that sent, shape ``(n_active, n_symbols)``; None if unknown."""
        if self.symbols is None:
            return None
        return self.symbols.reshape(self.n_nodes, -1)[list(self.plan.active_nodes)]

    @property
    def true_sums(self) -> tuple[float, ...] | None:
        """Sums of the symbols of the nodes that sent; None where they keep them."""
        sent = self.sent_symbols
        return None if sent is None else tuple(float(column.sum()) for column in sent.T)

    @property
    def true_sum(self) -> float | None:
        """The first of them: the only one where a frame carries one symbol."""
        return None if self.true_sums is None else self.true_sums[0]


@dataclass(frozen=True)
class Exchange:
    """What one exchange brought: the decoded sums and how they were received.

    Attributes:
        sums: The decoded sums, one a symbol of the frame.
        qualities: What theory needs to know of the link in this round, at each symbol.
        cfo: Residual carrier offset of the lead node in cycles per sample.
        metric: Detection metric of the lead node.
        phase_rad: Common phase of all nodes, planned to be 0; None where it is not measured.
        arrived_level: Amplitude at which the payload arrived over the plan's ``rx_amplitude``, as
            the node pilots show it, noise included; None where it is not measured, where phases do
            not matter, and where a gain has stepped.
    """

    sums: tuple[DecodedSum, ...]
    qualities: tuple[LinkQuality, ...]
    cfo: float
    metric: float
    phase_rad: float | None = None
    arrived_level: ShownLevel | None = None

    @property
    def total(self) -> DecodedSum:
        """The first sum: the only one where a frame carries one symbol."""
        return self.sums[0]

    @property
    def noise_power(self) -> float:
        """Noise power of one chip in this exchange."""
        return self.qualities[0].noise_power
