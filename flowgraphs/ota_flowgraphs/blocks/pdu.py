"""Messages between blocks: a dictionary of named values and a vector of complex numbers."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import pmt
from numpy.typing import NDArray

from sdr_ota.receiver.burst_stream import FoundBurst
from sdr_ota.receiver.detection import Detection

Vector: TypeAlias = NDArray[np.complex64] | NDArray[np.complex128]

_NOTHING = np.zeros(0, np.complex64)


def make_pdu(meta: Mapping[str, object], vector: Vector = _NOTHING) -> object:
    """Return a PDU: ``pmt.cons(dictionary, vector)``.

    Args:
        meta: Values by name; the unit stands in the name.
        vector: complex64 samples or complex128 chips.
    """
    return pmt.cons(pmt.to_pmt(dict(meta)), pmt.to_pmt(vector))


def read_pdu(message: object) -> tuple[dict[str, Any], Vector]:
    """Return what `make_pdu` was given.

    Raises:
        TypeError: If the message is not a PDU.
    """
    if not pmt.is_pair(message) or not pmt.is_uniform_vector(pmt.cdr(message)):
        raise TypeError(f"a message of another form than a PDU came in: {message}")
    meta = {} if pmt.is_null(pmt.car(message)) else pmt.to_python(pmt.car(message))
    return meta, np.asarray(pmt.to_python(pmt.cdr(message)))


def burst_pdu(burst: FoundBurst) -> object:
    """Return a found burst as a PDU: its samples, and where in them it is."""
    found = burst.detection
    meta = {
        "kind": "burst",
        "first": burst.first,
        "start": found.start,
        "cfo": found.cfo,
        "metric": found.metric,
        "power": burst.power,
    }
    return make_pdu(meta, burst.samples)


def read_burst(message: object) -> FoundBurst:
    """Return what `burst_pdu` was given.

    Raises:
        TypeError: If the message is not a PDU.
        KeyError: If it is the PDU of something else.
    """
    meta, samples = read_pdu(message)
    found = Detection(meta["start"], meta["cfo"], meta["metric"])
    return FoundBurst(samples.astype(np.complex64), meta["first"], found, meta["power"])
