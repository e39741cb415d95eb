"""A model is loaded, or one sentence says why not."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from zo_core.language import models
from zo_core.language.models import ModelUnavailableError, load_model
from zo_core.language.small_opt import SmallOptRecipe, prepare

RECIPE = SmallOptRecipe(hidden_size=16, n_layers=1, n_heads=2, max_positions=32, n_steps=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare(
        ["a good film", "a bad film"] * 3, RECIPE, cache_dir=tmp_path_factory.mktemp("c")
    )


@pytest.mark.parametrize("weight_format", ["float32", "bfloat16", "float16"])
def test_folder_is_loaded_in_the_wanted_format(
    folder: Path, weight_format: models.WeightFormat
) -> None:
    loaded = load_model(str(folder), weight_format)
    assert {p.dtype for p in loaded.model.parameters()} == {getattr(torch, weight_format)}
    assert not loaded.model.training
    assert all(parameter.requires_grad for parameter in loaded.model.parameters())
    assert loaded.tokenizer.model_max_length == RECIPE.max_positions
    assert loaded.tokenizer("Good film")["input_ids"][0] == 2
    assert loaded.name == str(folder)


def test_head_and_embedding_are_one_tensor(folder: Path) -> None:
    model = load_model(str(folder)).model
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


def test_name_that_is_nowhere_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "_hub_answers", lambda: False)
    with pytest.raises(ModelUnavailableError, match=r"'nobody/nothing'.*reached.*'builtin'"):
        load_model("nobody/nothing")


def test_hub_that_refuses_connections_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "*")
    assert not models._hub_answers()


@pytest.mark.parametrize("name", ["./none", "/none/such", "~/none-such", "a/b/c", " "])
def test_missing_folder_is_named(name: str) -> None:
    with pytest.raises(ModelUnavailableError, match="there is no model folder"):
        load_model(name)


def test_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailableError, match=r"holds no model: it has no config\.json"):
        load_model(str(tmp_path))


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "config.json"])
def test_damaged_folder_is_named(folder: Path, tmp_path: Path, file: str) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / file).write_bytes((folder / file).read_bytes()[:-20])
    with pytest.raises(ModelUnavailableError, match="cannot be read"):
        load_model(str(tmp_path))


def test_pickled_weights_are_refused_in_a_sentence(folder: Path, tmp_path: Path) -> None:
    pickled = shutil.copytree(folder, tmp_path / "pickled")
    state = load_model(str(folder)).model.state_dict()
    torch.save(state, pickled / "pytorch_model.bin")
    assert load_model(str(pickled)).name  # safetensors are there too, and are taken
    (pickled / "model.safetensors").unlink()
    with pytest.raises(ModelUnavailableError, match=r"pickled.*save them as safetensors"):
        load_model(str(pickled))


def test_code_in_a_model_folder_is_neither_run_nor_asked_about(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = shutil.copytree(folder, tmp_path / "evil")
    config = json.loads((evil / "config.json").read_text())
    config |= {"model_type": "evil", "auto_map": {
        "AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}}  # fmt: skip
    (evil / "config.json").write_text(json.dumps(config))
    (evil / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("it asked"))
    with pytest.raises(ModelUnavailableError, match="cannot be read"):
        load_model(str(evil))
    assert not (tmp_path / "ran").exists()
