"""What keeps virtual radios from being served is said with what to do."""

import socket

import pytest

from sdr_ota.assembly.virtual_bench import (
    serve_plutos,
    serve_soapy_devices,
    serve_two_way_devices,
)
from sdr_ota.failure import WRONG_USE, CommandFailed


def test_a_taken_port_is_named_with_the_option_that_chooses_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommandFailed, match=f"in use at ports {port} to .* --first-port"):
            serve_plutos(1, "ideal", port, seed=1)
        with pytest.raises(CommandFailed, match=f"in use at port {port}; .* --port") as refused:
            serve_soapy_devices(1, "ideal", port, seed=1)
    assert refused.value.exit_code == WRONG_USE


def test_an_air_that_does_not_exist_has_nothing_to_do_with_ports() -> None:
    with pytest.raises(CommandFailed, match="no-such-air") as refused:
        serve_plutos(1, "no-such-air", 0, seed=1)
    assert "port" not in str(refused.value)


@pytest.mark.parametrize(
    ("preset", "n_channels", "words"),
    [("lab-indoor", 1, "carriers drift"), ("ideal", 2, "has 1 channel, not 2")],
)
def test_what_a_two_way_world_does_not_have_is_refused(
    preset: str, n_channels: int, words: str
) -> None:
    with pytest.raises(CommandFailed, match=words) as refused:
        serve_two_way_devices(1, preset, 0, 1, n_channels)
    assert refused.value.exit_code == WRONG_USE
