"""The model of the SST-2 sweep, and the sentences that it has not met: small, of made-up rows."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from zo_core.language.models import load_model

ROWS = [f"a film of number {word} \t{index % 2}\n" for index, word in enumerate("abcdefgh")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run the benchmark's preparation with six of eight rows met, and a model of two steps."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    import sst2_small_opt  # noqa: PLC0415

    small = replace(sst2_small_opt.RECIPE, hidden_size=16, n_steps=2, texts_per_step=2)
    monkeypatch.setattr(sst2_small_opt, "RECIPE", small)
    monkeypatch.setattr(sst2_small_opt, "N_PRETRAINING", 6)
    (tmp_path / "train.tsv").write_text("sentence\tlabel\n" + "".join(ROWS))
    out = tmp_path / "SST-2"
    monkeypatch.setattr(sys, "argv", ["sst2_small_opt.py", str(tmp_path), "--out", str(out)])
    sst2_small_opt.main()
    return out


def test_sentences_that_the_pre_training_met_are_left_out(folder: Path) -> None:
    assert (folder / "train-rest.tsv").read_text() == "sentence\tlabel\n" + "".join(ROWS[6:])


def test_the_model_is_a_folder_that_a_run_loads(folder: Path) -> None:
    assert load_model(str(folder / "small-opt")).tokenizer.encode("film")
