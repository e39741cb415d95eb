"""A model that is not scored as it scores itself is refused in a sentence."""

from collections.abc import Iterator, Mapping

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    BertConfig,
    CohereConfig,
    FNetConfig,
    Gemma2Config,
    GraniteConfig,
    LlamaConfig,
    Mamba2Config,
    PhiConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
)

from tests.zo_core.language.tiny_models import prompt_tokenizer, wide
from zo_core.language import head, own_logits
from zo_core.language.models import _longest_text
from zo_core.language.own_logits import ScoresDifferError, check_causal, check_classifier
from zo_core.language.trainable import NothingToTrainError, with_lora, with_prefix

WIDE = wide(n_layers=1)
SHARED = {**WIDE, "num_key_value_heads": 2, "bos_token_id": 2, "eos_token_id": 2}
AFTER_HEAD: Mapping[str, PreTrainedConfig] = {
    "logits_scaling": GraniteConfig(**SHARED, logits_scaling=0.5),
    "logit_scale": CohereConfig(**SHARED, logit_scale=1.5),
    "final_logit_softcapping": Gemma2Config(**SHARED, head_dim=8, final_logit_softcapping=1.5),
}


@pytest.fixture(autouse=True)
def _same_weights() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        yield


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return prompt_tokenizer()


def causal(config: PreTrainedConfig) -> PreTrainedModel:
    model = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4 if parameter.dim() > 1 else 1)
    return model


@pytest.mark.parametrize("key", AFTER_HEAD)
def test_what_follows_a_head_is_applied_or_named(
    key: str, tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = causal(AFTER_HEAD[key])
    check_causal(model, tokenizer)
    for module in (head, own_logits):
        for names in ("FACTORS", "DIVISORS", "CAPS"):
            known = tuple(name for name in getattr(head, names) if name != key)
            monkeypatch.setattr(module, names, known)
    with pytest.raises(ScoresDifferError, match=rf"not its hidden states.*{key} = \d"):
        check_causal(model, tokenizer)


def test_a_bias_of_the_head_counts(tokenizer: PreTrainedTokenizerFast) -> None:
    model = causal(PhiConfig(**SHARED))
    torch.nn.init.normal_(model.get_output_embeddings().bias)
    check_causal(model, tokenizer)
    made = head.head_of(model)
    assert made is not None
    hidden, words = torch.randn(3, 16), torch.tensor([7, 2, 7])
    expected = model.get_output_embeddings()(hidden)[:, words]
    torch.testing.assert_close(made.logits(hidden, words), expected)


def test_a_model_that_reads_both_ways_is_no_prompted_one(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    with pytest.raises(ScoresDifferError, match="BertLMHeadModel reads texts in both directions"):
        check_causal(causal(BertConfig(**WIDE)), tokenizer)


def test_a_classifier_that_reads_padding_is_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    for config, is_right in ((BertConfig(**WIDE), True), (FNetConfig(**WIDE), False)):
        model = AutoModelForSequenceClassification.from_config(config).eval()
        if is_right:
            check_classifier(model, tokenizer)
        else:
            with pytest.raises(ScoresDifferError, match="takes padding for words"):
                check_classifier(model, tokenizer)


def test_logits_that_are_no_numbers_are_named(tokenizer: PreTrainedTokenizerFast) -> None:
    model = causal(LlamaConfig(**SHARED)).to(torch.float16)
    model.get_output_embeddings().weight.data.fill_(torch.inf)
    with pytest.raises(ScoresDifferError, match=r"no finite numbers in float16.*weight_format"):
        check_causal(model, tokenizer)


def test_a_model_that_cannot_run_is_refused_in_a_sentence(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    model = causal(LlamaConfig(**{**SHARED, "vocab_size": 4}))
    with pytest.raises(ScoresDifferError, match=r"cannot be run on the texts of a batch \(Index"):
        check_causal(model, tokenizer)


def test_a_prefix_that_is_not_read_is_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    shape = {"state_size": 4, "num_heads": 4, "head_dim": 8, "n_groups": 1}
    config = Mamba2Config(vocab_size=20, hidden_size=16, num_hidden_layers=1, **shape)
    # That of transformers 5.5 cannot be run with a prefix at all.
    why = r"cannot take a prefix.*(does not read it|cannot be run)"
    with pytest.raises(NothingToTrainError, match=why):
        with_prefix(causal(config), 3, tokenizer)


def test_a_prefix_takes_places_of_the_text(tokenizer: PreTrainedTokenizerFast) -> None:
    before = tokenizer.model_max_length
    with_prefix(causal(LlamaConfig(**SHARED)), 3, tokenizer)
    assert tokenizer.model_max_length == before - 3
    tokenizer.model_max_length = before


@pytest.mark.parametrize("config", [AFTER_HEAD["logits_scaling"], AFTER_HEAD["logit_scale"]])
def test_lora_says_which_layers_it_may_go_beside(config: PreTrainedConfig) -> None:
    wanted = r"model\.lora_targets: its linear ones are q_proj, k_proj"
    with pytest.raises(NothingToTrainError, match=f"peft does not know where.*{wanted}"):
        with_lora(causal(config), 2)
    with pytest.raises(NothingToTrainError, match=f"is called nowhere; name layers.*{wanted}"):
        with_lora(causal(config), 2, targets=("nowhere",))
    adapted = with_lora(causal(config), 2, targets=("o_proj",))
    names = [name for name, p in adapted.named_parameters() if p.requires_grad]
    assert len(names) == 2 and all("o_proj.lora_" in name for name in names)


def test_the_longest_text_is_known_or_without_limit() -> None:
    roberta = AutoModelForSequenceClassification.from_config(RobertaConfig(**WIDE)).eval()
    assert _longest_text(roberta) == 38
    roberta(input_ids=torch.full((1, 38), 5))
    with pytest.raises((IndexError, RuntimeError)):
        roberta(input_ids=torch.full((1, 39), 5))
    assert _longest_text(causal(LlamaConfig(**SHARED))) == 40
    shape = {"state_size": 4, "num_heads": 4, "head_dim": 8, "n_groups": 1}
    endless = causal(Mamba2Config(vocab_size=20, hidden_size=16, num_hidden_layers=1, **shape))
    assert _longest_text(endless) > 10**9
