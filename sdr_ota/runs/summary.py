"""What a run amounts to, from its records alone."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from sdr_ota.erasure import Reason
from sdr_ota.rounds.clipping import HIGH_QUANTILE, clipped_share
from sdr_ota.rounds.round import RoundResult, sum_by_sum
from sdr_ota.runs.best import best_evaluation
from sdr_ota.runs.contraction import contraction
from sdr_ota.runs.run_folder import Evaluation, RunRecord
from sdr_ota.runs.run_records import n_symbols_of
from sdr_ota.signal.metrics import chance_db, nmse_db

BITS_PER_SCALAR = {"analog": 16, "sign": 1}
"""What one scalar would take as bits (arXiv 2604.12401, table II): half precision, or a vote."""

SKIPPED: Reason = "schedule"
"""Of a round in which a privacy schedule sends nothing."""

COVERING_STDS = 1.96
"""Deviations that 95 % of Gaussian errors do not exceed."""

BITS_PER_GRADIENT_ENTRY = 16
"""A first-order client would send its gradient in half precision."""


MAGNITUDES = (0.5, HIGH_QUANTILE, 0.99)
"""Quantiles of the scalars' magnitudes over a run."""


@dataclass(frozen=True, kw_only=True)
class HeldOutFigures:
    """What held-out examples showed; None where there were none.

    Attributes:
        score_before: Their score before the first round.
        score_after: The same at the end.
        best_score: Their best score; the best model is `sdr-ota export --best`.
        best_rounds: Rounds before it.
        held_out_loss_before: Their mean loss before the first round, nats.
        held_out_loss_after: The same at the end.
        contraction: What a round left of that loss where it fell fastest, A of the paper; None
            where it never fell.
        label_scores: At the end, by label, the share of its examples that were given it.
    """

    score_before: float | None
    score_after: float | None
    best_score: float | None
    best_rounds: int | None
    held_out_loss_before: float | None
    held_out_loss_after: float | None
    contraction: float | None
    label_scores: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class ClippingFigures:
    """What the limit did to the scalars; None where nobody knows.

    Attributes:
        clipped_share: Of all scalars that were sent.
        clipped_example_share: Of the examples' scalars, mean over the rounds.
        magnitudes: 50, 95 and 99 % of the scalars' magnitudes over the limit do not pass these.
        kept_by_clip: The clipped sum over the unclipped, by least squares over the rounds: 1
            where nothing is clipped.
        unclipped_nmse_db: NMSE of the decoded sum against that of the unclipped scalars.
    """

    clipped_share: float | None
    clipped_example_share: float | None
    magnitudes: tuple[float, ...] | None
    kept_by_clip: float | None
    unclipped_nmse_db: float | None


@dataclass(frozen=True, kw_only=True)
class Summary(ClippingFigures, HeldOutFigures):
    """The figures of a run; None where the run has none.

    Attributes:
        rounds: Rounds done, erasures included.
        erasures: How many rounds were lost, by reason.
        incomplete: Rounds in which a node was left out as too weak or not received.
        score_name: What the held-out examples are scored by: accuracy, F1.
        loss_before: Mean training loss of the first tenth of the rounds.
        loss_after: The same of the last tenth.
        nmse_db: Measured normalised mean square error of the decoded sum.
        nmse_chance_db: Chance moves it so far either way in 95 % of all runs; NaN if too short.
        theory_nmse_db: What theory expects for the same rounds.
        chips_share: Share of the receiver's own squared deviation that noise, interference and the
            chips of the payload make; the rest are gains. NaN where it was not written down.
        covered_share: Share of the sums whose error is within 1.96 of the deviations written down
            with them; 95 % if those are right. NaN where nothing is known.
        largest_scalar: What became a symbol of 1 in the last round.
        bits_per_client: Sent by each client over the run, in bits.
        gradient_bits_per_client: What sending a gradient a round would have taken.
        air_s: Time on the air, soundings included.
        gradient_air_s: What gradients would have taken, an entry a chip.
        rounds_per_s: Pace, by the wall clock of the rounds.
        peak_memory_bytes: Largest resident memory of the process.
    """

    rounds: int
    erasures: Mapping[str, int]
    incomplete: int
    score_name: str
    loss_before: float | None
    loss_after: float | None
    nmse_db: float
    nmse_chance_db: float
    theory_nmse_db: float
    chips_share: float
    covered_share: float
    largest_scalar: float | None
    bits_per_client: int
    gradient_bits_per_client: int | None
    air_s: float | None
    gradient_air_s: float | None
    rounds_per_s: float | None
    peak_memory_bytes: int | None

    @property
    def erased_share(self) -> float:
        """Share of the rounds that were lost, 0 to 1; NaN before the first one.

        Rounds that a privacy schedule skips are not among them: nothing was sent that could be.
        """
        n_skipped = self.erasures.get(SKIPPED, 0)
        n_sent = self.rounds - n_skipped
        return (sum(self.erasures.values()) - n_skipped) / n_sent if n_sent else math.nan


