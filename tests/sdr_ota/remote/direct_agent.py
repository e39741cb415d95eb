"""An agent whose actor lives in this process: the same calls and bytes, without a cluster."""

from dataclasses import dataclass, field
from typing import Any

from sdr_ota.remote.cluster import HostLost


@dataclass
class DirectAgent:
    """Calls an actor in this process, and can be told to be late or dead.

    Attributes:
        host: The machine that it plays.
        actor: What is called.
        is_dead: Whether nothing is answered any more.
        stale: What is answered to an announcement instead of what the actor says.
        said: All that the actor has answered, with the method's name.
    """

    host: str
    actor: Any
    is_dead: bool = False
    stale: bytes | None = None
    said: list[tuple[str, bytes]] = field(default_factory=list)

    def begin(self, method: str, *arguments: object) -> Any:
        if self.is_dead:
            return None
        if method == "announce" and self.stale is not None:
            return self.stale
        answer = getattr(self.actor, method)(*arguments)
        self.said.append((method, answer))
        return answer

    begin_apart = begin

    def answer(self, begun: Any, timeout_s: float = 0.0) -> bytes:
        if self.is_dead or begun is None:
            raise HostLost(f"{self.host} has gone")
        return bytes(begun)

    def end(self) -> None:
        self.actor.close()
