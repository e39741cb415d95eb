"""Rounded feedback stays within its steps, below the peak, and in the prediction."""

import numpy as np
import pytest
from ota_calibration.paths.feedback import FeedbackFormat

from sdr_ota.types import PathErrors, Precoder, TransmitPlan

RATE_HZ = 1e6


def precoders(n: int) -> list[Precoder]:
    rng = np.random.default_rng(1)
    gains = 0.5 * 10 ** rng.uniform(-1.5, 0, n) * np.exp(1j * rng.uniform(-3, 3, n))
    delays, offsets = rng.uniform(-9e-6, 9e-6, n), rng.uniform(-6e4, 6e4, n)
    rows = zip(gains, delays, offsets, strict=True)
    return [Precoder(complex(g), float(d), float(f), 17) for g, d, f in rows]


def test_errors_are_uniform_in_a_step() -> None:
    steps, sent = FeedbackFormat(), precoders(2000)
    told = [steps.rounded(p, RATE_HZ, 0.9) for p in sent]
    rows = [
        (
            (t.delay_s - p.delay_s) * RATE_HZ / steps.delay_step_samples,
            (t.cfo_hz - p.cfo_hz) / steps.cfo_step_hz,
            20 * np.log10(abs(t.gain / p.gain)) / steps.amplitude_step_db,
            np.angle(t.gain / p.gain) / steps.phase_step_rad,
        )
        for t, p in zip(told, sent, strict=True)
        if t is not None
    ]
    errors = np.array(rows)
    assert len(errors) == 2000
    assert np.abs(errors).max() <= 0.5 + 1e-6
    # The spread of a uniform error: 1 / sqrt(12), itself known to 1 / sqrt(5 n) of it.
    np.testing.assert_allclose(errors.std(axis=0) * np.sqrt(12), 1.0, atol=4 / np.sqrt(5 * 2000))


def test_a_node_at_its_limit_is_never_rounded_above_it() -> None:
    for amplitude in np.linspace(0.1, 0.9, 200):
        told = FeedbackFormat().rounded(Precoder(complex(amplitude)), RATE_HZ, float(amplitude))
        assert told is not None
        assert abs(told.gain) <= amplitude


@pytest.mark.parametrize(
    "asked",
    [Precoder(0.5, delay_s=200e-6), Precoder(0.5, cfo_hz=-140e3), Precoder(0.001j)],
)
def test_what_cannot_be_said_leaves_a_node_out(asked: Precoder) -> None:
    plan = TransmitPlan((Precoder(0.3j), asked, Precoder(0j)), 0.1, 1e-6, left_out=("node 2",))
    told = FeedbackFormat().fed_back(plan, RATE_HZ, 0.5)
    assert told.active_nodes == (0,)
    assert told.left_out == ("node 2", "node 1 would need what feedback cannot say")


def test_coarse_steps_are_expected() -> None:
    coarse = FeedbackFormat(1.0, 12.0, 1.0, 0.5)
    asked = TransmitPlan((Precoder(0.3),), 0.1, 1e-6, (PathErrors(),))
    (errors,) = coarse.fed_back(asked, RATE_HZ, 0.5).path_errors
    assert errors.phase_std_rad == pytest.approx(0.5 / np.sqrt(12))
    assert errors.amplitude_std == pytest.approx(0.1151 / np.sqrt(12), rel=1e-3)
    assert errors.cfo_std_hz == pytest.approx(12 / np.sqrt(12))
    assert errors.timing_std_s == pytest.approx(1e-6 / np.sqrt(12))
