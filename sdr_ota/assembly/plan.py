"""What a run would send and promise, before anything is sent."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from ota_calibration.measure.noise_forecast import (
    NoiseForecast,
    forecast_noise,
    forecast_softness,
)
from ota_calibration.privacy.adjacency import Unit
from ota_calibration.privacy.gaussian_accountant import composed_mu
from ota_calibration.privacy.ledger_record import LedgerError
from ota_calibration.privacy.paper_lemma import lemma_epsilon
from ota_calibration.privacy.poisson_accountant import MissingAccountantError
from ota_calibration.privacy.promise import Promise
from ota_calibration.privacy.trust import TrustModel

from sdr_ota.assembly.calibrated import lead_told, path_start, with_calibrated_chips
from sdr_ota.assembly.channel_span import channel_rows
from sdr_ota.assembly.control_row import control_frames_row
from sdr_ota.assembly.data_headers import check_headers
from sdr_ota.assembly.data_set import data_set_rows
from sdr_ota.assembly.learning import sampling_rate_of
from sdr_ota.assembly.privacy import budget_schedule, promise_for
from sdr_ota.assembly.snr_max import snr_max
from sdr_ota.assembly.step_cost import step_cost
from sdr_ota.config.air_time import (
    air_s_per_round,
    air_s_per_scalar,
    frame_times_s,
    gradient_air_s_per_round,
)
from sdr_ota.config.load import Config, ConfigError, load_config
from sdr_ota.config.parts import air_settings, link_of, simulated_air
from sdr_ota.config.privacy_check import sends_soft_signs
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.report.energy import (
    energy_words,
    lte_upload_s,
    packet_energy_j,
    radio_energy_j,
    upload_energy_j,
)
from sdr_ota.report.noise_figure import Noise
from sdr_ota.rounds.messages import bits_per_round
from sdr_ota.rounds.transmitter import lead_burst
from sdr_ota.runs.summary import BITS_PER_GRADIENT_ENTRY
from sdr_ota.signal.node_pilots import n_node_codes
from sdr_ota.signal.subcarriers import USED_BAND
from sdr_ota.types import Precoder
from sdr_ota.units import amplitude_to_db, power_to_db

HOPELESS_NOISE = 1.0
"""Noise of the mean scalar, in clip levels, above which hardly a step points the right way."""


@dataclass(frozen=True)
class RunPlan:
    """What a run would send and promise.

    Attributes:
        rows: Names and values for a person.
        warnings: What speaks against the run.
        noise: Noise of every round in clip levels; None without a promise.
    """

    rows: Sequence[tuple[str, str]]
    warnings: Sequence[str] = ()
    noise: Noise | None = None


def plan_run(experiment: Path | None, settings: Sequence[str]) -> RunPlan:
    """Return the plan of an experiment; nothing is opened or sent.

    Args:
        experiment: Config file; None for the demo.
        settings: Keys to change in it, as ``table.key=value``.

    Raises:
        CommandFailed: If the config is wrong, the accountant is not installed, or the budget of
            the training data does not pay for the run.
    """
    try:
        config = load_config(experiment, settings)
        if config.link.is_auto:
            raise ConfigError(
                'link.scheme = "auto" is decided by sounding the nodes, and a plan opens no '
                "radio: add --set link.scheme=coherent, or another"
            )
        return _planned(config, experiment.parent if experiment else Path())
    except (ConfigError, MissingAccountantError) as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    except LedgerError as spent:
        raise CommandFailed(str(spent)) from spent


def _planned(config: Config, home: Path) -> RunPlan:
    config, why = with_calibrated_chips(config, home)
    air = [*_air_rows(config, why), ("lead", lead_told(config, home))]
    air.append(("tracker", path_start(config, home)[1]))
    warnings = [*check_headers(config, home), *_shared_codes(config)]
    if config.privacy.protect == "nothing":
        privacy = ("privacy", "no promise; see [privacy] protect, epsilon, delta")
        return RunPlan([*air, privacy], warnings)
    sampling_rate = sampling_rate_of(config, home)
    n_drawn = config.clients.examples_per_round * config.clients.count
    promise = promise_for(config, sampling_rate)
    forecast = _forecast(config, promise)
    hides = config.link.hides_clients or sends_soft_signs(config.privacy, config.link)
    claims = list(TrustModel) if hides else [TrustModel.LOCAL]
    limit = promise.scalar_limit
    noise = Noise(forecast.client_noise_std / limit, forecast.mean_noise_std() / limit)
    privacy_rows = _privacy_rows(promise, forecast, claims)
    return RunPlan(
        [*air, *privacy_rows, *data_set_rows(config, home, promise)],
        [
            *warnings,
            *_warnings(promise, forecast, round(n_drawn / sampling_rate), config.frame.symbols),
        ],
        noise,
    )


def _air_rows(config: Config, why_chips: str) -> list[tuple[str, str]]:
    rate, n_nodes = config.radio.sample_rate_hz, config.clients.count
    per_round_s, (joint_s, _) = air_s_per_round(config), frame_times_s(config)
    occupied_hz = _occupied(config) * rate
    up, down = bits_per_round(config.frame.symbols)
    low, high = (config.radio.center_freq_hz + half * occupied_hz / 2 for half in (-1, 1))
    return [
        ("link", f"{n_nodes} nodes, {_how_added(config)}"),
        (
            "air time",
            f"{per_round_s * 1e3:.2f} ms a round ({joint_s * 1e3:.2f} ms joint "
            f"frame{_pilot_share(config)}), "
            f"{per_round_s * config.run.rounds:.2f} s for {config.run.rounds} rounds",
        ),
        ("air time a scalar", _scalar_air(config)),
        ("chips", _chips(config, why_chips)),
        ("step", step_cost(config.zo, config.frame)),
        control_frames_row(config)
        if config.clients.location == "air"
        else ("control messages", f"{down} bit to a node, {up} bit from it, each round"),
        *_energy_rows(config),
        (
            "occupied bandwidth",
            f"{occupied_hz / 1e3:.0f} kHz, {low / 1e6:.3f} to {high / 1e6:.3f} MHz",
        ),
        ("peak level", f"{amplitude_to_db(_peak(config)):.1f} dBFS at the loudest node"),
        *_radio_rows(config),
        *channel_rows(config),
        *_interferer_rows(config),
    ]


def _how_added(config: Config) -> str:
    """Return how numbers travel, and to how many antennas."""
    link, n_antennas = config.link, config.radio.rx_antennas
    told = f"scheme {link.scheme}, payload {link.payload}"
    return told if n_antennas == 1 else f"{told}, {n_antennas} receive antennas"


def _interferer_rows(config: Config) -> list[tuple[str, str]]:
    """Return what a plan says of the recording on the air, as it will be played."""
    preset = air_settings(config).preset
    if not preset.interferer or not config.radio.is_simulated:
        return []
    simulated_air(config)  # reads it: refuses what cannot be played
    return [("interferer", f"{preset.interferer} at {preset.interferer_db:g} dB, all the time")]


def _scalar_air(config: Config) -> str:
    """Return how long each scalar of a node takes, its share of preamble and sounding included."""
    n_symbols, each_ms = config.frame.symbols, air_s_per_scalar(config) * 1e3
    carried = "one in a frame" if n_symbols == 1 else f"{n_symbols} of each node in a frame"
    return f"{each_ms:.2f} ms, {carried} (frame.symbols)"


def _energy_rows(config: Config) -> list[tuple[str, str]]:
    """Return what a round costs a node, and what it would otherwise; no model is loaded."""
    own_j, n_entries = radio_energy_j(air_s_per_round(config)), 10**6
    air_s, n_bits = gradient_air_s_per_round(config, n_entries), n_entries * BITS_PER_GRADIENT_ENTRY
    return [
        (
            "energy of a node",
            f"at most {energy_words(own_j)} a round on the air, control messages apart",
        ),
        ("energy, DeComFL", f"{energy_words(packet_energy_j(1))} a round, its packet alone"),
        (
            "energy, gradients",
            f"at least {energy_words(upload_energy_j(n_bits))} a round and million entries: "
            f"{lte_upload_s(n_bits):.1f} s over LTE, {air_s:.1f} s over this air",
        ),
    ]


def _pilot_share(config: Config) -> str:
    """Return what the node pilots cost of a timed joint frame."""
    if config.radio.sends_cyclic_frames:
        return ""
    frame = link_of(config).frame
    n_pilots = (frame.n_sent_chips - frame.n_carried_chips) * frame.pulse.samples_per_chip
    return f", {n_pilots / frame.n_joint_frame:.1%} of it node pilots"


def _shared_codes(config: Config) -> list[str]:
    """Return what it means that there are more nodes than node pilots, if there are."""
    frame = link_of(config).frame
    n_nodes, n_codes = config.clients.count, n_node_codes(frame.n_node_pilot_chips)
    if config.radio.sends_cyclic_frames or n_nodes <= n_codes:
        return []
    return [
        f"{n_nodes} nodes share {n_codes} node pilot codes: of two with one code only the sum is "
        "seen, so the first rounds may be erased until soundings have shown how well each path is "
        "known; more frame.node_pilot_chips give every node its own"
    ]


def _chips(config: Config, why: str) -> str:
    """Return how long chips and payload are, and why; the configuration's own reason if empty."""
    chosen, rate_hz = config.chip_length, config.radio.sample_rate_hz
    why = why or chosen.why
    frame, chip_s = link_of(config).frame, chosen.samples / rate_hz
    n_chips = frame.n_payload_chips
    told = f"{n_chips}" if frame.n_symbols == 1 else f"{frame.n_symbols} times {n_chips}"
    if config.radio.sends_cyclic_frames:
        return f"{told} in the payload; pilot chips of {chosen.samples} samples ({why})"
    return (
        f"{chip_s * 1e6:g} us, {chosen.samples} samples; payload {told} chips, "
        f"{frame.n_carried_chips * chip_s * 1e3:.3f} ms ({why})"
    )


