"""Decode what was captured, now or long ago, and judge it where the truth is known."""

from functools import partial

from sdr_ota.rounds.absent_nodes import decoded_present
from sdr_ota.rounds.cyclic_exchange import decode_cyclic
from sdr_ota.rounds.exchange import Exchange, Link, Reception
from sdr_ota.rounds.timed_decoding import decode_timed
from sdr_ota.schemes import theory_squared_error


def decode(reception: Reception, link: Link) -> Exchange:
    """Decode the sums that a capture carries. It knows no truth: not what was sent.

    Raises:
        Erasure: If one of them cannot be trusted; all are lost then.
    """
    return (decode_cyclic if reception.is_cyclic else decode_timed)(reception, link)


def decode_present(reception: Reception, link: Link) -> tuple[Reception, Exchange]:
    """Decode the sums of the nodes that sent, as `decoded_present`."""
    return decoded_present(reception, partial(decode, link=link))


def expected_squared_errors(
    exchange: Exchange, reception: Reception, link: Link
) -> tuple[float, ...] | None:
    """Return the squared error of each sum that theory expects of the symbols that were sent.

    None where they are not known: theory's error depends on them.
    """
    sent = reception.sent_symbols
    if sent is None:
        return None
    scheme = link.scheme.on_subcarriers if reception.is_cyclic else link.scheme
    if scheme is None:
        raise ValueError("a cyclic reception was decoded by a scheme without subcarriers")
    return tuple(
        theory_squared_error(scheme, symbols, quality, total.factor)
        for symbols, quality, total in zip(sent.T, exchange.qualities, exchange.sums, strict=True)
    )
