"""A round that cannot be trusted is erased, with a reason; it is never guessed."""

from typing import Literal, TypeAlias

Reason: TypeAlias = Literal[
    "not-found",
    "saturated",
    "gain-changed",
    "late",
    "interference",
    "radio",
    "no-plan",
    "host",
    "schedule",
]


class Erasure(Exception):  # noqa: N818 - the field's word for a lost symbol
    """This round is lost; all clients skip it together.

    Attributes:
        reason: One word for tables.
        detail: One sentence with numbers.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail


class NodesAbsent(Erasure):
    """Nodes were to send, and their pilots show that they did not; the others' sum is there.

    Attributes:
        nodes: Their places on the bench.
    """

    def __init__(self, nodes: tuple[int, ...], detail: str) -> None:
        super().__init__("not-found", detail)
        self.nodes = nodes
