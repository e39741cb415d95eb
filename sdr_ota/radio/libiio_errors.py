"""What libiio's errors mean, and its Python destructors, which have nobody to tell."""

import errno
import sys
from typing import Any

from sdr_ota.radio.base import RadioError, RadioLost

GONE = frozenset(
    {
        errno.EPIPE,
        errno.ENODEV,
        errno.ENXIO,
        errno.EIO,
        errno.EBADF,
        errno.ETIMEDOUT,
        errno.ECONNRESET,
        errno.ECONNREFUSED,
        errno.ECONNABORTED,
        errno.ENOTCONN,
        errno.ESHUTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
    }
)
"""Numbers after which a connection is of no use any more, be it USB or Ethernet."""


def radio_error(serial: str, error: OSError) -> RadioError:
    """Return what an error of libiio means for the radio.

    A time-out counts as gone: the late answer would pass for that of the next question.
    """
    text = f"{serial}: {error.strerror or error}"
    return RadioLost(text, serial) if error.errno in GONE else RadioError(text)


def quiet_destructors() -> None:
    """Let nothing be printed about exceptions in pylibiio's destructors.

    A signal that arrives while a buffer is made or destroyed leaves half an object; Python
    would print its destructor's traceback. The signal itself is noted by its handler.
    """
    if getattr(sys.unraisablehook, "is_quiet_about_iio", False):
        return
    others = sys.unraisablehook

    def hook(unraisable: Any) -> None:
        if getattr(unraisable.object, "__module__", None) not in {"iio", "adi.rx_tx"}:
            others(unraisable)

    hook.is_quiet_about_iio = True  # type: ignore[attr-defined]
    sys.unraisablehook = hook
