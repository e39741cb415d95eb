"""The machines on which clients compute: all at once, each with a deadline, some of them away."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from sdr_ota.assembly.client_agent import FINGERPRINT_SEED, ClientAgent, Loaded
from sdr_ota.config.load import Config
from sdr_ota.erasure import Erasure
from sdr_ota.radio.cluster import (
    Agent,
    ClusterError,
    HostLost,
    check_free,
    has_answered,
    start_agent,
)
from zo_core.directions.fingerprint import direction_fingerprint
from zo_core.stepping.rules import Update

CLIENT = "client"
"""Resource of which every machine has one."""

FREED_S = 5.0
"""How long a machine that a run has just given back may still seem to be in use."""

LOAD_S = 600.0
"""How long a machine may take to load its model, and to take the steps of a journal."""

PROBE_S = 300.0
"""How long a client may take for a round's two forward passes."""


@dataclass(frozen=True)
class Course:
    """The server's side of what every machine must agree with.

    Attributes:
        config: Of the run.
        base_checksum: Of the weights before the first step.
        updates: All steps so far; it grows.
        step: Lets the server's own copy take a step.
        checksum: Returns the checksum of that copy's weights.
    """

    config: Config
    base_checksum: str
    updates: Sequence[Update]
    step: Callable[[float, int], None]
    checksum: Callable[[], str]


class Machine:
    """One client's machine: it loads, follows the steps so far, takes part, and may go."""

    def __init__(self, course: Course, index: int, host: str) -> None:
        self.host = host
        self.is_present = False
        self._course, self._index = course, index
        self._agent: Agent[ClientAgent] | None = None
        self._begun: Any = None
        self._n_followed: int | None = None

    def begin_load(self, patience_s: float = 0.0) -> None:
        """Let it load model and data.

        Raises:
            ClusterError: If it is not there, or busy.
        """
        check_free(CLIENT, self.host, patience_s)
        self._agent = start_agent(CLIENT, self.host, ClientAgent)
        self._begun = self._agent.begin("load", self._course.config, self._index)

    def end_load(self) -> None:
        """Wait until it has loaded, and make sure that it computes as the server does.

        Raises:
            ClusterError: If it does not.
            HostLost: If it has gone.
        """
        loaded: Loaded = self._there().answer(self._begun, LOAD_S)
        check_alike(self.host, loaded, self._course.base_checksum)

    def begin_follow(self) -> None:
        """Let it take the steps of the journal."""
        self._n_followed = len(self._course.updates)
        self._begun = self._there().begin("follow", list(self._course.updates))

    def end_follow(self) -> None:
        """Let it take the steps that came meanwhile, compare the weights, and take part.

        Raises:
            ClusterError: If its weights are others.
            HostLost: If it has gone.
        """
        agent = self._there()
        agent.answer(self._begun, LOAD_S)
        agent.ask("follow", list(self._course.updates[self._n_followed :]), timeout_s=LOAD_S)
        found, expected = agent.ask("start"), self._course.checksum()
        if found != expected:
            raise ClusterError(
                f"after {len(self._course.updates)} steps the weights of {self.host} have checksum "
                f"{found}, here they have {expected}: it does not compute as this machine does"
            )
        self.is_present = True

    def come_back(self) -> str:
        """Go one step on the way back, without waiting; return why it is not there yet."""
        try:
            if self._agent is None:
                self.begin_load()
            if not has_answered(self._begun):
                return f"{self.host} is starting"
            if self._n_followed is None:
                self.end_load()
                self.begin_follow()
            if not has_answered(self._begun):
                return f"{self.host} is catching up"
            self.end_follow()
        except Exception as gone:  # whatever goes wrong there, the others go on
            self.lose()
            return f"{self.host} does not come back: {gone}"
        return ""

    def lose(self) -> None:
        """Give it up; where it still lives it must not go on."""
        if self._agent is not None:
            self._agent.end()
        self._agent, self._n_followed, self.is_present = None, None, False

    def begin(self, method: str, *arguments: object) -> Any:
        """Begin a call."""
        return self._there().begin(method, *arguments)

    def answer(self, begun: Any, timeout_s: float) -> Any:
        """Wait for a call; a machine that does not answer is lost.

        Raises:
            HostLost: If it has gone.
        """
        try:
            return self._there().answer(begun, timeout_s)
        except HostLost:
            self.lose()
            raise

    def _there(self) -> Agent[ClientAgent]:
        if self._agent is None:
            raise HostLost(f"{self.host} has gone")
        return self._agent


