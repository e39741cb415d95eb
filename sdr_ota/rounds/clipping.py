r"""What the limit of a scalar does: how many are clipped, by how much, and how to choose it.

A scalar $p$ is sent as $\operatorname{clip}(p / \gamma, -1, 1)$ with the limit $\gamma$. What lies
beyond is lost before it is sent: no receiver brings it back, and the error of the decoded sum
against the sent one does not show it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sdr_ota.rounds.truth import RoundTruth
from sdr_ota.signal.modulation import AnalogPayload, Payload

QUANTILES = (0.5, 0.9, 1.0)
"""Of the examples' scalars in one round: the median, 90 % of them, the largest."""

MUCH_CLIPPED = 0.1
"""Share of clipped scalars above which the mean is no longer that of the clients."""

HIGH_QUANTILE, HEADROOM = 0.95, 2.0
"""A limit is so many times this quantile: of a Gaussian 3.9 standard deviations, beyond which
1 of 10,000 lies; of a Laplace distribution 1 of 400."""


@dataclass(frozen=True)
class Clipping:
    """What the limit did to the scalars of one round.

    Attributes:
        unclipped_symbols: Scalars over the limit before the clip, one an active node and symbol.
        clipped_share: Of these beyond 1.
        clip_biases: Sum of the clipped less that of the unclipped, in the unit of the sums, one a
            symbol.
        clipped_example_share: Of the examples' scalars beyond the limit; None without examples.
            Only a client that has promised privacy clips examples, and it tells nothing: this
            says what it would clip.
        example_quantiles: `QUANTILES` of the examples' magnitudes over the limit; None without.
    """

    unclipped_symbols: tuple[float, ...]
    clipped_share: float
    clip_biases: tuple[float, ...]
    clipped_example_share: float | None
    example_quantiles: tuple[float, ...] | None


def clipping_of(truth: RoundTruth, active: Sequence[int], payload: Payload) -> Clipping | None:
    """Return what the clip did in a round; None where it is not known, or nothing is clipped.

    Args:
        truth: What the nodes told.
        active: Nodes that sent.
        payload: Only an analog one clips.
    """
    if truth.scalars is None or not isinstance(payload, AnalogPayload):
        return None
    scalars = truth.scalars.reshape(len(truth.scalars), -1)
    sent = scalars[list(active)] / payload.scalar_limit
    if not np.isfinite(sent).all():  # a node that has gone since did not tell
        return None
    of_examples = [np.abs(truth.example_scalars[node]) / payload.scalar_limit for node in active]
    magnitudes = np.concatenate(of_examples) if of_examples else np.empty(0)
    return Clipping(
        unclipped_symbols=tuple(sent.ravel().tolist()),
        clipped_share=clipped_share(sent),
        clip_biases=tuple(np.sum(np.clip(sent, -1, 1) - sent, axis=0).tolist()),
        clipped_example_share=clipped_share(magnitudes) if magnitudes.size else None,
        example_quantiles=tuple(np.quantile(magnitudes, QUANTILES).tolist())
        if magnitudes.size
        else None,
    )


def clipped_share(unclipped_symbols: ArrayLike) -> float:
    """Return the share of scalars over their limit that lie beyond 1."""
    return float(np.mean(np.abs(unclipped_symbols) > 1))


def limit_for(scalars: ArrayLike) -> float:
    """Return a limit that clips next to none of scalars like these, rounded to two digits.

    Twice the quantile that 95 % of the magnitudes do not pass. A larger limit costs: noise in
    the decoded mean grows with it.

    Args:
        scalars: Unclipped, of any shape; 40 or more for a quantile that holds.

    >>> limit_for([0.5, -1.0, 1.0, 1.0])
    2.0
    """
    return float(f"{HEADROOM * float(np.quantile(np.abs(scalars), HIGH_QUANTILE)):.2g}")
