"""From a config, an open bench and clients to nodes and the server of their rounds."""

from collections.abc import Callable, Sequence
from typing import Protocol

from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.assembly.privacy import encoder_of
from sdr_ota.assembly.tuning import tuning_of
from sdr_ota.config.load import Config
from sdr_ota.config.world_clock import world_clock
from sdr_ota.rounds.exchange import Bench, Link, ReceivedSounding
from sdr_ota.rounds.node import LocalNode, Node, ScalarClient
from sdr_ota.rounds.opening import exchange_of, local_nodes
from sdr_ota.rounds.server import Admission, Server
from sdr_ota.rounds.timed_exchange import do_nothing
from sdr_ota.types import TransmitPlan


class RoundPlanner(Protocol):
    """What plans a run's rounds; see `sdr_ota.assembly.planner.TrackingPlanner`."""

    def __call__(self, sounding: ReceivedSounding) -> TransmitPlan:
        """Return the plan that a new sounding asks for."""
        ...

    def again(self, before: TransmitPlan, now_tick: int) -> TransmitPlan:
        """Return the plan of a round before which nobody was sounded."""
        ...


def nodes_here(
    config: Config,
    bench: Bench,
    link: Link,
    clients: Sequence[ScalarClient],
    sampling_rate: float = 1.0,
) -> tuple[LocalNode, ...]:
    """Join the radios of a bench with clients of this process.

    Args:
        config: The experiment.
        bench: Its open radios.
        link: Frame and scheme.
        clients: One a node.
        sampling_rate: Chance of an example to be in a batch, for private nodes.
    """
    encoders = [encoder_of(config, node, sampling_rate) for node in range(len(clients))]
    return local_nodes(bench, link, clients, encoders)


def server_of(  # noqa: PLR0913, PLR0917 - it is where these meet
    config: Config,
    bench: Bench,
    link: Link,
    nodes: Sequence[Node],
    make_plan: RoundPlanner,
    admit: Admission,
    air: SimulatedAir | None = None,
    followers: Sequence[ScalarClient] = (),
    ordered: Callable[[], None] = do_nothing,
) -> Server:
    """Return the server of a run's rounds.

    Args:
        config: The experiment.
        bench: Its open radios.
        link: Frame and scheme.
        nodes: Here or on other machines.
        make_plan: What plans from a sounding, and from earlier ones.
        admit: What admits a round.
        air: The simulated world, whose time the server's messages take; None for other radios.
        followers: The server's own copies of the model.
        ordered: See `TimedExchange`.
    """
    return Server(
        nodes=nodes,
        exchange=exchange_of(bench, link, config.radio.lost_node == "leave-out", ordered),
        link=link,
        make_plan=make_plan,
        admit=admit,
        clock=world_clock(config, air, bench.receiver),
        followers=followers,
        plan_again=make_plan.again,
        tuning=tuning_of(config, link),
    )
