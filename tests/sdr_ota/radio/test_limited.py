"""A radio's owner decides what it may do, whoever orders it."""

from pathlib import Path

import numpy as np
import pytest

from sdr_ota.air.presets import AirPreset
from sdr_ota.air.simulated_air import AirSettings, SimulatedAir
from sdr_ota.radio.air_time_credit import WINDOW_S
from sdr_ota.radio.base import SettingNotTaken, TransmitRefused
from sdr_ota.radio.limited import LimitedRadio, Limits
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.types import RadioSettings

RATE_HZ = 1e6
SETTINGS = RadioSettings(915e6, RATE_HZ, 0.8e6)


def limited(
    limits: Limits, clock_s: list[float], kept_in: Path | None = None
) -> tuple[LimitedRadio, SimulatedAir]:
    air = SimulatedAir(AirSettings(AirPreset("quiet", snr_db=60.0), 1, RATE_HZ, 915e6, 1))
    return LimitedRadio(SimulatedRadio(air, 0), limits, kept_in, lambda: clock_s[0]), air


@pytest.mark.parametrize(
    ("limits", "settings", "words"),
    [
        (Limits(bands_hz=((914.6e6, 916e6),)), SETTINGS, "914.5 to 915.5 MHz"),
        (Limits(bands_hz=((914e6, 915.4e6),)), SETTINGS, "owner allows 914 to 915.4 MHz"),
        (Limits(max_tx_gain_db=-1.0), SETTINGS, "at most -1 dB"),
        (Limits(max_tx_gain_db=0.0), RadioSettings(915e6, RATE_HZ, 0.8e6, float("nan")), "nan dB"),
    ],
)
def test_settings_beyond_the_limits_are_refused(
    limits: Limits, settings: RadioSettings, words: str
) -> None:
    radio, _ = limited(limits, [0.0])
    with pytest.raises(SettingNotTaken, match=words):
        radio.configure(settings)


def test_a_radio_that_was_given_no_settings_sends_nothing() -> None:
    radio, _ = limited(Limits(bands_hz=((914e6, 916e6),)), [0.0])
    block = np.full(100, 0.1, np.complex64)
    for send in (radio.transmit, radio.begin_cyclic):
        with pytest.raises(TransmitRefused, match="was given no settings yet"):
            send(block)


def test_settings_within_the_limits_pass() -> None:
    radio, _ = limited(Limits(((914.5e6, 915.5e6),), 0.0, 0.1), [0.0])
    assert radio.configure(SETTINGS) == SETTINGS


def test_bursts_keep_the_share_of_the_time() -> None:
    clock_s = [0.0]
    share = 1e-3
    radio, air = limited(Limits(max_duty_cycle=share), clock_s)
    radio.configure(SETTINGS)
    burst = np.full(10_000, 0.1, np.complex64)  # 10 ms
    n_allowed = round(share * WINDOW_S / 0.01)
    for _ in range(n_allowed):
        radio.transmit(burst, air.now_tick + 100)
    with pytest.raises(TransmitRefused, match=r"its owner allows 0\.1 %"):
        radio.transmit(burst, air.now_tick + 100)
    clock_s[0] = 2 * WINDOW_S  # the time that has passed allows for more
    radio.transmit(burst, air.now_tick + 100)


def test_repeated_frames_keep_the_share_of_the_time() -> None:
    clock_s = [0.0]
    radio, _ = limited(Limits(max_duty_cycle=0.01), clock_s)
    radio.configure(SETTINGS)
    block = np.full(100, 0.1, np.complex64)
    radio.begin_cyclic(block)
    clock_s[0] = 1.0  # 1 s of the first minute's 0.6 s
    radio.end_cyclic()
    with pytest.raises(TransmitRefused, match="0 s on the air are left"):
        radio.begin_cyclic(block)
    clock_s[0] = 200.0
    radio.begin_cyclic(block)
    radio.end_cyclic()


def test_starting_again_gives_no_new_time_on_the_air(tmp_path: Path) -> None:
    clock_s, kept_in = [0.0], tmp_path / "air-time" / "radio.json"
    limits, block = Limits(max_duty_cycle=0.01), np.full(100, 0.1, np.complex64)
    first, _ = limited(limits, clock_s, kept_in)
    first.configure(SETTINGS)
    first.begin_cyclic(block)  # and its process is killed
    clock_s[0] = 1.0
    again, _ = limited(limits, clock_s, kept_in)
    again.configure(SETTINGS)
    assert again.longest_s() == pytest.approx(0.01)
    again.begin_cyclic(block)
    clock_s[0] = 1.002
    again.end_cyclic()  # what was not used is given back
    assert again.longest_s() == pytest.approx(0.008, abs=1e-4)


def test_a_long_silence_does_not_save_up_more_than_the_window(tmp_path: Path) -> None:
    clock_s, kept_in = [0.0], tmp_path / "radio.json"
    radio, _ = limited(Limits(max_duty_cycle=0.01), clock_s, kept_in)
    clock_s[0] = 1e6
    assert radio.longest_s() == pytest.approx(0.01 * WINDOW_S)
    clock_s[0] = 0.0  # a clock that is set back gives nothing
    assert radio.longest_s() == pytest.approx(0.01 * WINDOW_S)


@pytest.mark.parametrize(
    "damaged", ["", "[1]", "{}", "[1e400, 0]", "[1" + "0" * 400 + ", 0]", "\x00"]
)
def test_a_damaged_record_leaves_no_time_on_the_air(tmp_path: Path, damaged: str) -> None:
    kept_in = tmp_path / "radio.json"
    kept_in.write_text(damaged)
    radio, air = limited(Limits(max_duty_cycle=0.01), [0.0], kept_in)
    radio.configure(SETTINGS)
    with pytest.raises(TransmitRefused, match="0 s on the air are left"):
        radio.transmit(np.full(10, 0.1, np.complex64), air.now_tick + 100)
