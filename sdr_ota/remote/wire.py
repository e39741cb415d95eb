"""How an answer comes back from another machine: bytes, or the name and text of what went wrong.

No object of ours is pickled: an exception crosses as the name of its class and its text, and
becomes one of the classes that this side knows.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec

from sdr_ota.radio import base
from sdr_ota.rounds.messages import from_bytes, to_bytes

Errors: TypeAlias = Mapping[str, Callable[[str], Exception]]
"""What to raise for the name of a class, beside the errors of radios."""

_RADIO_ERRORS: Errors = {
    cls.__name__: cls
    for cls in (
        base.RadioError,
        base.RadioNotFound,
        base.SettingNotTaken,
        base.TransmitRefused,
        base.TimeError,
        base.Timeout,
        base.Overflow,
        base.Underflow,
        base.Corruption,
    )
}


class NodeFailed(RuntimeError):  # noqa: N818 - it is what has happened there
    """Something that this side has no class for went wrong on another machine."""


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What a call on another machine returns.

    Attributes:
        data: What it returned.
        kind: Name of the class of what it raised; empty if it returned.
        text: What that says.
        serial: The radio that has gone, where one has.
    """

    data: bytes = b""
    kind: str = ""
    text: str = ""
    serial: str = ""


def answered(act: Callable[[], bytes], words: Callable[[Exception], str] = str) -> bytes:
    """Do something and return the answer as bytes, whatever comes of it.

    Args:
        act: What is done.
        words: What may be said of an error.
    """
    try:
        return to_bytes(Answer(act()))
    except Exception as raised:  # it crosses as words
        serial = raised.serial if isinstance(raised, base.RadioLost) else ""
        return to_bytes(Answer(kind=type(raised).__name__, text=words(raised), serial=serial))


def opened(answer: bytes, errors: Errors, host: str) -> bytes:
    """Return what a call returned.

    Args:
        answer: As `answered` made it.
        errors: Classes of errors by name, beside those of radios.
        host: Whose answer it is; errors other than those of radios begin with it.

    Raises:
        Exception: What it raised, in this side's class of the same name.
        NodeFailed: If there is none.
    """
    found = from_bytes(Answer, answer)
    if not found.kind:
        return found.data
    if found.kind == base.RadioLost.__name__:
        raise base.RadioLost(found.text, found.serial)
    if found.kind in _RADIO_ERRORS:
        raise _RADIO_ERRORS[found.kind](found.text)
    if found.kind in errors:
        raise errors[found.kind](f"{host}: {found.text}")
    raise NodeFailed(f"{host}: {found.kind}: {found.text}")
