"""Every task that ships, on small data in the form its data set has."""

import json
from pathlib import Path

import pytest

from zo_core.data.examples import Row, examples_from, read_examples
from zo_core.language.tasks import TASKS, PromptTask, check_labels

ROWS: dict[str, list[dict[str, object]]] = {
    "sst2": [{"sentence": "a joy", "label": 1}, {"sentence": "a bore", "label": 0}],
    "rte": [
        {"premise": "Ann sings.", "hypothesis": "Ann has a voice.", "label": 0},
        {"premise": "Ann sings.", "hypothesis": "Ann dances.", "label": 1},
    ],
    "cb": [
        {"premise": "I know it rains.", "hypothesis": "it rains", "label": 0},
        {"premise": "It does not rain.", "hypothesis": "it rains", "label": 1},
        {"premise": "I ask if it rains.", "hypothesis": "it rains", "label": 2},
    ],
    "boolq": [
        {"passage": "Ice is frozen water.", "question": "is ice water", "label": 1},
        {"passage": "Ice is frozen water.", "question": "is ice warm", "label": 0},
    ],
    "wic": [
        {"word": "bank", "sentence1": "The bank lends.", "sentence2": "A bank failed.", "label": 1},
        {"word": "bank", "sentence1": "The bank lends.", "sentence2": "A river bank.", "label": 0},
    ],
    "copa": [
        {"premise": "The glass broke.", "choice1": "It fell.", "choice2": "It sang.",
         "question": "cause", "label": 0},
        {"premise": "It rained.", "choice1": "We danced dry.", "choice2": "We got wet.",
         "question": "effect", "label": 1},
    ],
    "ag_news": [
        {"text": f"{kind} today", "label": label}
        for label, kind in enumerate(("Election", "Match", "Shares", "Chips"))
    ],
    "squad": [
        {"context": "The tower is in Paris.", "question": "Where is it?",
         "answers": {"text": ["Paris", "in Paris", "Paris"], "answer_start": [16, 13, 16]}},
    ],
}  # fmt: skip

WHAT_IS_ASKED = {  # with the first row, and then the right answers of all
    "sst2": ("a joy It was", "great", "terrible"),
    "rte": ('Ann sings. Does this mean that "Ann has a voice." is true? Yes or No?', "Yes", "No"),
    "cb": (
        'Suppose I know it rains. Can we conclude that "it rains"? Yes, No, or Maybe?', "Yes", "No",
        "Maybe",
    ),
    "boolq": ("Ice is frozen water. is ice water?", "Yes", "No"),
    "wic": (
        'Is the word "bank" used in the same sense in these two sentences? Yes or No? '
        "The bank lends. A bank failed.", "Yes", "No",
    ),
    "copa": ("The glass broke. What was the cause?", "It fell.", "We got wet."),
    "ag_news": (
        "Election today It is about", "the world", "sports", "business", "technology",
    ),
    "squad": ("The tower is in Paris. Question: Where is it? Answer:", "Paris\nin Paris"),
}  # fmt: skip


def test_every_task_is_covered() -> None:
    assert set(ROWS) == set(WHAT_IS_ASKED) == set(TASKS)


@pytest.mark.parametrize("name", TASKS)
def test_a_task_reads_its_data_set_from_files_and_from_the_hub(tmp_path: Path, name: str) -> None:
    task = TASKS[name]
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS[name]))
    read = read_examples(path, task.columns, task.label_column)
    fetched = examples_from(
        (Row(row, "row") for row in ROWS[name]), task.columns, task.label_column, "hub"
    )
    assert read == fetched
    prompt, *answers = WHAT_IS_ASKED[name]
    assert task.prompt(read[0]) == prompt
    if isinstance(task, PromptTask):
        check_labels(read, task, name)
        for example, answer in zip(read, answers, strict=True):
            assert task.continuations(example)[task.labels.index(example.label)] == answer
        assert {example.label for example in read} <= set(task.labels)
    else:
        assert [example.label for example in read] == answers
