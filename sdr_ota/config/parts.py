"""From a config to the parts that it describes: settings, air, link, payload."""

import zlib
from dataclasses import replace

from sdr_ota.air.channels.channel import ChannelFileError
from sdr_ota.air.presets import AirPreset, air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.config.air_table import AirTable
from sdr_ota.config.chip_length import chip_length
from sdr_ota.config.frame_table import frame_format
from sdr_ota.config.load import Config, ConfigError, config_of_tables
from sdr_ota.config.tables import RadioTable
from sdr_ota.downlink.frames import message_cost, messages_of_a_round
from sdr_ota.downlink.setup import TIMEOUT_S
from sdr_ota.radio.air_time_account import AirTimeAccount, BandLimit
from sdr_ota.radio.pluto_trigger import PULSE_TICKS
from sdr_ota.rounds.exchange import Link
from sdr_ota.schemes import AggregationScheme
from sdr_ota.signal.control_frame import ControlFormat
from sdr_ota.signal.iq_words import IqFileError
from sdr_ota.signal.modulation import AnalogPayload, Payload, SignPayload
from sdr_ota.types import RadioSettings

USABLE_BANDWIDTH = 0.8
"""Analog bandwidth in sample rates: what converters' filters leave flat."""


def air_settings(config: Config) -> AirSettings:
    """Return what the simulated world of a run is made from."""
    radio, n_nodes = config.radio, config.clients.count
    return AirSettings(
        resolved_preset(config.air),
        n_nodes,
        radio.sample_rate_hz,
        radio.center_freq_hz,
        air_seed(config),
        radio.rx_antennas,
    )


def simulated_air(config: Config) -> SimulatedAir:
    """Return the world that the simulated radios of a run share.

    Raises:
        ConfigError: If its interferer cannot be played or its channel file cannot be used.
    """
    try:
        return SimulatedAir(air_settings(config))
    except ChannelFileError as unusable:
        raise ConfigError(f"air.channel: {unusable}") from unusable
    except IqFileError as unplayable:
        raise ConfigError(f"air.interferer: {unplayable}") from unplayable


def air_seed(config: Config) -> int:
    """Return the seed of the simulated world."""
    return config.run.seed if config.air.seed is None else config.air.seed


def air_time_account(config: Config) -> AirTimeAccount:
    """Return what counts a bench's time on the air by the band in use; simulated ones have none."""
    band = config.band_in_use
    if band is None or config.radio.is_simulated:
        return AirTimeAccount()
    limit = BandLimit(band.low_hz, band.high_hz, band.max_duty_cycle, band.duty_window_s)
    return AirTimeAccount(limit, config.radio.longest_burst_s)


def settings_of(config: Config) -> RadioSettings:
    """Return what every radio is asked for."""
    radio = config.radio
    return RadioSettings(
        center_freq_hz=radio.center_freq_hz,
        sample_rate_hz=radio.sample_rate_hz,
        bandwidth_hz=USABLE_BANDWIDTH * radio.sample_rate_hz,
        tx_gain_db=radio.tx_gain_db,
        rx_gain_db=radio.rx_gain_db,
    )


_OWN_NUMBERS = (
    "snr_db", "path_gain_db", "path_gain_spread_db", "interferer", "interferer_db",
    "channel", "channel_end", "channel_antenna",
)  # fmt: skip
"""Of the air's table, in place of the preset's."""


def resolved_preset(table: AirTable) -> AirPreset:
    """Return the named preset with the table's own numbers in place."""
    changed = {name: value for name in _OWN_NUMBERS if (value := getattr(table, name)) is not None}
    return replace(air_preset(table.preset), **changed)


def shares_reference(config: Config) -> bool:
    """Return whether one reference feeds all radios, so that no carrier offset is left.

    So it is where the preset says so, where every address has ``clock_source=external``, and
    where ``link.max_cfo_hz = 0`` says so for radios that are wired in another way.
    """
    if config.link.max_cfo_hz == 0:
        return True
    if config.radio.is_simulated:
        return resolved_preset(config.air).shared_clock
    addresses = (config.radio.receiver, *config.radio.nodes)
    return all("clock_source=external" in address for address in addresses)


def link_of(config: Config) -> Link:
    """Return how numbers travel."""
    return link_with(config, config.link.loaded_scheme())


def link_with(config: Config, scheme: AggregationScheme) -> Link:
    """Return how numbers would travel with a scheme, whatever the configuration names.

    Raises:
        ValueError: If ``frame.payload_s`` makes too many or too few chips.
    """
    chip = chip_length(config.frame, config.radio, config.air, scheme, config.clients.count)
    rate_hz = config.radio.sample_rate_hz
    frame = frame_format(config.frame, chip.samples, rate_hz, bench_number(config))
    return Link(
        frame=replace(frame, known_amplitude=config.link.peak_amplitude),
        scheme=scheme,
        max_cfo_hz=config.link.max_cfo_hz,
        lead_s=_lead_s(config),
        pulse_s=_pulse_s(config.radio),
        timeout_s=TIMEOUT_S if config.clients.location == "air" else Link.timeout_s,
        decode=config.link.decode,
    )


def control_format(config: Config) -> ControlFormat:
    """Return the format of the control frames of a run without cables."""
    return ControlFormat(bench=bench_number(config))


def _lead_s(config: Config) -> float:
    """Return the time from the decision to send until a frame begins.

    Where the air carries the order, it holds the server's lead, the longest control frame and the
    node's lead, and half a lead for what the server does before it orders.
    """
    if config.clients.location != "air":
        return config.radio.lead_s
    control = control_format(config)
    said = messages_of_a_round(config.clients.count)
    longest = max(message_cost(message, control).n_samples for message in said)
    return 2.5 * config.radio.lead_s + longest / config.radio.sample_rate_hz


def _pulse_s(radio: RadioTable) -> float:
    """Return the time between two pulses that frames begin on: of Plutos with a trigger."""
    waits = any("trigger=external" in address for address in (radio.receiver, *radio.nodes))
    return PULSE_TICKS / radio.sample_rate_hz if waits else 0.0


def bench_number(config: Config) -> int:
    """Return the number that makes a bench's pilots; see ``frame.bench``."""
    if config.frame.bench != "auto":
        return config.frame.bench
    radio = config.radio
    if radio.is_simulated:
        return 0
    named = (radio.receiver, *radio.nodes, radio.center_freq_hz, config.run.seed)
    return zlib.crc32("\n".join(map(str, named)).encode())


def with_sent_frame(config: Config) -> Config:
    """Return a configuration whose frame is given in samples and chips, as it was sent.

    Another scheme than the one that was sent would otherwise choose another length of chips.
    """
    frame = link_of(config).frame
    given = {
        "frame.samples_per_chip": frame.pulse.samples_per_chip,
        "frame.pilot_chips": frame.n_pilot_chips,
        "frame.node_pilot_chips": frame.n_node_pilot_chips,
        "frame.payload_chips": frame.n_payload_chips,
        "frame.payload_s": None,
        "frame.idle_chips": frame.n_idle_chips,
        "frame.bench": frame.bench,
    }
    return config_of_tables(config.model_dump(), given)


def payload_of(config: Config, largest_scalar: float) -> Payload:
    """Return what of a scalar is sent; in analog form up to the largest scalar."""
    if config.link.payload == "sign":
        return SignPayload(config.link.abstention_limit)
    return AnalogPayload(largest_scalar)
