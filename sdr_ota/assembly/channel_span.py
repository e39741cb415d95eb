"""How much of a run a channel file covers, before anything is sent."""

import math

from sdr_ota.air.channels.channel import Channel, ChannelFileError
from sdr_ota.config.air_time import frame_times_s
from sdr_ota.config.channel_file import usable_channel
from sdr_ota.config.load import Config, ConfigError
from sdr_ota.rounds.clock import MESSAGES_PER_ROUND
from sdr_ota.units import power_to_db


def channel_rows(config: Config) -> list[tuple[str, str]]:
    """Return what a plan says of the channel file; nothing where there is none.

    Raises:
        ConfigError: If it cannot be used, or ends before the run does.
    """
    if not config.air.channel or not config.radio.is_simulated:
        return []
    channel = _channel(config)
    n_times, n_nodes, n_taps = channel.taps.shape
    lasts = "it does not change"
    if math.isfinite(channel.duration_s):
        lasts = f"{channel.duration_s:.4g} s, {_rounds_covered(config, channel):.0f} rounds"
        if config.air.channel_end == "mirror":
            lasts += ", then backwards and so on"
    _check_lasts(config, channel)
    return [
        (
            "channel",
            f"{config.air.channel}: {channel.name or 'no name'}, {n_nodes} nodes, {n_taps} taps, "
            f"{n_times} times; {lasts}; mean power gain {power_to_db(channel.mean_power):.1f} dB "
            "becomes air.path_gain_db"
            + ("" if channel.phase_rad is None else "; it holds the oscillators"),
        )
    ]


def check_channel_lasts(config: Config) -> None:
    """Refuse a run that is longer than the channel file it is to play.

    Raises:
        ConfigError: If it is, or the file cannot be used.
    """
    channel_rows(config)


def _channel(config: Config) -> Channel:
    try:
        return usable_channel(config.air, config.clients.count)
    except ChannelFileError as unusable:
        raise ConfigError(f"air.channel: {unusable}") from None


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
