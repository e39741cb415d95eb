"""How time passes in the world of a run."""

from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.config.air_time import frame_times_s
from sdr_ota.config.load import Config
from sdr_ota.rounds.clock import MESSAGES_PER_ROUND, AirClock, RealClock, WorldClock


def world_clock(config: Config, air: SimulatedAir | None) -> WorldClock:
    """Return what lets the world's time pass; nothing is needed where it passes by itself.

    Of ``air.round_s`` the nodes compute for what frames, leads and messages leave.
    """
    if air is None or not config.radio.is_simulated or config.radio.processes:
        return RealClock()
    latency_s = config.air.control_latency_s
    exchange_s = sum(frame_times_s(config)) + 2 * config.radio.lead_s
    compute_s = config.air.round_s - exchange_s - MESSAGES_PER_ROUND * latency_s
    return AirClock(air, latency_s, max(compute_s, 0.0))
