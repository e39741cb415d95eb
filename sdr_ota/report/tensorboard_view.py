"""The curves of a run for TensorBoard, written as it goes on: ``run.tensorboard = true``."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sdr_ota.failure import CommandFailed
from sdr_ota.rounds.round import RoundResult
from sdr_ota.runs.run_records import Evaluation
from sdr_ota.units import power_to_db

if TYPE_CHECKING:
    from tensorboard.summary import Writer

FOLDER = "tensorboard"
"""Of a run folder: `tensorboard --logdir runs` finds it."""


class TensorBoardView:
    """Writes what a round brought as scalars over the round."""

    def __init__(self, writer: "Writer") -> None:
        self._writer = writer

    def preparing(self, step: int, n_steps: int, loss: float) -> None:
        """Write nothing: the preparation of a model is no part of the run."""

    def round_done(self, result: RoundResult) -> None:
        """Write one round's figures."""
        for tag, value in _scalars(result).items():
            self._writer.add_scalar(tag, value, result.round)

    def evaluated(self, evaluation: Evaluation, name: str) -> None:
        """Write what held-out examples show."""
        figures = {f"learning/held-out {name}": evaluation.score}
        if evaluation.loss is not None:
            figures["learning/held-out loss"] = evaluation.loss
        for label, share in evaluation.label_scores.items():
            figures[f"learning/right of label {label}"] = share
        for tag, value in figures.items():
            self._writer.add_scalar(tag, value, evaluation.rounds_done)


@contextmanager
def tensorboard_view(folder: Path) -> Iterator[TensorBoardView]:
    """Open an event file in a run folder.

    Raises:
        CommandFailed: If TensorBoard is not installed.
    """
    try:
        from tensorboard.summary import Writer  # noqa: PLC0415 - optional
    except ImportError as missing:
        text = 'run.tensorboard = true needs TensorBoard: pip install "sdr-ota[tensorboard]"'
        raise CommandFailed(text) from missing
    writer = Writer(str(folder / FOLDER))
    try:
        yield TensorBoardView(writer)
    finally:
        writer.close()


def _scalars(result: RoundResult) -> dict[str, float]:
    """Return what a round has figures for."""
    figures = {
        "learning/training loss": result.loss,
        "learning/mean scalar": result.mean_scalar,
        "sum/true": result.true_sum,
        "sum/decoded": result.decoded_sum,
        "link/residual carrier offset (Hz)": result.cfo_hz,
        "sum/clipped share of the scalars": result.clipped_share,
        "link/erased": float(result.erasure is not None),
    }
    if result.decoded_sum is not None and result.true_sum is not None:
        figures["sum/error"] = result.decoded_sum - result.true_sum
        figures["sum/error by theory"] = (result.theory_error or 0.0) ** 0.5
    if result.noise_power:
        figures["link/noise power (dB full scale)"] = power_to_db(result.noise_power)
    return {tag: value for tag, value in figures.items() if value is not None}
