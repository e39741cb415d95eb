"""What counts as lost in the figures of a run."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from sdr_ota.runs.run_folder import RunRecord
from sdr_ota.runs.summary import summarise


@pytest.mark.parametrize(
    ("rounds", "erasures", "share"),
    [
        (10, {}, 0.0),
        (10, {"not-found": 2, "late": 1}, 0.3),
        (100, {"schedule": 60, "interference": 4}, 0.1),  # of the 40 that the schedule sends
        (100, {"schedule": 60}, 0.0),
        (5, {"schedule": 5}, math.nan),
        (0, {}, math.nan),
    ],
)
def test_a_round_that_a_schedule_skips_is_not_lost(
    rounds: int, erasures: dict[str, int], share: float
) -> None:
    empty = summarise(RunRecord(Path(), {}, [], [], {}))
    found = replace(empty, rounds=rounds, erasures=erasures).erased_share
    assert found == pytest.approx(share, nan_ok=True)
