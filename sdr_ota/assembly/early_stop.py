"""Whether a run ends before its last round because it no longer gets better.

It is decided from the evaluations that are written down, so that those before an interruption
count. They are of the server's held-out examples: that the run has stopped says nothing of the
clients' data beyond the model itself.
"""

from pathlib import Path

from sdr_ota.config.tables import RunTable
from sdr_ota.runs.best import best_evaluation, evaluations_since_best
from sdr_ota.runs.run_folder import read_evaluations


def why_stop(table: RunTable, folder: Path, rounds_done: int) -> str:
    """Say why no further round is done; nothing where the run goes on.

    Args:
        table: With the patience and the number of rounds.
        folder: Of the run.
        rounds_done: At whose end the last evaluation was.
    """
    if table.patience_evaluations is None or rounds_done >= table.rounds:
        return ""
    evaluations = read_evaluations(folder)
    n_since, best = evaluations_since_best(evaluations), best_evaluation(evaluations)
    if best is None or n_since < table.patience_evaluations:
        return ""
    return (
        f"stopped early: {n_since} evaluations in a row were no better than that after "
        f"{best.rounds_done} rounds (run.patience_evaluations); {rounds_done} of {table.rounds} "
        "rounds done"
    )
