"""The small OPT: made the same way each time, kept whole, learnable by zeroth order."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import OPTForCausalLM

from zo_core.client import Cohort, Training
from zo_core.data.batches import fixed_batch
from zo_core.data.examples import read_examples
from zo_core.data.folder_cache import CacheError, cached_folder
from zo_core.data.splits import split_evenly
from zo_core.directions.threads import one_thread
from zo_core.language.encoding import encode_examples
from zo_core.language.models import load_model
from zo_core.language.objective import accuracy, candidate_scores, cross_entropy
from zo_core.language.small_opt import (
    SmallOptRecipe,
    build_tokenizer,
    prepare,
    prepare_builtin,
    pretrain,
)
from zo_core.language.tasks import SST2
from zo_core.stepping.learning_rate import LearningRate

CANDIDATE_LOSSES = cross_entropy(candidate_scores)

CORPUS = [
    "The soup was good.",
    "A dull film, a great pity.",
    "It was great, it was first-rate!",
] * 4
RECIPE = SmallOptRecipe(hidden_size=16, n_layers=1, n_heads=2, max_positions=32, n_steps=6)


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_same_recipe_gives_the_same_bytes(tmp_path: Path) -> None:
    first = prepare(CORPUS, RECIPE, cache_dir=tmp_path / "a")
    second = prepare(CORPUS, RECIPE, cache_dir=tmp_path / "b")
    assert first.name == second.name
    assert weights(first) == weights(second)


@pytest.mark.parametrize("change", [{"seed": 1}, {"n_steps": 7}, {"peak_learning_rate": 1e-3}])
def test_another_recipe_gives_another_model(tmp_path: Path, change: dict[str, float]) -> None:
    first = prepare(CORPUS, RECIPE, cache_dir=tmp_path)
    second = prepare(CORPUS, replace(RECIPE, **change), cache_dir=tmp_path)
    assert first != second
    assert weights(first) != weights(second)


def test_another_corpus_gives_another_folder(tmp_path: Path) -> None:
    first = prepare(CORPUS, RECIPE, cache_dir=tmp_path)
    assert first != prepare([*CORPUS, "More."], RECIPE, cache_dir=tmp_path)


def test_prepared_once_and_then_kept(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []

    def note(step: int, n_steps: int, loss: float) -> None:
        assert np.isfinite(loss)
        steps.append((step, n_steps))

    prepare(CORPUS, RECIPE, note, tmp_path)
    assert steps[-1] == (6, 6)
    steps.clear()
    prepare(CORPUS, RECIPE, note, tmp_path)
    assert steps == []


@pytest.mark.parametrize("damage", ["truncate", "delete", "unseal", "add"])
def test_damaged_cache_is_made_again(tmp_path: Path, damage: str) -> None:
    folder = prepare(CORPUS, RECIPE, cache_dir=tmp_path)
    whole, path = weights(folder), folder / "model.safetensors"
    if damage == "truncate":
        path.write_bytes(whole[:-10])
    elif damage == "delete":
        path.unlink()
    elif damage == "unseal":
        (folder / "cache_seal.json").write_text("{", encoding="utf-8")
    else:
        (folder / "stray").touch()
    assert weights(prepare(CORPUS, RECIPE, cache_dir=tmp_path)) == whole
    assert not (folder / "stray").exists()


def test_interrupted_filling_leaves_nothing(tmp_path: Path) -> None:
    def interrupted(folder: Path) -> None:
        (folder / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached_folder(tmp_path, "name", "key", interrupted)
    assert list(tmp_path.iterdir()) == []


def test_unwritable_cache_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match=r"cannot write prepared models to .*file"):
        prepare(CORPUS, RECIPE, cache_dir=tmp_path / "file" / "deeper")


def test_global_random_state_and_threads_are_left_alone(tmp_path: Path) -> None:
    random_state, n_threads = torch.get_rng_state(), torch.get_num_threads()
    folder = prepare(CORPUS, RECIPE, cache_dir=tmp_path)
    load_model(str(folder))
    assert torch.equal(torch.get_rng_state(), random_state)
    assert torch.get_num_threads() == n_threads


@pytest.mark.slow
def test_pre_training_lowers_the_loss() -> None:
    recipe = replace(RECIPE, n_steps=120)
    losses: list[float] = []
    pretrain(CORPUS, build_tokenizer(CORPUS, recipe), recipe, lambda *told: losses.append(told[2]))
    assert losses[-1] < 0.5 * losses[0]


def test_empty_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="corpus for pre-training is empty"):
        prepare(["", " "], RECIPE, cache_dir=tmp_path)


def test_vocabulary_keeps_the_frequent_words() -> None:
    recipe = replace(RECIPE, min_word_count=2, max_vocabulary=3)
    tokenizer = build_tokenizer(["b b b c c c a a a d d", "e"], recipe)
    assert tokenizer.convert_ids_to_tokens(range(len(tokenizer))) == [
        "<s>", "<pad>", "</s>", "<unk>", "a", "b", "c"
    ]  # fmt: skip
    assert tokenizer("C d!")["input_ids"] == [2, 6, 3, 3]


def test_group_and_others_may_read_the_cache_as_the_umask_says(tmp_path: Path) -> None:
    umask = os.umask(0o022)
    try:
        folder = prepare(CORPUS, RECIPE, cache_dir=tmp_path)
    finally:
        os.umask(umask)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_zeroth_order_turns_the_built_in_model_to_the_task(tmp_path: Path) -> None:
    lm = load_model(str(prepare_builtin(cache_dir=tmp_path)))
    assert isinstance(lm.model, OPTForCausalLM)
    data = Path(__file__).parents[3] / "zo_core" / "data"
    train, test = (
        read_examples(data / f"reviews_{name}.tsv", SST2.columns, "label")
        for name in ("train", "test")
    )
    parts = [encode_examples(part, SST2, lm.tokenizer) for part in split_evenly(train, 5, 0)]
    held_out = encode_examples(test, SST2, lm.tokenizer)
    cohort = Cohort(lm.model, CANDIDATE_LOSSES, parts, Training(LearningRate(5e-4), fixed_batch(8)))
    before = accuracy(lm.model, held_out)
    with one_thread():
        for seed in range(250):
            mean = float(
                np.clip([c.local_scalars([seed])[0] for c in cohort.clients], -8, 8).mean()
            )
            for client in cohort.clients:
                client.apply(seed, [mean], [seed])
    after = accuracy(lm.model, held_out)
    # Chance is 1/2 with a standard error of 0.02 on 600 examples.
    assert before < 0.65
    assert after > 0.8
