"""Trainable weights on disk, so that a resumed run replays only what came after them."""

import errno
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from zo_core.directions.steps import placements

_N_UPDATES = "n_updates"


class WeightsError(ValueError):
    """A file of saved weights is damaged, or holds another model's."""


def save_weights(model: torch.nn.Module, path: Path, n_updates: int) -> None:
    """Save what learns; a crash at any moment leaves the old file or the new one.

    Args:
        model: The model.
        path: A safetensors file, replaced.
        n_updates: How many updates the weights have taken.

    Raises:
        OSError: The file cannot be written.
    """
    draft = path.with_name(f"{path.name}.draft")
    tensors = {placement.name: placement.parameter.detach() for placement in placements(model)}
    try:
        save_file(tensors, draft, metadata={_N_UPDATES: str(n_updates)})
    except SafetensorError as error:  # a full disk, most likely; the text says it
        draft.unlink(missing_ok=True)
        raise OSError(errno.EIO, str(error), str(path)) from error
    draft.replace(path)


def load_weights(model: torch.nn.Module, path: Path, most: int) -> int:
    """Put saved weights into a model, if they have not taken more updates than wanted.

    Args:
        model: The model with the same trainable parameters; changed in place.
        path: As `save_weights` wrote it; may be missing.
        most: Updates that count.

    Returns:
        How many updates the weights have taken; 0 where the model was left as it was.

    Raises:
        WeightsError: The file cannot be read, or its weights do not fit the model.
    """
    if not path.is_file():
        return 0
    try:
        return _load(model, path, most)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
        raise WeightsError(
            f"{path} does not hold weights of this model ({error}); it is damaged or of another "
            "run: put the right one back, or remove it to replay the whole journal"
        ) from error


def _load(model: torch.nn.Module, path: Path, most: int) -> int:
    with safe_open(path, framework="pt") as file:
        n_updates = int(file.metadata()[_N_UPDATES])
        if n_updates > most:
            return 0
        for placement in placements(model):
            placement.parameter.detach().copy_(file.get_tensor(placement.name))
    return n_updates
