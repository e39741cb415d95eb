"""A chip is as long as start jitter asks for, and the payload as long as it was."""

import pytest

from sdr_ota.config.chip_length import chip_length
from sdr_ota.config.load import load_config
from sdr_ota.config.parts import link_of
from sdr_ota.config.tables import AirTable, FrameTable, LinkTable, RadioTable


@pytest.mark.parametrize(
    ("preset", "scheme", "rate_hz", "samples"),
    [
        ("lab-wired", "coherent", 1e6, 2),  # no jitter
        ("lab-indoor", "coherent", 1e6, 2),  # 16 x 100 ns = 1.6 us
        ("lab-indoor", "coherent", 4e6, 7),
        ("free-running-pluto", "coherent", 1e6, 16),  # 16 x 1 us
        ("free-running-pluto", "energy-difference", 1e6, 2),
        ("free-running-pluto", "coherent", 10e6, 64),  # the longest there is
    ],
)
def test_a_chip_is_eight_times_as_long_as_an_arrival_is_uncertain(
    preset: str, scheme: str, rate_hz: float, samples: int
) -> None:
    settings = [f"air.preset={preset}", f"link.scheme={scheme}", f"radio.sample_rate_hz={rate_hz}"]
    config = load_config(None, settings)
    assert config.chip_length.samples == samples
    frame = link_of(config).frame
    assert frame.pulse.samples_per_chip == samples
    assert frame.n_payload_chips * samples == pytest.approx(1024, abs=samples)
    assert frame.n_pilot_chips * samples == pytest.approx(512, abs=samples) or samples == 64


def test_what_is_asked_for_is_taken() -> None:
    settings = ["frame.samples_per_chip=8", "frame.payload_s=2e-3", "frame.idle_chips=100"]
    frame = link_of(load_config(None, settings)).frame
    assert (frame.pulse.samples_per_chip, frame.n_payload_chips) == (8, 250)
    assert (frame.n_idle_chips, frame.n_pilot_chips) == (100, 64)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["frame.samples_per_chip=1"], "samples_per_chip"),
        (["frame.samples_per_chip=65"], "samples_per_chip"),
        (["frame.samples_per_chip=long"], "samples_per_chip"),
        (["frame.payload_s=1e-3", "frame.payload_chips=4"], "say the same"),
    ],
)
def test_what_cannot_be_is_refused(settings: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        load_config(None, settings)


def test_radios_of_unknown_jitter_keep_the_shortest_chip() -> None:
    radio = RadioTable(receiver="driver=uhd,serial=1", nodes=("driver=uhd,serial=2",))
    chip = chip_length(FrameTable(), LinkTable(), radio, AirTable())
    assert chip.samples == 2
    assert "no start jitter is known" in chip.reason