def summarise(run: RunRecord) -> Summary:
    """Work out the figures of a run.

    Args:
        run: As read from its folder, or as it stands in memory.
    """
    good = [r for r in run.rounds if r.erasure is None]
    known = [r for r in sum_by_sum(good) if r.true_sum is not None]
    sums = [(r.true_sum or 0.0) ** 2 for r in known]
    errors = [((r.decoded_sum or 0.0) - (r.true_sum or 0.0)) ** 2 for r in known]
    expected = [r.theory_error or 0.0 for r in known]
    losses = [r.loss for r in good if r.loss is not None]
    n_parameters = _whole(run.start.get("n_parameters"))
    n_rounds = len(run.rounds)
    wall_s = sum(r.sounding_s + r.exchange_s + r.compute_s for r in run.rounds)
    return Summary(
        rounds=n_rounds,
        erasures=dict(Counter(r.erasure for r in run.rounds if r.erasure)),
        incomplete=sum(bool(r.detail) for r in good),
        score_name=str(run.start.get("score_name", "accuracy")),
        **vars(_held_out(run.evaluations)),
        loss_before=_mean(losses[: max(len(losses) // 10, 1)]),
        loss_after=_mean(losses[-max(len(losses) // 10, 1) :]),
        nmse_db=nmse_db(errors, sums),
        nmse_chance_db=chance_db(errors, expected),
        theory_nmse_db=nmse_db(expected, sums),
        chips_share=_chips_share(known),
        covered_share=_covered_share(known),
        largest_scalar=good[-1].largest_scalar if good else None,
        **vars(
            _clipping(
                [r for r in good if r.unclipped_symbols],
                [r for r in known if r.unclipped_symbols],
            )
        ),
        bits_per_client=n_rounds
        * n_symbols_of(run.start)
        * BITS_PER_SCALAR[str(run.start.get("payload", "analog"))],
        gradient_bits_per_client=n_parameters and n_rounds * n_parameters * BITS_PER_GRADIENT_ENTRY,
        air_s=_times(n_rounds, run.start.get("air_s_per_round")),
        gradient_air_s=_times(n_rounds, run.start.get("gradient_air_s_per_round")),
        rounds_per_s=n_rounds / wall_s if wall_s > 0 else None,
        peak_memory_bytes=_whole(run.stop.get("peak_memory_bytes")),
    )


def _chips_share(known: Sequence[RoundResult]) -> float:
    total = sum((r.decoded_std or 0.0) ** 2 for r in known if r.chips_std is not None)
    chips = sum((r.chips_std or 0.0) ** 2 for r in known)
    return chips / total if total else math.nan


def _covered_share(known: Sequence[RoundResult]) -> float:
    told = [r for r in known if r.chips_std is not None]
    within = [
        abs((r.decoded_sum or 0.0) - (r.true_sum or 0.0)) < COVERING_STDS * (r.decoded_std or 0.0)
        for r in told
    ]
    return fmean(within) if within else math.nan


def _held_out(evaluations: Sequence[Evaluation]) -> HeldOutFigures:
    """Return what held-out examples showed, at both ends of a run and at its best."""
    first, last = (evaluations[0], evaluations[-1]) if evaluations else (None, None)
    best = best_evaluation(evaluations)
    return HeldOutFigures(
        score_before=first.score if first else None,
        score_after=last.score if last else None,
        best_score=best.score if best else None,
        best_rounds=best.rounds_done if best else None,
        held_out_loss_before=first.loss if first else None,
        held_out_loss_after=last.loss if last else None,
        contraction=contraction(evaluations),
        label_scores=last.label_scores if last else {},
    )


def _clipping(rounds: Sequence[RoundResult], told: Sequence[RoundResult]) -> ClippingFigures:
    """Return what the limit did to the scalars of rounds whose nodes tell them.

    Args:
        rounds: Of which they are told.
        told: Each sum of these rounds.
    """
    scalars = np.concatenate([[*(r.unclipped_symbols or ())] for r in rounds]) if rounds else None
    clipped = np.array([r.true_sum or 0.0 for r in told])
    unclipped = clipped - np.array([r.clip_bias or 0.0 for r in told])
    decoded = np.array([r.decoded_sum or 0.0 for r in told])
    power = float(unclipped @ unclipped)
    shares = [r.clipped_example_share for r in rounds if r.clipped_example_share is not None]
    squares = ((decoded - unclipped) ** 2).tolist(), (unclipped**2).tolist()
    return ClippingFigures(
        clipped_share=None if scalars is None else clipped_share(scalars),
        clipped_example_share=_mean(shares),
        magnitudes=None
        if scalars is None
        else tuple(np.quantile(np.abs(scalars), MAGNITUDES).tolist()),
        kept_by_clip=float(clipped @ unclipped) / power if power else None,
        unclipped_nmse_db=nmse_db(*squares) if power else None,
    )


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _times(n_rounds: int, seconds: object) -> float | None:
    return n_rounds * seconds if isinstance(seconds, float) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
