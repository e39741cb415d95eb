"""What decoding a capture again needs, as JSON and back: the namespace ``ota`` of its metadata.

Complex numbers are pairs ``[real, imaginary]``; seeds are 64-bit whole numbers.
"""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
from pydantic import TypeAdapter

from sdr_ota.radio.base import Capture
from sdr_ota.rounds.exchange import Bench, DecodeRule, Link, Reception
from sdr_ota.rounds.round import RoundResult
from sdr_ota.runs.recording import Json
from sdr_ota.schemes import load_recorded_scheme, scheme_record
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import TransmitPlan

WALL_TIMES = ("sounding_s", "exchange_s", "compute_s")
"""What is left out of a result: in simulation the same seed then gives the same bytes."""


def ota_fields(
    reception: Reception, result: RoundResult, link: Link, bench: Bench
) -> Mapping[str, object]:
    """Return the global fields of a capture, apart from SigMF's own.

    What was sent is among them only where the nodes do not keep it.
    """
    sent = {} if reception.symbols is None else {"ota:symbols": reception.symbols.tolist()}
    return {
        "ota:round": result.round,
        "ota:seed": reception.seed,
        "ota:cyclic": reception.is_cyclic,
        "ota:clipped": reception.capture.n_clipped,
        "ota:link": link_record(link),
        "ota:plan": plan_record(reception.plan),
        **sent,
        "ota:result": {k: v for k, v in asdict(result).items() if k not in WALL_TIMES},
        "ota:radios": radios_record(bench),
    }


def reception_of(meta: Json, capture: Capture) -> Reception:
    """Return what was received, from a recording's global fields and its samples.

    Raises:
        KeyError, TypeError, ValueError: If the fields are not those of ``ota_fields``.
    """
    return Reception(
        capture=capture,
        sample_rate_hz=float(meta["core:sample_rate"]),
        plan=plan_of(meta["ota:plan"]),
        seed=int(meta["ota:seed"]),
        is_cyclic=bool(meta["ota:cyclic"]),
        symbols=np.array(meta["ota:symbols"], np.float64) if "ota:symbols" in meta else None,
    )


def link_record(link: Link) -> Json:
    """Return a link as JSON."""
    name, parameters = scheme_record(link.scheme)
    return {
        "scheme": name,
        "scheme_parameters": dict(parameters),
        "frame": asdict(link.frame),
        "max_cfo_hz": link.max_cfo_hz,
        "lead_s": link.lead_s,
        "timeout_s": link.timeout_s,
        "settle_s": link.settle_s,
        "decode": link.decode,
    }


def link_of(record: Json) -> Link:
    """Return the link that ``link_record`` wrote down."""
    frame = TypeAdapter(FrameFormat).validate_python(record["frame"])
    return Link(
        frame=frame,
        scheme=load_recorded_scheme(record["scheme"], record["scheme_parameters"]),
        max_cfo_hz=float(record["max_cfo_hz"]),
        lead_s=float(record["lead_s"]),
        timeout_s=float(record["timeout_s"]),
        settle_s=float(record["settle_s"]),
        decode=TypeAdapter(DecodeRule).validate_python(record["decode"]),
    )


def plan_record(plan: TransmitPlan) -> Json:
    """Return a plan as JSON."""
    record = asdict(plan)
    for precoder in record["precoders"]:
        precoder["gain"] = [precoder["gain"].real, precoder["gain"].imag]
    weights = [[weight.real, weight.imag] for weight in record.pop("antenna_weights")]
    return {**record, "antenna_weights": weights} if weights else record


def plan_of(record: Json) -> TransmitPlan:
    """Return the plan that ``plan_record`` wrote down."""
    precoders = [{**p, "gain": complex(*p["gain"])} for p in record["precoders"]]
    weights = [complex(*pair) for pair in record.get("antenna_weights", ())]
    plain = {**record, "precoders": precoders, "antenna_weights": weights}
    return TypeAdapter(TransmitPlan).validate_python(plain)


def radios_record(bench: Bench) -> list[Json]:
    """Return every radio with its settings, the receiver first."""
    settings = [asdict(one) for one in bench.settings] or [{} for _ in bench.infos]
    return [
        {"driver": info.driver, "serial": info.serial, "settings": one}
        for info, one in zip(bench.infos, settings, strict=True)
    ]
