"""The Ray cluster through which machines work together: who is there, agents, deadlines.

Ray moves calls, arrays and exceptions between machines and notices when one dies. A machine
joins with `sdr-ota node`; what it offers stands in the cluster as resources.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

_log = logging.getLogger(__name__)

APART = "apart"
"""Concurrency group of calls that must get through while another one hangs."""

ANSWER_S = 5.0
"""How long a machine may take to answer, beyond what the call itself may take."""

_T = TypeVar("_T")


class ClusterError(RuntimeError):
    """There is no cluster here, or no such machine in it; the text says what to do."""


NO_TOKEN = (
    "this cluster has no token (~/.ray/auth_token): whoever reaches its port can run programs on "
    "all its machines"
)


class HostLost(Exception):  # noqa: N818 - it is what has happened, not an error of ours
    """A machine has gone, or does not answer in time."""


def connect() -> None:
    """Join the cluster that runs on this machine, once.

    Raises:
        ClusterError: If Ray is not installed, no cluster runs here, or it runs another version.
    """
    for name, value in environment().items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as missing:
        raise ClusterError(
            "radios on other machines need Ray: pip install 'sdr-ota[cluster]'"
        ) from missing
    if ray.is_initialized():
        return
    if not has_token():
        _log.warning("%s; keep it on a network of your own", NO_TOKEN)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address="auto", log_to_driver=False, logging_level=logging.ERROR)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)  # Ray's own would end a run without its records
    except ConnectionError as alone:
        reason = str(alone).partition("\n")[0] or "nothing answers"
        raise ClusterError(
            f"this machine is in no Ray cluster ({reason}): start one with ray start --head, and "
            "sdr-ota node on the machines with the radios. If one runs, RAY_ADDRESS must be its "
            "address and ~/.ray/auth_token its token"
        ) from alone
    except RuntimeError as unfit:
        raise ClusterError(
            f"this machine cannot join its Ray cluster: {' '.join(str(unfit).split())}"
        ) from unfit


def environment() -> Mapping[str, str]:
    """Return environment variables for Ray; values that the user has set come first."""
    defaults = {
        "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent to anybody
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # a future default, without its warning
    }
    if has_token():
        defaults["RAY_AUTH_MODE"] = "token"
    return defaults


def has_token() -> bool:
    """Return whether this user's clusters ask for a token; Ray looks in the same places."""
    if any(os.environ.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")):
        return True
    return (Path.home() / ".ray" / "auth_token").is_file()


def names_with(kind: str) -> dict[str, float]:
    """Return which machines offer a kind of resource, and how many of it are free."""
    import ray

    asked: Any = ray  # it says nothing of the types of these two
    free, there = asked.available_resources(), asked.cluster_resources()
    prefix = f"{kind}:"
    names = [name for name in there if name.startswith(prefix)]
    return {name.removeprefix(prefix): float(free.get(name, 0.0)) for name in names}


def check_free(kind: str, host: str, patience_s: float = 0.0) -> None:
    """Make sure that a machine is there and has one of a resource to give.

    Args:
        kind: The resource.
        host: The machine.
        patience_s: How long to wait for what another run has just given back.

    Raises:
        ClusterError: Naming the machines that are there.
    """
    until_s = time.monotonic() + patience_s
    while (offers := names_with(kind)).get(host) == 0 and time.monotonic() < until_s:
        time.sleep(0.05)
    if host not in offers:
        raise ClusterError(
            f"no machine called {host!r} offers a {kind} to the cluster; there are: "
            f"{', '.join(sorted(offers)) or 'none'}. Start sdr-ota node {host} on it"
        )
    if offers[host] < 1:
        raise ClusterError(f"every {kind} of {host!r} is in use by another run")


@dataclass(frozen=True)
class Agent(Generic[_T]):
    """An object that lives in a process of its own on another machine.

    Attributes:
        host: The machine.
        handle: What Ray calls it by.
    """

    host: str
    handle: Any

    def begin(self, method: str, *arguments: object) -> Any:
        """Call a method and return at once; calls are done in the order of their begin."""
        return getattr(self.handle, method).remote(*arguments)

    def begin_apart(self, method: str, *arguments: object) -> Any:
        """Call a method beside the others: it does not wait for a call that hangs."""
        return getattr(self.handle, method).options(concurrency_group=APART).remote(*arguments)

    def answer(self, begun: Any, timeout_s: float = 0.0) -> bytes:
        """Wait for the bytes that a call returns.

        Args:
            begun: What `begin` returned.
            timeout_s: What the call itself may take.

        Raises:
            HostLost: If the machine has gone or does not answer in time.
        """
        import ray
        from ray.exceptions import RayError

        try:
            return bytes(ray.get(begun, timeout=timeout_s + ANSWER_S))
        except RayError as gone:
            silent = isinstance(gone, TimeoutError)
            what = f"did not answer in {timeout_s + ANSWER_S:g} s" if silent else "has gone"
            raise HostLost(f"{self.host} {what}") from gone

    def end(self) -> None:
        """End its process, if it still lives."""
        import ray

        ray.kill(self.handle)


def start_agent(kind: str, host: str, cls: type[_T]) -> Agent[_T]:
    """Start an agent on a machine; it takes one of a resource, so that runs do not share it.

    Args:
        kind: What it takes, as ``radio``.
        host: The machine.
        cls: Its class; made there without arguments.
    """
    import ray

    taken = {f"{kind}:{host}": 1.0}
    remote: Any = ray.remote  # its types do not know concurrency groups
    actor = remote(concurrency_groups={APART: 2})(cls).options(
        num_cpus=0, resources=taken, max_restarts=0
    )
    return Agent(host, actor.remote())


def has_answered(begun: Any) -> bool:
    """Return whether a call has come to an end, without waiting."""
    import ray

    done, _ = ray.wait([begun], timeout=0)
    return bool(done)
