"""Steps that are taken back: to the bit, so from a copy and not by stepping back."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from zo_core.directions.steps import placements


@contextmanager
def weights_kept(model: torch.nn.Module) -> Iterator[None]:
    """Put the trainable weights back as they were, however the block ends.

    Memory: one copy of them while the block lasts.
    """
    parameters = [placement.parameter.detach() for placement in placements(model)]
    before = [parameter.clone() for parameter in parameters]
    try:
        yield
    finally:
        for parameter, kept in zip(parameters, before, strict=True):
            parameter.copy_(kept)
