"""Ports that are written down can be had on any machine: nobody hands them out to others."""

import inspect
import re
from pathlib import Path

import pytest

from sdr_ota.cli.virtual_pluto import virtual_pluto
from sdr_ota.cli.virtual_soapy import virtual_soapy
from sdr_ota.cli.watch import watch
from tests.docs.fenced_blocks import ROOT, blocks_of, pages
from tests.ports import LENT_BY_KERNEL, LENT_BY_RAY, free_ports

_WRITTEN = re.compile(r"(?:port[ =]|127\.0\.0\.1[:/]|localhost[:/])(\d+)")
TEXTS = [
    path
    for folder in ("docs", "examples", "tests", "sdr_ota", "benchmarks", "flowgraphs")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".md", ".toml", ".py", ".grc"}
] + [ROOT / "README.md", ROOT / "hardware.md"]


def ports_in(text: str) -> set[int]:
    return {int(port) for port in _WRITTEN.findall(text)}


def test_no_port_that_is_written_down_is_handed_out_by_the_kernel_or_ray() -> None:
    written = {(str(p.relative_to(ROOT)), port) for p in TEXTS for port in ports_in(p.read_text())}
    assert len(written) > 20
    lent = {place for place in written if place[1] in LENT_BY_KERNEL or place[1] in LENT_BY_RAY}
    assert not lent


def test_what_a_page_says_is_read() -> None:
    said = "--first-port 31500 port=30600 ip:127.0.0.1:31501 /dev/tcp/127.0.0.1/6391 --port 6379"
    assert ports_in(said) == {31500, 30600, 31501, 6391, 6379}


@pytest.mark.parametrize(
    ("command", "option"), [(virtual_pluto, "first_port"), (virtual_soapy, "port"), (watch, "port")]
)
def test_no_command_listens_there_unless_told(command: object, option: str) -> None:
    assert callable(command)
    port = inspect.signature(command).parameters[option].default
    assert not {port, port + 100} & {*LENT_BY_KERNEL, *LENT_BY_RAY}


def test_no_two_pages_listen_at_the_same_port() -> None:
    owners: dict[int, Path] = {}
    for page in pages():
        typed = "\n".join(block.text for block in blocks_of(page) if block.kind == "console")
        for port in ports_in(typed):
            assert owners.setdefault(port, page) == page


def test_free_ports_lie_where_nobody_hands_them_out() -> None:
    first = free_ports(5)
    assert not {*range(first, first + 5)} & {*LENT_BY_KERNEL, *LENT_BY_RAY}
