"""Points of a sweep on a Ray cluster that is already there: the same runs, on its machines."""

import logging
import os
import socket
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.remote.cluster import environment
from sdr_ota.study.sweep.point import Outcome, PointTask, Processes, run_point

if TYPE_CHECKING:
    from ray import ObjectRef

CANCEL_S = 30.0
"""How long runs that are cancelled may take to end cleanly."""


def run_on_cluster(tasks: Sequence[PointTask], address: str) -> Generator[Outcome, None, None]:
    """Yield the outcomes of points as they end; closing it ends the runs cleanly.

    Every machine of the cluster needs this program and the sweep's folder, at the same path.

    Args:
        tasks: What to run; each takes one of the cluster's CPUs.
        address: Of the cluster: host:port, ``ray://host:port``, or ``auto``.

    Raises:
        CommandFailed: If Ray is not installed or the cluster does not answer.
    """
    for name, value in environment().items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as missing:
        text = 'sweeps over a cluster need Ray: pip install "sdr-ota[cluster]"'
        raise CommandFailed(text) from missing
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as silent:
        text = f"no Ray cluster answers at {address!r}: {_first_line(silent)}"
        raise CommandFailed(text, WRONG_USE) from silent
    # A machine that goes down takes its points along: Ray starts them elsewhere, they resume.
    start = ray.remote(num_cpus=1, max_retries=3)(run_here).remote
    return _outcomes({start(task): task for task in tasks})


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def run_here(task: PointTask) -> Outcome:
    """Run one point on the machine where this is called."""
    if not task.folder.parent.is_dir():
        return Outcome(
            task.name,
            None,
            f"{socket.gethostname()} does not see {task.folder.parent}: a sweep over a cluster "
            "needs a folder that all its machines share; choose one with --output",
        )
    return run_point(task, Processes())


def _outcomes(pending: "dict[ObjectRef[Outcome], PointTask]") -> Generator[Outcome, None, None]:
    """Yield outcomes in the order in which points end; closing it cancels what is left."""
    import ray

    try:
        while pending:
            (done, *_), _ = ray.wait(list(pending), num_returns=1)
            task = pending.pop(done)
            try:
                outcome = ray.get(done)
            except ray.exceptions.RayError as lost:
                last = str(lost).strip().rpartition("\n")[2]
                outcome = Outcome(task.name, None, f"lost on the cluster: {last}")
            yield outcome
    finally:
        for left in pending:
            ray.cancel(left)
        if pending:
            ray.wait(list(pending), num_returns=len(pending), timeout=CANCEL_S)
        ray.shutdown()
