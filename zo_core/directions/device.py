"""Where the weights live: a processor or an accelerator that is there and makes the same bits."""

import torch

from zo_core.directions.fingerprint import direction_fingerprint

AUTO = "auto"
_FINGERPRINT_SEED = 1


class DeviceError(RuntimeError):
    """A device is not there, or does not compute directions as others do."""


def find_device(name: str) -> torch.device:
    """Return the device of a name.

    Args:
        name: As torch names it: ``cpu``, ``cuda``, ``cuda:1``, ``mps``; or ``auto`` for the first
            CUDA device, else Apple's, else the processor.

    Raises:
        DeviceError: It is not there.
    """
    there = _there()
    if name == AUTO:
        return torch.device(there[0])
    wanted = f"{name}:0" if name == "cuda" else name
    if wanted not in there:
        raise DeviceError(
            f"there is no device {name!r} that torch {torch.__version__} can use here; there are "
            f"{', '.join(map(repr, there))}: name one of these in model.device, or install a "
            "torch that is built for the device"
        )
    return torch.device(wanted)


def move_to(model: torch.nn.Module, device: torch.device) -> None:
    """Move a model to a device whose directions are those of the processor, bit for bit.

    Args:
        model: Moved in place.
        device: As `find_device` returns it.

    Raises:
        DeviceError: The device makes other directions or none, and nothing is moved; or it has no
            room for the model.
    """
    here = direction_fingerprint(_FINGERPRINT_SEED)
    try:
        there = direction_fingerprint(_FINGERPRINT_SEED, str(device))
    except (RuntimeError, TypeError) as error:
        raise DeviceError(_cannot(f"{device} cannot compute directions", error)) from error
    if here != there:
        raise DeviceError(
            f"{device} makes other directions (fingerprint {there}) than the processor ({here}), "
            'so a run on it would drift away from others: use model.device = "cpu" and report this'
        )
    try:
        model.to(device)
    except (RuntimeError, TypeError) as error:
        raise DeviceError(_cannot(f"the model cannot be moved to {device}", error)) from error


def _cannot(what: str, error: Exception) -> str:
    said = str(error).strip().partition("\n")[0]
    return f'{what} ({said}); use model.device = "cpu"'


def describe(device: torch.device) -> str:
    """Return a device's name, with that of its maker where torch knows it."""
    if device.type != "cuda":
        return str(device)
    return f"{device} ({torch.cuda.get_device_name(device)})"


def _there() -> list[str]:
    """Return the devices that torch can use, the fastest kind first."""
    found = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    found += ["mps"] if torch.backends.mps.is_available() else []
    return [*found, "cpu"]
