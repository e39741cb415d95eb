"""What the rule of a step costs beside the forward passes: memory and passes over directions."""

from sdr_ota.config.tables import ZoTable

_MEMORY = {
    "sgd": "no memory",
    "normalised": "no memory",
    "adamezo": "a few MiB",
    "hiso": "4 bytes a trainable weight",
}


def step_cost(zo: ZoTable) -> str:
    """Return what a step costs a node beside the model and its forward passes, in words.

    Memory is that beside the weights. A pass makes the direction of one seed again for all
    trainable weights: hiso needs it for the step and for its curvature, momentum and adamezo
    for every direction of their window.
    """
    n_steps = zo.momentum_window if zo.rule == "adamezo" or zo.momentum else 1
    n_passes = zo.directions_per_step * (2 if zo.rule == "hiso" else n_steps)
    passes = "1 pass" if n_passes == 1 else f"{n_passes} passes"
    momentum = f", momentum {zo.momentum:g}" if zo.momentum else ""
    return f"{zo.rule}{momentum}: {_MEMORY[zo.rule]} beside the model, {passes} over directions"
