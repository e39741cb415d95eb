"""What a sweep shows of its points: in figures, on the page and on a terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sdr_ota.config.load import ConfigError

SEED = "run.seed"
"""Key in which repeats differ."""

CURVE = "curve"
"""Key and column of what a `[[list]]` entry is called."""

SNR_MAX = "snr_max_db"
"""Column that may be an axis although nobody sets it (`sdr_ota.assembly.snr_max`)."""

Value = str | float | int | bool | None
"""A cell of the table."""

Row = Mapping[str, Value]
"""A point: every column of the table."""


@dataclass(frozen=True)
class Result:
    """A column of the table that is shown.

    Attributes:
        column: Of the table.
        label: Of the axis, with the unit.
        heading: On a terminal.
        how: A number is written there.
        expected: Column of what theory expects of it; empty if there is none.
        is_share: Whether it lies between 0 and 1.
    """

    column: str
    label: str
    heading: str
    how: str = "{:.4g}"
    expected: str = ""
    is_share: bool = False


USUAL = (
    Result("score_after", "held-out score after the run", "score", "{:.3f}", is_share=True),
    Result("loss_after", "training loss of the last tenth (nat)", "loss", "{:.3f}"),
    Result("nmse_db", "NMSE of the decoded sum (dB)", "NMSE dB", "{:.1f}", "theory_nmse_db"),
    Result("erased_share", "share of rounds erased", "erased", "{:.0%}", is_share=True),
    Result("epsilon_spent", "epsilon spent", "epsilon", "{:.2f}"),
)
"""Shown unless the file names others."""

_ON_REQUEST = (
    Result("best_score", "best held-out score of the run", "best", "{:.3f}", is_share=True),
    Result("held_out_loss_after", "held-out loss after the run (nat)", "held-out loss", "{:.3f}"),
    Result("contraction", "contraction A of the held-out loss a round", "A", "{:.5f}"),
    Result("clipped_share", "share of scalars clipped", "clipped", "{:.1%}", is_share=True),
    Result("peak_memory_mib", "peak memory of the run's process (MiB)", "peak MiB", "{:.0f}"),
    Result("bits_per_round", "sent by a client in a round (bit)", "bit", "{:,.0f}"),
    Result("gradient_bits_per_round", "a gradient instead (bit)", "as gradient", "{:,.0f}"),
)

RESULTS: Mapping[str, Result] = {result.column: result for result in (*USUAL, *_ON_REQUEST)}
"""By column: what a file may name in ``results``."""


def chosen_results(names: object) -> tuple[Result, ...]:
    """Return what a sweep shows.

    Args:
        names: ``results`` of the file; None if it does not say.

    Raises:
        ConfigError: If it names what is not there.
    """
    if names is None:
        return USUAL
    if not isinstance(names, list) or not names:
        raise ConfigError(f"results = {names!r}: it should be a list of columns of the table")
    unknown = [name for name in names if name not in RESULTS]
    if unknown:
        raise ConfigError(f"results: unknown {unknown[0]!r}; known: {', '.join(RESULTS)}")
    return tuple(RESULTS[name] for name in names)


def shown_of(results: Sequence[Result], rows: Sequence[Row]) -> list[Result]:
    """Return those of which any point has a number."""
    return [one for one in results if any(row.get(one.column) is not None for row in rows)]
