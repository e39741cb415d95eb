"""Bits and milliseconds in the explanation are those of the frames."""

import re
from pathlib import Path

import pytest

from sdr_ota.downlink.frames import message_cost, messages_of_a_round
from sdr_ota.downlink.messages import NODES_PER_MESSAGE, AirPayload, AirRequest, AirStep
from sdr_ota.signal.control_frame import ControlFormat
from sdr_ota.signal.frame import FrameFormat

PAGE = Path(__file__).parents[3] / "docs/explanation/no-cables.md"
RATE_HZ = 1e6


def documented() -> dict[str, list[float]]:
    """Return the numbers of the table of costs, by the first word of their row."""
    text = PAGE.read_text()
    rows = (
        text[text.index("| message | bits | sent | ms |") :].partition("\n\n")[0].splitlines()[2:]
    )
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {
        re.split("[: ]", name)[0]: [float(cell) for cell in numbers] for name, *numbers in cells
    }


def test_the_table_of_costs_is_what_five_nodes_are_told() -> None:
    names = ("announcement", "sounding", "payload", "outcome")
    costs = [message_cost(message, ControlFormat()) for message in messages_of_a_round(5)]
    table = documented()
    assert set(table) == {*names, "together"}
    for name, cost in zip(names, costs, strict=True):
        ms = 1e3 * cost.n_samples / RATE_HZ
        assert table[name] == [cost.n_message_bits, cost.n_sent_bits, pytest.approx(ms, abs=0.05)]
    sums = [sum(column) for column in zip(*(table[name] for name in names), strict=True)]
    assert table["together"] == pytest.approx(sums, abs=0.11)


def test_the_round_on_the_page_adds_up() -> None:
    text, frame = PAGE.read_text(), FrameFormat()
    messages = sum(message_cost(m, ControlFormat()).n_samples for m in messages_of_a_round(5))
    sounding, joint = frame.n_sounding_frame(5), frame.n_joint_frame
    assert f"{(messages + sounding + joint) / 1e3:.0f} ms are on the air" in text
    assert f"{messages / 1e3:.0f} of them carry messages" in text
    for name, n_samples in (("soundings", sounding), ("joint frame", joint)):
        assert re.search(rf"{name} +nodes +{n_samples / 1e3:.1f} ms", text)
    step, request = AirStep(bytes(8), 2**16, (2**63,), (0.5,)), AirRequest(2**16, 3, bytes(8))
    step_ms, request_ms = (
        message_cost(m, ControlFormat()).n_samples / 1e3 for m in (step, request)
    )
    assert f"A repeated step takes {step_ms:.1f} ms, a node's request {request_ms:.1f} ms" in text


def test_as_many_nodes_as_the_page_says_fit_one_message_whatever_its_numbers() -> None:
    assert NODES_PER_MESSAGE == 11
    assert "Eleven nodes fit a payload order" in PAGE.read_text()
    longest = 2**32 - 1, 2**32 - 1, 2**16 - 1, 2**16 - 1, 0.1, 0.1, 0.1
    nodes, words = (2**16 - 1,) * NODES_PER_MESSAGE, b"x" * 8 * NODES_PER_MESSAGE
    assert message_cost(AirPayload(*longest, nodes, words), ControlFormat()).n_sent_bits <= 8 * 255
