"""How much of a run a channel file covers, before anything is sent."""

import math

from sdr_ota.air.channels.channel import Channel, ChannelFileError
from sdr_ota.config.air_time import frame_times_s
from sdr_ota.config.channel_file import usable_channel
from sdr_ota.config.load import Config, ConfigError
from sdr_ota.rounds.clock import MESSAGES_PER_ROUND
from sdr_ota.units import power_to_db


def check_channel_lasts(config: Config) -> None:
    """Refuse a run that is longer than the channel file it is to play.

    Raises:
        ConfigError: If it is, or the file cannot be used.
    """
    if (channel := _channel(config)) is not None:
        _check_lasts(config, channel)


def channel_rows(config: Config) -> list[tuple[str, str]]:
    """Return what a plan says of the channel file; nothing where there is none.

    Raises:
        ConfigError: If it cannot be used, or ends before the run does.
    """
    channel = _channel(config)
    if channel is None:
        return []
    _check_lasts(config, channel)
    n_times, n_nodes, n_taps = channel.taps.shape
    what = f"{channel.name or 'no name'}, {n_nodes} nodes, {n_taps} taps, {n_times} times"
    level = f"mean power gain {power_to_db(channel.mean_power):.1f} dB becomes air.path_gain_db"
    parts = [f"{config.air.channel}: {what}", _lasts(config, channel), level]
    if channel.phase_rad is not None:
        parts.append("it holds the oscillators")
    return [("channel", "; ".join(parts))]


def _channel(config: Config) -> Channel | None:
    if not config.air.channel or not config.radio.is_simulated:
        return None
    try:
        return usable_channel(config.air, config.clients.count)
    except ChannelFileError as unusable:
        raise ConfigError(f"air.channel: {unusable}") from None


def _lasts(config: Config, channel: Channel) -> str:
    if math.isinf(channel.duration_s):
        return "it does not change"
    lasts = f"{channel.duration_s:.4g} s, {_rounds_covered(config, channel):.0f} rounds"
    return f"{lasts}, then backwards and so on" if config.air.channel_end == "mirror" else lasts


def _check_lasts(config: Config, channel: Channel) -> None:
    covered, wanted = _rounds_covered(config, channel), config.run.rounds
    if config.air.channel_end != "mirror" and covered < wanted:
        raise ConfigError(
            f"air.channel: {config.air.channel} lasts {channel.duration_s:.4g} s, {covered:.0f} "
            f"rounds of {_round_s(config):.4g} s, and run.rounds = {wanted}: set run.rounds = "
            f'{covered:.0f} or less, a shorter air.round_s, or air.channel_end = "mirror"'
        )


def _rounds_covered(config: Config, channel: Channel) -> float:
    return channel.duration_s // _round_s(config)


def _round_s(config: Config) -> float:
    """Return what a round takes of the world's time, as its clock counts."""
    lead_s = 0.0 if config.radio.sends_cyclic_frames else config.radio.lead_s
    sent_s = sum(frame_times_s(config)) + 2 * lead_s
    return max(config.air.round_s, sent_s + MESSAGES_PER_ROUND * config.air.control_latency_s)
