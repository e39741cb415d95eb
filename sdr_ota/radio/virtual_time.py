"""Radios of a virtual world: its time passes with what is received, and when it is told to.

On a bench time passes by itself, while hosts compute and messages travel. A virtual world stands
still meanwhile; whoever knows how long that takes lets it pass, so that runs stay reproducible.
"""

from typing import Protocol, TypeGuard

from sdr_ota.radio.base import Radio, RadioError


class VirtualTimeRadio(Protocol):
    """A radio in whose world time can be made to pass."""

    def pass_time(self, n_samples: int) -> None:
        """Let the world's time pass without anybody listening.

        Args:
            n_samples: At the radio's own rate, 0 or more.
        """
        ...


def has_virtual_time(radio: object) -> TypeGuard[VirtualTimeRadio]:
    """Return whether time passes in a radio's world when it is told to."""
    return bool(getattr(radio, "has_virtual_time", False))


def in_virtual_time(radio: Radio) -> VirtualTimeRadio:
    """Return a radio as one in whose world time can be made to pass.

    Raises:
        RadioError: If it cannot.
    """
    if not has_virtual_time(radio):
        raise RadioError(f"{radio.info.serial} is in no virtual world: its time passes by itself")
    return radio
