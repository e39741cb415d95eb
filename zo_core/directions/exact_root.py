"""The square root of float32 numbers, rounded to nearest as IEEE 754 says, on every device.

torch's own root is not: on a processor with MKL about one float32 root in five is off by a unit in
the last place, so two machines would drift apart.
"""

import numpy as np
import torch


def exact_root(values: torch.Tensor) -> torch.Tensor:
    """Return the square roots as a new tensor.

    On the processor numpy's, which is the instruction's. Elsewhere they are taken in float64 and
    rounded to float32, which is the same: no float32 number has a root so near the middle of two
    neighbours. Where a device knows no float64, they are taken on the processor.

    Args:
        values: float32, not negative, any shape.
    """
    if values.device.type == "cpu":
        return torch.from_numpy(np.sqrt(values.numpy()))
    if values.device.type == "mps":
        return torch.from_numpy(np.sqrt(values.cpu().numpy())).to(values.device)
    return values.double().sqrt_().float()
