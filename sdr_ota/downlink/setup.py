"""What server and nodes of a run without cables have agreed on before it."""

from dataclasses import dataclass

from sdr_ota.downlink.sealing import RunKey
from sdr_ota.receiver.control_frame import COMMON_CLOCK, SenderClock
from sdr_ota.signal.control_frame import ControlFormat
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import RadioSettings

TIMEOUT_S = 60.0
"""For a capture, beyond the time that it takes: the world of virtual radios waits for nodes."""


@dataclass(frozen=True)
class AirTimes:
    """How long things take on the air.

    Attributes:
        lead: Samples from now to the start of a control frame that the server sends.
        node_lead: Samples from the end of a control frame to the first that a node sends by it.
        compute_s: That nodes are given to compute.
    """

    lead: int
    node_lead: int
    compute_s: float = 0.0


@dataclass(frozen=True)
class AirSetup:
    """Alike at the server and at all nodes.

    Attributes:
        n_nodes: Nodes of the bench.
        key: Of the run.
        control: Format of control frames.
        frame: Format of soundings and joint frames.
        settings: Of the radios.
        max_cfo: Largest carrier offset looked for, in cycles per sample.
        times: How long things take.
        has_own_clocks: Whether each radio has an oscillator of its own.
    """

    n_nodes: int
    key: RunKey
    control: ControlFormat
    frame: FrameFormat
    settings: RadioSettings
    max_cfo: float
    times: AirTimes
    has_own_clocks: bool = True

    @property
    def sample_rate_hz(self) -> float:
        """Samples a second."""
        return self.settings.sample_rate_hz

    @property
    def clock(self) -> SenderClock:
        """What a carrier offset says of a sender's clock, to a radio that was not detuned."""
        if not self.has_own_clocks:
            return COMMON_CLOCK
        return SenderClock(self.sample_rate_hz / self.settings.center_freq_hz)
