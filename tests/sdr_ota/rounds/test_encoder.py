"""A node sends no louder than its own limit, whatever it is ordered."""

import math

import pytest

from sdr_ota.rounds.encoder import OpenEncoder, PowerLimitError
from sdr_ota.rounds.messages import PayloadOrder
from sdr_ota.signal.modulation import AnalogPayload

ENCODER = OpenEncoder(AnalogPayload, peak_amplitude=0.5)


def order(gain: complex) -> PayloadOrder:
    return PayloadOrder(
        round=0,
        gain=(gain.real, gain.imag),
        delay_s=0.0,
        cfo_hz=0.0,
        reference_tick=0,
        leads=False,
        n_nodes=1,
        noise_std=0.0,
        largest_scalar=2.0,
        cost=0.0,
    )


@pytest.mark.parametrize("gain", [0.5, -0.5j, 0.3 + 0.4j])
def test_an_order_at_the_limit_is_followed(gain: complex) -> None:
    assert ENCODER.symbols(order(gain), [1.0, -4.0]) == (0.5, -1.0)


@pytest.mark.parametrize("gain", [0.501, -0.6j, complex(math.nan, 0.0), complex(math.inf, 0.0)])
def test_an_order_beyond_it_is_refused(gain: complex) -> None:
    with pytest.raises(PowerLimitError, match=r"its limit is 0\.5"):
        ENCODER.symbols(order(gain), [1.0])
