"""`plan` says what control frames cost: as docs/explanation/no-cables.md has it for five nodes."""

import re
from pathlib import Path

import pytest

from sdr_ota.assembly.control_row import control_frames_row, refuse_busy_band
from sdr_ota.config.load import load_config
from sdr_ota.failure import CommandFailed

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


def test_a_band_that_the_server_may_not_use_for_so_long_is_refused() -> None:
    """A frame that waits for its time on the air comes late, and nodes hear nothing."""
    config = load_config(EXAMPLE)
    refuse_busy_band(config)
    (band,) = config.band
    limited = band.model_copy(update={"max_duty_cycle": 0.1})
    with pytest.raises(CommandFailed, match=r"up to 31% of the time.*max_duty_cycle = 0.1"):
        refuse_busy_band(config.model_copy(update={"band": (limited,)}))
