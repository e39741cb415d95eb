"""The share of unknown tokens, where the unknown one also stands around every text."""

from collections.abc import Sequence

import pytest

from zo_core.language.unknown_tokens import unknown_token_share


class Tokenizer:
    """Gives the tokens around an empty text, as OPT's (2 starts, and is unknown) or BERT's do."""

    def __init__(self, around: list[int], unknown: int | None) -> None:
        self.around, self.unk_token_id = around, unknown

    def __call__(self, text: str) -> dict[str, list[int]]:
        assert text == ""
        return {"input_ids": self.around}


@pytest.mark.parametrize(
    ("around", "unknown", "prompts", "share"),
    [
        ([2], 2, [(2, 7, 8), (2, 9)], 0.0),
        ([2], 2, [(2, 7, 2), (2, 2)], 2 / 3),
        ([101, 102], 100, [(101, 7, 100, 8, 9, 102)], 1 / 4),
        ([], 0, [(0, 0, 1, 1)], 1 / 2),
        ([], None, [(0, 0)], 0.0),
        ([2], 2, [(2,)], 0.0),
    ],
)
def test_what_stands_around_a_text_is_not_counted(
    around: list[int], unknown: int | None, prompts: Sequence[Sequence[int]], share: float
) -> None:
    assert unknown_token_share(prompts, Tokenizer(around, unknown)) == pytest.approx(share)
