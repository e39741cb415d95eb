"""What the limit of scalars did in a run, as rows of its table."""

from sdr_ota.rounds.clipping import HEADROOM, MUCH_CLIPPED
from sdr_ota.runs.summary import Summary


def clipping_rows(summary: Summary) -> list[tuple[str, str]]:
    """Return how many scalars were clipped and what that left; nothing where nobody knows."""
    share, magnitudes = summary.clipped_share, summary.magnitudes
    if share is None or magnitudes is None:
        return []
    half, most, nearly_all = magnitudes
    rows = [
        ("clipped scalars", f"{_percent(share)}{_of_examples(summary)}"),
        (
            "scalars over the limit",
            f"half below {half:.2g}, 95 % below {most:.2g}, 99 % below {nearly_all:.2g} "
            f"(limit {summary.largest_scalar:g})",
        ),
    ]
    if share and summary.unclipped_nmse_db is not None:
        kept = f"the clip leaves {_percent(summary.kept_by_clip or 0.0)} of the mean"
        rows.append(("NMSE against the unclipped", f"{summary.unclipped_nmse_db:.1f} dB; {kept}"))
    return rows


def clipping_advice(summary: Summary) -> str | None:
    """Say what to set where too many scalars were clipped."""
    share, magnitudes, limit = summary.clipped_share, summary.magnitudes, summary.largest_scalar
    if share is None or magnitudes is None or not limit or share <= MUCH_CLIPPED:
        return None
    wanted = float(f"{HEADROOM * magnitudes[1] * limit:.2g}")
    return (
        f"{_percent(share)} of the scalars were clipped: what was decoded is not the clients' "
        f'mean; set link.scalar_limit = {wanted:g}, or "auto"'
    )


def _of_examples(summary: Summary) -> str:
    share = summary.clipped_example_share
    if share is None:
        return ""
    return f"; {_percent(share)} of the examples' lie beyond the limit"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 or not share else f"{100 * share:.2g} %"
