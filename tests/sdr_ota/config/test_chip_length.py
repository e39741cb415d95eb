"""Chips as long as the start jitter asks for: chosen from the configuration, with a reason."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from sdr_ota.air.presets import PRESETS
from sdr_ota.config.chip_length import samples_for_jitter
from sdr_ota.config.load import Config, ConfigError, load_config, restore_config
from sdr_ota.config.parts import link_of, with_sent_frame
from sdr_ota.schemes import LinkQuality, load_scheme
from sdr_ota.schemes.gain_errors import FactorMoments, independent_factors
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.signal.waveform import Pulse
from sdr_ota.types import Chips, ChipSum

TODAY = FrameFormat()


def config_with(*settings: str) -> Config:
    """Return the demo with some settings."""
    return load_config(None, settings)


@pytest.mark.parametrize("scheme", ["coherent", "energy-difference", "tdma"])
@pytest.mark.parametrize("preset", ["ideal", "lab-wired", "lab-indoor", "usrp-shared-clock"])
def test_where_starts_hardly_scatter_the_frame_is_the_default_one(preset: str, scheme: str) -> None:
    config = config_with(f"air.preset={preset}", f"link.scheme={scheme}")
    assert link_of(config).frame == TODAY


@pytest.mark.parametrize(
    ("preset", "rate_hz", "samples"),
    [
        ("free-running-pluto", 1e6, 16),
        ("free-running-pluto", 2e6, 32),
        ("free-running-pluto", 0.5e6, 8),
        ("lab-indoor", 4e6, 7),
        ("harsh", 1e6, 64),
    ],
)
def test_a_coherent_chip_lasts_eight_times_the_arrival_error(
    preset: str, rate_hz: float, samples: int
) -> None:
    settings = (f"air.preset={preset}", f"radio.sample_rate_hz={rate_hz}", "link.max_cfo_hz=1e4")
    config = config_with(*settings)
    assert link_of(config).frame.pulse.samples_per_chip == samples
    arrival_s = 2 * PRESETS[preset].start_jitter_s  # four independent starts
    if samples < 64:
        assert samples / rate_hz >= 8 * arrival_s * (1 - 1e-9) > (samples - 1) / rate_hz


@pytest.mark.parametrize("jitter_s", np.geomspace(1e-9, 1e-5, 30))
@pytest.mark.parametrize("rate_hz", [0.25e6, 1e6, 61.44e6])
def test_samples_are_the_fewest_that_do(jitter_s: float, rate_hz: float) -> None:
    samples = samples_for_jitter(jitter_s, rate_hz)
    assert samples >= 2
    assert samples >= 16 * jitter_s * rate_hz * (1 - 1e-6)
    assert samples == 2 or samples - 1 < 16 * jitter_s * rate_hz


@pytest.mark.parametrize("samples", [2, 3, 7, 16, 64])
def test_longer_chips_are_fewer_and_parts_take_the_same_time(samples: int) -> None:
    frame = link_of(config_with(f"frame.samples_per_chip={samples}")).frame
    assert frame.pulse == Pulse(samples)
    for n, today, least in [
        (frame.n_pilot_chips, 256, 16),
        (frame.n_payload_chips, 512, 2),
        (frame.n_idle_chips, 512, 16),
    ]:
        assert n == least or abs(n * samples - today * 2) <= samples / 2


def test_what_is_given_is_taken_as_it_is() -> None:
    numbers = ("frame.pilot_chips=20", "frame.payload_chips=512", "frame.idle_chips=99")
    frame = link_of(config_with("air.preset=free-running-pluto", *numbers)).frame
    assert (frame.n_pilot_chips, frame.n_payload_chips, frame.n_idle_chips) == (20, 512, 99)
    assert frame.pulse.samples_per_chip == 16


@pytest.mark.parametrize(("samples", "n_chips"), [("auto", 250), (2, 2000), (8, 500), (64, 62)])
def test_a_payload_in_seconds(samples: str | int, n_chips: int) -> None:
    config = config_with(
        "air.preset=free-running-pluto", "frame.payload_s=4e-3", f"frame.samples_per_chip={samples}"
    )
    assert link_of(config).frame.n_payload_chips == n_chips


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["frame.samples_per_chip=1"], ["frame.samples_per_chip", "it is 1", "2 to 64", "auto"]),
        (["frame.samples_per_chip=65"], ["it is 65", "2 to 64"]),
        (["frame.samples_per_chip=2.5"], ["it is 2.5"]),
        (["frame.samples_per_chip=true"], ["it is True"]),
        (["frame.samples_per_chip=long"], ["it is 'long'"]),
        (["frame.payload_s=1e-3", "frame.payload_chips=512"], ["512", "0.001", "give one"]),
        (["frame.payload_s=1e-7"], ["0 chips of 2 us", "4e-06 to 20 s"]),
        (["frame.payload_s=100"], ["50000000 chips", "10000000"]),
        (["frame.payload_s=0"], ["frame.payload_s", "greater than 0"]),
        (["frame.payload_s=1e-3", "radio.has_hardware_time=false"], ["use frame.payload_chips"]),
        (["frame.payload_s=2e-5", "link.scheme=tdma"], ["at least 4 chips a node"]),
    ],
)
def test_a_wrong_length_is_answered_with_what_is_allowed(
    settings: list[str], words: list[str]
) -> None:
    with pytest.raises(ConfigError) as wrong:
        config_with(*settings)
    for word in words:
        assert word in str(wrong.value)


@pytest.mark.parametrize(
    ("settings", "samples", "why"),
    [
        ((), 2, "starts do not scatter"),
        (("frame.samples_per_chip=5",), 5, "frame.samples_per_chip says so"),
        (("air.preset=free-running-pluto",), 16, "jitter 1 us: a chip of at least 16 us"),
        (("air.preset=harsh",), 64, "at least 80 us; no more than 64 samples"),
        (("air.preset=harsh", "link.scheme=energy-difference"), 2, "needs no phases"),
        (("air.preset=harsh", "link.scheme=tdma"), 2, "needs no phases"),
        (("air.preset=harsh", "radio.has_hardware_time=false"), 2, "on subcarriers"),
    ],
)
def test_the_choice_says_why(settings: tuple[str, ...], samples: int, why: str) -> None:
    chosen = config_with(*settings).chip_length
    assert chosen.samples == samples
    assert why in chosen.why


def test_real_radios_keep_two_samples_and_hear_what_to_measure() -> None:
    tables: dict[str, object] = {
        "clients": {"count": 1},
        "radio": {
            "receiver": "driver=soapy,device=uhd,serial=r",
            "nodes": ["driver=soapy,device=uhd,serial=n"],
            "transmit_allowed": True,
        },
        "band": [{"low_hz": 914e6, "high_hz": 916e6}],
        "air": {"preset": "free-running-pluto"},  # of simulated radios: says nothing here
    }
    chosen = restore_config(tables).chip_length
    assert chosen.samples == 2
    assert "calibrate timing" in chosen.why
    assert "16 times" in chosen.why


def test_the_choice_survives_a_record_of_the_run() -> None:
    config = config_with("air.preset=free-running-pluto")
    again = restore_config(json.loads(config.model_dump_json()))
    assert again == config
    assert link_of(again) == link_of(config)


def test_a_sent_frame_stays_with_another_scheme() -> None:
    config = config_with("air.preset=free-running-pluto", "frame.payload_s=2e-3")
    sent = with_sent_frame(config)
    assert link_of(sent).frame == link_of(config).frame
    other = sent.model_copy(update={"link": config.link.model_copy(update={"scheme": "tdma"})})
    assert link_of(other).frame == link_of(config).frame


@dataclass(frozen=True)
class Hungry:
    """A coherent scheme that needs more chips than long ones leave."""

    needs_phase = True
    sign_only = False
    on_subcarriers = None

    def check(self, n_chips: int, n_nodes: int) -> None:
        if n_chips < 100:
            raise ValueError(f"needs 100 chips, not {n_chips}")

    def encode(
        self, symbol: float, node: int, n_nodes: int, n_chips: int, rng: np.random.Generator
    ) -> Chips:
        return load_scheme("coherent").encode(symbol, node, n_nodes, n_chips, rng)

    def decode(self, chips: Chips, n_nodes: int, rx_amplitude: float) -> ChipSum:
        return load_scheme("coherent").decode(chips, n_nodes, rx_amplitude)

    def alike(self, chips: Chips, n_nodes: int, rx_amplitude: float) -> tuple[Chips]:
        return (chips,)

    def symbol_mean_square(self, chips: Chips, n_active: int, link: LinkQuality) -> None:
        return None

    def gain_moments(self, n_active: int, link: LinkQuality) -> FactorMoments:
        return independent_factors(np.ones(n_active), np.ones(n_active))

    def theory_mean(self, symbols: NDArray[np.float64], link: LinkQuality) -> float:
        return float(symbols.sum())

    def theory_variance(self, symbols: NDArray[np.float64], link: LinkQuality) -> float:
        return 0.0


def test_a_scheme_that_needs_many_chips_gets_shorter_ones() -> None:
    settings = (f"link.scheme={__name__}:Hungry", "air.preset=free-running-pluto")
    chosen = config_with(*settings).chip_length
    assert chosen.samples == 10  # 102 chips; 11 samples would leave 93
    assert "needs more chips" in chosen.why
    with pytest.raises(ConfigError, match="needs 100 chips, not 64"):
        config_with(*settings, "frame.payload_chips=64")
