"""From a config, an open bench and clients to the server of their rounds."""

from collections.abc import Sequence

from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.assembly.privacy import encoder_of
from sdr_ota.config.load import Config
from sdr_ota.config.world_clock import world_clock
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.rounds.node import ScalarClient
from sdr_ota.rounds.opening import exchange_of, local_nodes
from sdr_ota.rounds.server import Admission, Planner, Server


def server_of(  # noqa: PLR0913, PLR0917 - it is where these meet
    config: Config,
    bench: Bench,
    link: Link,
    clients: Sequence[ScalarClient],
    make_plan: Planner,
    admit: Admission,
    air: SimulatedAir | None = None,
    sampling_rate: float = 1.0,
) -> Server:
    """Join radios, clients and encoders to nodes, and return the server of their rounds.

    Args:
        config: The experiment.
        bench: Its open radios.
        link: Frame and scheme.
        clients: One a node.
        make_plan: What plans from a sounding.
        admit: What admits a round.
        air: The simulated world, whose time the server's messages take; None for real radios.
        sampling_rate: Chance of an example to be in a batch, for private nodes.
    """
    encoders = [encoder_of(config, node, sampling_rate) for node in range(len(clients))]
    return Server(
        nodes=local_nodes(bench, link, clients, encoders),
        exchange=exchange_of(bench, link, config.radio.lost_node == "leave-out"),
        link=link,
        make_plan=make_plan,
        admit=admit,
        clock=world_clock(config, air),
    )
