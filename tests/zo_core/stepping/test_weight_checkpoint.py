"""Saved weights and the rest of the journal are the whole journal."""

from pathlib import Path

import pytest
import torch
from torch import nn

from zo_core.directions.fingerprint import weight_checksum
from zo_core.directions.generator import DirectionKind
from zo_core.stepping.journal import JournalError, read_journal, replay, start_journal
from zo_core.stepping.rules import Update, UpdateRule, take_step
from zo_core.stepping.weight_checkpoint import load_weights, save_weights

RULE = UpdateRule(momentum=0.5, window=3)
UPDATES = [Update(seed, 0.3 * seed - 2, 0.01) for seed in range(20)]


def network(dtype: torch.dtype) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(7, 9), nn.Linear(9, 2)).to(dtype)


def tuned(folder: Path, dtype: torch.dtype) -> nn.Module:
    model = network(dtype)
    with start_journal(folder / "journal", model, DirectionKind.RADEMACHER, RULE) as journal:
        for count in range(1, 21):
            take_step(model, UPDATES[:count], RULE, DirectionKind.RADEMACHER)
            journal.append(UPDATES[count - 1])
            if count == 12:
                journal.append_checkpoint(model)
                save_weights(model, folder / "weights", count)
    return model


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_weights_and_the_updates_after_them_are_the_model(
    tmp_path: Path, dtype: torch.dtype
) -> None:
    model, again = tuned(tmp_path, dtype), network(dtype)
    n_taken = load_weights(again, tmp_path / "weights", most=20)
    assert n_taken == 12
    replay(again, read_journal(tmp_path / "journal"), n_taken)
    assert weight_checksum(again) == weight_checksum(model)


def test_weights_from_the_future_or_from_nowhere_are_not_taken(tmp_path: Path) -> None:
    tuned(tmp_path, torch.float32)
    model = network(torch.float32)
    before = weight_checksum(model)
    assert load_weights(model, tmp_path / "weights", most=11) == 0
    assert load_weights(model, tmp_path / "nowhere", most=20) == 0
    assert weight_checksum(model) == before


@pytest.mark.parametrize("n_taken", [5, 12])
def test_weights_of_another_run_are_refused(tmp_path: Path, n_taken: int) -> None:
    tuned(tmp_path, torch.float32)
    other = network(torch.float32)
    with pytest.raises(JournalError, match=f"weights after {n_taken} updates do not match"):
        replay(other, read_journal(tmp_path / "journal"), n_taken)


def test_weights_that_cannot_be_written_say_so_as_files_do(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file") as failed:
        save_weights(network(torch.float32), tmp_path / "gone" / "weights", 1)
    assert str(failed.value.filename).endswith("weights")
