"""One count of ticks for devices that share a pulse per second."""

import time
from collections.abc import Sequence
from typing import Protocol, TypeGuard

from sdr_ota.radio.base import Radio, RadioError, RadioInfo, SettingNotTaken

_LONGEST_WAIT_S = 2.5
_READINGS = 3
"""How often the pulses are read: one may come between two devices' readings, not three."""


class PulsedRadio(Protocol):
    """A radio whose time can be set at a pulse per second."""

    @property
    def info(self) -> RadioInfo:
        """Who the radio is."""
        ...

    def last_pulse_ns(self) -> int:
        """Return the radio's time at the last pulse, in nanoseconds."""
        ...

    def set_time_at_pulse(self, time_ns: int) -> None:
        """Let the radio's time be this at the next pulse."""
        ...


def align_clocks(radios: Sequence[PulsedRadio]) -> None:
    """Let the devices' time be zero at one and the same pulse, and check that it was.

    Raises:
        SettingNotTaken: If no pulse comes, or the devices do not see the same one.
    """
    _wait_for_pulse(radios[0])
    for radio in radios:  # less than a second until the next one
        radio.set_time_at_pulse(0)
    _wait_for_pulse(radios[0])
    for _ in range(_READINGS):
        pulses_ns = [radio.last_pulse_ns() for radio in radios]
        if max(pulses_ns) == min(pulses_ns):
            return
    times = ", ".join(
        f"{radio.info.serial} at {ns / 1e9:.6f} s"
        for radio, ns in zip(radios, pulses_ns, strict=True)
    )
    raise SettingNotTaken(
        f"the devices do not count alike: they saw the last pulse per second {times}; is one "
        "pulse connected to all of them?"
    )


def _wait_for_pulse(radio: PulsedRadio) -> None:
    before_ns, until = radio.last_pulse_ns(), time.monotonic() + _LONGEST_WAIT_S
    while radio.last_pulse_ns() == before_ns:
        if time.monotonic() > until:
            raise SettingNotTaken(
                f"{radio.info.serial}: no pulse per second came in {_LONGEST_WAIT_S:g} s; is it "
                "connected, and is time_source the right one?"
            )
        time.sleep(0.001)


def is_pulsed(radio: object) -> TypeGuard[PulsedRadio]:
    """Return whether a radio's time can be set at a pulse per second."""
    return bool(getattr(radio, "has_pulse", False))


def pulsed(radio: Radio) -> PulsedRadio:
    """Return a radio as one whose time can be set at a pulse per second.

    Raises:
        RadioError: If it cannot.
    """
    if not is_pulsed(radio):
        raise RadioError(f"{radio.info.serial} has no pulse per second")
    return radio
