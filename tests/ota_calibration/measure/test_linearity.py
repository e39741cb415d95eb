"""A compression that was imposed is found where it is, images and dc_offsets too."""

import numpy as np
import pytest
from ota_calibration.measure.front_end import mean_ratio_db, measure_front_end
from ota_calibration.measure.linearity import Linearity, ladder_amplitudes, measure_linearity
from ota_calibration.measure.sounding_sequence import SoundingSequence, fit_sequence

from tests.ota_calibration.recordings import FRAME, Truth, recorded_sequence

LADDER = SoundingSequence(FRAME, ladder_amplitudes())


def measured(truth: Truth, seed: int, is_timed: bool = True, n_ladders: int = 4) -> Linearity:
    rng = np.random.default_rng(seed)
    captures = [
        recorded_sequence(truth, LADDER, 1000 + 20_000 * k, rng, is_timed) for k in range(n_ladders)
    ]
    return measure_linearity(captures, LADDER, 0.03)


@pytest.mark.parametrize("saturation", [0.7, 1.0, 1.4])
def test_the_compression_point_is_where_it_was_put(saturation: float) -> None:
    found = measured(Truth(saturation=saturation, noise_power=1e-7, cfo_hz=4e3), 1)
    point = 20 * np.log10(saturation * (10 ** (4 / 20) - 1) ** 0.25)
    assert found.compression_dbfs == pytest.approx(point, abs=6 * found.compression_std_db + 0.02)
    assert found.compression_std_db < 0.2
    # Sampled chirps swing a little over their amplitude: the model knows only the amplitude.
    high = saturation * (10 ** (0.1 / 5) - 1) ** 0.25
    assert found.usable_high == pytest.approx(min(high, 0.9), rel=0.03)


def test_a_linear_transmitter_has_no_compression_point() -> None:
    found = measured(Truth(noise_power=1e-7, gain_scatter_db=0.5), 2)
    assert found.compression_dbfs == np.inf
    assert found.usable_high == pytest.approx(0.9)
    assert found.small_signal_db == pytest.approx(-20.0, abs=1.0)


@pytest.mark.parametrize(("noise_power", "lowest"), [(1e-7, 0.05), (1e-3, 0.2)])
def test_amplitudes_lost_in_noise_are_not_usable(noise_power: float, lowest: float) -> None:
    found = measured(Truth(noise_power=noise_power), 3, n_ladders=1)
    # 20 % of an amplitude a over 192 samples: a = sqrt(10 N0 / 2 / 192) / 0.1
    expected = max(np.sqrt(5 * noise_power / 192) / 0.1, 0.05)
    assert found.usable_low == pytest.approx(max(expected, 0.05), rel=0.5)
    assert found.usable_low <= lowest


def test_a_ladder_that_was_cut_anywhere_is_turned_back() -> None:
    rng = np.random.default_rng(4)
    truth = Truth(noise_power=1e-7, saturation=1.0)
    whole = recorded_sequence(truth, LADDER, 1000, rng)
    n = len(LADDER.samples())
    body = whole.samples[FRAME.guard_samples : FRAME.guard_samples + n]
    turned = np.roll(body, -5 * LADDER.period - 333)
    cut = type(whole)(np.concatenate([turned, turned[: LADDER.period]]), 0, None)
    found = measure_linearity([cut], LADDER, 0.03)
    straight = measure_linearity([whole], LADDER, 0.03)
    np.testing.assert_allclose(found.gains_db, straight.gains_db, atol=0.05)


@pytest.mark.parametrize("cfo_hz", [0.0, 3e3])
@pytest.mark.parametrize(
    "change",
    [
        {"image": 0.01 + 0.005j},
        {"image": 0.05j},
        {"rx_image": 0.02 - 0.01j},
        {"tx_dc": 0.02j, "rx_dc": 0.003 + 0j},
        {"rx_dc": 0.01 - 0.01j},
    ],
)
def test_images_and_leakages_are_told_apart(cfo_hz: float, change: dict[str, complex]) -> None:
    truth = Truth(noise_power=1e-6, cfo_hz=cfo_hz, phase_rad=0.7, **change)
    sequence = SoundingSequence.even(FRAME, 8)
    capture = recorded_sequence(truth, sequence, 1000, np.random.default_rng(5))
    found = measure_front_end(capture, sequence, fit_sequence(capture, sequence, 0.03))
    gain = 0.1 * np.exp(0.7j)
    if cfo_hz:
        assert found.rx_image is not None
        assert found.tx_dc is not None
        # The transmitter's own phase turns what it leaks and mirrors.
        assert abs(found.tx_image) == pytest.approx(abs(truth.image), abs=6 * found.image_std)
        assert abs(found.rx_image) == pytest.approx(abs(truth.rx_image), abs=6 * found.image_std)
        assert abs(found.tx_dc) == pytest.approx(abs(truth.tx_dc), abs=1e-3)
        assert found.rx_dc == pytest.approx(truth.rx_dc, abs=6 * found.dc_std + 1e-5)
    else:
        both = truth.image + truth.rx_image * gain.conjugate() / gain
        assert abs(found.tx_image) == pytest.approx(abs(both), abs=6 * found.image_std)
        assert found.rx_image is None
        assert found.rx_dc == pytest.approx(
            truth.rx_dc + gain * truth.tx_dc, abs=6 * found.dc_std + 1e-5
        )


def test_a_ratio_below_its_error_is_given_as_its_error() -> None:
    level_db, _ = mean_ratio_db([1e-6 + 0j] * 8, [1e-3] * 8)
    assert level_db == pytest.approx(20 * np.log10(1e-3 / 4))
