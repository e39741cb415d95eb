import math

import numpy as np
import pytest

from sdr_ota.signal.metrics import nmse_db
from sdr_ota.signal.modulation import AnalogPayload, SignPayload


@pytest.mark.parametrize("scalar_limit", [0.1, 2.0, 50.0])
def test_there_and_back_is_clipping(scalar_limit: float) -> None:
    payload = AnalogPayload(scalar_limit)
    for scalar in scalar_limit * np.array([-3.0, -1.0, -0.4, 0.0, 0.7, 1.0, 1.01, 100.0]):
        symbol = payload.symbol(float(scalar))
        assert abs(symbol) <= 1.0
        back = payload.mean_scalar(symbol, 1)
        assert back == pytest.approx(np.clip(scalar, -scalar_limit, scalar_limit))


@pytest.mark.parametrize("n_active", [1, 2, 5])
def test_mean_is_the_sum_over_those_who_sent(n_active: int) -> None:
    assert AnalogPayload(2.0).mean_scalar(1.5, n_active) == pytest.approx(3.0 / n_active)


@pytest.mark.parametrize(
    ("scalar", "limit", "symbol"),
    [
        (3.0, 0.0, 1.0),
        (-1e-9, 0.0, -1.0),
        (0.0, 0.0, 0.0),
        (0.4, 0.5, 0.0),
        (-0.6, 0.5, -1.0),
        (0.5, 0.5, 1.0),
        (-0.5, 0.5, -1.0),
    ],
)
def test_a_vote_is_the_sign_and_small_scalars_abstain(
    scalar: float, limit: float, symbol: float
) -> None:
    assert SignPayload(limit).symbol(scalar) == symbol


@pytest.mark.parametrize(("total", "mean"), [(0.2, 1.0), (-4.0, -1.0), (0.0, 0.0)])
def test_the_majority_is_broadcast(total: float, mean: float) -> None:
    assert SignPayload().mean_scalar(total, 5) == mean


def test_nmse_is_a_ratio_of_means_over_the_run() -> None:
    assert nmse_db([0.01, 0.03], [1.0, 3.0]) == pytest.approx(-20.0)
    # A sum near zero in one round does not blow it up; a mean of ratios would.
    assert nmse_db([0.01, 0.01], [1e-12, 2.0]) == pytest.approx(-20.0)
    assert nmse_db([0.0], [1.0]) == -math.inf
    assert math.isnan(nmse_db([], []))
    assert math.isnan(nmse_db([0.1], [0.0]))
