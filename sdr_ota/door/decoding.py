"""Decode a recording again from Python, with the parameters that it carries or with others."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sdr_ota.assembly.bench import receiving
from sdr_ota.assembly.replay import DECODING_TABLES, SENT_KEY, is_of_the_receiver
from sdr_ota.config.load import Config
from sdr_ota.config.parts import link_of
from sdr_ota.door.errors import door_errors
from sdr_ota.door.experiment import Changes, experiment_of
from sdr_ota.door.mean import Numbers
from sdr_ota.erasure import Erasure, Reason
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.rounds.decoding import decode_present, expected_squared_errors
from sdr_ota.rounds.exchange import Exchange, Link, Reception
from sdr_ota.rounds.round import RoundResult
from sdr_ota.runs.captures import StoredCapture, read_capture
from sdr_ota.runs.recording import DATA, META
from sdr_ota.schemes import load_scheme, scheme_record
from sdr_ota.types import Samples, TransmitPlan


@dataclass(frozen=True)
class DecodedCapture:
    """What a recording's samples say now, beside what its round made of them.

    Values are sums of symbols, each in [-1, 1]: a run's mean is ``value / n_active`` times its
    scalar limit. Of a frame that carries q symbols a node, they and their deviations are arrays of
    shape ``(q,)``.

    Attributes:
        value: The decoded sum; None if it is erased.
        std: Standard deviation of its error, as the receiver knows it.
        chips_std: The part of it that the payload's own chips show: noise and interference.
        erasure: Why there is none; None where there is one.
        detail: One sentence on that.
        theory_std: The root mean square error that theory expects; None where private nodes
            kept their symbols.
        true_value: Sum of the symbols that were sent; None where private nodes kept them.
        n_active: Nodes that sent.
        noise_power: Noise power of one chip in the capture.
        cfo_hz: Residual carrier offset of the lead node.
        metric: Its detection metric.
        plan: How each node sent.
        link: Frame and scheme with which it was decoded.
        result: What the round's own record says.
        samples: What was received, shape ``(n_samples,)``.
        sample_rate_hz: Samples a second.
    """

    value: Numbers | None
    std: Numbers | None
    chips_std: Numbers | None
    erasure: Reason | None
    detail: str
    theory_std: Numbers | None
    true_value: Numbers | None
    n_active: int
    noise_power: float | None
    cfo_hz: float | None
    metric: float | None
    plan: TransmitPlan
    link: Link
    result: RoundResult
    samples: Samples
    sample_rate_hz: float


def decode(
    path: str | os.PathLike[str],
    *,
    set: Changes | None = None,
) -> DecodedCapture:
    """Decode one of our SigMF recordings.

    Args:
        path: Its metadata or its data file.
        set: Values of the receiver's side that replace those of the recording, as
            ``{"link.max_cfo_hz": 20e3}``; tables ``link``, ``frame`` and ``receiver``. A scheme
            that is named here may be imported; one that only the recording names is not.

    Raises:
        SdrOtaError: If it is no recording of ours or damaged, or a value cannot be used.
        ValueError: For an unknown scheme.
    """
    if set and "link.scheme" in set:
        load_scheme(str(set["link.scheme"]))
    with door_errors():
        stored = read_capture(_metadata_file(Path(path)))
        if not set:
            return _decoded(stored, stored.link)
        config = _receiver_side(stored, set)
        with receiving(_changed(stored.link, link_of(config)), config) as link:
            return _decoded(stored, link)


def _decoded(stored: StoredCapture, link: Link) -> DecodedCapture:
    reception = stored.reception
    decoded = DecodedCapture(
        value=None,
        std=None,
        chips_std=None,
        erasure=None,
        detail="; ".join(reception.plan.left_out),
        theory_std=None,
        true_value=_numbers(reception.true_sums),
        n_active=len(reception.plan.active_nodes),
        noise_power=None,
        cfo_hz=None,
        metric=None,
        plan=reception.plan,
        link=link,
        result=stored.result,
        samples=reception.capture.samples,
        sample_rate_hz=reception.sample_rate_hz,
    )
    try:
        present, exchange = decode_present(reception, link)
        there = replace(
            decoded,
            detail="; ".join(present.plan.left_out),
            true_value=_numbers(present.true_sums),
            n_active=len(present.plan.active_nodes),
            plan=present.plan,
        )
        return _with_exchange(there, exchange, present)
    except Erasure as lost:
        return replace(decoded, erasure=lost.reason, detail=lost.detail)


def _with_exchange(
    decoded: DecodedCapture, exchange: Exchange, reception: Reception
) -> DecodedCapture:
    """Return a decoded capture with what decoding gave."""
    sums = exchange.sums
    theory = expected_squared_errors(exchange, reception, decoded.link)
    return replace(
        decoded,
        value=_numbers([total.value for total in sums]),
        std=_numbers([total.std for total in sums]),
        chips_std=_numbers([total.chips_std for total in sums]),
        theory_std=None if theory is None else _numbers([square**0.5 for square in theory]),
        noise_power=exchange.noise_power,
        cfo_hz=exchange.cfo * reception.sample_rate_hz,
        metric=exchange.metric,
    )


def _numbers(values: Sequence[float] | None) -> Numbers | None:
    """Return one value as a number, several as an array."""
    if values is None:
        return None
    return values[0] if len(values) == 1 else np.array(values)


def _changed(sent: Link, asked: Link) -> Link:
    """Return the link of a recording with the receiver's side as it is asked for.

    Waiting times and the pulse's shape, which no configuration names, stay.
    """
    pulse = replace(sent.frame.pulse, samples_per_chip=asked.frame.pulse.samples_per_chip)
    frame = replace(asked.frame, pulse=pulse)
    return replace(
        sent,
        frame=frame,
        scheme=asked.scheme,
        max_cfo_hz=asked.max_cfo_hz,
        decode=asked.decode,
    )


def _metadata_file(path: Path) -> Path:
    return path.with_suffix(META) if path.suffix == DATA else path


def _receiver_side(stored: StoredCapture, changes: Changes) -> Config:
    """Return a configuration that receives a capture as it was sent, with changes.

    Raises:
        CommandFailed: If a change is not one of the receiver's side.
        ConfigError: If a value cannot be used.
    """
    for name in changes:
        if not is_of_the_receiver(name):
            raise CommandFailed(
                f"{name}: what was sent cannot be changed any more; decoding takes keys of the "
                f"tables {', '.join(DECODING_TABLES)}, without {SENT_KEY}",
                WRONG_USE,
            )
    return experiment_of(_tables_of(stored), changes).config


def _tables_of(stored: StoredCapture) -> dict[str, object]:
    """Return the tables of a configuration that say what a recording's link says."""
    link, frame = stored.link, stored.link.frame
    name, parameters = scheme_record(link.scheme)
    return {
        "clients": {"count": stored.reception.n_nodes},
        "radio": {"sample_rate_hz": stored.reception.sample_rate_hz},
        "link": {
            "scheme": name,
            "scheme_parameters": dict(parameters),
            "payload": "sign" if link.scheme.sign_only else "analog",
            "peak_amplitude": frame.known_amplitude,
            "max_cfo_hz": link.max_cfo_hz,
            "decode": link.decode,
        },
        "frame": {
            "chirp_samples": frame.n_chirp,
            "samples_per_chip": frame.pulse.samples_per_chip,
            "pilot_chips": frame.n_pilot_chips,
            "node_pilot_chips": frame.n_node_pilot_chips,
            "payload_chips": frame.n_payload_chips,
            "idle_chips": frame.n_idle_chips,
            "guard_samples": frame.guard_samples,
            "bench": frame.bench,
            "symbols": frame.n_symbols,
        },
    }
