"""A receiver erases what it cannot trust: over every fault its guesses are at most 1 in 1,000.

A guess is a sum that was accepted with an error beyond five of its stated standard deviations and
five of theory's. Frames come from a generator that shares no code with the transmitter and the
air. Every row is run with a few trials; a guess among them calls for more, and so does a row that
is known to fail.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import pytest
from scipy import stats

from sdr_ota.signal.frame import FrameFormat
from tests.sdr_ota.receiver.air_faults import FAULTS, LONG_CHIPS
from tests.sdr_ota.receiver.guess_count import TABLES, Count
from tests.sdr_ota.receiver.independent_air import Layout, SoundingScene, chip_energy
from tests.sdr_ota.receiver.known_guesses import KNOWN, KNOWN_TOGETHER

GUESS_RATE = 1e-3
"""Of accepted rounds."""

ERASURE_RATE = 1e-2
"""Of rounds in which nothing is wrong, or nothing that the stated deviation does not cover."""

CHANCE = 1e-4
"""That a receiver with these rates fails a row."""

FEW, MANY = 2, 40
"""Trials of a row and scheme: at first, and at most."""

SLOW = {
    "timed": 4,
    "mixed": 4,
    "several": 4,
    "cyclic": 10,
    "repeated": 4,
    "sounding": 10,
    "sounded": 4,
}
"""Trials of a row and scheme in the slow test; `guess_count` runs as many as one likes."""

CELLS = [
    (kind, name, scheme)
    for kind, (names, schemes, _) in TABLES.items()
    for name in names
    for scheme in schemes
]
MUST_ACCEPT = {
    (kind, name)
    for kind, (rows, _, _) in TABLES.items()
    for name, row in rows.items()
    if row.must_accept and kind != "mixed"  # 8 bits are not fine at every level
}


def marked(cells: Iterable[tuple[str, str, str]]) -> Iterator[object]:
    for cell in cells:
        why = KNOWN.get(cell)
        marks = [pytest.mark.xfail(strict=True, reason=why)] if why else []
        yield pytest.param(*cell, marks=marks, id=" | ".join(cell))


def marked_kinds() -> Iterator[object]:
    for kind in TABLES:
        why = KNOWN_TOGETHER.get(kind)
        yield pytest.param(kind, marks=[pytest.mark.xfail(strict=True, reason=why)] if why else [])


def counted(cell: tuple[str, str, str], first: int, n_trials: int) -> Count:
    kind, name, scheme = cell
    return TABLES[kind][2](name, scheme, range(first, first + n_trials))


def most(n_trials: int, rate: float) -> int:
    """Return how many a receiver of this rate has at most, but for `CHANCE`."""
    return int(stats.binom.ppf(1 - CHANCE, n_trials, rate)) if n_trials else 0


def check(cell: tuple[str, str, str], found: Count) -> None:
    assert len(found.guesses) <= most(found.accepted, GUESS_RATE), found.guesses
    if cell[:2] in MUST_ACCEPT:
        assert found.trials - found.accepted <= most(found.trials, ERASURE_RATE), found.erased


@pytest.mark.parametrize(
    ("kind", "name", "scheme"), list(marked(c for c in CELLS if c[0] != "mixed"))
)
def test_a_fault_is_erased_corrected_or_stated(kind: str, name: str, scheme: str) -> None:
    cell, found = (kind, name, scheme), Count()
    for first in range(0, MANY, FEW):
        found += counted(cell, first, FEW)
        check(cell, found)
        is_bad = found.guesses or (cell[:2] in MUST_ACCEPT and found.erased)
        if not is_bad and cell not in KNOWN:
            break


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("kind", list(marked_kinds()))
def test_guesses_of_all_faults_together_are_rare(kind: str) -> None:
    cells = [c for c in CELLS if c[0] == kind and c not in KNOWN]
    found = [counted(cell, 1000, SLOW[kind]) for cell in cells]
    accepted, guesses = (sum(c.accepted for c in found), sum(len(c.guesses) for c in found))
    assert accepted > 100
    assert guesses <= most(accepted, GUESS_RATE), f"{guesses} guesses in {accepted} rounds"


@pytest.mark.parametrize("frame", [FrameFormat(), LONG_CHIPS], ids=["2 samples", "16 samples"])
def test_the_generator_places_parts_where_the_format_says(frame: FrameFormat) -> None:
    lay = Layout(frame)
    assert lay.preamble == frame.preamble_start
    assert lay.pilots == frame.payload_start
    assert lay.idle == frame.idle_start
    assert lay.end == frame.n_joint_frame
    assert SoundingScene(frame, 1, 0.0, 0.0, 0.0).n_burst == frame.n_sounding_burst
    assert chip_energy(frame) == pytest.approx(frame.pulse.energy)


@pytest.mark.parametrize("kind", ["timed", "cyclic"])
def test_errors_of_clean_frames_are_those_of_theory(kind: str) -> None:
    for scheme in TABLES[kind][1]:
        found = counted((kind, "nothing", scheme), 0, 30)
        errors = np.array(found.theory_ratios)
        assert len(errors) == 30
        # Errors are Gaussian but for energies' small skew: their mean square has 30 degrees.
        low, high = (stats.chi2.ppf(p, 30) / 30 for p in (CHANCE / 2, 1 - CHANCE / 2))
        assert low < np.mean(errors**2) < high, scheme


def test_faults_have_names_of_their_own() -> None:
    assert len(CELLS) == len(set(CELLS))
    assert KNOWN.keys() <= set(CELLS)
    assert FAULTS["nothing"].must_accept
