"""Is a model scored as it scores itself? Asked once, when it is loaded, on real prompts.

Our scores come from hidden states of padded batches and from the few words that a label needs
(`objective`). That is right for a family only if its own `logits` say the same.
"""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from transformers import PreTrainedTokenizerBase

from zo_core.language.encoding import EncodedExample
from zo_core.language.head import CAPS, DIVISORS, FACTORS, head_of, plain_model
from zo_core.language.objective import class_scores, last_hidden_states

if TYPE_CHECKING:
    from peft import PeftModel

PROMPTS = ("It was", "A film that nobody will forget. It was")
_TOLERANCE = {torch.float32: 1e-3}
_TOLERANCE_16_BIT = 0.1
"""Largest root mean square error of the logits, in standard deviations of them. Rounding to
bfloat16 made up to 0.02 in tiny models of 38 families; a wrong factor or mask makes more."""


class ScoresDifferError(ValueError):
    """A model's own logits are not what its loss would be made of."""


def check_causal(model: torch.nn.Module, tokenizer: PreTrainedTokenizerBase) -> None:
    """See to it that words are scored as the model itself scores them.

    Args:
        model: Causal language model in evaluation mode, also with a prefix.
        tokenizer: Its tokenizer.

    Raises:
        ScoresDifferError: With what differs and what to do.
    """
    kind = type(plain_model(model)).__name__
    head = head_of(model)
    if head is None:
        raise ScoresDifferError(
            f"{kind} has no linear head over its vocabulary, so its labels cannot be scored; use "
            'another model, or model.kind = "classifier" where it has one'
        )
    rows = _rows(tokenizer)
    try:
        with torch.inference_mode():
            own = torch.stack([_own(model, row)[-1] for row in rows])
            first = torch.stack([_own(model, row)[0] for row in rows])
            start = torch.stack([_own(model, row[:1])[0] for row in rows])
            scored = head.logits(last_hidden_states(model, rows), slice(None))
    except Exception as error:  # models of many hands raise what they like
        raise ScoresDifferError(_cannot_run(kind, error)) from error
    if not bool(own.isfinite().all()):
        raise ScoresDifferError(
            f"{kind} has logits that are no finite numbers in {_format(model)}; try another "
            "model.weight_format, or an undamaged copy of its weights"
        )
    if _error(first, start) > _tolerance(model):
        raise ScoresDifferError(
            f"{kind} reads texts in both directions, so it cannot be prompted for its next word: "
            'use model.kind = "classifier", or a causal language model'
        )
    if not _error(scored, own) <= _tolerance(model):
        raise ScoresDifferError(
            f"the logits of {kind} are not its hidden states times its head: they differ by "
            f"{_error(scored, own):.2g} of their spread{_suspects(model)}; its loss is wrong; "
            "use a model of another family"
        )


def check_prefix(model: "PeftModel", tokenizer: PreTrainedTokenizerBase) -> None:
    """See to it that a learned prefix is read, and scored as peft itself scores behind it.

    Args:
        model: Causal language model in evaluation mode, in peft's wrapper with a prefix.
        tokenizer: Its tokenizer.

    Raises:
        ScoresDifferError: With what differs and what to do.
    """
    check_causal(model, tokenizer)
    row = _rows(tokenizer)[0]
    with torch.inference_mode():
        behind_prefix = _own(model, row)
        with model.disable_adapter():
            without = _own(model, row)
    if torch.equal(behind_prefix, without):
        raise ScoresDifferError(f"{type(plain_model(model)).__name__} does not read it")


def check_classifier(model: torch.nn.Module, tokenizer: PreTrainedTokenizerBase) -> None:
    """See to it that company in a batch does not change what a classifier says.

    Args:
        model: Sequence classifier in evaluation mode.
        tokenizer: Its tokenizer.

    Raises:
        ScoresDifferError: With what differs and what to do.
    """
    kind, rows = type(plain_model(model)).__name__, _rows(tokenizer)
    examples = [EncodedExample(tuple(row), (), 0) for row in rows]
    try:
        with torch.inference_mode():
            together = class_scores(model, examples)
            alone = torch.cat([_own(model, row) for row in rows])
    except Exception as error:  # models of many hands raise what they like
        raise ScoresDifferError(_cannot_run(kind, error)) from error
    if not _error(together, alone) <= _tolerance(model):
        raise ScoresDifferError(
            f"what {kind} says of a text changes by {_error(together, alone):.2g} of its spread "
            "with other texts in the batch: either config.pad_token_id is not the tokenizer's "
            "padding token, or the family takes padding for words; use another model"
        )


def _rows(tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    return [list(row) for row in tokenizer(list(PROMPTS))["input_ids"]]


def _own(model: torch.nn.Module, row: Sequence[int]) -> torch.Tensor:
    """Return the model's logits of one text alone, as anybody would ask for them."""
    token_ids = torch.tensor([row], device=plain_model(model).device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft names a prefix as it was named before
        logits: torch.Tensor = model(input_ids=token_ids).logits.float()
    return logits[0] if logits.dim() == 3 else logits


def _error(found: torch.Tensor, expected: torch.Tensor) -> float:
    spread = expected.double().std()
    return float((found.double() - expected.double()).square().mean().sqrt() / spread)


def _format(model: torch.nn.Module) -> str:
    return str(plain_model(model).dtype).removeprefix("torch.")


def _tolerance(model: torch.nn.Module) -> float:
    return _TOLERANCE.get(plain_model(model).dtype, _TOLERANCE_16_BIT)


def _cannot_run(kind: str, error: Exception) -> str:
    said = str(error).strip().partition("\n")[0]
    return f"{kind} cannot be run on the texts of a batch ({type(error).__name__}: {said})"


def _suspects(model: torch.nn.Module) -> str:
    """Name the keys of the config that may say what else becomes of logits."""
    applied = {*FACTORS, *DIVISORS, *CAPS}
    config = plain_model(model).config.get_text_config().to_dict()
    words = ("logit", "cap", "multiplier", "scal")
    found = [
        f"{key} = {value}"
        for key, value in config.items()
        if key not in applied
        and isinstance(value, int | float)
        and not isinstance(value, bool)
        and value != 1
        and any(word in key for word in words)
    ]
    return f" (its config says {', '.join(found)})" if found else ""
