"""Nodes that were to send and did not: the others' sum counts."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from sdr_ota.erasure import Erasure, NodesAbsent
from sdr_ota.rounds.exchange import Exchange, Reception
from sdr_ota.types import Precoder, TransmitPlan


def without_absent(plan: TransmitPlan, absent: Mapping[int, str]) -> TransmitPlan:
    """Return a plan in which the nodes that have no number to send, or did not, are silent.

    Raises:
        Erasure: ``host`` if no node is left.
    """
    if not absent:
        return plan
    precoders = tuple(
        Precoder(0j) if node in absent else precoder for node, precoder in enumerate(plan.precoders)
    )
    reasons = (f"node {node}: {reason}" for node, reason in absent.items())
    left_out = (*plan.left_out, *reasons)
    if not any(precoder.gain for precoder in precoders):
        raise Erasure("host", "; ".join(left_out))
    return replace(plan, precoders=precoders, left_out=left_out)


def decoded_present(
    reception: Reception, decode: Callable[[Reception], Exchange]
) -> tuple[Reception, Exchange]:
    """Decode the sums of the nodes that sent, whoever of those that were to send did not.

    Args:
        reception: What was received.
        decode: Raises `NodesAbsent` where bursts are missing.

    Returns:
        The reception with a plan in which the absent nodes are silent, and the exchange.

    Raises:
        Erasure: If they cannot be trusted.
    """
    try:
        return reception, decode(reception)
    except NodesAbsent as missing:
        reasons = dict.fromkeys(missing.nodes, "its burst did not arrive")
        present = replace(reception, plan=without_absent(reception.plan, reasons))
        return present, decode(present)
