"""What keeps a machine from lending its radios is said before a radio is opened."""

import socket
from collections.abc import Iterator

import pytest

from sdr_ota.assembly import node
from sdr_ota.assembly.node import bands_of, node_command
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.radio.limited import Limits
from sdr_ota.remote.offer import Offer

RADIO = "driver=pluto,uri=ip:127.0.0.1:1"
LIMITS = Limits(bands_hz=((914e6, 916e6),))


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the radios that were opened; Ray may be missing here."""
    seen: list[str] = []
    monkeypatch.setattr(node, "_try_out", seen.append)
    monkeypatch.setattr(node, "find_spec", lambda name: name)
    monkeypatch.setattr(node, "has_token", lambda: True)
    return seen


@pytest.fixture
def silent() -> Iterator[str]:
    """Hold a port at which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


def test_a_cluster_that_is_not_there_is_said_so(silent: str, opened: list[str]) -> None:
    with pytest.raises(CommandFailed, match=r"nothing answers at .*ray start --head") as failed:
        node_command(Offer("lab0", (RADIO,), ".", LIMITS), silent)
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
        node_command(Offer(name, (RADIO,), ".", LIMITS), address)
    assert refused.value.exit_code == WRONG_USE
    assert opened == []


def test_without_ray_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "find_spec", lambda name: None)
    with pytest.raises(CommandFailed, match=r"sdr-ota\[cluster\]"):
        node_command(Offer("lab0", (RADIO,), ".", LIMITS), "127.0.0.1:1")


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(), "in which band"),
        (Limits(bands_hz=()), "in which band"),
        (Limits(bands_hz=((916e6, 914e6),)), "the lower edge comes first"),
        (Limits(bands_hz=((914e6, float("inf")),)), "the lower edge comes first"),
        (Limits(bands_hz=((914e6, 916e6),), max_duty_cycle=0.0), "a share of the time"),
        (Limits(bands_hz=((914e6, 916e6),), max_duty_cycle=float("nan")), "a share of the time"),
    ],
)
def test_no_radio_is_lent_without_limits_that_mean_something(
    limits: Limits, words: str, silent: str, opened: list[str]
) -> None:
    with pytest.raises(CommandFailed, match=words) as refused:
        node_command(Offer("lab0", (RADIO,), ".", limits), silent)
    assert refused.value.exit_code == WRONG_USE
    assert opened == []


def test_a_cluster_without_a_token_is_joined_only_if_that_was_asked_for(
    silent: str, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "has_token", lambda: False)
    with pytest.raises(CommandFailed, match=r"can run programs .*--without-token") as refused:
        node_command(Offer("lab0", (RADIO,), ".", LIMITS), silent)
    assert refused.value.exit_code == WRONG_USE
    with pytest.raises(CommandFailed, match="nothing answers"):
        node_command(Offer("lab0", (RADIO,), ".", LIMITS), silent, without_token=True)
    assert opened == []


@pytest.mark.parametrize("words", [["914e6"], ["914e6-916e6"], ["a:b"], ["1:2:3"]])
def test_a_band_has_two_edges(words: list[str]) -> None:
    with pytest.raises(CommandFailed, match="LOW_HZ:HIGH_HZ"):
        bands_of(words)
