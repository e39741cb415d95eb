"""Which evaluation is the best one, and how many have followed it."""

import pytest

from sdr_ota.runs.best import best_evaluation, evaluations_since_best
from sdr_ota.runs.run_records import Evaluation


def evaluations(*judged: tuple[float, float | None]) -> list[Evaluation]:
    return [Evaluation(10 * index, score, loss) for index, (score, loss) in enumerate(judged)]


@pytest.mark.parametrize(
    ("judged", "best", "n_since"),
    [
        ([(0.5, 0.7)], 0, 0),
        ([(0.5, 0.7), (0.9, 0.3), (0.8, 0.2), (0.9, 0.4)], 1, 2),  # the score comes first
        ([(0.5, 0.7), (0.5, 0.6), (0.5, 0.5)], 2, 0),  # the loss moves before the score
        ([(0.9, 0.3), (0.9, 0.3), (0.9, 0.3)], 0, 2),  # no better is no better
        ([(0.9, None), (0.9, 0.3)], 1, 0),  # written by an older version, or not finite
    ],
)
def test_the_best_has_the_highest_score_then_the_lowest_loss(
    judged: list[tuple[float, float | None]], best: int, n_since: int
) -> None:
    told = evaluations(*judged)
    assert best_evaluation(told) == told[best]
    assert evaluations_since_best(told) == n_since


def test_without_an_evaluation_there_is_no_best() -> None:
    assert best_evaluation([]) is None
    assert evaluations_since_best([]) == 0
