"""What control costs a run, in bits, and on the air where nothing else leads to the nodes."""

from dataclasses import dataclass

from sdr_ota.config.air_time import frame_times_s
from sdr_ota.config.load import Config
from sdr_ota.config.parts import control_format, link_of
from sdr_ota.downlink.frames import message_cost, messages_of_a_round
from sdr_ota.failure import WRONG_USE, CommandFailed


@dataclass(frozen=True)
class ControlCost:
    """What the control frames of a round cost.

    Attributes:
        n_bits: Sent, with numbers, seals, checksums and parity.
        said_s: Seconds for which the server is on the air.
        round_s: That a round lasts at least: what the server computes comes on top.
    """

    n_bits: int
    said_s: float
    round_s: float

    @property
    def share(self) -> float:
        """Share of the time for which the server is on the air, at most."""
        return self.said_s / self.round_s


def control_cost(config: Config) -> ControlCost:
    """Return what control costs a run whose nodes only the air leads to."""
    control, rate_hz = control_format(config), config.radio.sample_rate_hz
    costs = [message_cost(said, control) for said in messages_of_a_round(config.clients.count)]
    announcement, *_, outcome = costs
    ordered_s = 2 * link_of(config).lead_s + sum(frame_times_s(config))
    around_s = (announcement.n_samples + outcome.n_samples) / rate_hz + config.radio.compute_s
    said_s = sum(cost.n_samples for cost in costs) / rate_hz
    return ControlCost(sum(cost.n_sent_bits for cost in costs), said_s, ordered_s + around_s)


def control_frames_row(config: Config) -> tuple[str, str]:
    """Return the row of a plan that says it."""
    cost = control_cost(config)
    return (
        "control frames",
        f"{cost.n_bits} bit sent, {cost.said_s * 1e3:.1f} ms a round: the server is on the air for "
        f"up to {cost.share:.0%} of the time, in rounds of {cost.round_s * 1e3:.0f} ms and more",
    )


def refuse_busy_band(config: Config) -> None:
    """Refuse a band that the server may not use for as long as its control frames take.

    Raises:
        CommandFailed: If a frame would have to wait for its time on the air, and be late.
    """
    band, share = config.band_in_use, control_cost(config).share
    if band is not None and share > band.max_duty_cycle:
        raise CommandFailed(
            f"the server's control frames take up to {share:.0%} of the time, and the band "
            f"{band.name!r} has max_duty_cycle = {band.max_duty_cycle:g}: use another band, or "
            "nodes that a network leads to",
            WRONG_USE,
        )
