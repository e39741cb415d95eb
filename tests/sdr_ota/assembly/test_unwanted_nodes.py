"""A planner leaves out the node without which the mean is predicted to err less."""

from dataclasses import replace

import numpy as np
import pytest
from ota_calibration.paths.tracker import PathForecast

from sdr_ota.assembly.planner import unwanted_nodes
from sdr_ota.config.load import config_of_tables
from sdr_ota.config.parts import link_of
from sdr_ota.schemes import load_scheme
from sdr_ota.types import ChannelEstimate

N_NODES, AHEAD_S, NOISE_POWER = 5, 0.05, 1e-2


def forecast(
    weak_db: float = 0.0, phase_walk: float = 0.0, level_walk: float = 0.0
) -> PathForecast:
    """Return what is expected of nodes of which the last differs from the others."""
    gains = [1.0] * (N_NODES - 1) + [10 ** (-weak_db / 20)]
    last = np.arange(N_NODES) == N_NODES - 1
    return PathForecast(
        estimates=tuple(ChannelEstimate(g, 1e-4, 0, 0, 0, 0, NOISE_POWER, 0) for g in gains),
        phase_variance_rad2=np.full(N_NODES, 1e-3),
        cfo_variance_hz2=np.zeros(N_NODES),
        phase_walk_rad2_per_s=phase_walk * last,
        level_variance=np.full(N_NODES, 1e-3),
        level_walk_per_s=level_walk * last,
        delay_variance_s2=np.zeros(N_NODES),
        start_variance_s2=np.zeros(N_NODES),
        loss_probability=0.0,
    )


@pytest.mark.parametrize(
    ("scheme", "expected", "is_out"),
    [
        ("coherent", forecast(), False),
        ("coherent", forecast(weak_db=25), False),
        ("coherent", forecast(weak_db=50), True),
        ("energy-difference", forecast(weak_db=50), True),
        ("tdma", forecast(weak_db=50), True),
        ("coherent", forecast(phase_walk=1 / AHEAD_S), False),
        ("coherent", forecast(phase_walk=10 / AHEAD_S), True),
        ("energy-difference", forecast(phase_walk=10 / AHEAD_S), False),  # it needs no phase
        ("energy-difference", forecast(level_walk=1 / AHEAD_S), True),
    ],
)
def test_a_node_is_unwanted_where_it_costs_more_than_it_says(
    scheme: str, expected: PathForecast, is_out: bool
) -> None:
    config = config_of_tables({}, {"clients.source": "synthetic"})
    link = replace(link_of(config), scheme=load_scheme(scheme))
    unwanted = unwanted_nodes(expected, link, 0.5, AHEAD_S)
    assert list(unwanted) == [N_NODES - 1] * is_out
    assert all("would make the mean worse" in why for why in unwanted.values())


def test_a_node_that_was_not_received_is_not_judged() -> None:
    link = link_of(config_of_tables({}, {"clients.source": "synthetic"}))
    expected = forecast()
    assert unwanted_nodes(replace(expected, estimates=(None,) * N_NODES), link, 0.5, AHEAD_S) == {}
