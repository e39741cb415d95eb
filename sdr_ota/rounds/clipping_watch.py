"""Says once, while a run goes on, that its scalars are being clipped."""

import logging

import numpy as np

from sdr_ota.rounds.clipping import MUCH_CLIPPED, clipped_share, limit_for
from sdr_ota.rounds.round import RoundResult

LEAST_SCALARS = 50
"""That are looked at before anything is said."""

_log = logging.getLogger(__name__)


class ClippingWatch:
    """Looks at every round until it has warned."""

    def __init__(self) -> None:
        self._unclipped: list[float] = []
        self._has_warned = False

    def look_at(self, result: RoundResult) -> None:
        """Count a round's scalars; warn once where too many of them were clipped."""
        if self._has_warned or not result.unclipped_symbols or not result.largest_scalar:
            return
        self._unclipped.extend(result.unclipped_symbols)
        share = clipped_share(self._unclipped)
        if len(self._unclipped) < LEAST_SCALARS or share <= MUCH_CLIPPED:
            return
        self._has_warned = True
        limit = result.largest_scalar
        scalars = limit * np.abs(self._unclipped)
        _log.warning(
            "%.0f %% of %d scalars lay beyond link.scalar_limit = %g and were clipped (half of "
            "them are above %.3g): what is decoded is not the clients' mean, however small its "
            'error; set link.scalar_limit = %g, or "auto"',
            100 * share, len(scalars), limit, np.median(scalars), limit_for(scalars),
        )  # fmt: skip
