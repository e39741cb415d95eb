"""What keeps a machine from lending its radios is said before a radio is opened."""

import socket
from collections.abc import Iterator

import pytest

from sdr_ota.assembly import node
from sdr_ota.assembly.node import node_command, stated_bands
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.radio.limited import Limits

RADIO = "driver=pluto,uri=ip:127.0.0.1:1"
LIMITS = Limits(bands_hz=((914e6, 916e6),))


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the radios that were opened; Ray may be missing here."""
    seen: list[str] = []
    monkeypatch.setattr(node, "_try_out", seen.append)
    monkeypatch.setattr(node, "find_spec", lambda name: name)
    return seen


@pytest.fixture
def silent() -> Iterator[str]:
    """Hold a port at which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


def test_a_cluster_that_is_not_there_is_said_so(silent: str, opened: list[str]) -> None:
    with pytest.raises(CommandFailed, match=r"nothing answers at .*ray start --head") as failed:
        node_command("lab0", silent, [RADIO], LIMITS)
    assert failed.value.exit_code == 1
    assert opened == []


@pytest.mark.parametrize(
    ("name", "address", "words"),
    [
        ("a b", "127.0.0.1:1", "letters, digits"),
        ("lab0", "server", "not of the form HOST:PORT"),
        ("lab0", ":6379", "not of the form HOST:PORT"),
        ("lab0", "host:ray", "not of the form HOST:PORT"),
    ],
)
def test_wrong_use_is_explained(name: str, address: str, words: str, opened: list[str]) -> None:
    with pytest.raises(CommandFailed, match=words) as refused:
        node_command(name, address, [RADIO], LIMITS)
    assert refused.value.exit_code == WRONG_USE
    assert opened == []


def test_without_ray_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "find_spec", lambda name: None)
    with pytest.raises(CommandFailed, match=r"sdr-ota\[cluster\]"):
        node_command("lab0", "127.0.0.1:1", [RADIO], LIMITS)


def test_bands_are_two_numbers_each() -> None:
    assert stated_bands(["433e6:434e6", "914e6:916e6"]) == ((433e6, 434e6), (914e6, 916e6))
    for wrong in ("433e6", "a:b", "1:2:3"):
        with pytest.raises(CommandFailed, match="give LOW_HZ:HIGH_HZ") as refused:
            stated_bands([wrong])
        assert refused.value.exit_code == WRONG_USE
