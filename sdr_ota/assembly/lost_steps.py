"""A warning where steps are lost, because 16-bit weights cannot hold them."""

import logging
from dataclasses import dataclass

from zo_core.stepping.rules import Update

LEAST_SHARE = 0.5
"""Share of the weights that a step shall change, so that most of it arrives."""

_log = logging.getLogger(__name__)


@dataclass
class LostSteps:
    """Warns once.

    Attributes:
        is_quiet: Whether nothing is to be said: a step that is rounded stochastically changes few
            weights, and is not lost.
    """

    is_quiet: bool

    def look_at(self, update: Update, moved_share: float | None) -> None:
        """Warn if a step changed too few of the weights.

        Args:
            update: The last of the step.
            moved_share: Share that it changed; None where there is nothing to say.
        """
        if self.is_quiet or moved_share is None or update.scalar == 0 or moved_share >= LEAST_SHARE:
            return
        self.is_quiet = True
        _log.warning(
            "a step has changed %.1f %% of the weights: the others are too coarse for it in their "
            "format, so most of what is learned is lost; set model.rounding = stochastic, "
            "model.weight_format = float32, or a larger zo.learning_rate",
            100 * moved_share,
        )