class RemoteClient:
    """What the loop sees of one machine's client."""

    def __init__(self, machines: "Machines", index: int) -> None:
        self._machines, self._index = machines, index

    @property
    def loss(self) -> float:
        """Mean of the client's last two probe losses; NaN where it did not take part."""
        return self._machines.losses[self._index]

    def local_scalar(self, seed: int) -> float:
        """Return the client's scalar; 0 from one that is absent, whose node is silent.

        Raises:
            Erasure: If a machine has gone in this round.
        """
        return self._machines.scalars(seed)[self._index]

    def apply(self, mean_scalar: float, seed: int) -> None:
        """Let everybody take the step, once."""
        self._machines.apply(mean_scalar, seed)


class Machines:
    """All machines of a run, in the order of the nodes.

    Args:
        course: What they must agree with.
        hosts: Their names; their models are loaded at the same time.

    Raises:
        ClusterError: If one is not there or does not compute as the server does.
        HostLost: If one goes before it has joined.
    """

    def __init__(self, course: Course, hosts: Sequence[str]) -> None:
        self._course = course
        self._machines = [Machine(course, index, host) for index, host in enumerate(hosts)]
        self.clients = tuple(RemoteClient(self, index) for index in range(len(hosts)))
        self.losses = [math.nan] * len(hosts)
        self._scalars: tuple[int, list[float]] | None = None
        self._told: int | None = None
        self._stepping: list[tuple[Machine, Any]] = []
        try:
            self._join()
        except Exception:
            self.close()
            raise

    def _join(self) -> None:
        """Let all load and follow, at the same time."""
        for machine in self._machines:
            machine.begin_load(FREED_S)
        for machine in self._machines:
            machine.end_load()
            machine.begin_follow()
        for machine in self._machines:
            machine.end_follow()

    def absent(self) -> Mapping[int, str]:
        """Return which clients cannot take part, and why; those that are back are let in."""
        gone = {}
        for node, machine in enumerate(self._machines):
            why = "" if machine.is_present else machine.come_back()
            if why:
                gone[node] = f"node {node}: {why}"
        return gone

    def scalars(self, seed: int) -> Sequence[float]:
        """Return every client's scalar for a seed; all compute at once, at the first call.

        Raises:
            Erasure: If a machine has gone.
        """
        if self._scalars is None or self._scalars[0] != seed:
            asked = [
                machine.begin("local_scalar", seed) if machine.is_present else None
                for machine in self._machines
            ]
            lost = self._end_steps()
            scalars = [0.0] * len(asked)
            for node, begun in enumerate(asked):
                scalars[node], self.losses[node] = 0.0, math.nan
                if begun is None or not self._machines[node].is_present:
                    continue
                try:
                    answer = self._machines[node].answer(begun, PROBE_S)
                    scalars[node], self.losses[node] = answer
                except HostLost as gone:
                    lost.append(f"client {node}: {gone}")
            if lost:
                raise Erasure("host", "; ".join(lost))
            self._scalars = seed, scalars
        return self._scalars[1]

    def apply(self, mean_scalar: float, seed: int) -> None:
        """Let the server's copy and all machines take the step of a round, once."""
        if seed == self._told:
            return
        self._course.step(mean_scalar, seed)
        self._told = seed
        self._stepping = [
            (machine, machine.begin("apply", mean_scalar, seed))
            for machine in self._machines
            if machine.is_present
        ]

    def _end_steps(self) -> list[str]:
        """Make sure that everybody has taken the last step; return who has gone meanwhile."""
        lost = []
        for machine, begun in self._stepping:
            try:
                machine.answer(begun, PROBE_S)
            except HostLost as gone:
                lost.append(str(gone))
        self._stepping = []
        return lost

    def close(self) -> None:
        """Give all machines back."""
        for machine in self._machines:
            machine.lose()


def check_alike(host: str, loaded: Loaded, base_checksum: str) -> None:
    """Compare what another machine says of itself with this one.

    Raises:
        ClusterError: Naming the first difference.
    """
    here = (
        ("version of sdr-ota", loaded.version, metadata.version("sdr-ota")),
        ("directions", loaded.fingerprint, direction_fingerprint(FINGERPRINT_SEED)),
        ("base weights", loaded.base_checksum, base_checksum),
    )
    for what, found, expected in here:
        if found != expected:
            raise ClusterError(
                f"{host} has other {what}: {found} there, {expected} here; machines that learn "
                "together need the same software and the same model folder"
            )
