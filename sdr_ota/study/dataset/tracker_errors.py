"""The second part of a data set: how far off a path is from what its soundings foretold.

A world is sounded again and again; the tracker of our receiver (`PathTracker`) takes the soundings
in and predicts every node's gain at a later time, at which the node is sounded once more. That
check is not shown to the tracker: it stands for the payload.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from ota_calibration.paths.sounding import estimate_nodes
from ota_calibration.paths.tracker import PathTracker

from sdr_ota.assembly.bench import open_bench
from sdr_ota.assembly.planner import path_tracker
from sdr_ota.assembly.server import nodes_here
from sdr_ota.config.load import Config, load_config
from sdr_ota.config.parts import link_of, shares_reference, simulated_air
from sdr_ota.erasure import Erasure
from sdr_ota.rounds.opening import exchange_of
from sdr_ota.rounds.synthetic import UniformClient
from sdr_ota.types import ChannelEstimate
from sdr_ota.units import amplitude_to_db

LATENCIES_S = (1e-3, 1e-2, 1e-1, 1.0)

MOST_NODES = 5
WORLDS = 5
"""Drawn anew, for each air and latency."""

LEAD_S = 0.5e-3
"""From an order to the frame; a part of the latency."""

ROUND_S = 0.25
"""From a check to the next sounding, as between the rounds of a run (``air.round_s``)."""


@dataclass(frozen=True)
class TrackerRow:
    """One line of ``tracker.csv``: one node, predicted and then seen.

    Attributes:
        preset: The simulated air.
        latency_s: From the end of a sounding frame to the beginning of the next.
        world: Index of the world; nothing is shared between two.
        round: Index of the prediction in it: the tracker has seen one sounding more than that.
        node: Index of the node.
        ahead_s: From the node's sounding burst to the burst that checks it.
        predicted_gain_db: Power gain, as the tracker foretold it.
        predicted_phase_rad: Phase, the same.
        observed_gain_db: As the check shows it.
        observed_phase_rad: The same.
        relative_error: |observed - predicted|^2 over |observed|^2, complex.
        expected_error: What the tracker expected of it: variances of phase and relative level.
        observation_error: Of the check itself: variance of its gain, relative.
    """

    preset: str
    latency_s: float
    world: int
    round: int
    node: int
    ahead_s: float
    predicted_gain_db: float
    predicted_phase_rad: float
    observed_gain_db: float
    observed_phase_rad: float
    relative_error: float
    expected_error: float
    observation_error: float


def tracker_rows(
    preset: str,
    n_nodes: int,
    n_rounds: int,
    seed: int,
    settings: Sequence[str] = (),
    latencies_s: Sequence[float] = LATENCIES_S,
) -> list[TrackerRow]:
    """Return all predictions for one air.

    Args:
        preset: The simulated air.
        n_nodes: Nodes, at most `MOST_NODES` of them are used.
        n_rounds: Predictions in each world.
        seed: Of the first world.
        settings: Further ``table.key=value`` of the data set.
        latencies_s: From a sounding to its check, above `LEAD_S`.

    Raises:
        ConfigError: If a setting cannot be.
    """
    return [
        row
        for place, latency_s in enumerate(latencies_s)
        for world in range(WORLDS)
        for row in _rows_of_world(
            _config(preset, min(n_nodes, MOST_NODES), seed + 1000 * place + world, settings),
            latency_s,
            world,
            n_rounds,
        )
    ]


def _config(preset: str, n_nodes: int, seed: int, settings: Sequence[str]) -> Config:
    return load_config(
        None,
        [
            *settings,
            "clients.source=synthetic",
            f"clients.count={n_nodes}",
            f"air.preset={preset}",
            f"run.seed={seed}",
            f"radio.lead_s={LEAD_S}",
        ],
    )


def _rows_of_world(
    config: Config, latency_s: float, world: int, n_rounds: int
) -> Iterator[TrackerRow]:
    air, link = simulated_air(config), link_of(config)
    tracker = path_tracker(link, air.sample_rate_hz, shares_reference(config))
    with open_bench(config, air) as bench:
        clients = [UniformClient(node) for node in range(config.clients.count)]
        nodes = nodes_here(config, bench, link, clients)
        exchange = exchange_of(bench, link)
        for index in range(n_rounds):
            try:
                sounding = exchange.sound(nodes)
                tracker.observe(estimate_nodes(sounding, link), sounding.late_nodes)
                air.pass_time(round((latency_s - LEAD_S) * air.sample_rate_hz))
                seen = estimate_nodes(exchange.sound(nodes), link)
            except Erasure:
                continue
            for node, check in enumerate(seen):
                if (found := tracker.latest[node]) is not None and check is not None:
                    place = (config.air.preset, latency_s, world, index, node)
                    yield _row(place, tracker, found, check)
            air.pass_time(round(ROUND_S * air.sample_rate_hz))


def _row(
    place: tuple[str, float, int, int, int],
    tracker: PathTracker,
    found: ChannelEstimate,
    check: ChannelEstimate,
) -> TrackerRow:
    """Compare a node's check with what the tracker foretold of it."""
    node, rate_hz = place[-1], tracker.sample_rate_hz
    ahead_s = (check.measured_tick - found.measured_tick) / rate_hz
    last_tick = max(one.measured_tick for one in tracker.latest if one is not None)
    forecast = tracker.forecast(ahead_s - (last_tick - found.measured_tick) / rate_hz)
    foretold = forecast.estimates[node]
    if foretold is None:
        raise ValueError(f"node {node} was found and nothing is foretold of it")
    predicted = foretold.gain * np.exp(2j * math.pi * foretold.cfo_hz * ahead_s)
    phase, level = forecast.variances(ahead_s)
    return TrackerRow(
        *place,
        ahead_s=ahead_s,
        predicted_gain_db=amplitude_to_db(abs(predicted)),
        predicted_phase_rad=float(np.angle(predicted)),
        observed_gain_db=amplitude_to_db(abs(check.gain)),
        observed_phase_rad=float(np.angle(check.gain)),
        relative_error=float(abs(check.gain - predicted) ** 2 / abs(check.gain) ** 2),
        expected_error=float(phase[node] + level[node]),
        observation_error=(check.gain_std / abs(check.gain)) ** 2,
    )
