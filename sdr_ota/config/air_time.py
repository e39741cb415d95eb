"""How long the frames of a round take on the air, and what lies between them."""

from dataclasses import replace

from sdr_ota.config.load import Config
from sdr_ota.config.parts import link_of
from sdr_ota.rounds.exchange import Link
from sdr_ota.rounds.sender import subcarrier_frame


def air_s_per_round(config: Config) -> float:
    """Return the mean air time of a round: its joint frame and its share of a sounding."""
    joint_s, sounding_s = frame_times_s(config)
    return joint_s + sounding_s / config.link.sounding_every


def air_s_per_scalar(config: Config) -> float:
    """Return the mean air time of a scalar: a round carries `frame.symbols` of each node."""
    return air_s_per_round(config) / config.frame.symbols


def gradient_air_s_per_round(config: Config, n_entries: int) -> float:
    """Return the air time of a round that sends a gradient, one entry a chip.

    Soundings, preambles and silence are those of `air_s_per_round`; the payload carries
    every entry in a chip of its own, without averaging: the fastest way over this link.
    """
    frame = link_of(config).frame
    chip_s = frame.pulse.samples_per_chip / config.radio.sample_rate_hz
    return air_s_per_round(config) + (n_entries - frame.n_carried_chips) * chip_s


def frame_times_s(config: Config) -> tuple[float, float]:
    """Return the air times of a joint frame and of a whole sounding.

    Cyclic frames are counted from the last node's start; the others are sending by then.
    """
    link, n_nodes, rate = link_of(config), config.clients.count, config.radio.sample_rate_hz
    frame = link.frame
    if not config.radio.sends_cyclic_frames:
        return frame.n_joint_frame / rate, frame.n_sounding_frame(n_nodes) / rate
    window_s = subcarrier_frame(link, n_nodes).n_window / rate
    period_s = (frame.n_sounding_burst + frame.guard_samples) / rate
    return link.settle_s + window_s, n_nodes * (link.settle_s + 2 * period_s)


def planned_gap_s(config: Config, link: Link, n_nodes: int) -> float:
    """Return the mean time from the sounding bursts of the last nodes to the payload's middle.

    Frames that wait for pulses lie as far apart as these do, whatever lead and messages take: two
    frames begin as long after their pulses.

    Args:
        config: The experiment.
        link: Its frame and lead.
        n_nodes: Which of the nodes sounded count; 1 is the last one.
    """
    frame, rate = link.frame, config.radio.sample_rate_hz
    if not link.pulse_s:
        return sounding_gap_s(link, n_nodes, rate) + config.air.control_latency_s
    sounding_s = (frame.n_sounding_frame(config.clients.count) + frame.guard_samples) / rate
    return sounding_gap_s(replace(link, lead_s=link.pulse_s - sounding_s), n_nodes, rate)


def sounding_gap_s(link: Link, n_nodes: int, sample_rate_hz: float) -> float:
    """Return the mean time from a node's sounding burst to the middle of the payload after it."""
    frame = link.frame
    back = (frame.n_sounding_frame(n_nodes) - frame.guard_samples) / 2
    ahead = frame.payload_start + frame.n_payload / 2
    return (back + frame.guard_samples + ahead) / sample_rate_hz + link.lead_s