def _radio_rows(config: Config) -> list[tuple[str, str]]:
    """Return which radios would send, and where they may."""
    radio, band = config.radio, config.band_in_use
    if radio.is_simulated or band is None:
        level = f"{power_to_db(snr_max(config)):.1f} dB for a node with the mean path (eq. 37)"
        return [("radios", "simulated: nothing is radiated"), ("SNR_max", level)]
    limit = f"; at most {band.max_duty_cycle:.3g} of the time" if band.max_duty_cycle < 1 else ""
    span = f"{band.low_hz / 1e6:g} to {band.high_hz / 1e6:g} MHz"
    return [
        ("receiver", radio.receiver),
        *((f"node {place}", address) for place, address in enumerate(radio.nodes)),
        ("band", f"{band.name or 'without a name'}, {span}{limit}"),
    ]


def _occupied(config: Config) -> float:
    """Return the bandwidth of what is sent, in sample rates."""
    if config.radio.sends_cyclic_frames:
        return USED_BAND
    pulse = link_of(config).frame.pulse
    return (1 + pulse.rolloff) / pulse.samples_per_chip


def _peak(config: Config) -> float:
    """Return the largest sample that a node at its amplitude limit may send."""
    link = link_of(config)
    if config.radio.sends_cyclic_frames:
        return config.link.peak_amplitude  # phases are drawn until the peak fits
    n_chips, rng = link.frame.n_payload_chips, np.random.default_rng(0)
    chips = link.scheme.encode(1.0, 0, config.clients.count, n_chips, rng)
    precoder = Precoder(complex(config.link.peak_amplitude))
    burst = lead_burst(chips, link.frame, precoder, 0, config.radio.sample_rate_hz)
    return float(np.abs(burst.samples).max())


