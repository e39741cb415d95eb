"""A small language of film, restaurant and hotel reviews, written for the demonstration.

The words and sentence forms stand in ``data/review_words.toml``. From them come the unlabelled
corpus that the built-in model is pre-trained on, and the labelled examples that ship as
``data/reviews_train.tsv`` and ``data/reviews_test.tsv`` (``python -m zo_core.data.reviews`` writes
both again, with the same bytes).
"""

import random
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

TRAIN_SEED, N_TRAIN = 12401, 1600
TEST_SEED, N_TEST = 12402, 600
HELD_OUT_EVERY = 5
"""Every fifth adjective of a list never occurs in the labelled training examples."""


@dataclass(frozen=True)
class Aspect:
    """A part of what is reviewed, and the adjectives that fit it."""

    names: Sequence[str]
    good: Sequence[str]
    bad: Sequence[str]


@dataclass(frozen=True)
class Topic:
    """A kind of thing that is reviewed."""

    names: Sequence[str]
    aspects: Sequence[Aspect]


@dataclass(frozen=True)
class Opinion:
    """The words of one of the two opinions that fit every topic."""

    adjectives: Sequence[str]
    verbs: Sequence[str]
    closings: Sequence[str]


@dataclass(frozen=True)
class Grammar:
    """All words and sentence forms; the forms by the name of their group."""

    topics: Sequence[Topic]
    good: Opinion
    bad: Opinion
    words: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Mood:
    """What the sentences of one review agree on."""

    topic: Topic
    good: bool


def grammar_text() -> str:
    """Read the file of words and forms that ships with the package."""
    return files("zo_core").joinpath("data/review_words.toml").read_text(encoding="utf-8")


@cache
def grammar() -> Grammar:
    """Give the words and forms that ship with the package."""
    table = tomllib.loads(grammar_text())
    topics = [
        Topic(entry["names"], [Aspect(**aspect) for aspect in entry["aspects"]])
        for entry in table.pop("topics")
    ]
    good, bad = Opinion(**table.pop("good")), Opinion(**table.pop("bad"))
    return Grammar(topics, good, bad, words=table)


def unlabelled_reviews(n_reviews: int, seed: int) -> Iterator[str]:
    """Write reviews of three sentences each, in both opinions equally often.

    Args:
        n_reviews: Number of reviews.
        seed: Seed of all choices; the same seed gives the same reviews on every machine.

    Yields:
        One review a time, as one line.
    """
    rng = random.Random(seed)
    for _ in range(n_reviews):
        mood = _mood(rng.random() < 0.5, rng)
        forms = _corpus_forms(mood.good, rng)
        yield " ".join(_sentence(form, mood, rng) for form in forms)


def labelled_reviews(
    n_reviews: int, seed: int, allowed: Callable[[str], bool]
) -> list[tuple[str, int]]:
    """Write short reviews with their labels, half of them good (1), half bad (0).

    Args:
        n_reviews: Number of reviews, all different.
        seed: Seed of all choices.
        allowed: Says of a sentence with an opinion whether it may occur.

    Returns:
        Text and label of each review, in random order.
    """
    rng = random.Random(seed)
    reviews: dict[str, int] = {}
    while len(reviews) < n_reviews:
        good = len(reviews) % 2 == 0
        mood = _mood(good, rng)
        parts = [_sentence(form, mood, rng) for form in _pick("opinions", (1, 2), rng)]
        if all(map(allowed, parts)):
            parts += [_sentence(form, mood, rng) for form in _pick("scenes", (0, 0, 1), rng)]
            rng.shuffle(parts)
            reviews.setdefault(" ".join(parts), int(good))
    shuffled = list(reviews.items())
    rng.shuffle(shuffled)
    return shuffled


def held_out_adjectives() -> frozenset[str]:
    """Give the adjectives that the labelled training examples never use."""
    aspects = [aspect for topic in grammar().topics for aspect in topic.aspects]
    lists = [grammar().good.adjectives, grammar().bad.adjectives]
    lists += [adjectives for aspect in aspects for adjectives in (aspect.good, aspect.bad)]
    every = slice(HELD_OUT_EVERY - 1, None, HELD_OUT_EVERY)
    return frozenset(word for words in lists for word in words[every])


def sentences(text: str) -> list[str]:
    """Split a review into its sentences."""
    return re.split(r"(?<=[.!]) ", text)


def demo_reviews() -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """Write the labelled training and test reviews that ship with the package.

    The test reviews share no sentence with an opinion with the training reviews, and use
    adjectives that the training reviews never use.
    """
    unseen = re.compile(rf"\b({'|'.join(sorted(held_out_adjectives()))})\b", re.IGNORECASE)
    train = labelled_reviews(N_TRAIN, TRAIN_SEED, lambda text: not unseen.search(text))
    seen = {sentence for text, _ in train for sentence in sentences(text)}
    return train, labelled_reviews(N_TEST, TEST_SEED, lambda text: text not in seen)


def write_demo_reviews(folder: Path) -> None:
    """Write ``reviews_train.tsv`` and ``reviews_test.tsv`` into a folder."""
    for name, reviews in zip(("train", "test"), demo_reviews(), strict=True):
        lines = ["sentence\tlabel", *(f"{text}\t{label}" for text, label in reviews)]
        (folder / f"reviews_{name}.tsv").write_bytes(("\n".join(lines) + "\n").encode())


def _mood(good: bool, rng: random.Random) -> Mood:
    return Mood(rng.choice(grammar().topics), good)


def _pick(group: str, counts: Sequence[int], rng: random.Random) -> list[str]:
    return rng.choices(grammar().words[group], k=rng.choice(counts))


def _corpus_forms(good: bool, rng: random.Random) -> list[str]:
    words = grammar().words
    closings = (grammar().good if good else grammar().bad).closings
    (first,) = rng.choices(("opinions", "asides", "scenes"), weights=(83, 10, 7))
    last = rng.choice((closings, words["verdicts"]))
    forms = [rng.choice(words[first]), rng.choice(words["lists"]), rng.choice(last)]
    rng.shuffle(forms)
    return forms


def _sentence(form: str, mood: Mood, rng: random.Random) -> str:
    choices = _choices(mood, rng)
    used: set[str] = set()

    def fill(slot: re.Match[str]) -> str:
        word = rng.choice([word for word in choices[slot[1]] if word not in used])
        if slot[1][-1] in "+-":
            used.add(word)
        return word

    text = re.sub(r"\{([^}]+)\}", fill, form)
    text = re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)
    return text[0].upper() + text[1:]


def _choices(mood: Mood, rng: random.Random) -> dict[str, Sequence[str]]:
    words = grammar()
    agreeing, other = (words.good, words.bad) if mood.good else (words.bad, words.good)
    choices: dict[str, Sequence[str]] = {
        "+": agreeing.adjectives,
        "-": other.adjectives,
        "verb": agreeing.verbs,
        "topic": mood.topic.names,
        "adverb": words.words["adverbs"],
        "day": words.words["days"],
        "time": words.words["times"],
        "people": words.words["people"],
    }
    for letter, aspect in zip("abc", rng.sample(mood.topic.aspects, 3), strict=True):
        fitting = (aspect.good, aspect.bad) if mood.good else (aspect.bad, aspect.good)
        choices[letter] = (rng.choice(aspect.names),)
        choices[f"{letter}+"], choices[f"{letter}-"] = fitting
    return choices


if __name__ == "__main__":
    write_demo_reviews(Path(__file__).parent / "data")
