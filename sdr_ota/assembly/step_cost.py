"""What a step costs beside the forward passes: memory and passes over directions."""

from sdr_ota.config.frame_table import FrameTable
from sdr_ota.config.zo_table import ZoTable

_MEMORY = {
    "sgd": "no memory",
    "normalised": "no memory",
    "adamezo": "a few MiB",
    "hiso": "4 bytes a trainable weight",
}


def step_cost(zo: ZoTable, frame: FrameTable) -> str:
    """Return what a step costs a node beside the model and its forward passes, in words.

    Memory is that beside the weights. A pass makes the direction of one seed again for all
    trainable weights: hiso needs it for the step and for its curvature, momentum and adamezo
    for every direction of their window. Local steps are taken on a copy of what learns.
    """
    n_steps = zo.momentum_window if zo.rule == "adamezo" or zo.momentum else 1
    n_directions = zo.directions_per_step * frame.symbols // zo.local_steps
    n_passes = n_directions * (2 if zo.rule == "hiso" else n_steps)
    passes = "1 pass" if n_passes == 1 else f"{n_passes} passes"
    momentum = f", momentum {zo.momentum:g}" if zo.momentum else ""
    text = f"{zo.rule}{momentum}: {_MEMORY[zo.rule]} beside the model, {passes} over directions"
    if zo.local_steps == 1:
        return text
    return f"{text}; {zo.local_steps} local steps a round, on a copy of the trained weights"
