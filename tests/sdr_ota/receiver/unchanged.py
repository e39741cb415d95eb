"""What a row of a table leaves as it is."""

import numpy as np

from tests.sdr_ota.receiver.independent_air import Waveform

Rng = np.random.Generator


def same_scene(scene: object, rng: Rng) -> None:
    """Change nothing before it is sent."""


def same_samples(samples: Waveform, scene: object, rng: Rng) -> Waveform:
    return samples
