r"""How much of the distance to the least loss a round leaves: $A$ of the paper's schedules.

arXiv 2604.12401, section VII-D.2, takes $A = \min_t (G_t / G_0)^{1/t}$ from the loss curve of one
run, with $G_t = F(w_t) - F^\star$. Here $F$ is the held-out loss: it is the same examples every
time, where the probes' loss is that of a new batch, whose chance a root of low order would follow.
"""

from collections.abc import Sequence

from sdr_ota.runs.run_records import Evaluation


def contraction(evaluations: Sequence[Evaluation], least_loss: float = 0.0) -> float | None:
    r"""Return $A$ per round, for ``privacy.contraction``; None if the loss never fell.

    Args:
        evaluations: Of a run, in order; the first before its first round.
        least_loss: $F^\star$ in nats. Nobody knows it; 0 is below it, and makes $A$ too large.
            A loss that is no more tells nothing, and is left out.

    >>> contraction([Evaluation(0, 0.5, 0.8), Evaluation(10, 0.7, 0.4), Evaluation(40, 0.8, 0.3)])
    0.9330329915368074
    """
    if not evaluations:
        return None
    first, *later = evaluations
    if first.rounds_done or first.loss is None:
        return None
    roots = [
        ((one.loss - least_loss) / (first.loss - least_loss)) ** (1 / one.rounds_done)
        for one in later
        if one.rounds_done and one.loss is not None and least_loss < one.loss < first.loss
    ]
    return min(roots, default=None)
