"""`link.scalar_limit = "auto"`: probe a few directions before the first round, and step along none.

The nodes compute what they would send and tell it, as they tell what they have sent after every
round of an experiment. Nothing is transmitted, no weight moves, and a simulated world's time
stands still, so that the run itself is that with the same number given. A private node would not
tell; the configuration refuses it before.
"""

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sdr_ota.config.load import Config
from sdr_ota.failure import CommandFailed
from sdr_ota.rounds.clipping import limit_for
from sdr_ota.rounds.messages import Announcement
from sdr_ota.rounds.node import Node
from sdr_ota.rounds.truth import asked_truth
from sdr_ota.runs.run_folder import RunFolder, read_run

N_SCALARS = 100
"""That a limit is learned from, at least: 5 of them lie above the quantile that it follows."""

_SCALAR_LIMIT = "scalar_limit"
"""Key of a start record: the limit in force."""

_log = logging.getLogger(__name__)


def limit_in_force(config: Config, nodes: Sequence[Node], folder: RunFolder) -> float:
    """Return the limit of a run's scalars, and write it into the run's start record.

    A run that is resumed keeps the limit that it has learned.

    Raises:
        CommandFailed: If it is to be learned and nearly all of what nodes compute is 0.
    """
    if config.link.scalar_limit != "auto":
        limit = config.link.fixed_scalar_limit()
    elif said := read_run(folder.path).start.get(_SCALAR_LIMIT):
        limit = float(said)
    else:
        limit = learned_limit(nodes, config.run.seed)
    folder.write_start({_SCALAR_LIMIT: limit})
    return limit


def learned_limit(nodes: Sequence[Node], seed: int) -> float:
    """Return the limit that suits scalars along directions that no round will take.

    Raises:
        CommandFailed: If there are none, or nearly all are 0.
    """
    n_probes = -(-N_SCALARS // len(nodes))
    scalars = np.concatenate([_probed(nodes, _probe_seed(seed, k)) for k in range(n_probes)])
    limit = limit_for(scalars) if scalars.size else 0.0
    if not limit > 0:
        raise CommandFailed(
            f'link.scalar_limit = "auto": {scalars.size} scalars were computed before the first '
            "round and nearly all are 0; set link.scalar_limit to a number"
        )
    _log.warning(
        "link.scalar_limit = auto: %g chosen from %d scalars along directions that are not taken",
        limit, scalars.size,
    )  # fmt: skip
    return limit


def _probe_seed(seed: int, index: int) -> int:
    """Return the seed of a direction; a third word keeps it apart from all seeds of rounds."""
    return int(np.random.SeedSequence([seed, index, 1]).generate_state(1, np.uint64)[0])


def _probed(nodes: Sequence[Node], seed: int) -> NDArray[np.float64]:
    """Let all nodes compute for a seed; return the scalars of those that take part."""
    announcement = Announcement(0, (seed,))
    for node in nodes:
        node.announce(announcement)
    for node in nodes:
        node.ready()
    scalars = asked_truth(nodes, 0).scalars
    return np.empty(0) if scalars is None else scalars[np.isfinite(scalars)]
