"""A warning where steps are lost, because 16-bit weights cannot hold them."""

import logging
from dataclasses import dataclass, field

from zo_core.stepping.rules import Update

LEAST_SHARE = 0.5
"""Share of the weights that steps shall change, so that most of them arrives."""

N_STEPS = 10
"""Steps that are looked at: one alone may be small because its scalar is."""

_log = logging.getLogger(__name__)


@dataclass
class LostSteps:
    """Looks at a run's first steps and warns once.

    Attributes:
        is_quiet: Whether nothing is to be said: a step that is rounded stochastically changes few
            weights, and is not lost.
    """

    is_quiet: bool
    _steps: list[tuple[float, float]] = field(default_factory=list)

    def look_at(self, update: Update, moved_share: float | None) -> None:
        """Warn after some steps if they changed too few of the weights, the larger counted more.

        Args:
            update: The last of the step.
            moved_share: Share that it changed; None where there is nothing to say.
        """
        if self.is_quiet or moved_share is None:
            return
        self._steps.append((abs(update.scalar), moved_share))
        if len(self._steps) < N_STEPS:
            return
        self.is_quiet = True
        total = sum(size for size, _ in self._steps)
        share = sum(size * moved for size, moved in self._steps) / total if total else 1.0
        if share < LEAST_SHARE:
            _log.warning(
                "a step changes %.1f %% of the weights: the others are too coarse for it in their "
                "format, so most of what is learned is lost; set model.rounding = stochastic, "
                "model.weight_format = float32, or a larger zo.learning_rate",
                100 * share,
            )
