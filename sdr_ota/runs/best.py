"""Which evaluation of a run is the best one, and how long ago it was.

The best model needs no file of its own: it is the base model with the updates of the journal up to
that evaluation (`sdr-ota export --best`).
"""

import math
from collections.abc import Sequence

from sdr_ota.runs.run_records import Evaluation


def best_evaluation(evaluations: Sequence[Evaluation]) -> Evaluation | None:
    """Return the evaluation with the highest score; None if there is none.

    Of equal scores the one with the lower loss is better, and of equal losses the earlier one.
    """
    return max(evaluations, key=_goodness, default=None)


def evaluations_since_best(evaluations: Sequence[Evaluation]) -> int:
    """Return how many evaluations in a row have been no better than the best one before them."""
    if not evaluations:
        return 0
    goodness = [_goodness(evaluation) for evaluation in evaluations]
    return len(goodness) - 1 - goodness.index(max(goodness))


def _goodness(evaluation: Evaluation) -> tuple[float, float]:
    return evaluation.score, -math.inf if evaluation.loss is None else -evaluation.loss
