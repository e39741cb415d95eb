"""JSON that every reader takes."""

import json
import math

import pytest

from sdr_ota.runs.strict_json import strict_json


def test_what_json_cannot_say_is_null_however_deep_it_lies() -> None:
    record = {
        "a": math.nan,
        "b": [1.5, -math.inf, (math.inf, "x")],
        "c": {"d": math.nan, "e": True},
    }
    read = json.loads(strict_json(record, indent=2), parse_constant=pytest.fail)
    assert read == {"a": None, "b": [1.5, None, [None, "x"]], "c": {"d": None, "e": True}}
