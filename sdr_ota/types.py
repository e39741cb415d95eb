"""The records that flow between the parts: units in the names, frozen."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.complex64]
"""Complex baseband, shape ``(n_samples,)``; amplitude 1.0 is full scale."""

Chips: TypeAlias = NDArray[np.complex128]
"""Complex chip values of a payload, shape ``(n_chips,)``; one per chip interval."""


@dataclass(frozen=True, slots=True)
class RadioSettings:
    """What a radio is asked to do, or (as returned by ``configure``) really does."""

    center_freq_hz: float
    sample_rate_hz: float
    bandwidth_hz: float
    tx_gain_db: float = 0.0
    rx_gain_db: float = 0.0


@dataclass(frozen=True, slots=True)
class ChannelEstimate:
    """One node's path as its sounding slot showed it.

    Attributes:
        gain: Received chip amplitude per transmitted chip amplitude, complex;
            its phase holds at ``measured_tick``.
        gain_std: Root mean square of the complex error of ``gain``.
        delay_s: Arrival later than the slot's nominal start, in seconds.
        delay_std_s: Standard deviation of ``delay_s``.
        cfo_hz: Node's carrier minus the receiver's, in Hz.
        cfo_std_hz: Standard deviation of ``cfo_hz``.
        noise_power: Total noise power of one complex chip, linear.
        measured_tick: Receiver sample tick at which the phase of ``gain`` holds.
    """

    gain: complex
    gain_std: float
    delay_s: float
    delay_std_s: float
    cfo_hz: float
    cfo_std_hz: float
    noise_power: float
    measured_tick: int


@dataclass(frozen=True, slots=True)
class Precoder:
    """What one node is told to undo: amplitude and phase, delay, frequency.

    Attributes:
        gain: Complex factor on the node's chips; zero means "do not send".
        delay_s: The node sends this much earlier.
        cfo_hz: The node turns its samples by minus this frequency.
        reference_tick: Receiver tick at which that turning is zero.
    """

    gain: complex
    delay_s: float = 0.0
    cfo_hz: float = 0.0
    reference_tick: int = 0


@dataclass(frozen=True, slots=True)
class TransmitPlan:
    """How every node sends until the next sounding, and how good that should be.

    Attributes:
        precoders: One per node, in node order.
        rx_amplitude: Aligned chip amplitude at the receiver of a symbol of 1
            (c in arXiv 2604.12401).
        noise_power: Total noise power of one complex chip when the nodes were sounded.
        phase_error_std_rad: Expected residual phase of a node at its reference tick.
        amplitude_error_std: Expected relative amplitude error of a node.
        cfo_error_std_hz: Expected residual carrier offset; it turns the phase with time.
        phase_walk_rad2_per_s: Growth of the phase error's variance with time.
        amplitude_walk_per_s: Growth of the relative amplitude error's variance.
        timing_error_std_s: Expected error of a node's arrival.
        left_out: One sentence for every node that does not take part.
        loss_probability: Share of a node's bursts that never leave, as soundings show it.
    """

    precoders: tuple[Precoder, ...]
    rx_amplitude: float
    noise_power: float
    phase_error_std_rad: float = 0.0
    amplitude_error_std: float = 0.0
    cfo_error_std_hz: float = 0.0
    phase_walk_rad2_per_s: float = 0.0
    amplitude_walk_per_s: float = 0.0
    timing_error_std_s: float = 0.0
    left_out: tuple[str, ...] = ()
    loss_probability: float = 0.0

    @property
    def active_nodes(self) -> tuple[int, ...]:
        """Indices of the nodes that send."""
        return tuple(k for k, precoder in enumerate(self.precoders) if precoder.gain != 0)

    @property
    def lead_node(self) -> int:
        """Index of the node that sends the preamble: the last one sounded of the stronger half.

        Its offset and arrival are the freshest, and its preamble is received well: all nodes arrive
        with the same payload, so a node is the stronger the smaller its precoder is.
        """
        strengths = {k: -abs(self.precoders[k].gain) for k in self.active_nodes}
        middle = sorted(strengths.values())[len(strengths) // 2]
        strong = [k for k, strength in strengths.items() if strength >= middle]
        return max(strong, key=lambda k: (self.precoders[k].reference_tick, k))


@dataclass(frozen=True, slots=True)
class DecodedSum:
    """A receiver's estimate of the sum of all symbols, with its own standard deviation."""

    value: float
    std: float
