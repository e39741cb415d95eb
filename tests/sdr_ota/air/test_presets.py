import dataclasses
import math
from typing import get_args

import numpy as np
import pytest

from sdr_ota.air.impairments import (
    advance_scatter,
    cfo_of_clock_error,
    delay_profile,
    draw_scatter,
    image_rejection_db,
    path_gains,
    quantise,
    resample_by_ppm,
)
from sdr_ota.air.presets import PRESETS, AirPreset, Fading, StartPhase, air_preset

NAMES = ["ideal", "lab-wired", "lab-indoor", "free-running-pluto", "usrp-shared-clock", "harsh"]


def test_names_are_the_promised_ones() -> None:
    assert list(PRESETS) == NAMES
    assert [air_preset(name).name for name in NAMES] == NAMES


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(ValueError, match=r"'lab' is unknown.*ideal.*harsh"):
        air_preset("lab")


def test_presets_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        air_preset("ideal").snr_db = 3.0  # type: ignore[misc]
    with pytest.raises(TypeError):
        PRESETS["mine"] = AirPreset("mine")  # type: ignore[index]


def test_defaults_are_an_ideal_air() -> None:
    assert dataclasses.replace(air_preset("ideal"), shared_clock=False) == AirPreset("ideal")


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_every_number_is_accepted_by_its_model(preset: AirPreset) -> None:
    ones, rng = np.ones(100, np.complex64), np.random.default_rng(1)
    assert preset.start_phase in get_args(StartPhase)
    assert preset.fading in get_args(Fading)
    resample_by_ppm(ones, 2 * preset.clock_error_range_ppm)  # two nodes at opposite ends
    profile = delay_profile(preset.multipath_profile, preset.delay_spread_s)
    scatter = draw_scatter(profile.powers.size, rng)
    scatter = advance_scatter(scatter, 0.1, preset.coherence_time_s, rng)
    assert np.all(np.isfinite(path_gains(profile, scatter, preset.rician_k_db)))
    for n_bits in (preset.dac_bits, preset.adc_bits):
        if n_bits is not None:
            quantise(ones, n_bits)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_ranges_and_probabilities_make_sense(preset: AirPreset) -> None:
    for field in dataclasses.fields(preset):
        value = getattr(preset, field.name)
        if field.name.endswith("_probability"):
            assert 0.0 <= value <= 1.0
        if field.name.endswith(("_range_s", "_jitter_s", "_ppm", "_spread_db", "linewidth_hz")):
            assert 0.0 <= value < math.inf
    assert (preset.fading == "rician") == math.isfinite(preset.rician_k_db)
    assert (preset.interference_probability > 0) == (preset.interference_duration_s > 0)


def test_numbers_derived_in_the_comments() -> None:
    wired, harsh = air_preset("lab-wired"), air_preset("harsh")
    for preset, rejection_db in ((wired, 39.6), (harsh, 28.2)):
        measured = image_rejection_db(preset.iq_gain_imbalance_db, preset.iq_phase_imbalance_deg)
        assert measured == pytest.approx(rejection_db, abs=0.05)
    assert harsh.delay_spread_s == pytest.approx(delay_profile("EVA").delay_spread_s, abs=0.5e-9)
    pluto = air_preset("free-running-pluto")
    assert cfo_of_clock_error(pluto.clock_error_range_ppm, 2.4e9) == pytest.approx(60e3)
    assert cfo_of_clock_error(10.0, 915e6) / 600 == pytest.approx(
        pluto.frequency_drift_hz_per_s, rel=0.02
    )
    walk_rad = math.sqrt(2 * math.pi * pluto.phase_noise_linewidth_hz * 10e-3)
    assert math.degrees(walk_rad) == pytest.approx(2.0, abs=0.05)