def _forecast(config: Config, promise: Promise) -> NoiseForecast:
    receiver = promise.scalar_limit / math.sqrt(snr_max(config))
    forecast = forecast_softness if config.privacy.noise == "receiver" else forecast_noise
    return forecast(promise, budget_schedule(config), config.clients.count, receiver)


def _privacy_rows(
    promise: Promise, forecast: NoiseForecast, claims: Sequence[TrustModel]
) -> list[tuple[str, str]]:
    """Return the promise, its noise, and epsilon under the trust models that can be claimed."""
    mean = forecast.mean_noise_std() / promise.scalar_limit
    client = forecast.client_noise_std / promise.scalar_limit
    rows = [
        ("promise", promise_in_words(promise)),
        ("noise each client adds", f"{_range(client)} clip levels"),
        ("noise of the mean scalar", f"{_range(mean)} clip levels (standard deviation)"),
    ]
    for trust in TrustModel:
        epsilon = promise.epsilon_of(forecast.protecting_std(trust)) if trust in claims else None
        text = "no claim: needs coherent amplitudes" if epsilon is None else f"{epsilon:.3g}"
        rows.append((f"epsilon, {trust}", text))
    return [*rows, *_paper_rows(promise, forecast.protecting_std(promise.trust))]


def promise_in_words(promise: Promise) -> str:
    """Return what is promised, in one line."""
    batches = f", Poisson rate {promise.sampling_rate:.4f}" if promise.is_subsampled else ""
    return (
        f"epsilon {promise.epsilon:g}, delta {promise.delta:g}, {promise.adjacency.unit} level "
        f"({promise.adjacency.relation}), trust {promise.trust}{batches}"
    )


