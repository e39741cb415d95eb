"""How much of a data set a tokenizer does not know: what reaches the model as one same token."""

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase


def unknown_token_share(
    prompts: Sequence[Sequence[int]], tokenizer: PreTrainedTokenizerBase
) -> float:
    """Return the share of tokens that stand for something that the tokenizer does not know.

    Tokens that it puts before or behind every text are not counted: with some tokenizers (OPT)
    the one that starts a text has the number of the unknown one.

    Args:
        prompts: Token ids of texts, at least one of them with a token of its own.
        tokenizer: What made them.

    Returns:
        In [0, 1]; 0 for tokenizers without an unknown token, and for those of bytes, which know
        every text.
    """
    unknown = tokenizer.unk_token_id
    around: list[int] = tokenizer("")["input_ids"]
    n_tokens = sum(max(len(prompt) - len(around), 0) for prompt in prompts)
    if unknown is None or not n_tokens:
        return 0.0
    at_ends = around.count(unknown)
    n_unknown = sum(max(tuple(prompt).count(unknown) - at_ends, 0) for prompt in prompts)
    return n_unknown / n_tokens
