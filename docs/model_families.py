"""Write which families of models were tried, and what came out, into reference/model-families.md.

Every family is a folder of random weights, made from its configuration in transformers without
a network. It is loaded as a run loads it, probed, and moved by one step. Losses are compared with
the model's own logits, text by text; probes and steps with a copy moved by hand.
"""

import copy
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers
from tokenizers.processors import TemplateProcessing

from zo_core.data.examples import Example
from zo_core.directions.generator import direction
from zo_core.directions.steps import placements
from zo_core.language.encoding import EncodedExample, encode_examples, encode_prompts
from zo_core.language.models import (
    LanguageModel,
    ModelUnavailableError,
    load_classifier,
    load_model,
)
from zo_core.language.objective import candidate_scores, class_scores, cross_entropy
from zo_core.language.quiet import quiet_transformers
from zo_core.language.tasks import PromptTask
from zo_core.language.trainable import NothingToTrainError, with_lora, with_prefix
from zo_core.probing.estimator import Probe, probe_losses
from zo_core.stepping.rules import Update, UpdateRule, take_step

PAGE = Path(__file__).parent / "reference" / "model-families.md"
TASK = PromptTask("film", "{sentence} It was", {"0": "not good", "1": "great"})
EXAMPLES = (
    Example({"sentence": "A film that nobody forgets."}, "1"),
    Example({"sentence": "Not at all."}, "0"),
    Example({"sentence": "A good film."}, "1"),
)
SCALE, SEED = 2.0**-6, 99

_SIZE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
_WIDE = {**_SIZE, "intermediate_size": 48, "max_position_embeddings": 96}
_SHARED = {**_WIDE, "num_key_value_heads": 2}
_HEADS = {**_SHARED, "head_dim": 8}
_EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
_WINDOW = {"sliding_window": 16, "layer_types": ["sliding_attention", "full_attention"]}
_GPT = {"n_embd": 32, "n_layer": 2, "n_head": 4}


@dataclass(frozen=True)
class Family:
    """A family: its configuration class in transformers, its shape, what LoRA goes beside.

    Targets of LoRA are given where peft does not know the family.
    """

    config: str
    shape: Mapping[str, object]
    lora_targets: tuple[str, ...] = ()


