"""What every radio refuses, in the same words."""

from collections.abc import Callable, Mapping

import numpy as np

from sdr_ota.radio.base import (
    RadioError,
    RadioInfo,
    SettingChanged,
    SettingNotTaken,
    TransmitRefused,
)
from sdr_ota.types import RadioSettings, Samples

FULL_SCALE = 1.0 + 1e-4
"""Single precision may overshoot a unit amplitude."""

RATE_TOLERANCE = 1e-6
"""Share by which a rate may be rounded; over a frame of 10,000 samples that is 0.01 of one."""

Found = Mapping[str, float]
"""What a device is set to: values by name of the setting."""

AUTOMATIC_GAIN = "automatic_gain"
"""Of what is found, the one that is no field of `RadioSettings`: 1 if the device chooses."""

ASKED_TOLERANCES = {"center_freq_hz": 10.0, "tx_gain_db": 1.0, "rx_gain_db": 1.0}
"""What devices round; a bandwidth is taken as near as the filter has one."""

_CHANGED_TOLERANCES = {
    **ASKED_TOLERANCES,
    "sample_rate_hz": 2.0,
    "bandwidth_hz": 10.0,
    AUTOMATIC_GAIN: 0.0,
}


def refuse_over_full_scale(info: RadioInfo, samples: Samples) -> None:
    """Refuse samples that the converter cannot hold; a NaN is refused too.

    Raises:
        TransmitRefused: With the peak.
    """
    peak = float(np.abs(samples).max(initial=0.0))
    if not peak <= FULL_SCALE:
        raise TransmitRefused(
            f"{info.serial}: peak amplitude {peak:.3f} is not within full scale 1.0"
        )


def refuse_start_tick(info: RadioInfo, start_tick: int | None) -> None:
    """Refuse a start tick where nobody would obey it.

    Raises:
        RadioError: If there is one and the radio has no hardware time.
    """
    if start_tick is not None and not info.has_hardware_time:
        raise RadioError(
            f"{info.serial} has no hardware time: a start at tick {start_tick} cannot be kept; "
            "send cyclic frames instead"
        )


def refuse_out_of_range(info: RadioInfo, asked: dict[str, float]) -> None:
    """Refuse a setting that the device cannot take.

    Args:
        info: What it can.
        asked: Values by name of the range in ``info``.

    Raises:
        SettingNotTaken: Naming the first one, and its range.
    """
    for name, value in asked.items():
        allowed = getattr(info, name)
        if value not in allowed:
            what = name.removesuffix("s_hz").removesuffix("s_db").replace("_", " ")
            unit = "Hz" if name.endswith("_hz") else "dB"
            raise SettingNotTaken(
                f"{info.serial}: asked for a {what} of {value:g} {unit}, allowed: {allowed} {unit}"
            )


def refuse_not_taken(
    info: RadioInfo,
    asked: RadioSettings,
    there: RadioSettings,
    tolerances: Mapping[str, float],
) -> None:
    """Refuse settings of which one reads back as something else.

    Args:
        info: Whose settings.
        asked: What was wanted.
        there: What the device says.
        tolerances: Largest difference, by name of the setting; the sample rate has one of its own.

    Raises:
        SettingNotTaken: Naming the first one.
    """
    wanted_hz, rate_hz = asked.sample_rate_hz, there.sample_rate_hz
    if abs(rate_hz - wanted_hz) > RATE_TOLERANCE * wanted_hz * (1 + 1e-9):  # of floats
        raise SettingNotTaken(
            f"{info.serial}: asked for sample_rate_hz = {wanted_hz:.12g}, the nearest possible is "
            f"{rate_hz:.12g}; set radio.sample_rate_hz to it"
        )
    for name, tolerance in tolerances.items():
        want, found = getattr(asked, name), getattr(there, name)
        if abs(want - found) > tolerance:
            raise SettingNotTaken(
                f"{info.serial}: asked for {name} = {want:g}, it reads back {found:g}"
            )


def refuse_changed(
    info: RadioInfo, in_force: Found, found: Found, set_again: Callable[[], object]
) -> None:
    """Refuse settings that are no longer those that were in force, and make those again.

    Args:
        info: Whose settings.
        in_force: What the device was set to.
        found: What it says now.
        set_again: Sets the device as before.

    Raises:
        SettingChanged: Naming all that differ: nothing is to be sent or received under settings
            of others.
    """
    differing = [
        f"{name} was {was:g} and reads {found[name]:g}"
        for name, was in in_force.items()
        if not abs(found[name] - was) <= _CHANGED_TOLERANCES[name]
    ]
    if differing:
        set_again()
        raise SettingChanged(
            f"{info.serial}: {', '.join(differing)}: another program has changed it; it is set as "
            "before"
        )
