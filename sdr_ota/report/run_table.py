"""The figures of runs as rows of words: a name, then one cell a run."""

import math
from collections.abc import Mapping, Sequence

from ota_calibration.privacy.ledger_digest import ledger_contradiction
from ota_calibration.privacy.ledger_record import LedgerError
from ota_calibration.privacy.spending import LEDGER, privacy_spent

from sdr_ota.report.clipping_rows import clipping_advice, clipping_rows
from sdr_ota.report.erasure_words import Situation, first_check, situation_of, steadier_sum
from sdr_ota.report.nmse_words import USELESS, nmse_words, why_useless
from sdr_ota.report.pace import pace_words
from sdr_ota.report.publishable import publishable
from sdr_ota.runs.consistency import missing_files
from sdr_ota.runs.link_verdict import USABLE_NMSE_DB, link_verdict
from sdr_ota.runs.run_folder import RunRecord
from sdr_ota.runs.run_lock import is_in_use
from sdr_ota.runs.run_records import is_private
from sdr_ota.runs.summary import Summary, summarise


def table_rows(runs: Sequence[RunRecord]) -> list[tuple[str, ...]]:
    """Return one row a figure that any of the runs has; what a run lacks is a dash."""
    return aligned_rows([dict(_column(run)) for run in runs])


def aligned_rows(columns: Sequence[Mapping[str, str]]) -> list[tuple[str, ...]]:
    """Lay columns side by side: a name, then one cell a column."""
    fullest_first = sorted(columns, key=len, reverse=True)
    names = dict.fromkeys(name for column in fullest_first for name in column)
    return [(name, *(column.get(name, "–") for column in columns)) for name in names]


def _column(run: RunRecord) -> list[tuple[str, str]]:
    summary = summarise(run)
    situation = situation_of(run.start)
    rows = [*_rounds(summary, situation), *_rows(summary)]
    rows.append(("privacy", _privacy(run)))
    if may := publishable(run.start):
        rows.append(("may be published", may))
    if gone := missing_files(run):
        rows.append(("missing files", ", ".join(gone)))
    if resumes := run.start.get("resumes"):
        rows.append(("resumed", ", ".join(f"at round {r['from_round']}" for r in resumes)))
    if words := advice(summary, situation):
        rows.append(("advice", words))
    if words := clipping_advice(summary):
        rows.append(("advice on the limit", words))
    ending = str(run.stop.get("ending", "not ended"))
    rows.append(("ended", f"{ending}: {why}" if (why := run.stop.get("why")) else ending))
    return rows


def _privacy(run: RunRecord) -> str:
    """Say what was spent; what the ledger does not cover is said before what it says."""
    try:
        spent = privacy_spent(run.folder) or "no promise"
        why = ledger_gap(run)
    except LedgerError as broken:
        return f"unknown: {broken}"
    return f"incomplete: {LEDGER}: {why}; it says: {spent}" if why else spent


def ledger_gap(run: RunRecord) -> str:
    """Say why the ledger of a run does not cover its rounds; nothing if it does."""
    path, digests = run.folder / LEDGER, [result.ledger_digest for result in run.rounds]
    content = path.read_bytes() if path.is_file() else None
    if is_in_use(run.folder) and content is not None:
        return ""  # it has grown since the rounds were read
    return ledger_contradiction(content, digests, is_private(run.start))


def _rounds(summary: Summary, situation: Situation) -> list[tuple[str, str]]:
    """Say how many rounds there were, whether the link was good, what to check if not."""
    lost = sum(summary.erasures.values())
    reasons = ", ".join(f"{n} {reason}" for reason, n in summary.erasures.items())
    verdict, why = link_verdict(summary.nmse_db, summary.erased_share)
    return [
        ("rounds", f"{summary.rounds}, {lost} erased" + (f" ({reasons})" if lost else "")),
        ("link", f"{verdict}: {why}" if why else verdict),
        *(
            (f"{reason}: check first", first_check(reason, situation))
            for reason in summary.erasures
        ),
    ]


def _rows(summary: Summary) -> list[tuple[str, str]]:
    rows = []
    if summary.incomplete:
        missing = f"in {summary.incomplete} rounds; see detail in rounds.jsonl"
        rows.append(("a node was left out", missing))
    if summary.score_before is not None and summary.score_after is not None:
        change = f"{summary.score_before:.3f} -> {summary.score_after:.3f}"
        rows.append((f"held-out {summary.score_name}", change))
    rows += _held_out(summary)
    if summary.loss_before and summary.loss_after:
        change = f"{summary.loss_before:.4f} -> {summary.loss_after:.4f}"
        rows.append(("training loss (first, last tenth)", change))
    rows += _nmse(summary)
    rows += clipping_rows(summary)
    rows.append(("sent per client", _sent(summary)))
    if summary.air_s is not None:
        rows.append(("time on the air", f"{summary.air_s:.2f} s"))
    if summary.rounds_per_s is not None:
        rows.append(("pace", pace_words(summary.rounds_per_s)))
    if summary.peak_memory_bytes is not None:
        rows.append(("peak memory", f"{summary.peak_memory_bytes / 2**20:.0f} MiB"))
    return rows


def _held_out(summary: Summary) -> list[tuple[str, str]]:
    rows = []
    if summary.best_score is not None:
        best = f"{summary.best_score:.3f} after {summary.best_rounds} rounds"
        rows.append((f"best held-out {summary.score_name}", best))
    if summary.held_out_loss_before is not None and summary.held_out_loss_after is not None:
        change = f"{summary.held_out_loss_before:.4f} -> {summary.held_out_loss_after:.4f}"
        rows.append(("held-out loss", change))
    if summary.contraction is not None:
        rows.append(("contraction A (paper, VII-D.2)", f"{summary.contraction:.5f} a round"))
    if summary.label_scores:
        told = ", ".join(f"{label}: {share:.3f}" for label, share in summary.label_scores.items())
        rows.append(("right by label, at the end", told))
    return rows


def _nmse(summary: Summary) -> list[tuple[str, str]]:
    measured, chance = summary.nmse_db, summary.nmse_chance_db
    rows = []
    if math.isfinite(measured):
        words = nmse_words(measured, summary.theory_nmse_db)
        rows.append(("NMSE of the decoded sum", words))
    if math.isfinite(summary.covered_share):
        held = f"{100 * summary.covered_share:.0f} % of the sums"
        rows.append(("own 95 % interval held", held))
    if measured > 0:
        why = why_useless(summary.theory_nmse_db, summary.chips_share)
        rows.append((f"why {USELESS}", f'{why}; with link.decode = "lmmse" none is expected'))
    if math.isfinite(chance):
        rows.append(
            ("95 % interval of that NMSE", f"{measured - chance:.1f} to {measured + chance:.1f} dB")
        )
    return rows


def advice(summary: Summary, situation: Situation) -> str | None:
    """Say in words when the sum was not worth decoding, and what to do with this scheme."""
    if not summary.nmse_db > USABLE_NMSE_DB:
        return None
    foreseen = summary.theory_nmse_db > USABLE_NMSE_DB
    cause = "as theory expects of these paths" if foreseen else "which theory does not expect"
    hold = steadier_sum(situation)
    return f"more than a quarter of the decoded sum's power is error, {cause}: {hold}"


def _sent(summary: Summary) -> str:
    text = f"{summary.bits_per_client:,} bit"
    gradients = summary.gradient_bits_per_client
    if not gradients or not summary.bits_per_client:
        return text
    return f"{text} (gradients: {gradients:,} bit, {gradients // summary.bits_per_client:,} x more)"