_ATTENTION = ("q_proj", "v_proj")
FAMILIES: Mapping[str, Family] = {
    "OPT": Family(
        "OPTConfig", {**_SIZE, "ffn_dim": 48, "max_position_embeddings": 96,
                      "word_embed_proj_dim": 32}),
    "GPT-2": Family("GPT2Config", {**_GPT, "n_positions": 96}),
    "GPT-J": Family("GPTJConfig", {**_GPT, "n_positions": 96, "rotary_dim": 4}),
    "GPT-NeoX": Family("GPTNeoXConfig", _WIDE),
    "BLOOM": Family("BloomConfig", {"hidden_size": 32, "n_layer": 2, "n_head": 4}),
    "Falcon": Family("FalconConfig", _SIZE),
    "LLaMA": Family("LlamaConfig", _SHARED),
    "Mistral": Family("MistralConfig", _SHARED),
    "Mixtral": Family("MixtralConfig", {**_SHARED, "num_local_experts": 4}, _ATTENTION),
    "Qwen2": Family("Qwen2Config", _SHARED),
    "Qwen2-MoE": Family(
        "Qwen2MoeConfig", {**_SHARED, **_EXPERTS, "shared_expert_intermediate_size": 16},
        _ATTENTION),
    "Qwen3": Family("Qwen3Config", _HEADS),
    "Qwen3-MoE": Family("Qwen3MoeConfig", {**_HEADS, **_EXPERTS}, _ATTENTION),
    "Gemma": Family("GemmaConfig", _HEADS),
    "Gemma 2": Family(
        "Gemma2Config", {**_HEADS, **_WINDOW, "final_logit_softcapping": 5.0}),
    "Gemma 3": Family("Gemma3TextConfig", {**_HEADS, **_WINDOW}),
    "Phi": Family("PhiConfig", _SHARED),
    "Phi-3": Family("Phi3Config", {**_SHARED, "pad_token_id": 1}, ("qkv_proj", "o_proj")),
    "OLMo 2": Family("Olmo2Config", _SHARED, _ATTENTION),
    "Granite": Family(
        "GraniteConfig", {**_SHARED, "logits_scaling": 0.25, "embedding_multiplier": 3.0},
        _ATTENTION),
    "Falcon-H1": Family(
        "FalconH1Config", {**_SHARED, "lm_head_multiplier": 0.3, "mamba_d_ssm": 32,
                           "mamba_n_heads": 4, "mamba_d_head": 8, "mamba_d_state": 4},
        _ATTENTION),
    "GPT-OSS": Family("GptOssConfig", {**_HEADS, "num_local_experts": 4}, _ATTENTION),
    "StableLM": Family("StableLmConfig", _SHARED),
    "Cohere": Family("CohereConfig", {**_SHARED, "logit_scale": 4.0}, _ATTENTION),
    "Mamba": Family("MambaConfig", {"hidden_size": 32, "num_hidden_layers": 2,
                                    "state_size": 4}, ("in_proj", "x_proj")),
    "Mamba 2": Family(
        "Mamba2Config", {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 4,
                         "num_heads": 8, "head_dim": 8, "n_groups": 1}, ("in_proj",)),
    "RWKV": Family("RwkvConfig", {"hidden_size": 32, "num_hidden_layers": 2,
                                  "attention_hidden_size": 32, "context_length": 96}),
    "XLNet": Family("XLNetConfig", {"d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 48}),
    "T5": Family("T5Config", {"d_model": 32, "num_layers": 2, "num_heads": 4, "d_kv": 8,
                              "d_ff": 48, "decoder_start_token_id": 0}),
    "BART": Family(
        "BartConfig", {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2,
                       "encoder_attention_heads": 4, "decoder_attention_heads": 4,
                       "encoder_ffn_dim": 48, "decoder_ffn_dim": 48,
                       "max_position_embeddings": 96}),
    "BERT": Family("BertConfig", _WIDE),
    "RoBERTa": Family("RobertaConfig", _WIDE),
    "DistilBERT": Family(
        "DistilBertConfig", {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48,
                             "max_position_embeddings": 96}, ("q_lin", "v_lin")),
    "ModernBERT": Family("ModernBertConfig", _WIDE, ("Wqkv", "Wo")),
    "DeBERTa": Family("DebertaConfig", _WIDE),
    "DeBERTa-v2": Family("DebertaV2Config", {
        **_WIDE, "relative_attention": True, "pos_att_type": ["p2c", "c2p"],
        "position_buckets": 8}),
    "ELECTRA": Family("ElectraConfig", {**_WIDE, "embedding_size": 32}),
    "ALBERT": Family("AlbertConfig", {**_WIDE, "embedding_size": 16}, ("query", "value")),
}  # fmt: skip

WAYS: Mapping[str, tuple[str, str]] = {
    "prompted, all weights": ("causal", "all"),
    "prompted, LoRA": ("causal", "lora"),
    "prompted, prefix": ("causal", "prefix"),
    "classifier, all weights": ("classifier", "all"),
    "classifier, LoRA": ("classifier", "lora"),
}
"""Columns of the table: `model.kind` and `model.train`."""


class WrongError(AssertionError):
    """A family is let in, but its losses, probes or steps are not what they should be."""


@dataclass(frozen=True)
class Found:
    """What came out for a family in one way: an empty sentence where it works."""

    sentence: str = ""
    is_with_targets: bool = False


def main() -> None:
    """Try all and write the page."""
    PAGE.write_text(page_of({name: tried(name) for name in FAMILIES}))


def tried(name: str) -> Mapping[str, Found]:
    """Try one family in all ways."""
    return {way: _tried(name, *WAYS[way]) for way in WAYS}


def page_of(found: Mapping[str, Mapping[str, Found]]) -> str:
    """Return the page."""
    rows = [row_of(name, row) for name, row in found.items()]
    said: dict[str, list[str]] = {}
    for name, row in found.items():
        for sentence in dict.fromkeys(one.sentence for one in row.values() if one.sentence):
            said.setdefault(sentence, []).append(name)
    refusals = [f"- {', '.join(names)}: {sentence}" for sentence, names in said.items()]
    heading = f"| family | {' | '.join(WAYS)} |\n|---|{'---|' * len(WAYS)}"
    return "\n".join([INTRODUCTION, versions(), "", heading, *rows, REFUSED, *refusals, ""])


def versions() -> str:
    """Return the line of the page that says with what it was written."""
    packages = ("torch", "transformers", "peft")
    return f"Written with {', '.join(f'{p} {metadata.version(p)}' for p in packages)}."


def row_of(name: str, found: Mapping[str, Found]) -> str:
    """Return a family's line of the table."""
    return f"| {name} | {' | '.join(map(_cell, found.values()))} |"


INTRODUCTION = """# Families of models

What is tried here is a folder of random weights of each family, loaded and trained as a run does it
(`docs/model_families.py` writes this page, and a test compares it). "Yes" means: losses equal
those of the model's own logits, probes equal those of a copy moved by hand, and one step moves what
shall learn and nothing else. "With targets" is a yes with `model.lora_targets`, because peft does
not know where to put LoRA there. What was not tried may work: every model is compared with its own
logits when it is loaded, and refused in a sentence where they differ.
"""

REFUSED = """
## What is refused

The sentences that a run ends with, before its first round:
"""


def _cell(found: Found) -> str:
    if found.sentence:
        return "no"
    return "with targets" if found.is_with_targets else "yes"


def _tried(name: str, kind: str, train: str) -> Found:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_folder(name, kind, folder)
        try:
            loaded = load_model(place) if kind == "causal" else load_classifier(place, 2)
            model, is_with_targets = _trainable(name, loaded, train)
            check(model, loaded, kind)
        except (ModelUnavailableError, NothingToTrainError) as refused:
            return Found(_own_words(str(refused).replace(place, "FOLDER")))
    return Found(is_with_targets=is_with_targets)


def _own_words(sentence: str) -> str:
    """Leave out what other packages say, and figures in which machines may differ."""
    return re.sub(r"changes by \S+ of", "changes by a part of", re.sub(r" \(.*\)", "", sentence))


def _trainable(name: str, loaded: LanguageModel, train: str) -> tuple[torch.nn.Module, bool]:
    if train == "prefix":
        return with_prefix(loaded.model, 3, loaded.tokenizer), False
    if train == "lora":
        targets = FAMILIES[name].lora_targets
        return with_lora(loaded.model, 2, targets=targets), bool(targets)
    return loaded.model, False


def write_folder(name: str, kind: str, folder: Path) -> None:
    """Save a family's model with random weights, and a tokenizer of bytes."""
    tokenizer = byte_tokenizer()
    special = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 1}
    shape = {"vocab_size": len(tokenizer), "num_labels": 2, **special, **FAMILIES[name].shape}
    config = getattr(transformers, FAMILIES[name].config)(**shape)
    wanted, body = {
        "causal": (transformers.AutoModelForCausalLM, transformers.AutoModel),
        "classifier": (transformers.AutoModelForSequenceClassification, transformers.AutoModel),
    }[kind]
    # Without a class for this use the folder holds what the family has: the body alone.
    chosen = wanted if type(config) in wanted._model_mapping else body
    with quiet_transformers(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(1)
        model = chosen.from_config(config)
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.data.mul_(4)  # words shall matter, also without training
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def byte_tokenizer() -> transformers.PreTrainedTokenizerFast:
    """Return a tokenizer whose tokens are bytes, which every family's own class reads alike."""
    words = ["</s>", "<pad>", "<unk>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE({word: i for i, word in enumerate(words)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = TemplateProcessing(single="</s> $A", special_tokens=[("</s>", 0)])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="</s>", eos_token="</s>", pad_token="<pad>",
        unk_token="<unk>",
    )  # fmt: skip


def check(model: torch.nn.Module, loaded: LanguageModel, kind: str) -> None:
    """Compare losses, probes and a step of a model with what they stand for.

    Raises:
        WrongError: They differ.
    """
    encode, scores, own = (
        (encode_examples, candidate_scores, own_prompted_loss)
        if kind == "causal"
        else (encode_prompts, class_scores, own_class_loss)
    )
    losses, examples = cross_entropy(scores), encode(EXAMPLES, TASK, loaded.tokenizer)
    with torch.inference_mode():
        expected = torch.stack([own(model, example) for example in examples])
        _same("losses", losses(model, examples), expected)
    found = probe_losses(model, losses, examples, SEED, Probe(SCALE))
    for side, sign in ((found.plus, 1.0), (found.minus, -1.0)):
        with torch.inference_mode():
            moved = losses(moved_by_hand(model, sign * SCALE), examples)
        _same("probes", torch.from_numpy(side), moved)
    if abs(found.plus - found.minus).max() < 1e-4:
        raise WrongError("no loss depends on what shall learn")
    stepped = moved_by_hand(model, -0.25 * SCALE)
    take_step(model, [Update(SEED, 1.0, 0.25 * SCALE)], UpdateRule(), Probe().kind)
    for (name, one), other in zip(model.named_parameters(), stepped.parameters(), strict=True):
        _same(f"step of {name}", one.detach(), other.detach())


def _same(what: str, found: torch.Tensor, expected: torch.Tensor) -> None:
    error = float((found.double() - expected.double()).abs().max())
    if not error < 1e-5 * max(1.0, float(expected.abs().max())):
        raise WrongError(f"{what}: {found.flatten()[:3]} instead of {expected.flatten()[:3]}")


def own_prompted_loss(model: torch.nn.Module, example: EncodedExample) -> torch.Tensor:
    """Return the loss of one example from the model's own logits of each candidate alone."""
    scores = []
    for words in example.candidates:
        logits = model(input_ids=torch.tensor([[*example.prompt, *words]])).logits[0]
        first = len(example.prompt) - 1
        scored = logits.log_softmax(dim=1)[first : first + len(words)]
        scores.append(scored[torch.arange(len(words)), list(words)].sum())
    return -torch.stack(scores).log_softmax(dim=0)[example.label]


def own_class_loss(model: torch.nn.Module, example: EncodedExample) -> torch.Tensor:
    """Return the loss of one example from a classifier's own logits of it alone."""
    logits = model(input_ids=torch.tensor([example.prompt])).logits[0]
    return -logits.log_softmax(dim=0)[example.label]


def moved_by_hand(model: torch.nn.Module, scale: float) -> torch.nn.Module:
    """Return a copy whose trainable weights are moved along the direction's definition."""
    moved = copy.deepcopy(model)
    with torch.no_grad():
        for placement in placements(moved):
            z = direction(SEED, placement.start, placement.parameter.numel())
            placement.parameter.add_(scale * torch.from_numpy(z).view(placement.parameter.shape))
    return moved


if __name__ == "__main__":
    main()