def _paper_rows(promise: Promise, noise_std: NDArray[np.float64]) -> list[tuple[str, str]]:
    """Return what Lemma 1 says of the noise that protects, and how many rounds are sent at all."""
    n_sent = int(np.isfinite(noise_std).sum())
    skips = [("rounds sent", f"{n_sent} of {promise.n_rounds}; the others are skipped")]
    lemma = "no statement: it knows no Poisson batches"
    if not promise.is_subsampled and noise_std.all():
        epsilon = lemma_epsilon(composed_mu(promise.sensitivity / noise_std), promise.delta)
        lemma = f"{epsilon:.3g}, a bound; the account above is exact"
    return [
        (f"epsilon, Lemma 1 ({promise.trust})", lemma),
        *(skips if n_sent < promise.n_rounds else []),
    ]


def _range(values: NDArray[np.float64]) -> str:
    """Return the range of the rounds that are sent."""
    values = values[np.isfinite(values)]
    low, high = float(values.min()), float(values.max())
    return f"{low:.3g}" if high < 1.001 * low else f"{low:.3g} to {high:.3g}"


def _warnings(
    promise: Promise, forecast: NoiseForecast, n_records: int, n_symbols: int
) -> list[str]:
    warnings = []
    each = promise.scalar_limit / math.sqrt(n_symbols)  # the clip is that of all of a burst
    mean = forecast.mean_noise_std()
    noise = float(np.median(mean[np.isfinite(mean)])) / each
    if noise > HOPELESS_NOISE:
        level = "clip level" if n_symbols == 1 else "part of the clip level that is a scalar's own"
        warnings.append(
            f"this setting cannot learn: the noise on the mean scalar is {noise:.3g} times the "
            f"{level}, so steps are nearly random. Protect single records instead of clients, "
            "use larger batches, fewer rounds, more data, or a larger epsilon"
        )
    if promise.adjacency.unit is Unit.RECORD and promise.delta > 1 / n_records:
        warnings.append(
            f"delta = {promise.delta:g} is more than 1 / {n_records} records: a promise with it "
            "would allow to publish a record"
        )
    if promise.trust is TrustModel.CHANNEL_NOISE_TRUSTED:
        warnings.append(
            "receiver noise is taken from the simulated air here; a run measures a lower "
            "confidence bound of it before the first round"
        )
    return warnings
