"""Who takes part in a run beside the server: nodes in this process, or on other machines."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ota_calibration.privacy.spending import LEDGER

from sdr_ota.assembly.air_only import run_identity, speaking_server, steps_so_far
from sdr_ota.assembly.learning import Learning, synthetic_learning
from sdr_ota.assembly.model_learning import model_learning, model_on_server
from sdr_ota.assembly.server import nodes_here
from sdr_ota.config.load import Config
from sdr_ota.config.parts import link_of, settings_of
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.radio.base import SettingNotTaken
from sdr_ota.radio.clock import align_clocks, is_pulsed
from sdr_ota.rounds.exchange import Bench
from sdr_ota.rounds.node import Node
from sdr_ota.rounds.timed_exchange import do_nothing

if TYPE_CHECKING:
    from sdr_ota.assembly.trained_model import Progress
    from sdr_ota.remote.ray_node import RayNode


@dataclass(frozen=True)
class Partners:
    """Everybody but the server.

    Attributes:
        nodes: In node order.
        learning: What scores the model, and what of it is on this machine.
        bench: The radios, those of other machines named in it.
        ordered: Called when all nodes of a frame have their orders.
    """

    nodes: Sequence[Node]
    learning: Learning
    bench: Bench
    ordered: Callable[[], None] = do_nothing


@contextmanager
def partners_of(
    config: Config,
    bench: Bench,
    home: Path,
    journal: Path,
    n_updates: int,
    progress: "Progress",
) -> Iterator[Partners]:
    """Load what learns and join it with radios; all of it is given back when the block ends.

    Args:
        config: The experiment.
        bench: The radios of this machine.
        home: Folder to which file names in the config are relative.
        journal: File for the journal, in the run's folder.
        n_updates: How many of its updates count.
        progress: Told of the steps while a small model is prepared.

    Raises:
        CommandFailed: If model, data or a machine cannot be used.
    """
    opened = {"server": _here, "node": _elsewhere, "air": _by_air}[config.clients.location]
    with opened(config, bench, home, journal, n_updates, progress) as partners:
        yield partners


@contextmanager
def _here(
    config: Config, bench: Bench, home: Path, journal: Path, n_updates: int, progress: "Progress"
) -> Iterator[Partners]:
    """Clients of this process: a simulation's cohort, or boards on this desk."""
    if config.clients.source == "synthetic":
        learning = synthetic_learning(config)
    else:
        learning = model_learning(config, home, journal, n_updates, progress)
    with ExitStack() as closing:
        closing.callback(learning.close)
        link, rate = link_of(config), learning.sampling_rate
        yield Partners(nodes_here(config, bench, link, learning.clients, rate), learning, bench)


@contextmanager
def _elsewhere(
    config: Config, bench: Bench, home: Path, journal: Path, n_updates: int, progress: "Progress"
) -> Iterator[Partners]:
    """Nodes on other machines, each with its own data, client, noise, ledger and radio."""
    from sdr_ota.assembly.server_copy import join_nodes, modelless_copy  # noqa: PLC0415

    if config.clients.source == "synthetic":
        copy = modelless_copy()
    else:
        copy = model_on_server(config, home, journal, n_updates, progress)
    with ExitStack() as closing:
        closing.callback(copy.learning.close)
        folder = journal.parent
        has_paid = (folder / LEDGER).exists()  # opened once all nodes had joined
        nodes = join_nodes(config, copy.course, folder.name, has_paid)
        for node in nodes:
            closing.callback(node.close)
        _align(bench, nodes)
        whole = replace(
            bench,
            elsewhere=tuple(node.info for node in nodes),
            settings=(*bench.settings, *(node.settings for node in nodes)),
        )
        yield Partners(nodes, copy.learning, whole)


@contextmanager
def _by_air(
    config: Config, bench: Bench, home: Path, journal: Path, n_updates: int, progress: "Progress"
) -> Iterator[Partners]:
    """Nodes that nothing but control frames of the receiver's radio leads to."""
    from sdr_ota.assembly.server_copy import modelless_copy  # noqa: PLC0415

    if config.clients.source == "synthetic":
        copy, n_steps = modelless_copy(), None
    else:
        copy = model_on_server(config, home, journal, n_updates, progress)
        n_steps = n_updates
    with ExitStack() as closing:
        closing.callback(copy.learning.close)
        identity = run_identity(config, copy.base_checksum, copy.fingerprint)
        log = steps_so_far(identity, journal.parent, n_steps)
        server = closing.enter_context(speaking_server(config, home, bench.receiver, log))
        nodes = server.nodes()
        asked = (settings_of(config),) * len(nodes)  # nobody says what is in force there
        whole = replace(
            bench,
            elsewhere=tuple(node.info for node in nodes),
            settings=(*bench.settings, *asked),
        )
        yield Partners(nodes, copy.learning, whole, server.say_orders)


def _align(bench: Bench, nodes: "Sequence[RayNode]") -> None:
    """Let receiver and nodes count alike, where a pulse per second joins them."""
    pulsed = [one for one in (bench.receiver, *nodes) if is_pulsed(one)]
    if len(pulsed) > 1:
        try:
            align_clocks(pulsed)
        except SettingNotTaken as unlike:
            raise CommandFailed(str(unlike), WRONG_USE) from unlike
