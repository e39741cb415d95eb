"""How time passes in the world of a run."""

from contextlib import suppress
from dataclasses import dataclass

from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.config.air_time import frame_times_s
from sdr_ota.config.load import Config
from sdr_ota.radio.base import Radio, RadioError
from sdr_ota.radio.virtual_time import VirtualTimeRadio, has_virtual_time
from sdr_ota.rounds.clock import MESSAGES_PER_ROUND, AirClock, RealClock, World, WorldClock


def world_clock(config: Config, air: SimulatedAir | None, receiver: Radio) -> WorldClock:
    """Return what lets the world's time pass; nothing is needed where it passes by itself.

    Of ``air.round_s`` the nodes compute for what frames, leads and messages leave.

    Args:
        config: The experiment.
        air: The world of simulated radios.
        receiver: Open; a virtual one says so.
    """
    world = _world(config, air, receiver)
    if world is None or config.clients.location == "air":  # what is said takes time on the air
        return RealClock()
    latency_s = config.air.control_latency_s
    lead_s = 0.0 if config.radio.sends_cyclic_frames else config.radio.lead_s
    exchange_s = sum(frame_times_s(config)) + 2 * lead_s
    compute_s = config.air.round_s - exchange_s - MESSAGES_PER_ROUND * latency_s
    return AirClock(world, latency_s, max(compute_s, 0.0))


@dataclass(frozen=True)
class _ReceiversWorld:
    """The world of a virtual receiver."""

    receiver: VirtualTimeRadio
    sample_rate_hz: float

    def pass_time(self, n_samples: int) -> None:
        with suppress(RadioError):  # one that is away is missed when it is to receive
            self.receiver.pass_time(n_samples)


def _world(config: Config, air: SimulatedAir | None, receiver: Radio) -> World | None:
    """Return the world that must be told; None for real radios."""
    if has_virtual_time(receiver):
        return _ReceiversWorld(receiver, config.radio.sample_rate_hz)
    return air if config.radio.is_simulated and not config.radio.processes else None
