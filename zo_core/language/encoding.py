"""Examples as token ids, made once and used in every round."""

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from zo_core.data.examples import DataError, Example
from zo_core.language.tasks import PromptTask


@dataclass(frozen=True)
class EncodedExample:
    """An example as a language model meets it.

    Attributes:
        prompt: Token ids of the prompt, at least one.
        candidates: Token ids of what may follow it, one tuple a label.
        label: Index of the right candidate.
    """

    prompt: tuple[int, ...]
    candidates: tuple[tuple[int, ...], ...]
    label: int

    @property
    def n_tokens(self) -> int:
        """Tokens of prompt and longest candidate."""
        return len(self.prompt) + max(map(len, self.candidates), default=0)


def encode_examples(
    examples: Sequence[Example],
    task: PromptTask,
    tokenizer: PreTrainedTokenizerBase,
    max_tokens: int = 256,
) -> list[EncodedExample]:
    """Turn examples into token ids.

    Where prompt and longest candidate have more than max_tokens tokens, the beginning of the
    prompt is cut, after the token that starts every text: its end says what is asked.

    Args:
        examples: Examples whose labels the task knows.
        task: Gives prompt and continuations.
        tokenizer: Tokenizer of the model.
        max_tokens: Most tokens of prompt and candidate together; the tokenizer's own limit holds
            too.

    Returns:
        The encoded examples, in order.

    Raises:
        DataError: The tokenizer does not know a word of a candidate, or max_tokens leaves no
            room for a prompt.
    """
    prompts = tokenizer([task.prompt(example) for example in examples])["input_ids"]
    start = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    longest = min(max_tokens, tokenizer.model_max_length)
    known: dict[str, tuple[int, ...]] = {}
    encoded = []
    for example, prompt in zip(examples, prompts, strict=True):
        texts = task.continuations(example)
        for text in texts:
            if text not in known:
                known[text] = _candidate(text, tokenizer)
        candidates = tuple(known[text] for text in texts)
        tokens = cut_prompt(prompt, start, longest - max(map(len, candidates)))
        encoded.append(EncodedExample(tokens, candidates, task.labels.index(example.label)))
    return encoded


def encode_prompts(
    examples: Sequence[Example],
    task: PromptTask,
    tokenizer: PreTrainedTokenizerBase,
    max_tokens: int = 256,
) -> list[EncodedExample]:
    """Turn examples into token ids for a sequence classifier, which needs no candidates.

    Args:
        examples: Examples whose labels the task knows.
        task: Gives the prompts.
        tokenizer: Tokenizer of the model; it cuts longer texts, on its own side.
        max_tokens: Most tokens of a text; the tokenizer's own limit holds too.

    Returns:
        The encoded examples, in order, without candidates.
    """
    longest = min(max_tokens, tokenizer.model_max_length)
    texts = [task.prompt(example) for example in examples]
    rows = tokenizer(texts, truncation=True, max_length=longest)["input_ids"]
    return [
        EncodedExample(tuple(row), (), task.labels.index(example.label))
        for row, example in zip(rows, examples, strict=True)
    ]


def _candidate(text: str, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    tokens: list[int] = tokenizer(f" {text}", add_special_tokens=False)["input_ids"]
    if not tokens or tokenizer.unk_token_id in tokens:
        raise DataError(
            f"the tokenizer does not know every word of the label text {text!r}, so it cannot be "
            "scored; choose a word of the model's vocabulary as verbaliser"
        )
    return tuple(tokens)


def cut_prompt(prompt: Sequence[int], start: Sequence[int], room: int) -> tuple[int, ...]:
    """Keep the end of a prompt that is too long, behind the token that starts every text.

    Args:
        prompt: Token ids.
        start: What starts every text, if anything does.
        room: Most tokens.

    Raises:
        DataError: There is no room for a prompt.
    """
    if len(prompt) <= room:
        return tuple(prompt)
    kept = [token for token in start if prompt[0] == token]
    if room <= len(kept):
        raise DataError(f"max_tokens leaves {room} tokens for the prompt, too few; raise it")
    return (*kept, *prompt[len(prompt) - room + len(kept) :])
