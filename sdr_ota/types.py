"""The records that flow between the parts: units in the names, frozen."""

import math
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
class PathErrors:
    """How far one node's path may be from what its precoder undoes.

    Attributes:
        phase_std_rad: Of the residual phase at the precoder's reference tick.
        amplitude_std: Of the amplitude there, relative.
        cfo_std_hz: Of the residual carrier offset; it turns the phase with time.
        phase_walk_rad2_per_s: Growth of the phase's variance with time.
        amplitude_walk_per_s: Growth of the relative amplitude's variance.
        timing_std_s: Of the burst's arrival against the receiver's sampling.
        loss_probability: Chance that the burst never leaves, unnoticed.
    """

    phase_std_rad: float = 0.0
    amplitude_std: float = 0.0
    cfo_std_hz: float = 0.0
    phase_walk_rad2_per_s: float = 0.0
    amplitude_walk_per_s: float = 0.0
    timing_std_s: float = 0.0
    loss_probability: float = 0.0

    def phase_variance_rad2(self, elapsed_s: float) -> float:
        """Return the variance of the phase some time after the reference tick."""
        turning = (2 * math.pi * self.cfo_std_hz * elapsed_s) ** 2
        return self.phase_std_rad**2 + turning + self.phase_walk_rad2_per_s * elapsed_s

    def amplitude_variance(self, elapsed_s: float) -> float:
        """Return the variance of the relative amplitude some time after the reference tick."""
        return self.amplitude_std**2 + self.amplitude_walk_per_s * elapsed_s


@dataclass(frozen=True, slots=True)
class TransmitPlan:
    """How every node sends until the next sounding, and how good that should be.

    Attributes:
        precoders: One per node, in node order.
        rx_amplitude: Aligned chip amplitude at the receiver of a symbol of 1
            (c in arXiv 2604.12401).
        noise_power: Total noise power of one complex chip when the nodes were sounded.
        path_errors: One per node, in node order; empty where no errors are expected.
        left_out: One sentence for every node that does not take part.
        symbol_mean_square: Of the symbols, as earlier rounds showed it; None where nothing
            is known.
        until_payload_s: From each node's reference tick to the payload, as planned, in node
            order; empty where no path is expected to change until then.
        arriving_level: Amplitude at which payloads arrive over ``rx_amplitude``, as the node pilots
            of earlier rounds showed it.
        antenna_weights: By whose conjugates the receiver adds its antennas, sum of squares 1;
            empty where there is one, or where powers of antennas are added.
    """

    precoders: tuple[Precoder, ...]
    rx_amplitude: float
    noise_power: float
    path_errors: tuple[PathErrors, ...] = ()
    left_out: tuple[str, ...] = ()
    symbol_mean_square: float | None = None
    until_payload_s: tuple[float, ...] = ()
    arriving_level: float = 1.0
    antenna_weights: tuple[complex, ...] = ()

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

    @property
    def active_errors(self) -> tuple[PathErrors, ...]:
        """Errors of the nodes that send."""
        if not self.path_errors:
            return (PathErrors(),) * len(self.active_nodes)
        return tuple(self.path_errors[node] for node in self.active_nodes)

    @property
    def payload_amplitude_stds(self) -> tuple[float, ...]:
        """Of the relative amplitudes of the nodes that send, at the payload as planned."""
        waits = self.until_payload_s or (0.0,) * len(self.precoders)
        pairs = zip(self.active_errors, self.active_nodes, strict=True)
        return tuple(math.sqrt(e.amplitude_variance(waits[node])) for e, node in pairs)


@dataclass(frozen=True, slots=True)
class ChipSum:
    """The sum of all symbols as the chips of a payload show it.

    Attributes:
        value: The sum.
        std: Its standard deviation as measured on the chips.
        degrees_of_freedom: Of that measurement.
    """

    value: float
    std: float
    degrees_of_freedom: float = math.inf


@dataclass(frozen=True, slots=True)
class DecodedSum:
    """A receiver's estimate of the sum of all symbols, and all that it knows of its error.

    Attributes:
        value: The sum.
        std: Standard deviation of its error: chips, gains, lost bursts; wide enough that
            1.96 of them hold 95 % where few chips show the spread.
        chips_std: The part that the payload's own chips show.
        factor: By which the sum that the chips show was multiplied.
        symbol_square: What this sum alone says of the symbols' mean square, without bias; a
            single sum may make it less than 0.
    """

    value: float
    std: float
    chips_std: float
    factor: float = 1.0
    symbol_square: float = 0.0
