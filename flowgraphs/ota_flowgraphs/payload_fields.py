"""An aligned payload as the named values of a message, and back."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from sdr_ota.receiver.burst_fit import BurstFit
from sdr_ota.receiver.joint_frame import ReceivedPayload
from sdr_ota.types import Chips


def payload_fields(received: ReceivedPayload) -> dict[str, object]:
    """Return all of a payload but its chips; complex numbers are pairs of real ones."""
    fitted = {f"burst_{name}": _plain(value) for name, value in asdict(received.burst).items()}
    pilots = np.stack([received.pilots.real, received.pilots.imag], axis=-1).tolist()
    return {"noise_power": received.noise_power, "pilots": pilots, **fitted}


def payload_of(fields: Mapping[str, Any], chips: Chips) -> ReceivedPayload:
    """Return the payload of which `payload_fields` were made.

    Raises:
        KeyError, TypeError: If they are not of one.
    """
    fitted = {k.removeprefix("burst_"): v for k, v in fields.items() if k.startswith("burst_")}
    pairs = {name: complex(*fitted[name]) for name in ("gain", "dc_offset")}
    return ReceivedPayload(
        chips=chips.astype(np.complex128),
        pilots=np.array(fields["pilots"]) @ (1, 1j),
        noise_power=fields["noise_power"],
        burst=BurstFit(**{**fitted, **pairs}),
    )


def _plain(value: complex) -> object:
    return [value.real, value.imag] if isinstance(value, complex) else value
