"""Decode what was captured, now or long ago, and judge it where the truth is known."""

from sdr_ota.rounds.cyclic_exchange import decode_cyclic
from sdr_ota.rounds.exchange import Exchange, Link, Reception
from sdr_ota.rounds.timed_exchange import decode_timed
from sdr_ota.schemes import theory_squared_error


def decode(reception: Reception, link: Link) -> Exchange:
    """Decode the sum that a capture carries. It knows no truth: not what was sent.

    Raises:
        Erasure: If the sum cannot be trusted.
    """
    return (decode_cyclic if reception.is_cyclic else decode_timed)(reception, link)


def expected_squared_error(exchange: Exchange, reception: Reception, link: Link) -> float | None:
    """Return the squared error of the sum that theory expects of the symbols that were sent.

    None where they are not known: theory's error depends on them.
    """
    if reception.symbols is None:
        return None
    sent = reception.symbols[list(reception.plan.active_nodes)]
    scheme = link.scheme.on_subcarriers if reception.is_cyclic else link.scheme
    if scheme is None:
        raise ValueError("a cyclic reception was decoded by a scheme without subcarriers")
    return theory_squared_error(scheme, sent, exchange.quality, exchange.total.factor)
