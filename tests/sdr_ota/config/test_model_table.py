"""What the table of the model takes."""

import pytest

from sdr_ota.config.load import ConfigError, load_config


@pytest.mark.parametrize("name", ["auto", "cpu", "cuda", "cuda:0", "cuda:12", "mps"])
def test_devices_are_named_as_torch_names_them(name: str) -> None:
    assert load_config(None, [f"model.device={name}"]).model.device == name


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:-1", "CUDA", "cpu:0", "", "cuda:1x"])
def test_other_devices_are_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(ConfigError, match=r'use "cpu", "cuda", "cuda:1", "mps" or "auto"'):
        load_config(None, [f"model.device={name}"])


def test_lora_targets_need_lora() -> None:
    settings = ['model.lora_targets=["q_proj"]', "model.train=lora"]
    assert load_config(None, settings).model.lora_targets == ("q_proj",)
    with pytest.raises(ConfigError, match='lora_targets needs train = "lora"'):
        load_config(None, settings[:1])


@pytest.mark.parametrize("train", ["lora", "prefix"])
def test_an_int8_base_stands_beside_adapters(train: str) -> None:
    chosen = load_config(None, ["model.base_precision=int8", f"model.train={train}"])
    assert chosen.model.base_precision == "int8"


@pytest.mark.parametrize(
    "train", [["model.train=all"], ["model.train=layers", 'model.layers=["x"]']]
)
def test_what_learns_is_not_held_in_int8(train: list[str]) -> None:
    with pytest.raises(ConfigError, match='base_precision = "int8" needs train = "lora" or "pre'):
        load_config(None, ["model.base_precision=int8", *train])
