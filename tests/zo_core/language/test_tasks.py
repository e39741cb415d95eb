"""Prompts and verbalisers, and what cannot be learned from."""

import pytest

from zo_core.data.examples import DataError, Example
from zo_core.language.tasks import (
    AG_NEWS,
    COPA,
    SST2,
    PromptTask,
    check_labels,
    task_by_name,
    with_data_labels,
)


def labelled(*labels: str) -> list[Example]:
    return [Example({"sentence": "a"}, label) for label in labels]


def test_sst2_prompt_is_that_of_mezo() -> None:
    example = Example({"sentence": "a moving film "}, "1")
    assert SST2.prompt(example) == "a moving film  It was"
    assert SST2.continuations(example) == ("terrible", "great")
    assert SST2.columns == ("sentence",)


def test_continuations_may_hold_columns() -> None:
    task = PromptTask("copa", "{premise} so", {"0": "{first}", "1": "{second}"})
    example = Example({"premise": "It rained,", "first": "I got wet", "second": "I sang"}, "0")
    assert task.columns == ("premise", "first", "second")
    assert task.prompt(example) == "It rained, so"
    assert task.continuations(example) == ("I got wet", "I sang")


def test_braces_in_the_data_are_left_alone() -> None:
    assert SST2.prompt(Example({"sentence": "a {label} b"}, "1")) == "a {label} b It was"


@pytest.mark.parametrize(
    ("template", "verbaliser", "said"),
    [
        ("{a} is", {"0": "bad"}, "knows 1 labels"),
        ("It was", {"0": "bad", "1": "good"}, "names no column"),
        ("{a} is", {"0": "bad", "1": " "}, "words of its own"),
        ("{a} is", {"0": "bad", "1": "bad "}, "words of its own"),
    ],
)
def test_impossible_tasks_are_refused(template: str, verbaliser: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        PromptTask("t", template, verbaliser)


def test_a_label_beside_the_known_ones_is_named_with_its_place() -> None:
    check_labels(labelled("0", "1", "1"), SST2, "file")
    with pytest.raises(DataError, match=r"file, example 3: label '2' .* knows '0', '1'"):
        check_labels(labelled("0", "1", "2"), SST2, "file")


@pytest.mark.parametrize("label", ["0", "1"])
def test_one_class_alone_is_refused(label: str) -> None:
    with pytest.raises(DataError, match=rf"all 3 examples have the label '{label}'"):
        check_labels(labelled(label, label, label), SST2, "file")


def test_unknown_task_names_the_known_ones() -> None:
    assert task_by_name("sst2") is SST2
    with pytest.raises(DataError, match=r"no task 'sst'; known are .*'sst2'"):
        task_by_name("sst")


def test_label_words_stand_for_their_labels() -> None:
    assert with_data_labels(labelled("great", "Terrible", "1"), SST2) == labelled("1", "0", "1")
    assert with_data_labels(labelled("Sports", "business"), AG_NEWS) == labelled("1", "2")
    fields = {"premise": "It rained.", "question": "effect", "choice1": "Wet.", "choice2": "Dry."}
    assert with_data_labels([Example(fields, "dry.")], COPA) == [Example(fields, "1")]


def test_a_label_of_the_data_is_never_taken_for_a_word() -> None:
    swapped = PromptTask("swapped", "{sentence} It was", {"good": "bad", "bad": "good"})
    assert with_data_labels(labelled("good", "bad"), swapped) == labelled("good", "bad")


def test_what_is_neither_label_nor_word_is_named_with_both() -> None:
    told = with_data_labels(labelled("great", "awful"), SST2)
    with pytest.raises(DataError, match=r"'awful' is not in .*'0', '1' and their words 'terrible'"):
        check_labels(told, SST2, "file")
