"""A device is there or is named; weights on it get the bits of the processor.

No accelerator is needed: what moves weights on one, `torch_kernels`, runs on the processor too.
"""

from collections.abc import Iterator

import pytest
import torch

from zo_core.client import Cohort, Training
from zo_core.data.batches import fixed_batch
from zo_core.directions import device, steps
from zo_core.directions.device import DeviceError, describe, find_device, move_to
from zo_core.directions.fingerprint import direction_fingerprint, weight_checksum
from zo_core.directions.generator import DirectionKind
from zo_core.probing.estimator import Probe
from zo_core.stepping.learning_rate import LearningRate

DTYPES = [torch.float32, torch.bfloat16, torch.float16]


@pytest.fixture
def _as_on_an_accelerator(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(steps, "has_fused_kernels", lambda _: False)
    monkeypatch.setattr(steps, "_run_rows", lambda *_: pytest.fail("the processor's kernels ran"))
    yield


@pytest.mark.usefixtures("_as_on_an_accelerator")
def test_an_accelerators_way_has_the_known_fingerprint() -> None:
    assert direction_fingerprint(1) == "12d731b0abe972589533d654f7eb7173"


def learned(dtype: torch.dtype, kind: DirectionKind) -> tuple[list[float], str]:
    """Return the scalars of some rounds, and the checksum of the weights after them."""
    torch.manual_seed(4)
    model = torch.nn.Sequential(
        torch.nn.Embedding(30, 17), torch.nn.Linear(17, 40), torch.nn.Tanh(), torch.nn.Linear(40, 1)
    ).to(dtype)

    def losses(network: torch.nn.Module, tokens: list[int]) -> torch.Tensor:
        return network(torch.tensor(tokens)).float()[:, 0].square()

    training = Training(LearningRate(1e-2), fixed_batch(4), probe=Probe(2.0**-6, kind))
    cohort = Cohort(model, losses, [list(range(10)), list(range(10, 30))], training)  # type: ignore[arg-type]
    scalars = []
    for turn in range(5):
        found = [client.local_scalars([100 + turn])[0] for client in cohort.clients]
        cohort.apply(turn, [sum(found) / 2], [100 + turn])
        scalars += found
    return scalars, weight_checksum(model)


@pytest.mark.parametrize("kind", DirectionKind)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_run_on_an_accelerators_way_has_the_same_bits(
    dtype: torch.dtype, kind: DirectionKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = learned(dtype, kind)
    monkeypatch.setattr(steps, "has_fused_kernels", lambda _: False)
    assert learned(dtype, kind) == here
    assert len(set(here[0])) == len(here[0])


@pytest.mark.parametrize(
    ("there", "name", "found"),
    [
        (["cpu"], "auto", "cpu"),
        (["mps", "cpu"], "auto", "mps"),
        (["cuda:0", "cuda:1", "cpu"], "auto", "cuda:0"),
        (["cuda:0", "cuda:1", "cpu"], "cuda", "cuda:0"),
        (["cuda:0", "cuda:1", "cpu"], "cuda:1", "cuda:1"),
        (["cuda:0", "cpu"], "cpu", "cpu"),
    ],
)
def test_a_device_that_is_there_is_taken(
    there: list[str], name: str, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "_there", lambda: there)
    assert find_device(name) == torch.device(found)


@pytest.mark.parametrize("name", ["cuda:7", "cuda", "mps"])
def test_a_device_that_is_not_there_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_there", lambda: ["cpu"])
    with pytest.raises(DeviceError, match=f"no device '{name}' .* there are 'cpu': name one"):
        find_device(name)


def test_the_processor_is_always_there() -> None:
    assert find_device("cpu") == torch.device("cpu")
    assert device._there()[-1] == "cpu"
    assert describe(torch.device("cpu")) == "cpu"


def test_a_device_with_other_directions_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = torch.nn.Linear(2, 2)
    move_to(model, torch.device("cpu"))
    monkeypatch.setattr(device, "direction_fingerprint", lambda _, where="cpu": where)
    with pytest.raises(DeviceError, match="mps makes other directions"):
        move_to(model, torch.device("mps"))
    assert next(model.parameters()).device.type == "cpu"


def test_a_device_that_cannot_do_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> str:
        raise RuntimeError("out of memory\nand more")

    model, there = torch.nn.Linear(2, 2), torch.device("cpu")
    monkeypatch.setattr(model, "to", fails)
    with pytest.raises(DeviceError, match=r"moved to cpu \(out of memory\); use model.device"):
        move_to(model, there)
    real = direction_fingerprint
    monkeypatch.setattr(
        device, "direction_fingerprint", lambda seed, *where: fails() if where else real(seed)
    )
    with pytest.raises(DeviceError, match=r"cpu cannot compute directions \(out of memory\)"):
        move_to(model, there)
