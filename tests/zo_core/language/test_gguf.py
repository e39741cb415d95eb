"""Models in .gguf files: what the file holds is what is loaded, or one sentence says why not."""

from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from transformers.convert_slow_tokenizer import bytes_to_unicode

from zo_core.data.examples import Example
from zo_core.language import models
from zo_core.language.encoding import encode_examples
from zo_core.language.models import ModelUnavailableError, load_model
from zo_core.language.objective import candidate_scores
from zo_core.language.tasks import SST2

HIDDEN, N_LAYERS, N_HEADS, FFN, CONTEXT = 64, 2, 4, 128, 32
PACKED = gguf.GGMLQuantizationType.Q8_0
"""The kind of packing that the package's own Python can write; blocks of 32 weights."""


def vocabulary() -> list[str]:
    """All bytes, two pairs that merge, and the end of a text."""
    return [*bytes_to_unicode().values(), "Ġg", "Ġt", "<|end|>"]


def packed(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return gguf.quants.quantize(rng.standard_normal(shape, dtype=np.float32) / 8, PACKED)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small LLaMA with random weights, written by the gguf package alone."""
    path, tokens = tmp_path_factory.mktemp("gguf") / "tiny.Q8_0.gguf", vocabulary()
    rng, writer = np.random.default_rng(1), gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(N_LAYERS)
    writer.add_feed_forward_length(FFN)
    writer.add_head_count(N_HEADS)
    writer.add_head_count_kv(N_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(HIDDEN // N_HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * (len(tokens) - 1) + [3])
    # transformers up to 5.10 take a list of one for the thing itself
    writer.add_token_merges(["Ġ g", "Ġ t"])
    writer.add_eos_token_id(len(tokens) - 1)
    writer.add_bos_token_id(len(tokens) - 1)
    shapes = {"attn_q": (HIDDEN, HIDDEN), "attn_k": (HIDDEN, HIDDEN), "attn_v": (HIDDEN, HIDDEN),
              "attn_output": (HIDDEN, HIDDEN), "ffn_gate": (FFN, HIDDEN), "ffn_up": (FFN, HIDDEN),
              "ffn_down": (HIDDEN, FFN)}  # fmt: skip
    writer.add_tensor("token_embd.weight", packed(rng, len(tokens), HIDDEN), raw_dtype=PACKED)
    for layer in range(N_LAYERS):
        for name, shape in shapes.items():
            tensor = packed(rng, *shape)
            writer.add_tensor(f"blk.{layer}.{name}.weight", tensor, raw_dtype=PACKED)
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", np.ones(HIDDEN, np.float32))
    writer.add_tensor("output_norm.weight", np.ones(HIDDEN, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def unpacked(file: Path, name: str) -> np.ndarray:
    """What the gguf package itself reads from a file."""
    (tensor,) = [one for one in gguf.GGUFReader(str(file)).tensors if one.name == name]
    return gguf.quants.dequantize(tensor.data, tensor.tensor_type)


@pytest.mark.parametrize("weight_format", ["float32", "bfloat16"])
def test_packed_weights_become_those_that_learn(
    file: Path, weight_format: models.WeightFormat
) -> None:
    loaded = load_model(str(file), weight_format)
    weights, wanted = dict(loaded.model.named_parameters()), getattr(torch, weight_format)
    assert {(p.dtype, p.requires_grad) for p in weights.values()} == {(wanted, True)}
    for ours, theirs in (
        ("model.embed_tokens.weight", "token_embd.weight"),
        ("model.layers.1.mlp.down_proj.weight", "blk.1.ffn_down.weight"),
        ("model.layers.0.self_attn.v_proj.weight", "blk.0.attn_v.weight"),
    ):
        expected = torch.from_numpy(unpacked(file, theirs)).to(wanted)
        assert torch.equal(weights[ours].detach(), expected), ours
    assert loaded.tokenizer.model_max_length == CONTEXT
    assert loaded.name == str(file)


def test_its_words_are_scored(file: Path) -> None:
    loaded = load_model(str(file))
    encoded = encode_examples([Example({"sentence": "a film"}, "1")], SST2, loaded.tokenizer)
    first = [candidate[0] for candidate in encoded[0].candidates]
    assert first[1] == vocabulary().index("Ġg")  # "Ġg" and the rest of "great"
    scores = candidate_scores(loaded.model, encoded)
    assert scores.shape == (1, 2)
    assert torch.isfinite(scores).all()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailableError, match=r"there is no model file .*none\.gguf"):
        load_model(str(tmp_path / "none.gguf"))


def test_a_damaged_file_is_said_to_be_so(file: Path, tmp_path: Path) -> None:
    for name, content in (("cut", file.read_bytes()[:2000]), ("other", b"not a model" * 100)):
        path = tmp_path / f"{name}.gguf"
        path.write_bytes(content)
        with pytest.raises(ModelUnavailableError, match=rf"the model in .*{name}\.gguf cannot be"):
            load_model(str(path))


def test_without_the_package_one_sentence_says_what_to_install(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "find_spec", lambda name: None)
    with pytest.raises(ModelUnavailableError, match=r"needs the package gguf.*sdr-ota\[llm\]"):
        load_model(str(file))
