"""What control costs a run, in bits, and on the air where nothing else leads to the nodes."""

from sdr_ota.config.air_time import frame_times_s
from sdr_ota.config.load import Config
from sdr_ota.config.parts import control_format, link_of
from sdr_ota.downlink.frames import message_cost, messages_of_a_round


def control_frames_row(config: Config) -> tuple[str, str]:
    """Return what the control frames of a round cost, and the server's share of the time.

    A round lasts as long as its parts at least: what the server computes comes on top.
    """
    control, rate_hz = control_format(config), config.radio.sample_rate_hz
    costs = [message_cost(said, control) for said in messages_of_a_round(config.clients.count)]
    announcement, *_, outcome = costs
    n_bits, said_s = sum(c.n_sent_bits for c in costs), sum(c.n_samples for c in costs) / rate_hz
    ordered_s = 2 * link_of(config).lead_s + sum(frame_times_s(config))
    round_s = (announcement.n_samples + outcome.n_samples) / rate_hz + ordered_s
    round_s += config.radio.compute_s
    return (
        "control frames",
        f"{n_bits} bit sent, {said_s * 1e3:.1f} ms a round: the server is on the air for up to "
        f"{said_s / round_s:.0%} of the time, in rounds of {round_s * 1e3:.0f} ms and more",
    )
