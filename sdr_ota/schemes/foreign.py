"""What an object of another package must be to serve as a scheme."""

from dataclasses import is_dataclass
from typing import cast

from sdr_ota.plugins import PluginError
from sdr_ota.schemes.base import AggregationScheme

MEMBERS = tuple(name for name in vars(AggregationScheme) if not name.startswith("_"))
"""Methods and properties of the protocol."""


def checked_scheme_class(name: str, found: object) -> type[AggregationScheme]:
    """Return an object as a class of schemes.

    Args:
        name: Of the plug-in, for messages.
        found: What it turned out to be.

    Raises:
        PluginError: If it is no dataclass, or lacks something of the protocol.
    """
    if not isinstance(found, type) or not is_dataclass(found):
        raise PluginError(
            f"{name!r} is no scheme: it should be a dataclass whose fields are the scheme's "
            f"parameters, not {_described(found)}"
        )
    offered = {*dir(found), *found.__dataclass_fields__}
    missing = [member for member in MEMBERS if member not in offered]
    if missing:
        raise PluginError(
            f"{name!r} is no scheme: {found.__qualname__} has no {', '.join(missing)} "
            "(sdr_ota.schemes.base.AggregationScheme)"
        )
    return cast("type[AggregationScheme]", found)


def _described(found: object) -> str:
    return f"the class {found.__qualname__}" if isinstance(found, type) else repr(found)
