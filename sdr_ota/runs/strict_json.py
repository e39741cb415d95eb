"""JSON as other programs read it: what it cannot say is null."""

import json
import math


def strict_json(record: object, indent: int | None = None) -> str:
    """Return a record of mappings, sequences and plain values as JSON.

    Args:
        record: NaN and infinities in it, which JSON does not have, become null.
        indent: Of nested lines; None for a single line.
    """
    return json.dumps(_finite(record), indent=indent, allow_nan=False)


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list | tuple) else value
