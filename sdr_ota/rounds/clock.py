"""What the server's own doings cost in the time of the world.

Real time passes by itself. A simulated or virtual world stands still unless it is told that time
passes; then a round takes as long there as it would on a bench, and runs stay reproducible.
"""

from dataclasses import dataclass
from typing import Protocol

MESSAGES_PER_ROUND = 5
"""Announcement, ready, sounding order, payload order, outcome; each goes to all nodes at once."""


class WorldClock(Protocol):
    """Told of what takes time on a bench."""

    def message(self) -> None:
        """A control message goes to all nodes at once."""
        ...

    def compute(self) -> None:
        """The nodes compute."""
        ...


class RealClock:
    """For real radios, whose time passes by itself."""

    def message(self) -> None:
        """Do nothing."""

    def compute(self) -> None:
        """Do nothing."""


class World(Protocol):
    """A world that stands still until it is told that time passes."""

    @property
    def sample_rate_hz(self) -> float:
        """Samples a second."""
        ...

    def pass_time(self, n_samples: int) -> None:
        """Let time pass without anybody listening."""
        ...


@dataclass(frozen=True)
class AirClock:
    """For a simulated or virtual world.

    Attributes:
        air: The world whose time passes.
        control_latency_s: From the server's decision until the nodes have its message.
        compute_s: How long the nodes compute in a round.
    """

    air: World
    control_latency_s: float
    compute_s: float

    def message(self) -> None:
        """Let the air's time pass by the latency of a control message."""
        self._pass(self.control_latency_s)

    def compute(self) -> None:
        """Let the air's time pass by what the nodes need for their probes."""
        self._pass(self.compute_s)

    def _pass(self, seconds: float) -> None:
        self.air.pass_time(round(seconds * self.air.sample_rate_hz))
