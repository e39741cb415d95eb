"""Who leads a joint frame."""

import pytest

from sdr_ota.types import Precoder, TransmitPlan


def plan(*nodes: tuple[complex, int]) -> TransmitPlan:
    precoders = tuple(Precoder(gain, reference_tick=tick) for gain, tick in nodes)
    return TransmitPlan(precoders, rx_amplitude=0.1, noise_power=1e-6)


@pytest.mark.parametrize(
    ("nodes", "lead"),
    [
        # All arrive alike: whose precoder is small has the strong path.
        (((0.9, 10), (0.1j, 20), (-0.2, 30), (0.8, 40)), 2),
        (((0.1, 40), (0.9j, 30), (0.2, 20), (0.8, 10)), 0),
        (((0.5, 10), (0.5j, 20), (-0.5, 30)), 2),  # as strong: the last one sounded
        (((0.5, 10), (0.0, 20)), 0),  # nobody who is silent leads
        (((0.9, 5), (0.0, 20), (0.1, 5)), 2),
    ],
)
def test_the_last_one_sounded_of_the_stronger_half_leads(
    nodes: tuple[tuple[complex, int], ...], lead: int
) -> None:
    assert plan(*nodes).lead_node == lead
