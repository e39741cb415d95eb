"""Questions with free answers: the loss of the right answer, and F1 of a generated one."""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerBase

from zo_core.data.examples import Example
from zo_core.language.encoding import EncodedExample, cut_prompt
from zo_core.language.objective import candidate_scores, next_tokens
from zo_core.language.tasks import QuestionTask

ANSWER_SEPARATOR = "\n"
"""Between the right answers of one example, where there are several."""


@dataclass(frozen=True)
class EncodedQuestion:
    """A question as a language model meets it.

    Attributes:
        prompt: Token ids of context and question.
        answer: Token ids of the first right answer and of the end of a text.
        right_answers: All right answers, as texts.
    """

    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    right_answers: tuple[str, ...]

    @property
    def n_tokens(self) -> int:
        """Tokens of prompt and answer."""
        return len(self.prompt) + len(self.answer)


def encode_questions(
    examples: Sequence[Example],
    task: QuestionTask,
    tokenizer: PreTrainedTokenizerBase,
    max_tokens: int = 512,
    room_for_answer: int = 24,
) -> list[EncodedQuestion]:
    """Turn questions into token ids; of a prompt that is too long the beginning is cut.

    Args:
        examples: Their labels are the right answers, separated by line ends.
        task: Gives the prompts.
        tokenizer: Tokenizer of the model.
        max_tokens: Most tokens of prompt and answer together.
        room_for_answer: Tokens kept for an answer.

    Returns:
        The encoded questions, in order.

    Raises:
        DataError: There is no room for a prompt.
    """
    start = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    room = min(max_tokens, tokenizer.model_max_length) - room_for_answer
    encoded = []
    for example in examples:
        answers = tuple(example.label.split(ANSWER_SEPARATOR))
        tokens = tokenizer(f" {answers[0]}", add_special_tokens=False)["input_ids"]
        answer = (*tokens[: room_for_answer - 1], tokenizer.eos_token_id)
        prompt = cut_prompt(tokenizer(task.prompt(example))["input_ids"], start, room)
        encoded.append(EncodedQuestion(prompt, answer, answers))
    return encoded


def answer_losses(model: torch.nn.Module, questions: Sequence[EncodedQuestion]) -> torch.Tensor:
    """Give the mean negative log-likelihood of the right answer's tokens, for each question.

    Args:
        model: Causal language model of transformers in evaluation mode.
        questions: At least one.

    Returns:
        Losses in nats a token, float32, shape (n_questions,).
    """
    # Asked to score a lone token, a candidate's score leaves out the normaliser: every
    # answer has two tokens at least, its own and the end of the text.
    examples = [EncodedExample(q.prompt, (q.answer,), 0) for q in questions]
    lengths = torch.tensor([len(q.answer) for q in questions])
    scores = candidate_scores(model, examples)[:, 0]
    return -scores / lengths.to(scores.device)


def f1_losses(
    tokenizer: PreTrainedTokenizerBase, max_new_tokens: int = 16
) -> Callable[[torch.nn.Module, Sequence[EncodedQuestion]], torch.Tensor]:
    """Return the loss of each question: 1 minus the F1 of the answer that is generated.

    It has no gradient; a zeroth-order step needs none.

    Args:
        tokenizer: Turns tokens into text.
        max_new_tokens: Longest answer.
    """

    def losses(model: torch.nn.Module, questions: Sequence[EncodedQuestion]) -> torch.Tensor:
        rows = _generated(model, questions, tokenizer.eos_token_id, max_new_tokens)
        texts = [str(tokenizer.decode(row, skip_special_tokens=True)) for row in rows]
        scores = [answer_f1(t, q.right_answers) for t, q in zip(texts, questions, strict=True)]
        return 1.0 - torch.tensor(scores, dtype=torch.float32)

    return losses


def answer_f1(answer: str, right_answers: Sequence[str]) -> float:
    """Return the F1 of the words of an answer against the right one that fits best.

    As SQuAD v1.1 is scored: lower case, no punctuation, no articles
    (Rajpurkar et al., EMNLP 2016, arXiv 1606.05250, section 6.1).

    >>> answer_f1("the Eiffel Tower", ["Eiffel tower in Paris", "Paris"])
    0.6666666666666666
    """
    return max(_f1(_words(answer), _words(right)) for right in right_answers)


def _f1(found: list[str], right: list[str]) -> float:
    if not found or not right:
        return float(found == right)
    common = (Counter(found) & Counter(right)).total()
    return 2 * common / (len(found) + len(right))


def _words(text: str) -> list[str]:
    plain = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", plain).split()


def _generated(
    model: torch.nn.Module, questions: Sequence[EncodedQuestion], end: int, max_new_tokens: int
) -> list[list[int]]:
    """Return the most likely tokens one after the other, until every answer has ended."""
    rows: list[list[int]] = [[] for _ in questions]
    open_rows = list(range(len(questions)))
    for _ in range(max_new_tokens):
        texts = [(*questions[row].prompt, *rows[row]) for row in open_rows]
        tokens = next_tokens(model, texts)
        for row, token in zip(open_rows, tokens, strict=True):
            rows[row].append(token)
        open_rows = [row for row in open_rows if rows[row][-1] != end]
        if not open_rows:
            break
    return rows
