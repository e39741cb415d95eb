"""A node on another machine: the same protocol as a node here, over a Ray actor.

Every call has a deadline. A machine that has gone gives an absent node, never a hang; when it is
back it loads the base model, takes all steps of the journal, and takes part again once its
weights have the server's checksum.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sdr_ota.radio.base import RadioInfo, RadioLost
from sdr_ota.remote.cluster import (
    ANSWER_S,
    Agent,
    ClusterError,
    HostLost,
    check_free,
    has_answered,
    start_agent,
)
from sdr_ota.remote.joining import Joined, JoinOrder, check_clock
from sdr_ota.remote.wire import Errors, opened
from sdr_ota.rounds.messages import (
    Announcement,
    Outcome,
    PayloadOrder,
    Ready,
    SoundingOrder,
    Truth,
    TuneOrder,
    from_bytes,
    to_bytes,
)
from sdr_ota.types import RadioSettings

_log = logging.getLogger(__name__)

RADIO = "radio"
"""Resource of which a machine has one for each radio that it lends."""

FREED_S = 5.0
"""How long a radio that a run has just given back may still seem to be in use."""

LOAD_S = 600.0
"""How long a machine may take to load its model, and to take the steps of a journal."""

PROBE_S = 300.0
"""How long a client may take for a round's two forward passes."""


@dataclass(frozen=True)
class Course:
    """The server's side of what every node must agree with.

    Attributes:
        actor: Class of what runs on the node's machine.
        check: Compares a host that has joined with this machine; raises `ClusterError`.
        n_updates: Returns the number of steps so far.
        updates_from: Returns the steps from a number on, as bytes.
        checksum: Returns the checksum of the server's weights; empty without a model.
        errors: What a node may raise beside the errors of radios, by name.
    """

    actor: type
    check: Callable[[str, Joined], None]
    n_updates: Callable[[], int] = int
    updates_from: Callable[[int], bytes] = lambda first: b""
    checksum: Callable[[], str] = str
    errors: Errors = field(default_factory=dict)


