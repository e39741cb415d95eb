"""The version of the fields ``ota`` in a recording's metadata."""

from collections.abc import Mapping
from typing import Any

NAMESPACE_VERSION = "2.0.0"
"""Version 1 had one set of expected errors for all nodes."""


def check_version(fields: Mapping[str, Any]) -> None:
    """Refuse what another version of the format has written.

    Raises:
        ValueError: With both versions.
    """
    versions = [e["version"] for e in fields["core:extensions"] if e["name"] == "ota"]
    if versions != [NAMESPACE_VERSION]:
        found = ", ".join(map(str, versions)) or "none"
        raise ValueError(
            f"its fields have the format {found}, this version of sdr-ota reads "
            f"{NAMESPACE_VERSION}: decode it with the version that recorded it"
        )
