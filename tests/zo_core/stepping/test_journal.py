"""The journal is the model: replay gives its bits, damage is found."""

import copy
import dataclasses
import math
from pathlib import Path

import pytest
import torch
from torch import nn

from zo_core.directions.fingerprint import weight_checksum
from zo_core.directions.generator import DirectionKind
from zo_core.stepping.journal import (
    Journal,
    JournalError,
    continue_journal,
    first_disagreement,
    read_journal,
    replay,
    start_journal,
)
from zo_core.stepping.rules import Update, UpdateRule, take_step
from zo_core.stepping.update import apply_update, update_coefficient

DTYPES = [torch.float32, torch.bfloat16, torch.float16]
KINDS = list(DirectionKind)


def network(dtype: torch.dtype = torch.float32, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(7, 9), nn.LayerNorm(9), nn.Linear(9, 2)).to(dtype)


def updates(count: int) -> list[Update]:
    return [
        Update(
            seed=2**63 + index * 977, scalar=math.sin(index) * 3, learning_rate=0.1 / (index + 1)
        )
        for index in range(count)
    ]


def fine_tuned(model: nn.Module, path: Path, kind: DirectionKind, count: int = 30) -> nn.Module:
    with start_journal(path, model, kind) as journal:
        for number, update in enumerate(updates(count), start=1):
            coefficient = update_coefficient(update.scalar, update.learning_rate)
            apply_update(model, update.seed, coefficient, kind)
            journal.append(update)
            if number % 10 == 0:
                journal.append_checkpoint(model)
    return model


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_replay_gives_the_bits_of_the_run(
    tmp_path: Path, dtype: torch.dtype, kind: DirectionKind
) -> None:
    base = network(dtype)
    replayed = copy.deepcopy(base)
    tuned = fine_tuned(base, tmp_path / "journal", kind)
    replay(replayed, read_journal(tmp_path / "journal"))
    assert weight_checksum(replayed) == weight_checksum(tuned) != weight_checksum(network(dtype))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    fine_tuned(network(), tmp_path / "journal", DirectionKind.GAUSSIAN)
    journal = read_journal(tmp_path / "journal")
    assert list(journal.updates) == updates(30)
    assert journal.header.kind is DirectionKind.GAUSSIAN
    assert [checkpoint.n_updates for checkpoint in journal.checkpoints] == [10, 20, 30]


@pytest.mark.parametrize("lost_bytes", [1, 20, 60])
def test_a_torn_last_line_is_left_out_and_cut_off(tmp_path: Path, lost_bytes: int) -> None:
    path = tmp_path / "journal"
    fine_tuned(network(), path, DirectionKind.RADEMACHER, count=5)
    path.write_bytes(path.read_bytes()[:-lost_bytes])
    assert list(read_journal(path).updates) == updates(5)[:4]
    with continue_journal(path) as journal:
        assert journal.n_updates == 4
        journal.append(updates(5)[4])
    assert list(read_journal(path).updates) == updates(5)


def test_a_line_is_on_disk_as_soon_as_it_is_written(tmp_path: Path) -> None:
    with start_journal(tmp_path / "journal", network(), DirectionKind.RADEMACHER) as journal:
        journal.append(updates(1)[0])
        assert len(read_journal(tmp_path / "journal").updates) == 1


def changed(path: Path, old: str, new: str) -> Path:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


