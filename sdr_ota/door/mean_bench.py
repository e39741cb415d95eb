"""A bench that is open: K numbers or vectors in, their mean over the air out."""

import os
import weakref
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdr_ota.air.recorded_paths import ChannelEnded
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.assembly.planner import planner_of
from sdr_ota.assembly.server import nodes_here, server_of
from sdr_ota.config.load import Config
from sdr_ota.config.parts import payload_of
from sdr_ota.door.errors import SdrOtaError
from sdr_ota.door.mean import Mean, mean_of
from sdr_ota.process.closed_by_block import ClosedByBlock
from sdr_ota.radio.base import RadioError, RadioInfo
from sdr_ota.rounds.duty import DutyLimit
from sdr_ota.rounds.exchange import Bench, Link, Reception
from sdr_ota.rounds.given_symbols import GivenClient
from sdr_ota.rounds.learned import Learned
from sdr_ota.rounds.round import RoundResult, run_round
from sdr_ota.rounds.schedule import Schedule
from sdr_ota.rounds.server import Quote
from sdr_ota.runs.captures import capture_name, write_capture
from sdr_ota.signal.iq_file import META
from sdr_ota.types import TransmitPlan


class MeanBench(ClosedByBlock):
    """Open radios over which means are taken; `open_bench` makes one.

    It keeps what it knows of the paths from one mean to the next. Use it in a ``with`` block, or
    call `close`: all radios are then silent.

    Attributes:
        config: The configuration in use.
        n_nodes: Nodes, and so numbers a round.
        n_symbols: Numbers of one node in a round, ``frame.symbols``.
        radios: What the radios are: the receiver first, then the nodes.
    """

    def __init__(
        self, config: Config, bench: Bench, link: Link, air: SimulatedAir, closing: ExitStack
    ) -> None:
        self.config = config
        self.n_nodes, self.n_symbols = len(bench.nodes), link.frame.n_symbols
        self.radios: tuple[RadioInfo, ...] = bench.infos
        self._bench, self._link = bench, link
        self._clients = [GivenClient() for _ in bench.nodes]
        planner = planner_of(config, link)
        nodes = nodes_here(config, bench, link, self._clients)
        self._server = server_of(config, bench, link, nodes, planner, self._admit, air)
        every = config.link.sounding_every
        self._schedule = Schedule(1, config.run.seed, every, self.n_symbols)
        self._duty = DutyLimit(bench.air_time)
        self._next_round = 0
        self._plan: TransmitPlan | None = None
        self._learned = Learned()
        self._is_tuned = False
        self._scalar_limit = config.link.fixed_scalar_limit()
        self._last: tuple[Reception, RoundResult] | None = None
        self._close = weakref.finalize(self, closing.close)  # at the latest when Python ends

    def mean(
        self, scalars: ArrayLike, *, scalar_limit: float | None = None, sound: bool = False
    ) -> Mean:
        """Send one number, or a vector, a node at the same time and decode their mean: one round.

        The nodes are sounded before it every ``link.sounding_every`` rounds and after an erasure.

        Args:
            scalars: One a node, shape ``(n_nodes,)``; or as many a node as ``frame.symbols``, shape
                ``(n_nodes, n_symbols)``. Finite, in any unit.
            scalar_limit: Largest number that is sent as it is; larger ones are clipped to it, and
                counted. The smaller it is, the less noise there is in the mean. None for
                ``link.scalar_limit`` of the configuration.
            sound: Sound the nodes before this round in any case.

        Returns:
            The mean, of vectors a vector; if the round was lost, also by a radio that has gone, a
            value says why.

        Raises:
            ValueError: For numbers or a limit that cannot be sent.
        """
        given = _checked(scalars, self.n_nodes, self.n_symbols)
        usual = self.config.link.fixed_scalar_limit()
        limit = usual if scalar_limit is None else float(scalar_limit)
        if not 0 < limit < np.inf:
            raise ValueError(f"scalar_limit = {limit:g}: it must be above 0 and finite")
        if not self._close.alive:
            raise ValueError("the bench is closed: nothing can be sent over it")
        own = given.reshape(self.n_nodes, self.n_symbols).tolist()
        for client, numbers in zip(self._clients, own, strict=True):
            client.scalars = tuple(numbers)
        self._scalar_limit = limit
        result = self._round(sound)
        is_analog = self.config.link.payload == "analog"
        n_clipped = int(np.sum(np.abs(given) > limit)) if is_analog else 0
        return mean_of(result, payload_of(self.config, limit), n_clipped, given.ndim == 2)

    def save_capture(self, folder: str | os.PathLike[str] = ".") -> Path:
        """Keep what was received in the last round as a SigMF recording.

        Args:
            folder: Where to; made if it is not there.

        Returns:
            Its metadata file, ``round-NNNNNN.sigmf-meta``; `sdr_ota.decode` reads it.

        Raises:
            ValueError: If nothing was received yet, or nothing in the last round.
            OSError: If it cannot be written.
        """
        if self._last is None:
            raise ValueError("there is no capture to keep: nothing was received in the last round")
        reception, result = self._last
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        write_capture(place, reception, result, self._link, self._bench)
        return place / f"{capture_name(result.round)}{META}"

    def close(self) -> None:
        """Silence and close all radios; a second call does nothing."""
        self._close()

    def _round(self, sounds: bool) -> RoundResult:
        """Go through the next round; a radio that fails loses it."""
        index, self._next_round, self._last = self._next_round, self._next_round + 1, None
        announcement = self._schedule.announcement(index)
        is_due = sounds or index % self._schedule.sounding_every == 0
        plan, self._plan = None if is_due else self._plan, None
        self._duty.rest()
        try:
            if not self._is_tuned:
                self._server.tune()
                self._is_tuned = True
            result, self._plan = run_round(
                self._server, announcement, plan, self._keep, self._learned
            )
        except RadioError as broken:
            result = RoundResult(index, announcement.seeds[0], erasure="radio", detail=str(broken))
        except ChannelEnded as ended:
            raise SdrOtaError(str(ended)) from ended
        self._duty.count()
        return result

    def _admit(self, index: int, plan: TransmitPlan) -> Quote:
        limit = self._scalar_limit
        return Quote(plan, payload_of(self.config, limit), limit)

    def _keep(self, reception: Reception, result: RoundResult) -> None:
        self._last = reception, result


def _checked(scalars: ArrayLike, n_nodes: int, n_symbols: int) -> NDArray[np.float64]:
    """Return numbers as an array.

    Raises:
        ValueError: If they are not as many finite numbers a node as a frame carries.
    """
    given = np.asarray(scalars, np.float64)
    allowed = [(n_nodes, n_symbols), *([(n_nodes,)] if n_symbols == 1 else [])]
    if given.shape not in allowed:
        each = "one number" if n_symbols == 1 else f"{n_symbols} numbers"
        raise ValueError(
            f"{given.size} numbers of shape {given.shape} were given; this bench has {n_nodes} "
            f"nodes and sends {each} each, so shape {allowed[-1]}; frame.symbols sets how many "
            "numbers of a node a frame carries"
        )
    if not np.isfinite(given).all():
        node, *_ = np.argwhere(~np.isfinite(given))[0]
        wrong = given[~np.isfinite(given)][0]
        raise ValueError(f"the number of node {node} is {wrong}: it must be finite")
    return given
