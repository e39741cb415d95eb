"""Short strings that two machines compare: same directions? same weights?"""

import hashlib
from collections.abc import Iterator

import torch

from zo_core.directions.generator import DirectionKind
from zo_core.directions.steps import Step, add_step

_STARTS = (0, 1_000_003, 2**40 + 77)
_COUNT = 3001
_PIECE = 1 << 22
_DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def direction_fingerprint(seed: int, device: str = "cpu") -> str:
    """Give a fingerprint of the steps that this machine would take for a seed.

    It covers both kinds of direction, near and far positions, and the rounding in every
    number format, computed by the code that moves the weights. Nodes compare it before a
    run; if it differs, they would drift apart.

    Args:
        seed: 64-bit unsigned seed.
        device: Where the weights will live, as torch names it.

    Returns:
        32 hexadecimal digits.

    Raises:
        ValueError: The seed is not a 64-bit unsigned number.
    """
    digest = hashlib.blake2b(digest_size=16)
    for kind in DirectionKind:
        for dtype in _DTYPES:
            theta = (torch.arange(_COUNT, dtype=torch.float32) / 1024 - 1).to(device, dtype)
            for start in _STARTS:
                out = torch.empty_like(theta)
                add_step(out, theta, start, Step(seed, 1.1 * 2.0**-9, kind))
                digest.update(_bytes(out))
    return digest.hexdigest()


def weight_checksum(model: torch.nn.Module) -> str:
    """Give a checksum of all parameters of a model: names, shapes, formats and bits.

    Args:
        model: Any model; parameters that modules share count once, buffers do not count.

    Returns:
        32 hexadecimal digits.
    """
    digest = hashlib.blake2b(digest_size=16)
    for name, parameter in model.named_parameters():
        digest.update(f"{name} {tuple(parameter.shape)} {parameter.dtype}\n".encode())
        for part in _pieces(parameter.detach()):
            digest.update(_bytes(part))
    return digest.hexdigest()


def _pieces(tensor: torch.Tensor) -> Iterator[torch.Tensor]:
    flat = tensor.reshape(-1)
    for first in range(0, flat.numel(), _PIECE):
        yield flat[first : first + _PIECE]


def _bytes(tensor: torch.Tensor) -> memoryview:
    return tensor.cpu().contiguous().view(torch.uint8).numpy().data
