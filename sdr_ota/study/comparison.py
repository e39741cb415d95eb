"""All schemes side by side, measured and by theory: the picture a paper would print."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdr_ota.air.impairments import awgn
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.schemes import (
    AggregationScheme,
    GainErrors,
    LinkQuality,
    built_in_schemes,
    load_scheme,
    theory_squared_error,
)
from sdr_ota.schemes.fsk_vote import FskVote, error_probability_aligned
from sdr_ota.signal.metrics import nmse_db
from sdr_ota.units import db_to_power

SNRS_DB = (-20.0, -10.0, 0.0, 10.0, 20.0, 30.0)
PHASE_ERRORS_RAD = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
PHASE_SWEEP_SNR_DB = 20.0


@dataclass(frozen=True)
class Setting:
    """What is the same for all points of a comparison.

    Attributes:
        n_nodes: Nodes that send at the same time.
        n_chips: Payload chips, the same for every scheme.
        n_trials: Sums decoded for every point and seed.
        seed: Of symbols, chips, phases and noise; the first of several.
        n_seeds: So many, counting up from it.
    """

    n_nodes: int = 5
    n_chips: int = 512
    n_trials: int = 400
    seed: int = 1
    n_seeds: int = 1


@dataclass(frozen=True)
class Point:
    """One scheme at one place of a sweep.

    Attributes:
        scheme: Its name.
        snr_db: Chip power of a symbol of 1 over noise power of a chip.
        phase_error_std_rad: Of each node's residual phase.
        nmse_db: Measured over the trials of all seeds.
        theory_nmse_db: By the scheme's formulas, for the same symbols.
        sign_error: Share of the trials in which the decoded sum has the wrong sign.
        nmse_of_seeds_db: Measured, one a seed.
    """

    scheme: str
    snr_db: float
    phase_error_std_rad: float
    nmse_db: float
    theory_nmse_db: float
    sign_error: float
    nmse_of_seeds_db: tuple[float, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """All schemes over noise and over phase error.

    Attributes:
        setting: What is the same for all points.
        over_snr: Every scheme at every one of ``SNRS_DB``, with perfect phases.
        over_phase: Every scheme at every one of ``PHASE_ERRORS_RAD``, at ``PHASE_SWEEP_SNR_DB``.
    """

    setting: Setting
    over_snr: Sequence[Point]
    over_phase: Sequence[Point]


def compare_schemes(setting: Setting) -> Comparison:
    """Measure all schemes.

    Raises:
        CommandFailed: If a scheme needs more chips, or other numbers of nodes.
    """
    names = built_in_schemes()
    try:
        for name in names:
            load_scheme(name).check(setting.n_chips, setting.n_nodes)
    except ValueError as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    return Comparison(
        setting,
        sweep_snr(names, SNRS_DB, setting),
        sweep_phase(names, PHASE_ERRORS_RAD, PHASE_SWEEP_SNR_DB, setting),
    )


def sweep_snr(names: Sequence[str], snrs_db: Sequence[float], setting: Setting) -> list[Point]:
    """Measure every scheme at every signal-to-noise ratio, with perfect phases."""
    return [measure(name, snr_db, 0.0, setting) for name in names for snr_db in snrs_db]


def sweep_phase(
    names: Sequence[str], phase_errors_rad: Sequence[float], snr_db: float, setting: Setting
) -> list[Point]:
    """Measure every scheme at every standard deviation of the nodes' residual phases."""
    return [measure(name, snr_db, error, setting) for name in names for error in phase_errors_rad]


def measure(name: str, snr_db: float, phase_error_std_rad: float, setting: Setting) -> Point:
    """Decode many sums of random symbols and compare with what theory expects.

    Symbols are uniform in [-1, 1]; a scheme that sends signs only is given their signs.

    Args:
        name: Scheme.
        snr_db: Chip power of a symbol of 1 over noise power of a chip.
        phase_error_std_rad: Gaussian, new for every node and trial.
        setting: Nodes, chips, trials, seeds.
    """
    scheme = load_scheme(name)
    gains = GainErrors(phase_variance_rad2=phase_error_std_rad**2)
    link = LinkQuality(setting.n_chips, 1.0, db_to_power(-snr_db), gains)
    seeds = range(setting.seed, setting.seed + setting.n_seeds)
    # Shape (n_seeds, n_trials, 4): squared sum and error, the expected one, whether signs differ.
    trials = np.array([
        _trials(scheme, link, phase_error_std_rad, setting, [s, round(100 * snr_db) + 100_000])
        for s in seeds
    ])  # fmt: skip
    sums, errors, expected, wrong = np.moveaxis(trials, -1, 0)
    return Point(
        scheme=name,
        snr_db=snr_db,
        phase_error_std_rad=phase_error_std_rad,
        nmse_db=nmse_db(errors.ravel().tolist(), sums.ravel().tolist()),
        theory_nmse_db=nmse_db(expected.ravel().tolist(), sums.ravel().tolist()),
        sign_error=float(wrong.mean()),
        nmse_of_seeds_db=tuple(
            nmse_db(e.tolist(), s.tolist()) for e, s in zip(errors, sums, strict=True)
        ),
    )


def _trials(
    scheme: AggregationScheme,
    link: LinkQuality,
    phase_std_rad: float,
    setting: Setting,
    seed: Sequence[int],
) -> list[tuple[float, float, float, bool]]:
    """Return squared sum, squared error, its expectation and a wrong sign of every trial."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(setting.n_trials):
        symbols = rng.uniform(-1, 1, setting.n_nodes)
        symbols = np.sign(symbols) if scheme.sign_only else symbols
        phases_rad = phase_std_rad * rng.standard_normal(setting.n_nodes)
        decoded = _decoded_sum(scheme, symbols, phases_rad, link, rng)
        total = float(symbols.sum())
        expected = theory_squared_error(scheme, symbols, link)
        found.append((total**2, (decoded - total) ** 2, expected, decoded * total < 0))
    return found


def vote_error(n_nodes: int, snr_db: float, n_chips: int) -> float:
    """Return how often fsk-vote gets the majority of random votes wrong, by theory.

    Args:
        n_nodes: Voters, an odd number; each votes plus or minus with equal chance.
        snr_db: Chip power of a vote over noise power of a chip.
        n_chips: Payload chips.
    """
    look_chips = FskVote().look_chips
    noise, n_looks = db_to_power(-snr_db) / look_chips, n_chips // look_chips
    ways = [math.comb(n_nodes, k) for k in range((n_nodes + 1) // 2)]
    wrong = [error_probability_aligned(k, n_nodes - k, noise, n_looks) for k in range(len(ways))]
    return float(np.dot(ways, wrong) / np.sum(ways))


def _decoded_sum(
    scheme: AggregationScheme,
    symbols: NDArray[np.float64],
    phases_rad: NDArray[np.float64],
    link: LinkQuality,
    rng: np.random.Generator,
) -> float:
    n_nodes = len(symbols)
    received = awgn(link.n_chips, link.noise_power, rng).astype(np.complex128)
    for node, (symbol, phase_rad) in enumerate(zip(symbols, phases_rad, strict=True)):
        turn = np.exp(1j * phase_rad)
        received += turn * scheme.encode(float(symbol), node, n_nodes, link.n_chips, rng)
    return scheme.decode(received, n_nodes, link.rx_amplitude).value