def test_damage_is_found(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    fine_tuned(network(), path, DirectionKind.RADEMACHER)
    whole = path.read_text()
    lines = whole.splitlines(keepends=True)
    for damaged, message in [
        ("", "no complete first line"),
        ("hello\n", "line 1 is not a JournalHeader"),
        (whole.replace("zo-journal-1", "zo-journal-9"), "format zo-journal-9"),
        ("".join(lines[:3] + lines[4:]), "line 4: update 3 follows 2 updates"),
        (whole.replace('"scalar": ', '"scalar": x', 1), "line 2 is not a Update"),
    ]:
        path.write_text(damaged)
        with pytest.raises(JournalError, match=message):
            read_journal(path)


def test_replay_refuses_what_does_not_belong(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    fine_tuned(network(), path, DirectionKind.RADEMACHER)
    journal = read_journal(path)
    for other in (network(seed=1), network(torch.bfloat16)):
        with pytest.raises(JournalError, match="base weights do not match"):
            replay(other, journal)
    forged = [*journal.updates[:14], Update(1, 1.0, 0.1), *journal.updates[15:]]
    with pytest.raises(JournalError, match="weights after 20 updates do not match"):
        replay(network(), Journal(journal.header, tuple(forged), journal.checkpoints))
    changed(path, journal.header.fingerprint, "0" * 32)
    with pytest.raises(JournalError, match="directions do not match"):
        replay(network(), read_journal(path))


def test_a_journal_is_never_overwritten_and_holds_finite_numbers(tmp_path: Path) -> None:
    with start_journal(tmp_path / "journal", network(), DirectionKind.RADEMACHER) as journal:
        with pytest.raises(ValueError, match="JSON"):
            journal.append(Update(1, math.nan, 0.1))
        assert journal.n_updates == 0
    assert read_journal(tmp_path / "journal").updates == ()
    with pytest.raises(FileExistsError):
        start_journal(tmp_path / "journal", network(), DirectionKind.RADEMACHER)


def test_checksum_sees_every_bit_name_and_format() -> None:
    model = network()
    sums = {weight_checksum(model), weight_checksum(network(torch.bfloat16))}
    with torch.no_grad():
        model[2].bias[1] = torch.nextafter(model[2].bias[1], torch.tensor(9.0))
    sums.add(weight_checksum(model))
    sums.add(weight_checksum(nn.ModuleDict({"a": network()})))
    assert len(sums) == 4


RULE = UpdateRule(directions_per_step=2, momentum=0.5, window=3, rms_decay=0.9, weight_decay=0.1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cut", [0, 6, 14])
def test_a_resumed_journal_gives_the_bits_of_the_whole_run(
    tmp_path: Path, dtype: torch.dtype, cut: int
) -> None:
    whole, again, path = network(dtype), network(dtype), tmp_path / "journal"
    kind = DirectionKind.RADEMACHER
    with start_journal(path, whole, kind, RULE) as journal:
        for count in range(1, 21):
            take_step(whole, updates(20)[:count], RULE, kind)
            journal.append(updates(20)[count - 1])
            if count % 5 == 0:
                journal.append_checkpoint(whole)
    path.write_bytes(path.read_bytes()[:-9])  # the last line is torn
    with continue_journal(path, cut) as journal:
        replay(again, read_journal(path))
        for count in range(cut + 1, 21):
            take_step(again, updates(20)[:count], RULE, kind)
            journal.append(updates(20)[count - 1])
    assert weight_checksum(again) == weight_checksum(whole)
    assert list(read_journal(path).updates) == updates(20)
    assert [c.n_updates for c in read_journal(path).checkpoints] == list(range(5, cut + 1, 5))


def test_a_journal_with_too_few_updates_is_refused(tmp_path: Path) -> None:
    fine_tuned(network(), tmp_path / "journal", DirectionKind.RADEMACHER, count=4)
    with pytest.raises(JournalError, match="holds 4 updates where 7"):
        continue_journal(tmp_path / "journal", 7)


def test_two_clients_that_drift_apart_are_found(tmp_path: Path) -> None:
    for name in ("one", "same"):
        fine_tuned(network(), tmp_path / name, DirectionKind.RADEMACHER)
    one, same = read_journal(tmp_path / "one"), read_journal(tmp_path / "same")
    assert first_disagreement(one, same) is None
    told = dataclasses.replace(one.updates[16], scalar=0.5)
    other = dataclasses.replace(one, updates=(*one.updates[:16], told, *one.updates[17:]))
    assert first_disagreement(one, other) == 17
    drifted = dataclasses.replace(one.checkpoints[1], checksum="0" * 32)
    other = dataclasses.replace(one, checkpoints=(one.checkpoints[0], drifted, one.checkpoints[2]))
    assert first_disagreement(one, other) == 20
    base = dataclasses.replace(one, header=dataclasses.replace(one.header, base_checksum="0" * 32))
    assert first_disagreement(one, base) == 0


@pytest.mark.parametrize("n_taken", [0, 12])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_stochastic_rounding_is_replayed_bit_for_bit_from_any_step(
    tmp_path: Path, dtype: torch.dtype, n_taken: int
) -> None:
    """The noise follows from the number of the update, also where seeds repeat."""
    rule = UpdateRule(directions_per_step=2, momentum=0.5, window=3, stochastic_rounding=True)
    run, again, kind = network(dtype), network(dtype), DirectionKind.RADEMACHER
    all_updates = [Update(7 + index % 3, 0.5, 1e-3) for index in range(20)]
    shares = []
    with start_journal(tmp_path / "journal", run, kind, rule) as journal:
        for count in range(1, 21):
            shares.append(take_step(run, all_updates[:count], rule, kind))
            journal.append(all_updates[count - 1], shares[-1])
            if count == n_taken:
                journal.append_checkpoint(run)
                again = copy.deepcopy(run)
    read = read_journal(tmp_path / "journal")
    assert read.header.rule == rule
    assert list(read.updates) == all_updates
    replay(again, read, n_taken)
    assert weight_checksum(again) == weight_checksum(run)
    assert [share is None for share in shares] == [True, False] * 10
    assert all(0 < share < 1 for share in shares if share is not None)
