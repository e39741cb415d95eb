"""Nodes whose client is away are silent."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from sdr_ota.erasure import Erasure
from sdr_ota.rounds.exchange import Bench
from sdr_ota.rounds.round import Planner
from sdr_ota.types import Precoder, TransmitPlan


def present_only(planner: Planner, absent: Callable[[], Mapping[int, str]]) -> Planner:
    """Return a planner that leaves out nodes that have no number to send.

    Args:
        planner: Sounds all nodes and plans for them.
        absent: Returns the nodes whose client is away, each with a sentence on why.
    """

    def plan(bench: Bench) -> TransmitPlan:
        planned, gone = planner(bench), absent()
        if not gone:
            return planned
        precoders = tuple(
            Precoder(0j) if node in gone else precoder
            for node, precoder in enumerate(planned.precoders)
        )
        left_out = (*planned.left_out, *gone.values())
        if not any(precoder.gain for precoder in precoders):
            raise Erasure("host", "; ".join(left_out))
        return replace(planned, precoders=precoders, left_out=left_out)

    return plan
