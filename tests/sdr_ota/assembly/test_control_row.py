"""`plan` says what control frames cost: as docs/explanation/no-cables.md has it for five nodes."""

import re
from pathlib import Path

import pytest

from sdr_ota.assembly.control_row import control_frames_row
from sdr_ota.config.load import load_config

EXAMPLE = Path(__file__).parents[3] / "examples" / "no-cables.toml"


def test_bits_time_and_share_of_a_round() -> None:
    """17.6 + 14.0 + 32.6 + 15.5 ms are said. A round has the first and the last of these, twice
    2.5 leads of 20 ms with the longest one, 50 ms to compute, and its frames of 6.9 and 3.3 ms.
    """
    nodes = [f"driver=soapy,device=uhd,serial={k}" for k in range(5)]
    config = load_config(EXAMPLE, ["clients.count=5", f"radio.nodes={nodes}"])
    _, told = control_frames_row(config)
    assert told.startswith("2848 bit sent, 79.7 ms a round")
    least_ms = 17.6 + 15.5 + 2 * (2.5 * 20 + 32.6) + 50 + 6.9 + 3.3
    assert f"{79.7 / least_ms:.0%} of the time" in told
    (round_ms,) = re.findall(r"rounds of (\d+) ms", told)
    assert int(round_ms) == pytest.approx(least_ms, abs=1)  # of rounded parts
