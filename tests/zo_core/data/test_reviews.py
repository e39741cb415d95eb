"""The review language: reproducible, balanced, and with a test set that is really new."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

from zo_core.data.reviews import (
    demo_reviews,
    held_out_adjectives,
    sentences,
    unlabelled_reviews,
    write_demo_reviews,
)
from zo_core.language.tasks import SST2


@pytest.mark.parametrize("name", ["reviews_train.tsv", "reviews_test.tsv"])
def test_shipped_files_are_what_the_generator_writes(tmp_path: Path, name: str) -> None:
    write_demo_reviews(tmp_path)
    shipped = files("zo_core").joinpath("data", name).read_bytes()
    assert (tmp_path / name).read_bytes() == shipped


def test_labels_are_balanced_and_reviews_differ() -> None:
    for reviews in demo_reviews():
        assert 2 * sum(label for _, label in reviews) == len(reviews)
        assert len({text for text, _ in reviews}) == len(reviews)


def test_test_reviews_are_new() -> None:
    train, test = demo_reviews()
    seen = {sentence for text, _ in train for sentence in sentences(text)}
    # Sentences without an opinion may stand in both.
    assert all(any(part not in seen for part in sentences(text)) for text, _ in test)
    train_words, test_words = (
        {word for text, _ in reviews for word in re.findall(r"[\w-]+", text.lower())}
        for reviews in (train, test)
    )
    assert not held_out_adjectives() & train_words
    assert held_out_adjectives() <= test_words


def test_seed_decides_the_corpus() -> None:
    first = list(unlabelled_reviews(20, seed=1))
    assert first == list(unlabelled_reviews(20, seed=1))
    assert first != list(unlabelled_reviews(20, seed=2))


def test_label_words_stand_only_in_asides() -> None:
    train, test = demo_reviews()
    words = SST2.verbaliser.values()
    assert not any(word in text.lower().split() for text, _ in train + test for word in words)
    corpus = " ".join(unlabelled_reviews(500, seed=1)).lower()
    assert all(f" {word} " in corpus for word in words)
