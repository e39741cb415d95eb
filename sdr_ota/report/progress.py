"""Live progress on standard error: a panel on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol, TypeAlias

from sdr_ota.config.tables import RunTable
from sdr_ota.report.live_panel import LivePanel
from sdr_ota.report.pace import Pace
from sdr_ota.report.printable_console import PrintableConsole
from sdr_ota.rounds.round import RoundResult
from sdr_ota.runs.run_records import Evaluation

console = PrintableConsole(stderr=True, highlight=False)

LONGEST_QUIET_S = 30.0
"""Without a terminal: after that long a round is shown whatever its number."""


class RunView(Protocol):
    """What shows a run while it goes on."""

    def preparing(self, step: int, n_steps: int, loss: float) -> None:
        """Show how far the preparation of a model is."""

    def round_done(self, result: RoundResult) -> None:
        """Show one round."""

    def evaluated(self, evaluation: Evaluation, name: str) -> None:
        """Show what held-out examples show; ``name`` is that of the score."""


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
        yield Lines(n_rounds)
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

    def evaluated(self, evaluation: Evaluation, name: str) -> None:
        """Show what held-out examples show."""
        for view in self._views:
            view.evaluated(evaluation, name)


def _figures(result: RoundResult, pace: str) -> str:
    if result.erasure or result.mean_scalar is None:
        return f"erased: {result.erasure}  {pace}"
    words = [f"scalar {result.mean_scalar:+.3f}", pace]
    if result.true_sum is not None:
        words.insert(1, f"sum error {(result.decoded_sum or 0.0) - result.true_sum:+.4f}")
    if result.loss is not None:
        words.insert(0, f"loss {result.loss:.3f}")
    return "  ".join(words)


def _evaluated(evaluation: Evaluation, name: str) -> str:
    words = [f"after {evaluation.rounds_done} rounds: held-out {name} {evaluation.score:.3f}"]
    if evaluation.loss is not None:
        words.append(f"loss {evaluation.loss:.4f}")
    if evaluation.label_scores:
        shares = (f"{label}: {share:.2f}" for label, share in evaluation.label_scores.items())
        words.append(f"right by label {', '.join(shares)}")
    return "  ".join(words)


class Lines:
    """A run as lines: twenty of them over the run, and one whenever none was written for long.

    Args:
        n_rounds: Planned in all.
        clock_s: Returns the time in seconds.
    """

    def __init__(self, n_rounds: int, clock_s: Callable[[], float] = time.perf_counter) -> None:
        self._n_rounds, self._clock_s = n_rounds, clock_s
        self._pace = Pace(n_rounds, clock_s)
        self._said_s = clock_s()

    def preparing(self, step: int, n_steps: int, loss: float) -> None:
        """Show every tenth of the preparation of a model."""
        if step % max(n_steps // 10, 1) == 0 or step == n_steps:
            console.print(f"preparing the small model: step {step} of {n_steps}, loss {loss:.3f}")

    def round_done(self, result: RoundResult) -> None:
        """Show a round where it is time for one, or it was lost."""
        n_done, now_s = result.round + 1, self._clock_s()
        self._pace.count(n_done)
        is_due = (
            n_done % max(self._n_rounds // 20, 1) == 0 or now_s - self._said_s >= LONGEST_QUIET_S
        )
        if is_due or result.erasure:
            self._said_s = now_s
            figures = _figures(result, self._pace.words)
            console.print(f"round {n_done} of {self._n_rounds}  {figures}", soft_wrap=True)

    def evaluated(self, evaluation: Evaluation, name: str) -> None:
        """Show what held-out examples show."""
        console.print(_evaluated(evaluation, name), soft_wrap=True)
