"""The schemes side by side from Python, measured and by theory."""

from collections.abc import Sequence
from dataclasses import dataclass

from sdr_ota.door.columns import Columns
from sdr_ota.schemes import built_in_schemes, load_scheme
from sdr_ota.study.comparison import (
    PHASE_ERRORS_RAD,
    PHASE_SWEEP_SNR_DB,
    SNRS_DB,
    Point,
    Setting,
    sweep_phase,
    sweep_snr,
)


@dataclass(frozen=True)
class Comparison:
    """Errors of schemes, one `Point` for every scheme and place.

    Attributes:
        over_snr: Over the signal-to-noise ratio, with perfect phases, as columns.
        over_phase: Over the nodes' residual phases, at one signal-to-noise ratio, as columns.
        setting: What is the same for all points.
    """

    over_snr: Columns[Point]
    over_phase: Columns[Point]
    setting: Setting


def compare(
    schemes: Sequence[str] | None = None,
    *,
    snrs_db: Sequence[float] = SNRS_DB,
    phase_errors_rad: Sequence[float] = PHASE_ERRORS_RAD,
    phase_sweep_snr_db: float = PHASE_SWEEP_SNR_DB,
    setting: Setting | None = None,
) -> Comparison:
    """Measure how well schemes add random symbols, beside what theory expects.

    Args:
        schemes: Their names, also those of plug-ins; None for the four of this package.
        snrs_db: Chip power of a symbol of 1 over noise power of a chip, in dB.
        phase_errors_rad: Standard deviations of each node's residual phase.
        phase_sweep_snr_db: Signal-to-noise ratio at which phases are swept.
        setting: Nodes, payload chips, trials a point, seed; None for its defaults.

    Raises:
        ValueError: For an unknown scheme, or one that does not suit the setting.
    """
    names = built_in_schemes() if schemes is None else tuple(schemes)
    given = Setting() if setting is None else setting
    for name in names:
        load_scheme(name).check(given.n_chips, given.n_nodes)
    over_snr = sweep_snr(names, snrs_db, given)
    over_phase = sweep_phase(names, phase_errors_rad, phase_sweep_snr_db, given)
    return Comparison(Columns(Point, over_snr), Columns(Point, over_phase), given)
