"""A base in 8 bits is near the float one, the same on every run, and only read."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    BertConfig,
    GPT2Config,
    LlamaConfig,
    OPTConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.pytorch_utils import Conv1D

from tests.zo_core.language.tiny_models import MAX_POSITIONS, prompt_tokenizer, small, wide
from zo_core.directions.fingerprint import weight_checksum
from zo_core.directions.generator import DirectionKind
from zo_core.export import export_model
from zo_core.language.encoding import EncodedExample
from zo_core.language.int8_base import (
    Int8BaseError,
    hold_in_int8,
    with_float_base,
    with_int8_base,
)
from zo_core.language.models import load_model
from zo_core.language.objective import (
    candidate_scores,
    class_scores,
    cross_entropy,
    last_hidden_states,
)
from zo_core.language.trainable import with_lora, with_prefix
from zo_core.probing.estimator import Probe, probe_losses
from zo_core.stepping.journal import JournalError, read_journal, replay, start_journal
from zo_core.stepping.rules import Update, UpdateRule, take_step

SMALL, WIDE = small(), wide()
CAUSAL: dict[str, PreTrainedConfig] = {
    "opt": OPTConfig(
        **SMALL, ffn_dim=32, word_embed_proj_dim=16, max_position_embeddings=MAX_POSITIONS
    ),
    "llama": LlamaConfig(**WIDE),  # its head is not tied to its embedding
    "gpt2": GPT2Config(vocab_size=20, n_embd=16, n_layer=2, n_head=2, n_positions=40),
}
EXAMPLES = [
    EncodedExample((2, 10, 11, 12, 13), ((5, 6), (7,)), 0),
    EncodedExample((2, 14, 15), ((5, 6), (7,)), 1),
]
KIND = DirectionKind.RADEMACHER
LOSSES = cross_entropy(candidate_scores)


@pytest.fixture
def tokenizer() -> PreTrainedTokenizerFast:
    return prompt_tokenizer()


def causal(family: str) -> PreTrainedModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return AutoModelForCausalLM.from_config(CAUSAL[family]).eval()


def adapted(family: str, adapter: str, tokenizer: PreTrainedTokenizerFast) -> nn.Module:
    if adapter == "lora":
        return with_lora(causal(family), 2, seed=5)
    return with_prefix(causal(family), 3, copy.copy(tokenizer), seed=5)


def linear(numbers: np.ndarray) -> nn.Linear:
    layer = nn.Linear(numbers.shape[1], numbers.shape[0], bias=False).requires_grad_(False)
    layer.weight.copy_(torch.from_numpy(numbers))
    return layer


def as_numbers(weight: torch.Tensor) -> np.ndarray:
    return weight.detach().double().numpy()


def turned(model: nn.Module, rows: object) -> torch.Tensor:
    return last_hidden_states(model, rows).flip(-1)  # type: ignore[arg-type]


def scores(model: nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        return candidate_scores(model, EXAMPLES).double()


def frozen_layers(model: nn.Module) -> dict[str, nn.Module]:
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | Conv1D) and "lora_" not in name and "lm_head" not in name
    }


@pytest.mark.parametrize("family", CAUSAL)
@pytest.mark.parametrize("weight_format", [torch.float32, torch.bfloat16])
def test_every_frozen_layer_is_held_within_half_a_level(
    family: str, weight_format: torch.dtype, tokenizer: PreTrainedTokenizerFast
) -> None:
    model = with_lora(causal(family).to(weight_format), 2)
    before = {name: as_numbers(layer.weight) for name, layer in frozen_layers(model).items()}
    with_int8_base(model, tokenizer)
    held = frozen_layers(model)
    assert len(held) == {"opt": 12, "llama": 14, "gpt2": 8}[family]
    for name, layer in held.items():
        inputs = 0 if isinstance(layer, Conv1D) else 1
        spacing = abs(before[name]).max(inputs, keepdims=True) / 127
        made = as_numbers(layer.weight)
        # A made weight is rounded once more, to its own format.
        tolerance = torch.finfo(weight_format).eps * abs(made) + 1e-6 * spacing
        levels = np.round(made / spacing)
        assert (abs(made - levels * spacing) <= tolerance).all()
        assert (abs(levels).max(inputs) == 127).all()
        assert (abs(made - before[name]) <= spacing / 2 + tolerance).all()
        assert layer.weight.dtype == weight_format
        sizes = {p.dtype: p.numel() for p in layer.parameters() if p.dim() == 2}
        assert sizes == {torch.int8: made.size, torch.float32: spacing.size}


def test_a_product_errs_as_even_rounding_does() -> None:
    """Levels s apart, evenly rounded: w x errs with variance |x|^2 s^2 / 12."""
    rng = np.random.default_rng(4)
    n_outputs, width = 400, 300
    numbers = rng.uniform(-1, 1, (n_outputs, width)) * rng.uniform(0.01, 10, (n_outputs, 1))
    layer, x = linear(numbers), rng.standard_normal(width)
    hold_in_int8(layer)
    spacing = abs(numbers).max(1) / 127
    errors = (as_numbers(layer.weight) @ x - numbers @ x) / spacing
    expected = np.linalg.norm(x) / np.sqrt(12)
    assert abs(errors.std() / expected - 1) < 4 / np.sqrt(2 * n_outputs)
    assert abs(errors.mean()) < 4 * expected / np.sqrt(n_outputs)


def test_rows_of_zeros_and_of_extremes() -> None:
    rows = [[0, 0, 0], [1e-45, 0, -1e-45], [3e38, -3e38, 1e38], [1, -1, 0.5]]
    layer = linear(np.array(rows))
    hold_in_int8(layer)
    assert as_numbers(layer.weight)[:2] == pytest.approx(0, abs=2e-45)
    assert as_numbers(layer.weight)[2:] == pytest.approx(np.array(rows[2:]), rel=0.01)


@pytest.mark.parametrize("family", CAUSAL)
@pytest.mark.parametrize("adapter", ["lora", "prefix"])
def test_probes_and_steps_are_those_of_the_same_numbers_in_float(
    family: str, adapter: str, tokenizer: PreTrainedTokenizerFast
) -> None:
    def moved(in_float: bool) -> tuple[nn.Module, np.ndarray]:
        model = with_int8_base(adapted(family, adapter, copy.copy(tokenizer)), tokenizer)
        if in_float:
            with_float_base(model)
            assert {p.dtype for p in model.parameters()} == {torch.float32}
        probed = probe_losses(model, LOSSES, EXAMPLES, 7, Probe(2.0**-6))
        take_step(model, [Update(7, 1.0, 0.1)], UpdateRule(), KIND)
        return model, np.concatenate([probed.plus, probed.minus])

    (held, held_losses), (floated, losses) = moved(in_float=False), moved(in_float=True)
    assert held_losses == pytest.approx(losses, abs=1e-6)
    assert abs(losses[:2] - losses[2:]).max() > 1e-5
    for name, parameter in held.named_parameters():
        if parameter.requires_grad:
            assert torch.equal(parameter, floated.get_parameter(name))


def test_classifiers_keep_the_head_that_they_train(tokenizer: PreTrainedTokenizerFast) -> None:
    model = AutoModelForSequenceClassification.from_config(BertConfig(**WIDE, num_labels=2)).eval()
    held = with_int8_base(with_lora(model, 2), tokenizer)
    learning = [name for name, p in held.named_parameters() if p.requires_grad]
    assert any("classifier" in name for name in learning)
    losses = probe_losses(held, cross_entropy(class_scores), EXAMPLES, 7, Probe(2.0**-6))
    assert abs(losses.plus - losses.minus).max() > 1e-5


def test_every_run_has_the_same_bits_and_a_journal_knows_its_base(
    tmp_path: Path, tokenizer: PreTrainedTokenizerFast
) -> None:
    def base() -> nn.Module:
        return with_int8_base(adapted("opt", "lora", tokenizer), tokenizer)

    model, updates = base(), [Update(seed, 1.0, 0.1) for seed in range(3)]
    assert weight_checksum(model) == weight_checksum(base())
    with start_journal(tmp_path / "journal.jsonl", model, KIND) as journal:
        for n in range(3):
            take_step(model, updates[: n + 1], UpdateRule(), KIND)
            journal.append(updates[n])
    read, again = read_journal(tmp_path / "journal.jsonl"), base()
    replay(again, read)
    assert weight_checksum(again) == weight_checksum(model) != weight_checksum(base())
    with pytest.raises(JournalError):
        replay(adapted("opt", "lora", tokenizer), read)


@pytest.mark.parametrize("family", CAUSAL)
def test_an_exported_model_scores_as_the_trained_one(
    family: str, tmp_path: Path, tokenizer: PreTrainedTokenizerFast
) -> None:
    model = with_int8_base(adapted(family, "lora", tokenizer), tokenizer)
    with start_journal(tmp_path / "journal.jsonl", model, KIND) as journal:
        update = Update(3, 1.0, 0.05)
        journal.append(update)
    base = copy.deepcopy(model)
    take_step(model, [update], UpdateRule(), KIND)
    export_model(base, tokenizer, tmp_path / "journal.jsonl", tmp_path / "exported")
    exported = load_model(str(tmp_path / "exported")).model
    assert {p.dtype for p in exported.parameters()} == {torch.float32}
    assert scores(exported).numpy() == pytest.approx(scores(model).numpy(), abs=1e-5)
    assert abs(scores(exported) - scores(causal(family))).max() > 1e-3


def test_a_model_without_such_layers_is_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    model = causal("opt")  # all of it learns
    with pytest.raises(Int8BaseError, match=r'no frozen linear layer.*base_precision = "float"'):
        with_int8_base(model, tokenizer)


def test_a_head_that_is_not_the_models_own_is_still_found(
    tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = adapted("llama", "lora", tokenizer)
    monkeypatch.setattr("zo_core.language.own_logits.last_hidden_states", turned)
    with pytest.raises(Int8BaseError, match="in 8 bits, the logits of LlamaForCausalLM are not"):
        with_int8_base(model, tokenizer)
