"""Classification as prompts: a text becomes a prompt, a label becomes what may follow it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from string import Formatter

from zo_core.data.examples import DataError, Example


@dataclass(frozen=True)
class QuestionTask:
    """A task whose answers are free text.

    Attributes:
        name: Name of the task.
        template: Prompt with the columns of the data in braces.
        label_column: Column with the right answers.
    """

    name: str
    template: str
    label_column: str

    @property
    def columns(self) -> tuple[str, ...]:
        """Text columns that the task reads, in order of appearance."""
        return tuple(dict.fromkeys(_columns_of(self.template)))

    def prompt(self, example: Example) -> str:
        """Give the prompt of an example."""
        return self.template.format_map(example.fields).strip()


@dataclass(frozen=True)
class PromptTask:
    """A classification task for a language model.

    The model chooses the label whose continuation is most likely after the prompt.

    Attributes:
        name: Name of the task.
        template: Prompt with the columns of the data in braces, such as
            ``{sentence} It was``.
        verbaliser: Continuation for each label of the data; it may hold columns too, as in
            multiple choice. One space is put between prompt and continuation.
        label_column: Column with the label.
    """

    name: str
    template: str
    verbaliser: Mapping[str, str]
    label_column: str = "label"

    def __post_init__(self) -> None:
        if len(self.verbaliser) < 2:
            raise ValueError(
                f"task {self.name!r}: the verbaliser knows {len(self.verbaliser)} labels; "
                "classification needs at least 2"
            )
        if not _columns_of(self.template):
            raise ValueError(
                f"task {self.name!r}: template {self.template!r} names no column; write the text "
                "column in braces, such as '{sentence} It was'"
            )
        words = [text.strip() for text in self.verbaliser.values()]
        if not all(words) or len(set(words)) < len(words):
            raise ValueError(
                f"task {self.name!r}: the labels are written as {words}; each label needs words "
                "of its own"
            )

    @property
    def columns(self) -> tuple[str, ...]:
        """Text columns that the task reads, in order of appearance."""
        forms = (self.template, *self.verbaliser.values())
        return tuple(dict.fromkeys(column for form in forms for column in _columns_of(form)))

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels in the order of the candidates."""
        return tuple(self.verbaliser)

    def prompt(self, example: Example) -> str:
        """Give the prompt of an example."""
        return self.template.format_map(example.fields).strip()

    def continuations(self, example: Example) -> tuple[str, ...]:
        """Give what may follow the prompt, one text a label."""
        return tuple(words.format_map(example.fields).strip() for words in self.verbaliser.values())


def _columns_of(form: str) -> Sequence[str]:
    return [column for _, column, _, _ in Formatter().parse(form) if column]


SST2 = PromptTask("sst2", "{sentence} It was", {"0": "terrible", "1": "great"})
"""Sentiment of a sentence, as MeZO (Malladi et al., NeurIPS 2023, arXiv 2305.17333) prompts it."""

RTE = PromptTask(
    "rte",
    '{premise} Does this mean that "{hypothesis}" is true? Yes or No?',
    {"0": "Yes", "1": "No"},
)
"""Does a sentence follow from a text? Labels as in SuperGLUE: 0 it does, 1 it does not."""

CB = PromptTask(
    "cb",
    'Suppose {premise} Can we conclude that "{hypothesis}"? Yes, No, or Maybe?',
    {"0": "Yes", "1": "No", "2": "Maybe"},
)
"""CommitmentBank, labels as in SuperGLUE: 0 entailment, 1 contradiction, 2 neutral."""

BOOLQ = PromptTask("boolq", "{passage} {question}?", {"0": "No", "1": "Yes"})
"""A yes-or-no question on a passage; SuperGLUE's labels."""

WIC = PromptTask(
    "wic",
    'Is the word "{word}" used in the same sense in these two sentences? Yes or No? '
    "{sentence1} {sentence2}",
    {"0": "No", "1": "Yes"},
)
"""One word in two sentences; SuperGLUE's labels."""

COPA = PromptTask(
    "copa", "{premise} What was the {question}?", {"0": "{choice1}", "1": "{choice2}"}
)
"""Which of two sentences is the cause (or effect) of a third; column ``question`` says which."""

SQUAD = QuestionTask("squad", "{context} Question: {question} Answer:", "answers")
"""Extractive questions on a passage, SQuAD v1.1; columns as on the hub."""

AG_NEWS = PromptTask(
    "ag_news",
    "{text} It is about",
    {"0": "the world", "1": "sports", "2": "business", "3": "technology"},
)
"""Four kinds of news; labels as in the data set ``ag_news``."""

TASKS: Mapping[str, PromptTask | QuestionTask] = {
    task.name: task for task in (SST2, RTE, CB, BOOLQ, WIC, COPA, AG_NEWS, SQUAD)
}
"""The tasks that come with the package.

Columns are those of the data sets on the hub (SuperGLUE, ``ag_news``); the forms of SST-2, RTE,
CB, BoolQ, WiC, COPA and SQuAD follow the kind of prompt that MeZO uses for them
(Malladi et al., NeurIPS 2023, arXiv 2305.17333, appendix on prompts), in our words.
"""


def task_by_name(name: str) -> PromptTask | QuestionTask:
    """Give a task that comes with the package.

    Raises:
        DataError: There is none of that name.
    """
    if name not in TASKS:
        raise DataError(f"there is no task {name!r}; known are {', '.join(map(repr, TASKS))}")
    return TASKS[name]


def with_data_labels(examples: Iterable[Example], task: PromptTask) -> list[Example]:
    """Let label words stand for their labels: ``great`` in the data for the ``1`` of SST-2.

    A label that the verbaliser knows stays as it is; of the others, one that is what may follow
    the prompt of its example, whatever the case of its letters, becomes the label it is written
    for.

    Args:
        examples: Examples of one data set.
        task: Task that they shall serve.

    Returns:
        The examples in order; labels that fit nothing are left, for `check_labels` to name.
    """
    return [_with_data_label(example, task) for example in examples]


def _with_data_label(example: Example, task: PromptTask) -> Example:
    if example.label in task.verbaliser:
        return example
    words = [words.casefold() for words in task.continuations(example)]
    said = example.label.casefold()
    return replace(example, label=task.labels[words.index(said)]) if said in words else example


def check_labels(examples: Iterable[Example], task: PromptTask, source: str) -> None:
    """See to it that the examples can be learned from: known labels, at least two of them.

    Args:
        examples: Examples of one data set, in its order.
        task: Task that they shall serve.
        source: Name of the data set, for errors.

    Raises:
        DataError: A label is not in the verbaliser, or all examples have the same one.
    """
    counts: Counter[str] = Counter()
    for number, example in enumerate(examples, start=1):
        if example.label not in task.verbaliser:
            raise DataError(
                f"{source}, example {number}: label {example.label!r} is not in the verbaliser of "
                f"task {task.name!r}, which knows {', '.join(map(repr, task.labels))} and their "
                f"words {', '.join(map(repr, task.verbaliser.values()))}"
            )
        counts[example.label] += 1
    if len(counts) < 2:
        raise DataError(
            f"{source}: all {counts.total()} examples have the label {next(iter(counts), None)!r}; "
            "learning to tell labels apart needs examples of at least two"
        )
