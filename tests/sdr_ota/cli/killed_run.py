"""Run folders as a killed process leaves them, and a model small enough to train in them."""

import json
import shutil
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from sdr_ota.assembly import run_rounds as run_module
from sdr_ota.cli.run import run_command
from zo_core.language.small_opt import SmallOptRecipe, prepare


class Killed(BaseException):
    """Stands for a process that is gone."""


def killed_run(folder: Path, settings: Sequence[str], at_round: int) -> Path:
    """Return a run that was killed before the checkpoint of its last round was saved."""
    save, calls = run_module.save_run_state, iter(range(1000))

    def killed(*arguments: object) -> None:
        if next(calls) == at_round - 1:
            raise Killed
        save(*arguments)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(run_module, "save_run_state", killed)
        with pytest.raises(Killed):
            run_command(None, [*settings, f"run.folder={folder}"])
    return next(folder.iterdir())


def whole_run(folder: Path, settings: Sequence[str]) -> Path:
    """Return a run that was done to its end."""
    run_command(None, [*settings, f"run.folder={folder}"])
    return next(folder.iterdir())


def model_settings(folder: Path, *settings: str) -> list[str]:
    """Return settings of a run that trains a tiny model, both below ``folder``."""
    rows = [("a good film", 1), ("a fine film", 1), ("a bad film", 0), ("a dull film", 0)] * 3
    text = "sentence\tlabel\n" + "".join(f"{s}\t{label}\n" for s, label in rows)
    (folder / "data.tsv").write_text(text)
    recipe = SmallOptRecipe(hidden_size=16, n_layers=1, n_heads=2, n_steps=5, min_word_count=1)
    words = [f"{s} , it was {v}" for s, _ in rows for v in ("great", "terrible")]
    model = prepare(words, recipe, cache_dir=folder / "cache")
    return [
        f"model.name={shutil.copytree(model, folder / 'base', dirs_exist_ok=True)}",
        f"data.train={folder / 'data.tsv'}",
        f"data.held_out={folder / 'data.tsv'}",
        "clients.examples_per_round=2",
        *settings,
    ]


def sign(checkpoint: dict[str, Any]) -> None:
    """Give a checkpoint the checksum of its content, whoever has changed it."""
    content = {name: value for name, value in checkpoint.items() if name != "sha256"}
    checkpoint["sha256"] = sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
