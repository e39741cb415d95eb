"""JSON that every reader takes, and what ours takes."""

import json
import math

import pytest

from sdr_ota.runs.read_records import RunFolderError, parse_record
from sdr_ota.runs.run_records import Evaluation
from sdr_ota.runs.strict_json import strict_json


def test_what_json_cannot_say_is_null_however_deep_it_lies() -> None:
    record = {
        "a": math.nan,
        "b": [1.5, -math.inf, (math.inf, "x")],
        "c": {"d": math.nan, "e": True},
    }
    read = json.loads(strict_json(record, indent=2), parse_constant=pytest.fail)
    assert read == {"a": None, "b": [1.5, None, [None, "x"]], "c": {"d": None, "e": True}}


LARGE = ["1e61", "1E+61", "-2e300", "1" + "0" * 61, "1e400", "NaN", "Infinity", "-Infinity"]


@pytest.mark.parametrize("number", LARGE)
def test_no_number_is_too_large_for_what_reads_quickly(number: str) -> None:
    with pytest.raises(RunFolderError, match="damaged"):
        parse_record(f'{{"rounds_done": 1, "score": {number}}}'.encode(), Evaluation, "here")


@pytest.mark.parametrize("count", [2**64, 19_999_999_999_999_999_999, 2 * 10**19, 10**20, 10**30])
def test_no_whole_number_has_more_bits_than_a_record_holds(count: int) -> None:
    text = f'{{"rounds_done": {count}, "score": 0.5}}'.encode()
    with pytest.raises(RunFolderError, match="bits"):
        parse_record(text, Evaluation, "here")


@pytest.mark.parametrize("score", ["0.00012345678901234567890123", "1e-300", "1e5", "123456.0"])
def test_usual_numbers_are_read_as_they_stand(score: str) -> None:
    text = f'{{"rounds_done": {2**64 - 1}, "score": {score}}}'.encode()
    assert parse_record(text, Evaluation, "here") == Evaluation(2**64 - 1, float(score))
