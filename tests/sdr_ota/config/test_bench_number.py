"""Two benches get two numbers by themselves, where their radios, or their runs, differ."""

import pytest

from sdr_ota.config.load import Config, ConfigError, config_of_tables
from sdr_ota.config.parts import bench_number, link_of


def config(*addresses: str) -> Config:
    if not addresses:
        return config_of_tables({}, {})
    receiver, *nodes = addresses
    tables = {
        "radio": {"receiver": receiver, "nodes": nodes, "transmit_allowed": True},
        "band": [{"low_hz": 914e6, "high_hz": 916e6}],
        "clients": {"count": len(nodes)},
        "link": {"scheme": "energy-difference"},
    }
    return config_of_tables(tables, {})


def test_real_benches_are_told_apart_and_simulated_ones_are_alike() -> None:
    pluto = "driver=pluto,uri=ip:10.0.0."
    numbers = {bench_number(config(f"{pluto}{last}", f"{pluto}3", f"{pluto}4")) for last in (1, 2)}
    assert len(numbers) == 2
    assert bench_number(config()) == 0


def test_a_number_that_is_given_is_in_the_frame() -> None:
    given = config_of_tables({"frame": {"bench": 77}}, {})
    assert link_of(given).frame.bench == 77


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("frame.bench", -1, "a whole number from 0 to 4294967295"),
        ("frame.bench", 2**32, "a whole number from 0 to 4294967295"),
        ("link.scalar_limit", 0, "a number above 0"),
        ("link.scalar_limit", float("inf"), "a number above 0"),
        ("link.scalar_limit", "large", "a number above 0"),
    ],
)
def test_a_number_or_auto_is_asked_for_in_one_sentence(
    key: str, value: object, allowed: str
) -> None:
    with pytest.raises(ConfigError) as wrong:
        config_of_tables({}, {key: value})
    assert str(wrong.value) == f'{key}: it is {value!r}; use {allowed}, or "auto"'
