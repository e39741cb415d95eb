"""A run as it goes on, on a terminal: pace, loss, score, errors beside theory, erasures."""

from collections import Counter, deque

from rich.console import Console, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table

from sdr_ota.report.nmse_words import nmse_words
from sdr_ota.report.pace import Pace
from sdr_ota.rounds.round import RoundResult, sum_by_sum
from sdr_ota.runs.best import best_evaluation
from sdr_ota.runs.run_records import Evaluation
from sdr_ota.signal.metrics import nmse_db

N_LOSSES = 32
"""Rounds whose losses are shown as a small curve, of fewer where a terminal is narrow."""

LABELS_AND_LOSS = 40
"""Columns of a line that are not the curve's."""

N_LABELS = 4
"""Labels that are shown, those that the model does worst on."""

_BARS = "▁▂▃▄▅▆▇█"


class LivePanel:
    """What stands on the terminal; it is drawn a few times a second, not every round."""

    def __init__(self, console: Console, n_rounds: int) -> None:
        self._console = console
        self._n_rounds, self._n_done, self._pace = n_rounds, 0, Pace(n_rounds)
        self._losses: deque[float] = deque(maxlen=N_LOSSES)
        self._errors, self._expected, self._sums = [0.0], [0.0], [0.0]
        self._erased: Counter[str] = Counter()
        self._score = ""
        self._evaluations: list[Evaluation] = []
        self._n_clipped, self._n_scalars = 0.0, 0
        self._preparing: tuple[int, int, float] | None = None
        self._last: RoundResult | None = None
        self.live = Live(get_renderable=self.drawn, console=console, refresh_per_second=4)

    def preparing(self, step: int, n_steps: int, loss: float) -> None:
        """Remember how far the preparation of a model is."""
        self._preparing = step, n_steps, loss

    def round_done(self, result: RoundResult) -> None:
        """Take one round into the figures."""
        self._preparing = None
        self._n_done, self._last = result.round + 1, result
        self._pace.count(self._n_done)
        if result.loss is not None:
            self._losses.append(result.loss)
        if result.erasure is not None:
            self._erased[result.erasure] += 1
            return
        if result.true_sum is None:
            return
        if result.unclipped_symbols and result.clipped_share is not None:
            n_scalars = len(result.unclipped_symbols)
            self._n_clipped += n_scalars * result.clipped_share
            self._n_scalars += n_scalars
        for one in sum_by_sum([result]):
            true, decoded = one.true_sum or 0.0, one.decoded_sum or 0.0
            self._errors[0] += (decoded - true) ** 2
            self._expected[0] += one.theory_error or 0.0
            self._sums[0] += true**2

    def evaluated(self, evaluation: Evaluation, name: str) -> None:
        """Take what held-out examples show into the figures."""
        self._evaluations.append(evaluation)
        self._score = (
            f"{evaluation.score:.3f} held-out {name} after {evaluation.rounds_done} rounds"
        )

    def drawn(self) -> RenderableType:
        """Return the panel as it stands."""
        if self._preparing is not None:
            step, n_steps, loss = self._preparing
            return f"preparing the small model (first time only): {step}/{n_steps}, loss {loss:.3f}"
        rows = Table.grid(padding=(0, 2))
        rows.add_column(style="bold", no_wrap=True)
        rows.add_column(overflow="fold")
        done = f"{self._n_done} of {self._n_rounds}"
        rows.add_row("rounds", ", ".join(filter(None, (done, self._pace.words))))
        rows.add_row("", ProgressBar(total=self._n_rounds, completed=self._n_done))
        if self._losses:
            n_shown = max(self._console.width - LABELS_AND_LOSS, 4)
            curve = sparkline(list(self._losses)[-n_shown:])
            rows.add_row("loss", f"{self._losses[-1]:.4f}  {curve}")
        if self._losses or self._score:
            rows.add_row("score", self._score or "–")
        for name, words in _held_out(self._evaluations):
            rows.add_row(name, words)
        rows.add_row("NMSE so far", self._nmse())
        if self._n_scalars:
            rows.add_row("clipped", f"{100 * self._n_clipped / self._n_scalars:.1f} % of scalars")
        rows.add_row("last sum", _last_sum(self._last))
        rows.add_row("erased", _erased(self._erased))
        return Panel(rows, expand=False, width=76)

    def _nmse(self) -> str:
        if not self._sums[0]:
            return "–"
        measured, theory = nmse_db(self._errors, self._sums), nmse_db(self._expected, self._sums)
        return nmse_words(measured, theory)


def sparkline(values: list[float]) -> str:
    """Return values as a row of small bars, from the least to the most."""
    low, high = min(values), max(values)
    step = (high - low) / (len(_BARS) - 1) or 1.0
    return "".join(_BARS[round((value - low) / step)] for value in values)


def _held_out(evaluations: list[Evaluation]) -> list[tuple[str, str]]:
    """Return what the last evaluation shows beside its score, and which was the best."""
    best = best_evaluation(evaluations)
    if best is None:
        return []
    last, rows = evaluations[-1], []
    if last.loss is not None:
        rows.append(("held-out loss", f"{last.loss:.4f}"))
    if last.label_scores:
        shares = sorted(last.label_scores.items(), key=lambda one: one[1])[:N_LABELS]
        rows.append(
            ("right by label", ", ".join(f"{label}: {share:.2f}" for label, share in shares))
        )
    rows.append(("best", f"{best.score:.3f} after {best.rounds_done} rounds"))
    return rows


def _last_sum(result: RoundResult | None) -> str:
    if result is None:
        return "–"
    if result.erasure is not None:
        return f"erased: {result.erasure}"
    decoded = f"{result.decoded_sum:+.4f} decoded"
    return decoded if result.true_sum is None else f"{result.true_sum:+.4f} sent, {decoded}"


def _erased(erased: Counter[str]) -> str:
    if not erased:
        return "none"
    reasons = ", ".join(f"{n} {reason}" for reason, n in erased.most_common())
    return f"{erased.total()} ({reasons})"
