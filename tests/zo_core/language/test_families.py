"""Models of several families, whole, in part or with adapters: probes equal what they stand for."""

import copy

import pytest
import torch
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    BertConfig,
    LlamaConfig,
    OPTConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    RobertaConfig,
)

from tests.zo_core.language.tiny_models import MAX_POSITIONS, prompt_tokenizer, small, wide
from zo_core.directions.fingerprint import weight_checksum
from zo_core.directions.generator import direction
from zo_core.directions.steps import placements
from zo_core.language.encoding import EncodedExample
from zo_core.language.objective import (
    accuracy,
    candidate_scores,
    class_scores,
    cross_entropy,
    zero_one_loss,
)
from zo_core.language.trainable import NothingToTrainError, train_layers, with_lora, with_prefix
from zo_core.probing.estimator import Probe, probe_losses
from zo_core.stepping.rules import Update, UpdateRule, take_step

SMALL, WIDE = small(vocab_size=60), wide(vocab_size=60)
CAUSAL: dict[str, PreTrainedConfig] = {
    "opt": OPTConfig(
        **SMALL, ffn_dim=32, word_embed_proj_dim=16, max_position_embeddings=MAX_POSITIONS
    ),
    "llama": LlamaConfig(**WIDE),
    "qwen2": Qwen2Config(**WIDE, num_key_value_heads=1, tie_word_embeddings=True),
}
CLASSIFIERS: dict[str, PreTrainedConfig] = {
    **CAUSAL,
    "bert": BertConfig(**WIDE),
    "roberta": RobertaConfig(**WIDE),
}
EXAMPLES = [
    EncodedExample((2, 10, 11, 12, 13), ((5, 6), (7,)), 0),
    EncodedExample((2, 20, 21), ((5, 6), (7,)), 1),
    EncodedExample((2, 30, 31, 32, 33, 34, 35), ((5, 6), (7,)), 1),
]
CANDIDATE_LOSSES = cross_entropy(candidate_scores)
CLASS_LOSSES = cross_entropy(class_scores)


def causal(family: str) -> PreTrainedModel:
    torch.manual_seed(1)
    return AutoModelForCausalLM.from_config(CAUSAL[family]).eval()


def classifier(family: str) -> PreTrainedModel:
    torch.manual_seed(1)
    config = copy.deepcopy(CLASSIFIERS[family])
    config.num_labels = 2
    return AutoModelForSequenceClassification.from_config(config).eval()


def moved_by_hand(model: nn.Module, seed: int, scale: float) -> nn.Module:
    moved = copy.deepcopy(model)
    with torch.no_grad():
        for placement in placements(moved):
            z = direction(seed, placement.start, placement.parameter.numel())
            step = torch.from_numpy(z).view(placement.parameter.shape)
            placement.parameter.add_(scale * step)
    return moved


def check_probes(model: nn.Module, losses: object) -> None:
    scale, seed = 2.0**-6, 99
    before = weight_checksum(model)
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    found = probe_losses(model, losses, EXAMPLES, seed, Probe(scale))  # type: ignore[arg-type]
    for side, sign in ((found.plus, 1), (found.minus, -1)):
        with torch.inference_mode():
            expected = losses(moved_by_hand(model, seed, sign * scale), EXAMPLES)  # type: ignore[operator]
        assert side == pytest.approx(expected.double().numpy(), abs=1e-5)
    assert abs(found.plus - found.minus).max() > 1e-4
    assert weight_checksum(model) == before
    assert all(torch.equal(buffer, buffers[name]) for name, buffer in model.named_buffers())


@pytest.mark.parametrize("family", CAUSAL)
def test_probes_of_causal_models(family: str) -> None:
    check_probes(causal(family), CANDIDATE_LOSSES)


@pytest.mark.parametrize("family", CLASSIFIERS)
def test_probes_of_classifiers(family: str) -> None:
    check_probes(classifier(family), CLASS_LOSSES)


def a_prefix(model: PreTrainedModel, n_tokens: int, seed: int = 0) -> nn.Module:
    return with_prefix(model, n_tokens, prompt_tokenizer(), seed)


@pytest.mark.parametrize("family", CAUSAL)
@pytest.mark.parametrize("adapter", [with_lora, a_prefix])
def test_probes_with_adapters(family: str, adapter: object) -> None:
    model = adapter(causal(family), 3, seed=5)  # type: ignore[operator]
    again = adapter(causal(family), 3, seed=5)  # type: ignore[operator]
    assert weight_checksum(model) == weight_checksum(again)
    other = adapter(causal(family), 3, seed=6)  # type: ignore[operator]
    assert weight_checksum(model) != weight_checksum(other)
    n_trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert n_trainable < sum(p.numel() for p in model.parameters()) / 4
    check_probes(model, CANDIDATE_LOSSES)


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_probes_of_classifiers_with_lora(family: str) -> None:
    check_probes(with_lora(classifier(family), 2), CLASS_LOSSES)


@pytest.mark.filterwarnings("ignore:`past_key_values`:FutureWarning")
@pytest.mark.parametrize("family", CAUSAL)
def test_a_prefix_is_what_peft_itself_puts_before_a_text(family: str) -> None:
    model = a_prefix(causal(family), 3)
    tokens = torch.tensor([EXAMPLES[0].prompt])
    with torch.inference_mode():
        logits = model(input_ids=tokens).logits[0, -1].log_softmax(0)
        scores = candidate_scores(model, [EncodedExample(EXAMPLES[0].prompt, ((5,), (7,)), 0)])
    assert float(scores[0, 0] - scores[0, 1]) == pytest.approx(
        float(logits[5] - logits[7]), abs=1e-5
    )


def test_selected_layers_learn_and_others_stay() -> None:
    model = train_layers(causal("opt"), ["*layers.1.*", "*final_layer_norm*"])
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    take_step(model, [Update(3, 1.0, 0.1)], UpdateRule(), Probe().kind)
    for name, parameter in model.named_parameters():
        chosen = "layers.1." in name or "final_layer_norm" in name
        assert torch.equal(parameter, before[name]) is not chosen
    check_probes(model, CANDIDATE_LOSSES)
    with pytest.raises(NothingToTrainError, match="no parameter of OPTForCausalLM fits"):
        train_layers(model, ["*layers.1.*", "nowhere"])


def test_tied_weights_are_moved_once() -> None:
    model = causal("qwen2")
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    names = [placement.name for placement in placements(model)]
    assert sum("embed" in name or "lm_head" in name for name in names) == 1


@pytest.mark.parametrize("scores", [candidate_scores, class_scores])
def test_an_objective_without_gradient_counts_the_wrong(scores: object) -> None:
    model = causal("opt") if scores is candidate_scores else classifier("bert")
    with torch.inference_mode():
        wrong = zero_one_loss(scores)(model, EXAMPLES)  # type: ignore[arg-type]
        chosen = scores(model, EXAMPLES).argmax(1)  # type: ignore[operator]
    expected = [float(int(c) != e.label) for c, e in zip(chosen, EXAMPLES, strict=True)]
    assert wrong.tolist() == expected
    assert accuracy(model, EXAMPLES, scores) == pytest.approx(1 - sum(expected) / 3)  # type: ignore[arg-type]
    losses = probe_losses(model, zero_one_loss(scores), EXAMPLES, 1, Probe(0.5))  # type: ignore[arg-type]
    assert set(losses.plus) | set(losses.minus) <= {0.0, 1.0}


def test_global_random_state_is_left_alone() -> None:
    model, state = causal("opt"), torch.get_rng_state()
    with_lora(model, 2)
    assert torch.equal(state, torch.get_rng_state())
