"""A probed model reads as a plainly perturbed copy of itself, and is left untouched."""

import copy
from collections.abc import Callable

import pytest
import torch
import transformers
from torch import nn
from torch.nn import functional

from zo_core.directions.fingerprint import weight_checksum
from zo_core.directions.generator import DirectionKind
from zo_core.probing import perturbed_weight
from zo_core.probing.perturbation import perturbed
from zo_core.stepping.update import apply_update

DTYPES = [torch.float32, torch.bfloat16, torch.float16]
TOKEN_IDS = torch.arange(40).view(4, 10) * 7 % 101
Forward = Callable[[nn.Module], torch.Tensor]


def opt(projected: bool = False) -> nn.Module:
    config = transformers.OPTConfig(
        vocab_size=101, hidden_size=32, num_hidden_layers=2, ffn_dim=64, num_attention_heads=4,
        max_position_embeddings=32, word_embed_proj_dim=16 if projected else 32, dropout=0.0,
    )  # fmt: skip
    return transformers.OPTForCausalLM(config)


def llama() -> nn.Module:
    config = transformers.LlamaConfig(
        vocab_size=101, hidden_size=32, num_hidden_layers=2, intermediate_size=48,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=32,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config)


def qwen() -> nn.Module:
    config = transformers.Qwen2Config(
        vocab_size=101, hidden_size=32, num_hidden_layers=2, intermediate_size=48,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=32,
        tie_word_embeddings=True,
    )  # fmt: skip
    return transformers.Qwen2ForCausalLM(config)


def gpt2() -> nn.Module:
    config = transformers.GPT2Config(vocab_size=101, n_embd=32, n_layer=2, n_head=4, n_positions=32)
    return transformers.GPT2LMHeadModel(config)


def roberta() -> nn.Module:
    config = transformers.RobertaConfig(
        vocab_size=101, hidden_size=32, num_hidden_layers=2, intermediate_size=48,
        num_attention_heads=4, max_position_embeddings=40, num_labels=3,
    )  # fmt: skip
    return transformers.RobertaForSequenceClassification(config)


def bert() -> nn.Module:
    config = transformers.BertConfig(
        vocab_size=101, hidden_size=32, num_hidden_layers=2, intermediate_size=48,
        num_attention_heads=4, max_position_embeddings=40, num_labels=3,
    )  # fmt: skip
    return transformers.BertForSequenceClassification(config)


MODELS = {
    "opt": opt, "opt_projected": lambda: opt(True), "llama": llama, "qwen": qwen, "gpt2": gpt2,
    "roberta": roberta, "bert": bert,
}  # fmt: skip


def logits(model: nn.Module) -> torch.Tensor:
    mask = torch.ones_like(TOKEN_IDS)
    mask[1, 6:] = 0
    return model(TOKEN_IDS, attention_mask=mask).logits


def assert_reads_as_copy(model: nn.Module, forward: Forward, kind: DirectionKind) -> None:
    model.eval()
    before = weight_checksum(model)
    copied = copy.deepcopy(model)
    apply_update(copied, 21, 0.05, kind)
    with torch.inference_mode():
        plain, expected = forward(model), forward(copied)
        with perturbed(model, 21, 0.05, kind):
            found = forward(model)
        after = forward(model)
    assert torch.equal(found, expected)
    assert not torch.equal(found, plain)
    assert torch.equal(after, plain)
    assert weight_checksum(model) == before


