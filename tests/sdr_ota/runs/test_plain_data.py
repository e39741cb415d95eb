"""Plain data goes through JSON and arrays without losing a bit; a world goes on from it."""

import io
import json
import math
from typing import Any

import numpy as np
import pytest

from sdr_ota.air.presets import PRESETS, air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.runs.plain_data import Arrays, from_plain, to_plain


def _through_files(value: object) -> Any:
    arrays: Arrays = {}
    text = json.dumps(to_plain(value, arrays), allow_nan=False)
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    file.seek(0)
    with np.load(file, allow_pickle=False) as read:
        return from_plain(json.loads(text), dict(read))


@pytest.mark.parametrize(
    "value",
    [None, True, 3, 2**127 + 1, 0.1, -0.0, 5e-324, math.inf, -math.inf, "text", [1, [2.5, "x"]],
     {"a": {"b": [None]}}, 1.5 - 2.5j, complex(math.inf, -0.0), {}, []],
)  # fmt: skip
def test_what_is_written_is_read_back(value: object) -> None:
    assert repr(_through_files(value)) == repr(value)


def test_nan_arrays_and_numpy_numbers_survive() -> None:
    array = np.array([1.5, np.nan, -0.0], np.float32)
    read = _through_files({"nan": math.nan, "samples": array, "x": np.float64(0.1)})
    assert math.isnan(read["nan"])
    assert read["samples"].tobytes() == array.tobytes()
    assert read["samples"].dtype == np.float32
    assert read["x"] == 0.1


@pytest.mark.parametrize("value", [object(), {1: 2}, {"array": 1}, {3}, b"x"])
def test_what_is_no_plain_data_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match=r"plain data"):
        to_plain(value, {})


@pytest.mark.parametrize(
    "value", [{"array": "a9"}, {"float": "x"}, {"complex": 3}, {"complex": []}]
)
def test_what_is_no_plain_form_is_refused(value: object) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        from_plain(value, {})


def _air(name: str, seed: int) -> SimulatedAir:
    return SimulatedAir(AirSettings(air_preset(name), 3, 1e6, 915e6, seed))


def _live(air: SimulatedAir, n_bursts: int) -> bytes:
    """Let a world go on, and return all that its receiver received."""
    rng, received = np.random.default_rng(5), b""
    air.begin_cyclic(1, np.ones(50, np.complex64))
    for _ in range(n_bursts):
        burst = rng.standard_normal(300).astype(np.complex64)
        for node in range(3):
            air.is_late(node, air.now_tick + 10)
            air.send(node, burst, air.now_tick + 10)
        received += air.receive(air.now_tick, 200)[0].tobytes()
    air.restart()
    return received + air.init_id.encode()


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_world_goes_on_from_a_snapshot_bit_for_bit(name: str) -> None:
    air, other = _air(name, 1), _air(name, 2)
    _live(air, 4)
    other.restore(_through_files(air.snapshot()))
    other._seed = air._seed  # it is the configuration's, and no state
    assert _live(other, 4) == _live(air, 4)


def test_a_snapshot_of_another_world_is_refused() -> None:
    state = _air("harsh", 1).snapshot()
    for wrong in ({}, {**state, "paths": []}, {**state, "rng": {"a": 1}}, {**state, "sum": "x"}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            _air("harsh", 1).restore(wrong)
