"""Several machines of one cluster, on this one: Ray workers that are started and killed."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sdr_ota.radio.limited import Limits
from sdr_ota.remote.offer import Offer


class Machines:
    """A cluster to which machines come and from which they go."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster  # noqa: PLC0415

        self._cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        self._there: dict[str, Any] = {}
        self.address: str = self._cluster.address

    def come(
        self, host: str, *radios: str, home: Path = Path(), limits: Limits | None = None
    ) -> None:
        offer = Offer(host, radios, str(home), limits or Limits())
        self._there[host] = self._cluster.add_node(
            num_cpus=1,
            resources={f"radio:{host}": len(radios)},
            env_vars=dict(offer.environment()),
        )

    def go(self, host: str) -> None:
        """Kill a machine without a word."""
        self._cluster.remove_node(self._there.pop(host), allow_graceful=False)

    def close(self) -> None:
        import ray  # noqa: PLC0415

        ray.shutdown()
        self._cluster.shutdown()


def while_it_breathes() -> Iterator[int]:
    """Yield seeds from 100 on until a killed machine must have gone: it may answer for a while."""
    end_s, seed = time.monotonic() + 60, 100
    while time.monotonic() < end_s:
        yield seed
        seed += 1
        time.sleep(0.05)


@contextmanager
def machines() -> Iterator[Machines]:
    before = os.environ.get("RAY_AUTH_MODE")
    os.environ["RAY_AUTH_MODE"] = "disabled"  # whatever tokens this user has
    made = Machines()
    try:
        yield made
    finally:
        made.close()
        del os.environ["RAY_AUTH_MODE"]
        if before is not None:
            os.environ["RAY_AUTH_MODE"] = before
