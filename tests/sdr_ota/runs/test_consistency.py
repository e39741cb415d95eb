"""How far rounds may be ahead of the checkpoint: by what a crash leaves, and no further."""

from pathlib import Path

import pytest

from sdr_ota.rounds.round import RoundResult
from sdr_ota.runs.consistency import check_checkpoint
from sdr_ota.runs.read_records import RunFolderError
from sdr_ota.runs.run_folder import RunRecord

PER_STEP = 3
START = {"config": {"clients": {"source": "model"}, "zo": {"directions_per_step": PER_STEP}}}


def run(n_rounds: int, erased: tuple[int, ...] = ()) -> RunRecord:
    rounds = [RoundResult(k, k, mean_scalar=None if k in erased else 0.5) for k in range(n_rounds)]
    return RunRecord(Path("runs/a"), START, rounds, [], {})


def test_a_group_that_has_just_ended_may_not_be_in_the_checkpoint_yet() -> None:
    for n_ahead in range(PER_STEP + 1):
        check_checkpoint(run(6 + n_ahead), next_round=6)
    with pytest.raises(RunFolderError, match=r"it knows 6 rounds, but .* that 10 were done"):
        check_checkpoint(run(6 + PER_STEP + 1), next_round=6)


def test_erased_rounds_are_no_part_of_a_group() -> None:
    check_checkpoint(run(6 + PER_STEP + 2, erased=(7, 9)), next_round=6)
    with pytest.raises(RunFolderError, match="is older"):
        check_checkpoint(run(6 + PER_STEP + 3, erased=(7, 9)), next_round=6)


def test_a_checkpoint_from_the_future_is_refused() -> None:
    check_checkpoint(run(5), next_round=5)
    with pytest.raises(RunFolderError, match=r"holds 5 rounds, but checkpoint\.json says that 6"):
        check_checkpoint(run(5), next_round=6)
