"""What a simulated world is made from."""

from dataclasses import dataclass

from sdr_ota.air.presets import AirPreset


@dataclass(frozen=True, slots=True)
class AirSettings:
    """All that a simulated world follows from; the same settings make the same world.

    Attributes:
        preset: Numbers of the air.
        n_nodes: Transmitting nodes.
        sample_rate_hz: Samples a second, the same for all; path delays belong to it.
        center_freq_hz: Carrier; with an oscillator error it makes the carrier offset.
        seed: Everything random follows from it.
        n_antennas: Of the receiver; the worlds of one antenna do not depend on it.
    """

    preset: AirPreset
    n_nodes: int
    sample_rate_hz: float
    center_freq_hz: float
    seed: int
    n_antennas: int = 1