@pytest.mark.parametrize("build", MODELS.values(), ids=MODELS.keys())
def test_language_models_read_as_a_perturbed_copy(build: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    assert_reads_as_copy(build(), logits, DirectionKind.RADEMACHER)


def test_gaussian_directions_read_as_a_perturbed_copy() -> None:
    torch.manual_seed(0)
    assert_reads_as_copy(opt(), logits, DirectionKind.GAUSSIAN)


@pytest.mark.parametrize("dtype", DTYPES)
def test_number_formats_read_as_a_perturbed_copy(dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    assert_reads_as_copy(opt().to(dtype), logits, DirectionKind.RADEMACHER)


def test_only_selected_weights_are_perturbed() -> None:
    torch.manual_seed(2)
    model = opt().requires_grad_(False)
    model.get_submodule("model.decoder.layers.1").requires_grad_(True)
    assert_reads_as_copy(model, logits, DirectionKind.RADEMACHER)


def test_a_matrix_larger_than_the_scratch_is_used_in_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(3)
    model = opt().eval()
    with torch.inference_mode(), perturbed(model, 4, 0.05):
        whole = logits(model)
    monkeypatch.setattr(perturbed_weight, "SCRATCH_ELEMENTS", 700)
    with torch.inference_mode(), perturbed(model, 4, 0.05):
        blocked = logits(model)
    torch.testing.assert_close(blocked, whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("tied", [True, False])
def test_the_head_can_be_read_by_rows(tied: bool) -> None:
    torch.manual_seed(4)
    config = opt().config
    config.tie_word_embeddings = tied
    model = transformers.OPTForCausalLM(config).eval()
    copied = copy.deepcopy(model)
    apply_update(copied, 8, 0.05)
    expected = copied.get_output_embeddings().weight
    token_ids = torch.tensor([5, 100, 5, 0])
    with perturbed(model, 8, 0.05):
        weight = model.get_output_embeddings().weight
        assert torch.equal(weight[token_ids], expected[token_ids])
        assert torch.equal(weight[-token_ids - 1], expected[-token_ids - 1])
        for piece in (slice(20, 30), slice(-9, 400), slice(50, 10), slice(0, 90, 7), slice(None)):
            assert torch.equal(weight[piece], expected[piece])
        assert torch.equal(weight.index_select(0, token_ids), expected[token_ids])
        assert torch.equal(torch.index_select(weight, 1, token_ids[:1]), expected[:, 5:6])
        assert torch.equal(functional.embedding(token_ids, weight), expected[token_ids])
        assert torch.equal(weight[3], expected[3])
        assert torch.equal(weight[:, 2], expected[:, 2])
        assert torch.equal(weight[torch.arange(101) > 97], expected[98:])


class Unusual(nn.Module):
    """Reads its weights in ways that a layer library would not."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(6, 8))
        self.parts = nn.ParameterList([nn.Parameter(torch.randn(8)) for _ in range(2)])
        self.named = nn.ParameterDict({"gain": nn.Parameter(torch.randn(8))})
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.rescaled = nn.utils.parametrizations.weight_norm(nn.Linear(8, 8))
        self.normed = nn.BatchNorm1d(6)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        view = self.table[:4]
        hidden = hidden + torch.cat([view, self.table[4:]]) + torch.stack(list(self.parts)).sum(0)
        hidden = self.normed(hidden * self.named["gain"])
        hidden = self.attention(hidden, hidden, hidden, need_weights=False)[0]
        return self.rescaled(hidden) @ self.table.T + self.table.max(dim=1).values


def test_unusual_reads_are_perturbed_too() -> None:
    torch.manual_seed(5)
    model, hidden = Unusual().eval(), torch.randn(3, 6, 8)
    copied = copy.deepcopy(model)
    apply_update(copied, 21, 0.05, DirectionKind.GAUSSIAN)
    with torch.inference_mode(), perturbed(model, 21, 0.05, DirectionKind.GAUSSIAN):
        found = model(hidden)
    # Not bit for bit: attention on plain weights takes another path through the library.
    torch.testing.assert_close(found, copied(hidden).detach(), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(found, model(hidden), rtol=1e-3)


def test_a_view_of_a_weight_stays_what_it_was() -> None:
    model = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
    with perturbed(model, 1, 0.5):
        first = model[0].weight.T
        kept = first.clone()
        assert not torch.equal(model[1].weight.T, kept)
        assert torch.equal(first, kept)


def test_weights_come_back_after_an_exception() -> None:
    model = opt().eval()
    before, parameters = weight_checksum(model), list(model.parameters())
    with pytest.raises(KeyError), perturbed(model, 3, 0.1):
        logits(model)
        raise KeyError
    assert weight_checksum(model) == before
    assert all(new is old for new, old in zip(model.parameters(), parameters, strict=True))


@pytest.mark.parametrize(
    "write",
    [
        lambda weight: weight.add_(1),
        lambda weight: weight.__setitem__(0, 1.0),
        lambda weight: torch.add(weight, 1, out=weight),
        lambda weight: weight.__imul__(2),
        lambda weight: setattr(weight, "data", torch.zeros(2, 3)),
        nn.init.zeros_,
    ],
)
def test_writing_to_a_weight_during_a_probe_is_refused(
    write: Callable[[torch.Tensor], object],
) -> None:
    model = nn.Linear(3, 2)
    with perturbed(model, 1, 0.1), pytest.raises(RuntimeError, match="read-only"):
        write(model.weight)


def test_a_perturbed_weight_may_be_read_into_another_tensor() -> None:
    model = nn.Linear(3, 2, bias=False)
    total = torch.zeros(2, 3)
    with perturbed(model, 1, 0.1):
        total.add_(model.weight)
        assert torch.equal(total, model.weight + 0)


def test_what_cannot_be_perturbed_is_refused() -> None:
    with (
        pytest.raises(ValueError, match="LSTM keeps its own references"),
        perturbed(nn.LSTM(2, 2), 1, 0.1),
    ):
        pass
    embedding = nn.Embedding(4, 2, max_norm=1.0)
    with perturbed(embedding, 1, 0.1), pytest.raises(RuntimeError, match="max_norm"):
        embedding(torch.tensor([1]))
    model = nn.Linear(2, 2)
    with perturbed(model, 1, 0.1), pytest.raises(RuntimeError, match="inside `perturbed`"):
        apply_update(model, 1, 0.1)


def test_shape_and_format_can_be_asked_for_without_cost() -> None:
    model = nn.Linear(3, 2).bfloat16()
    with perturbed(model, 1, 0.1):
        assert model.weight.shape == (2, 3)
        assert model.weight.size(0) == len(model.weight) == 2
        assert (model.weight.dtype, model.weight.device.type) == (torch.bfloat16, "cpu")
        assert (model.weight.numel(), model.weight.requires_grad) == (6, False)
