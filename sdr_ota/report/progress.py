"""Live progress on standard error: a panel on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol, TypeAlias

from rich.console import Console

from sdr_ota.config.tables import RunTable
from sdr_ota.report.live_panel import LivePanel
from sdr_ota.rounds.round import RoundResult

console = Console(stderr=True, highlight=False)


class RunView(Protocol):
    """What shows a run while it goes on."""

    def preparing(self, step: int, n_steps: int, loss: float) -> None:
        """Show how far the preparation of a model is."""

    def round_done(self, result: RoundResult) -> None:
        """Show one round."""

    def evaluated(self, rounds_done: int, name: str, score: float) -> None:
        """Show a held-out score."""


OpenLive: TypeAlias = Callable[[int], AbstractContextManager[RunView]]
"""Opens what shows a run of so many rounds while it goes on."""


@contextmanager
def run_view(table: RunTable, folder: Path, open_live: OpenLive | None = None) -> Iterator[RunView]:
    """Open what shows a run, and TensorBoard if the config asks for it.

    Args:
        table: How many rounds, and whether with TensorBoard.
        folder: Of the run.
        open_live: Opens the live view; None for a panel or lines on standard error.
    """
    with (open_live or live_view)(table.rounds) as live:
        if not table.tensorboard:
            yield live
            return
        from sdr_ota.report.tensorboard_view import tensorboard_view  # noqa: PLC0415 - optional

        with tensorboard_view(folder) as board:
            yield AllViews(live, board)


@contextmanager
def live_view(n_rounds: int) -> Iterator[RunView]:
    """Open the view that fits standard error."""
    if not console.is_terminal:
        yield _Lines(n_rounds)
        return
    panel = LivePanel(console, n_rounds)
    with panel.live:
        yield panel


class AllViews:
    """Several views of one run."""

    def __init__(self, *views: RunView) -> None:
        self._views = views

    def preparing(self, step: int, n_steps: int, loss: float) -> None:
        """Show how far the preparation of a model is."""
        for view in self._views:
            view.preparing(step, n_steps, loss)

    def round_done(self, result: RoundResult) -> None:
        """Show one round."""
        for view in self._views:
            view.round_done(result)

    def evaluated(self, rounds_done: int, name: str, score: float) -> None:
        """Show a held-out score."""
        for view in self._views:
            view.evaluated(rounds_done, name, score)


class _Pace:
    """Rounds a second, since the first round."""

    def __init__(self) -> None:
        self._began_s: float | None = None
        self._n_rounds = 0

    def count(self) -> float:
        now_s = time.perf_counter()
        if self._began_s is None:
            self._began_s = now_s
            return 0.0
        self._n_rounds += 1
        return self._n_rounds / max(now_s - self._began_s, 1e-9)


def _figures(result: RoundResult, rounds_per_s: float) -> str:
    if result.erasure or result.mean_scalar is None:
        return f"erased: {result.erasure}  {rounds_per_s:5.1f} rounds/s"
    words = [f"scalar {result.mean_scalar:+.3f}", f"{rounds_per_s:.1f} rounds/s"]
    if result.true_sum is not None:
        words.insert(1, f"sum error {(result.decoded_sum or 0.0) - result.true_sum:+.4f}")
    if result.loss is not None:
        words.insert(0, f"loss {result.loss:.3f}")
    return "  ".join(words)


def _evaluated(rounds_done: int, name: str, score: float) -> str:
    return f"after {rounds_done} rounds: held-out {name} {score:.3f}"


class _Lines:
    def __init__(self, n_rounds: int) -> None:
        self._n_rounds = n_rounds
        self._pace = _Pace()

    def preparing(self, step: int, n_steps: int, loss: float) -> None:
        if step % max(n_steps // 10, 1) == 0 or step == n_steps:
            console.print(f"preparing the small model: step {step} of {n_steps}, loss {loss:.3f}")

    def round_done(self, result: RoundResult) -> None:
        rounds_per_s = self._pace.count()
        every = max(self._n_rounds // 20, 1)
        if (result.round + 1) % every == 0 or result.erasure:
            place = f"round {result.round + 1} of {self._n_rounds}"
            console.print(f"{place}  {_figures(result, rounds_per_s)}", soft_wrap=True)

    def evaluated(self, rounds_done: int, name: str, score: float) -> None:
        console.print(_evaluated(rounds_done, name, score))