class RayNode:
    """One node of a run, on another machine.

    Args:
        course: What it must agree with.
        host: Its machine.
        order: What it is told when it joins.
    """

    def __init__(self, course: Course, host: str, order: JoinOrder) -> None:
        self.host = host
        self._course, self._order = course, order
        self._agent: Agent[Any] | None = None
        self._begun: Any = None
        self._tuned: TuneOrder | None = None
        self._stepping: Any = None
        self._n_followed: int | None = None
        self._is_present = False
        self._why_absent = f"{host} has not joined"
        self._announced = -1
        self._joined: Joined | None = None

    # ------------------------------------------------------------ joining

    def begin_join(self, patience_s: float = 0.0) -> None:
        """Let the machine load model and data and open the radio.

        Raises:
            ClusterError: If it is not there, or busy.
        """
        check_free(RADIO, self.host, patience_s)
        self._agent = start_agent(RADIO, self.host, self._course.actor)
        self._begun = self._agent.begin("join", to_bytes(self._order))

    def end_join(self) -> None:
        """Wait until it has loaded, and make sure that it computes as the server does.

        Raises:
            ClusterError: If it does not.
            HostLost: If it has gone.
            Exception: What went wrong there.
        """
        joined = from_bytes(Joined, self._opened(self._begun, LOAD_S))
        self._course.check(self.host, joined)
        asked_s = time.time()
        check_clock(self.host, asked_s, msgspec.msgpack.decode(self._ask("clock_s"), type=float))
        self._joined = joined
        if self._tuned is not None:  # it was away: its radio was opened and set anew
            self._ask("tune", to_bytes(self._tuned))
        self._order = msgspec.structs.replace(self._order, is_continued=True)
        self._n_followed = self._course.n_updates()
        self._begun = self._there().begin("follow", self._course.updates_from(0))

    def end_follow(self) -> None:
        """Let it take the steps that came meanwhile, compare the weights, and take part.

        Raises:
            ClusterError: If its weights are others.
            HostLost: If it has gone.
        """
        self._opened(self._begun, LOAD_S)
        rest = self._course.updates_from(self._n_followed or 0)
        found = self._ask("follow", rest, timeout_s=LOAD_S).decode()
        expected = self._course.checksum()
        if found != expected:
            raise ClusterError(
                f"after {self._course.n_updates()} steps the weights of {self.host} have checksum "
                f"{found}, here they have {expected}: it does not compute as this machine does"
            )
        self._is_present, self._why_absent = True, ""

    # ------------------------------------------------------------ the node protocol

    @property
    def info(self) -> RadioInfo:
        """The node's radio."""
        return self._known().info

    @property
    def settings(self) -> RadioSettings:
        """The settings in force."""
        return self._known().settings

    @property
    def has_pulse(self) -> bool:
        """Whether its time can be set at a pulse per second."""
        return self._known().has_pulse

    def tune(self, order: TuneOrder) -> None:
        """Let the node tune its transmitter, now and whenever it comes back."""
        self._tuned = order
        self._begin("tune", to_bytes(order))

    def announce(self, announcement: Announcement) -> None:
        """Let the node compute; one that was away goes a step on its way back."""
        self._announced = announcement.round
        if not self._is_present:
            self._why_absent = self._come_back()
        if self._is_present:
            self._begun = self._there().begin("announce", to_bytes(announcement))

    def ready(self) -> Ready:
        """Wait until the node has stepped and computed; one that has gone is absent."""
        if not self._is_present:
            return Ready(self._announced, self._why_absent)
        try:
            if self._stepping is not None:
                self._opened(self._stepping, PROBE_S)
            ready = from_bytes(Ready, self._opened(self._begun, PROBE_S))
        except HostLost as gone:
            self._lose(f"{gone}; it is left out until it is back")
            return Ready(self._announced, self._why_absent)
        if ready.round != self._announced:
            self._lose(f"{self.host} answered for round {ready.round}, too late")
            return Ready(self._announced, self._why_absent)
        return ready

    def sound(self, order: SoundingOrder) -> None:
        """Let the node send the known burst."""
        self._begin("sound", to_bytes(order))

    def send(self, order: PayloadOrder) -> None:
        """Let the node pay, encode and send."""
        self._begin("send", to_bytes(order))

    def sent(self, timeout_s: float) -> None:
        """Wait for what became of the last order."""
        if self._begun is None:
            raise RadioLost(self._why_absent or f"{self.host} has gone", self.info.serial)
        try:
            self._opened(self._begun, timeout_s)
            self._ask("sent", timeout_s, timeout_s=timeout_s)
        except HostLost as gone:
            self._lose(f"{gone}; it is left out until it is back")
            raise RadioLost(self._why_absent, self.info.serial) from gone

    def silence(self) -> None:
        """Stop sending, even while another call hangs; a machine that is lost does so itself."""
        if self._agent is not None:
            with suppress(HostLost):
                self._opened(self._agent.begin_apart("silence"), 0.0)

    def apply(self, outcome: Outcome) -> None:
        """Let the node step; `ready` of the next round waits for it."""
        self._stepping = None
        if self._is_present:
            self._stepping = self._there().begin("apply", to_bytes(outcome))

    def truth(self, round_index: int) -> Truth | None:
        """Ask what was sent; None from a private node, and from one that has gone."""
        if not self._is_present:
            return Truth(round_index)
        try:
            data = self._ask("truth", round_index)
        except HostLost as gone:
            self._lose(str(gone))
            return Truth(round_index)
        return from_bytes(Truth, data) if data else None

    def close(self) -> None:
        """Give the machine back; one that is lost falls silent by itself."""
        if self._agent is not None:
            try:
                self._opened(self._agent.begin_apart("close"), ANSWER_S)
            except Exception as broken:  # the other nodes are closed too, and a run's end is kept
                _log.warning("closing the node on %s: %s", self.host, broken)
        self._lose("the run has ended")

    # ------------------------------------------------------------ pulses

    def last_pulse_ns(self) -> int:
        """Return the radio's time at the last pulse per second."""
        return int(self._ask("last_pulse_ns"))

    def set_time_at_pulse(self, time_ns: int) -> None:
        """Let the radio's time be this at the next pulse."""
        self._ask("set_time_at_pulse", time_ns)

    # ------------------------------------------------------------ inside

    def _begin(self, method: str, data: bytes) -> None:
        self._begun = self._there().begin(method, data) if self._is_present else None

    def _ask(self, method: str, *arguments: object, timeout_s: float = 0.0) -> bytes:
        return self._opened(self._there().begin(method, *arguments), timeout_s)

    def _opened(self, begun: Any, timeout_s: float) -> bytes:
        answer = self._there().answer(begun, timeout_s)
        try:
            return opened(answer, self._course.errors, self.host)
        except RadioLost as lost:  # the machine is there, its radio is not
            serial = self._joined.info.serial if self._joined else self.host
            raise RadioLost(str(lost), serial) from lost

    def _come_back(self) -> str:
        """Go one step on the way back, without waiting; return why it is not there yet."""
        known = self._joined
        if known is not None and known.info.has_hardware_time:
            return (
                f"{self.host} was away, so its radio no longer counts like the others; resume the "
                "run to align all radios"
            )
        try:
            if self._agent is None:
                self._n_followed = None
                self.begin_join()
            if not has_answered(self._begun):
                return f"{self.host} is starting, or catching up"
            if self._n_followed is None:
                self.end_join()
                return f"{self.host} is catching up"
            self.end_follow()
        except Exception as gone:  # whatever goes wrong there, the others go on
            self._lose("")
            return f"{self.host} does not come back: {gone}"
        return ""

    def _lose(self, why: str) -> None:
        """Give the machine up; where it still lives it must not go on."""
        if self._agent is not None:
            self._agent.end()
        self._agent = self._begun = self._stepping = self._n_followed = None
        self._is_present, self._why_absent = False, why

    def _there(self) -> Agent[Any]:
        if self._agent is None:
            raise HostLost(f"{self.host} has gone")
        return self._agent

    def _known(self) -> Joined:
        if self._joined is None:
            raise HostLost(f"{self.host} has not joined")
        return self._joined
