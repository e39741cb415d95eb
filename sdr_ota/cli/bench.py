"""From a config to radios, a link and a planner."""

from dataclasses import replace

from ota_calibration.sounding import make_plan, sound_nodes
from ota_calibration.tracking import PathTracker, with_wander

from sdr_ota.air import SimulatedAir
from sdr_ota.config import AirTable, Config
from sdr_ota.exchange import Bench, Link
from sdr_ota.experiment import Planner
from sdr_ota.modulation import AnalogPayload, Payload, SignPayload
from sdr_ota.presets import AirPreset, air_preset
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.schemes import load_scheme
from sdr_ota.types import RadioSettings, TransmitPlan

USABLE_BANDWIDTH = 0.8
"""Analog bandwidth in sample rates: what converters' filters leave flat."""


def open_bench(config: Config) -> Bench:
    """Open one radio a client and a receiver, all with the same settings."""
    rate, n_nodes = config.radio.sample_rate_hz, config.clients.count
    seed = config.run.seed if config.air.seed is None else config.air.seed
    preset = resolved_preset(config.air)
    air = SimulatedAir(preset, n_nodes, rate, config.radio.center_freq_hz, seed)
    nodes = tuple(SimulatedRadio(air, node) for node in range(n_nodes))
    bench = Bench(SimulatedRadio(air, None), nodes, rate)
    for radio in (bench.receiver, *bench.nodes):
        radio.configure(settings_of(config))
    return bench


def settings_of(config: Config) -> RadioSettings:
    """Return what every radio is asked for."""
    rate = config.radio.sample_rate_hz
    return RadioSettings(config.radio.center_freq_hz, rate, USABLE_BANDWIDTH * rate)


def resolved_preset(table: AirTable) -> AirPreset:
    """Return the named preset with the table's own numbers in place."""
    changed = {
        name: value
        for name in ("snr_db", "path_gain_db", "path_gain_spread_db")
        if (value := getattr(table, name)) is not None
    }
    return replace(air_preset(table.preset), **changed)


def link_of(config: Config) -> Link:
    """Return how numbers travel."""
    table = config.link
    return Link(
        frame=replace(config.frame.frame(), known_amplitude=table.peak_amplitude),
        scheme=load_scheme(table.scheme, table.scheme_parameters),
        max_cfo_hz=table.max_cfo_hz,
    )


def payload_of(config: Config, largest_scalar: float) -> Payload:
    """Return what of a scalar is sent; in analog form up to the largest scalar."""
    if config.link.payload == "sign":
        return SignPayload(config.link.absentee_limit)
    return AnalogPayload(largest_scalar)


def planner_of(config: Config, link: Link) -> Planner:
    """Return what sounds the nodes and plans the rounds."""
    tracker = PathTracker(config.radio.sample_rate_hz)

    def plan(bench: Bench) -> TransmitPlan:
        sounding = sound_nodes(bench, link)
        wander = tracker.observe(sounding)
        alone = make_plan(sounding, config.link.peak_amplitude, config.link.truncation_db)
        return with_wander(alone, wander)

    return plan


def air_s_per_round(config: Config) -> float:
    """Return the mean air time of a round: its joint frame and its share of a sounding."""
    frame = config.frame.frame()
    sounding = frame.n_sounding_frame(config.clients.count) / config.link.sounding_every
    return (frame.n_joint_frame + sounding) / config.radio.sample_rate_hz
