"""Nodes for an audit: real in all but the model and the radio.

What an example's slope is, an adversary may know; so data are given by their slopes. Batches,
clip, mean, the order's check, the noise and the symbols are those of a run's nodes. What a node
would send is heard as it is, without any air.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sdr_ota.assembly.learning import combine_of, draw_of
from sdr_ota.assembly.privacy import encoder_of
from sdr_ota.config.load import Config
from sdr_ota.radio.base import Radio
from sdr_ota.rounds.messages import PayloadOrder, SoundingOrder
from sdr_ota.rounds.node import LocalNode
from sdr_ota.rounds.sender import Signal

FAR_BEYOND_THE_CLIP = 1e9
"""Slope of an example that an adversary would choose."""


@dataclass(frozen=True)
class Ear:
    """A sender that sends nothing and keeps what it was to send.

    Attributes:
        heard: Symbols of every burst, the newest last.
    """

    heard: list[tuple[float, ...]] = field(default_factory=list)

    def sound(self, radio: Radio, order: SoundingOrder) -> None:
        """Do nothing."""

    def send(self, radio: Radio, order: PayloadOrder, signal: Signal) -> None:
        """Keep the symbols."""
        self.heard.append(signal.symbols)

    def confirm(self, radio: Radio, timeout_s: float) -> None:
        """Do nothing: nothing can go wrong."""

    def silence(self, radio: Radio) -> None:
        """Do nothing."""


class SlopeClient:
    """Holds examples of which the slopes are known, and learns nothing.

    An adversary that knows which batches hold the canary is the strongest; so all batches do. With
    Poisson batches the chance of an example is 1.

    Args:
        config: How batches are drawn and what is made of them.
        slopes: Of every example, the same along every direction, shape ``(n_examples,)``.
    """

    loss = math.nan
    example_scalars = ()

    def __init__(self, config: Config, slopes: NDArray[np.float64]) -> None:
        self._draw, self._combine = draw_of(config, sampling_rate=1.0), combine_of(config)
        self._slopes = slopes

    def local_scalars(self, seeds: Sequence[int]) -> Sequence[float]:
        """Return the scalars of a batch."""
        drawn = self._slopes[list(self._draw(len(self._slopes), (seeds[0],)))]
        scalars: list[float] = self._combine(np.tile(drawn, (len(seeds), 1))).tolist()
        return scalars

    def apply(self, round_index: int, mean_scalars: Sequence[float], seeds: Sequence[int]) -> None:
        """Do nothing: there is no model."""


def audited_nodes(
    config: Config, sampling_rate: float, radios: Sequence[Radio], canary: float, ear: Ear
) -> tuple[LocalNode, ...]:
    """Return nodes of which the first holds a canary; all else has a slope of 0.

    Args:
        config: The experiment; ``privacy.protect`` decides whether one example of the node is the
            canary or all of them.
        sampling_rate: Chance of an example to be in a Poisson batch, as the promise has it.
        radios: Of the nodes that are heard; none of them sends.
        canary: Its slope; 0 for data without it.
        ear: What hears them.
    """
    slopes = np.zeros((len(radios), config.clients.examples_per_round))
    n_canaries = 1 if config.privacy.protect == "record" else slopes.shape[1]
    slopes[0, :n_canaries] = canary
    return tuple(
        LocalNode(
            node,
            SlopeClient(config, slopes[node]),
            radio,
            ear,
            encoder_of(config, node, sampling_rate),
        )
        for node, radio in enumerate(radios)
    )
