"""A radio that is plugged into another machine.

To the experiment it is a radio like any other. Every call has a deadline: a machine that has
gone gives `RadioLost`, never a hang. Its node is left out of the rounds. When the machine is
back, a radio without hardware time is opened and set again; another would have a new zero of
time, and send at the wrong moment.
"""

import time
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

from sdr_ota.closed_by_block import ClosedByBlock
from sdr_ota.radio.base import (
    Capture,
    PendingCapture,
    RadioError,
    RadioInfo,
    RadioLost,
    RadioNotFound,
)
from sdr_ota.radio.cluster import (
    Agent,
    ClusterError,
    HostLost,
    check_free,
    connect,
    has_answered,
    start_agent,
)
from sdr_ota.types import RadioSettings, Samples

if TYPE_CHECKING:
    from sdr_ota.radio.agent import Joined, RadioAgent

RADIO = "radio"
"""Resource of which a machine has one for each radio that it offers."""

FREED_S = 5.0
"""How long a radio that was closed may still seem to be in use."""

JOIN_S = 30.0
"""How long an agent may take to start and to open its radio."""

CLOCK_LIMIT_S = 1.0
"""Machines whose clocks differ by more write records that cannot be put in order."""


class RemoteRadio(ClosedByBlock):
    """A radio on another machine.

    Args:
        host: Name under which the machine has joined the cluster.
        address: Of the radio, on that machine.

    Raises:
        RadioNotFound: If there is no cluster, no such machine or no such radio, or if the
            machine runs another version or its clock is off.
    """

    def __init__(self, host: str, address: str) -> None:
        self._host, self._address = host, address
        self._settings: RadioSettings | None = None
        self._open = True
        try:
            connect()
            self._agent, joined = self._join()
        except (ClusterError, HostLost) as missing:
            raise RadioNotFound(str(missing)) from missing
        self._coming: tuple[Agent[RadioAgent], Any] | None = None
        self._is_lost = False
        self.info: RadioInfo = joined.info
        self.has_pulse = joined.has_pulse

    def configure(self, settings: RadioSettings) -> RadioSettings:
        """Apply settings; a machine that comes back later is given them too."""
        self._settings = settings
        in_force: RadioSettings = self._ask("configure", settings)
        return in_force

    def now_tick(self) -> int:
        """Return the radio's time as it was when the question arrived."""
        return int(self._ask("now_tick"))

    def transmit(self, samples: Samples, start_tick: int | None = None) -> None:
        """Send a burst; returns when the machine has taken it."""
        self._ask("transmit", samples, start_tick)

    def confirm_sent(self, timeout_s: float) -> None:
        """Ask what became of the last burst."""
        self._ask("confirm_sent", timeout_s, timeout_s=timeout_s)

    def begin_cyclic(self, samples: Samples) -> None:
        """Send samples over and over; the machine ends it by itself if we are lost."""
        self._ask("begin_cyclic", samples)

    def end_cyclic(self) -> None:
        """Fall silent; a machine that is lost does so by itself."""
        if not self._is_lost:
            self._ask("end_cyclic")

    def begin_receive(self, n_samples: int, start_tick: int | None = None) -> PendingCapture:
        """Start receiving; returns when the machine has begun."""
        return _RemoteCapture(self, int(self._ask("begin_receive", n_samples, start_tick)))

    def result_of(self, number: int, timeout_s: float) -> Capture:
        """Return the capture with this number."""
        capture: Capture = self._ask("result", number, timeout_s, timeout_s=timeout_s)
        return capture

    def temperature_c(self) -> float | None:
        """Return the device's temperature in degrees Celsius; None without a sensor."""
        temperature_c: float | None = self._ask("temperature_c")
        return temperature_c

    def last_pulse_ns(self) -> int:
        """Return the radio's time at the last pulse per second."""
        return int(self._ask("last_pulse_ns"))

    def set_time_at_pulse(self, time_ns: int) -> None:
        """Let the radio's time be this at the next pulse."""
        self._ask("set_time_at_pulse", time_ns)

    def close(self) -> None:
        """Fall silent and let the radio go; a machine that is lost does so by itself."""
        if self._coming is not None:
            self._coming[0].end()
            self._coming = None
        if self._open and not self._is_lost:
            try:
                self._ask("close")
            except RadioLost:
                return
            finally:
                self._open = False
            self._agent.end()
        self._open = False

    def _ask(self, method: str, *arguments: object, timeout_s: float = 0.0) -> Any:
        """Let the agent do something and return its answer.

        Raises:
            RadioLost: If the machine has gone or does not answer in time.
            RadioError: What the radio itself raises.
        """
        if not self._open:
            raise RadioError(f"{self.info.serial} is closed; open a new radio")
        if self._is_lost:
            self._come_back()
        try:
            return self._agent.ask(method, *arguments, timeout_s=timeout_s)
        except HostLost as gone:
            self._is_lost = True
            self._agent.end()  # where it still lives it must not hold the radio
            raise self._lost(gone) from gone

    def _lost(self, gone: Exception) -> RadioLost:
        return RadioLost(f"{gone}; its node is left out until it is back", self.info.serial)

    def _come_back(self) -> None:
        """Open the radio again if its machine is back; never waits for a machine to start.

        Raises:
            RadioLost: If it is not back yet, or counts from another zero than the others.
        """
        if self.info.has_hardware_time:
            raise RadioLost(
                f"{self._host} was away, so {self.info.serial} no longer counts like the others; "
                "resume the run to align all radios",
                self.info.serial,
            )
        try:
            self._try_to_come_back()
        except (ClusterError, HostLost, RadioError) as gone:
            raise self._lost(gone) from gone

    def _try_to_come_back(self) -> None:
        if self._coming is None:
            check_free(RADIO, self._host)
            self._coming = self._begin_join()
        agent, begun = self._coming
        if not has_answered(begun):
            raise HostLost(f"{self._host} is starting again")
        self._coming = None
        self._end_join(agent, begun)
        self._agent, self._is_lost = agent, False

    def _join(self) -> "tuple[Agent[RadioAgent], Joined]":
        """Start the agent and let it open its radio.

        A machine that was killed and is back stands in the cluster twice until Ray misses the
        dead one's heartbeats. An agent that was sent there is lost, but then Ray knows.
        """
        for _ in range(2):
            check_free(RADIO, self._host, FREED_S)
            agent, begun = self._begin_join()
            try:
                return agent, self._end_join(agent, begun)
            except HostLost as gone:
                lost = gone
        raise lost

    def _begin_join(self) -> "tuple[Agent[RadioAgent], Any]":
        from sdr_ota.radio.agent import RadioAgent  # noqa: PLC0415 - it opens radios by address

        agent = start_agent(RADIO, self._host, RadioAgent)
        return agent, agent.begin("join", self._address)

    def _end_join(self, agent: "Agent[RadioAgent]", begun: Any) -> "Joined":
        """Wait until the radio is open, compare its machine with this one, and set it again."""
        try:
            joined: Joined = agent.answer(begun, JOIN_S)
            check_alike(self._host, joined, agent)
            if self._settings is not None:
                agent.ask("configure", self._settings)
        except Exception:
            agent.end()  # so that it does not hold the radio
            raise
        return joined


def check_alike(host: str, joined: "Joined", agent: "Agent[RadioAgent]") -> None:
    """Compare version and clock of another machine with those of this one.

    Raises:
        RadioNotFound: Naming both.
    """
    version = metadata.version("sdr-ota")
    if joined.version != version:
        raise RadioNotFound(
            f"{host} runs sdr-ota {joined.version}, this machine {version}: install the same"
        )
    asked_s = time.time()
    there_s = float(agent.ask("clock_s"))
    answered_s = time.time()
    offset_s = there_s - (asked_s + answered_s) / 2
    if abs(offset_s) > CLOCK_LIMIT_S + (answered_s - asked_s) / 2:
        raise RadioNotFound(
            f"the clock of {host} is {offset_s:+.2f} s off this machine's (limit "
            f"{CLOCK_LIMIT_S:g} s): let both follow a time server"
        )


@dataclass(frozen=True)
class _RemoteCapture:
    """A reception that has been started on another machine."""

    radio: RemoteRadio
    number: int

    def result(self, timeout_s: float) -> Capture:
        """Wait for the samples."""
        return self.radio.result_of(self.number, timeout_s)
