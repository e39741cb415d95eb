r"""What a node is good for: the error of a sum of nodes like it, scheme by scheme.

The schemes' own formulas turn what was measured (noise, phase, amplitude, timing) into the
normalised mean square error of a sum; the first scheme that stays under its limit is the verdict.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from sdr_ota.schemes import AggregationScheme, LinkQuality, load_scheme, theory_squared_error
from sdr_ota.units import power_to_db

LIMITS_DB: Mapping[str, float] = {
    "coherent": -15.0,
    "energy-difference": -10.0,
    "fsk-vote": -3.0,
}
"""Largest error of a sum with which a scheme counts as fit. By our choice: -15 dB is 18 % of the
sum's size, and no worse than what energies reach; with a Gaussian sum and error, -3 dB turns one
vote in five around (arctan of the square root, over pi)."""

_N_DRAWS = 64
_SYMBOL_STD = 0.5


class Fitness(StrEnum):
    """The verdict."""

    COHERENT = "coherent"
    ENERGY = "energy-difference"
    VOTE = "vote only"
    UNUSABLE = "unusable"


@dataclass(frozen=True)
class Verdict:
    """What a node is fit for, and why nothing better.

    Attributes:
        fitness: The best it is fit for.
        reason: One sentence.
        nmse_db: Predicted error of a sum by scheme.
    """

    fitness: Fitness
    reason: str
    nmse_db: Mapping[str, float]


def predicted_nmse_db(scheme: AggregationScheme, link: LinkQuality, n_nodes: int) -> float:
    """Return the error that theory expects of a sum of random symbols.

    Symbols are Gaussian with a standard deviation of 0.5, clipped to [-1, 1], or votes.

    Args:
        scheme: How the symbols are added.
        link: The same for all nodes.
        n_nodes: Nodes that send.
    """
    rng = np.random.default_rng(0)
    symbols = np.clip(_SYMBOL_STD * rng.standard_normal((_N_DRAWS, n_nodes)), -1, 1)
    if scheme.sign_only:
        symbols = np.sign(symbols)
    errors = [theory_squared_error(scheme, row, link) for row in symbols]
    return power_to_db(float(np.sum(errors) / np.sum(symbols.sum(axis=1) ** 2)))


def judge(links: Mapping[str, LinkQuality], n_nodes: int, can_be_timed: bool) -> Verdict:
    """Return what a node is fit for.

    Args:
        links: Its link as measured, by the name of each scheme in ``LIMITS_DB``: each has a length
            of chips of its own.
        n_nodes: Nodes of the bench: the sum is one of as many like this one.
        can_be_timed: Whether its bursts start when they are told to.
    """
    predicted = {
        name: predicted_nmse_db(load_scheme(name), links[name], n_nodes) for name in LIMITS_DB
    }
    fit = [name for name, limit in LIMITS_DB.items() if predicted[name] <= limit]
    if not can_be_timed:
        fit = [name for name in fit if name != "coherent"]
    if not fit:
        return Verdict(Fitness.UNUSABLE, _why_not("fsk-vote", predicted, links, n_nodes), predicted)
    best = fit[0]
    if best == "coherent":
        return Verdict(Fitness.COHERENT, f"a sum to {predicted[best]:.1f} dB", predicted)
    if best == "energy-difference" and not can_be_timed:
        reason = "no hardware time, so its phase is not known"
        return Verdict(Fitness.ENERGY, reason, predicted)
    fitness = Fitness.ENERGY if best == "energy-difference" else Fitness.VOTE
    missed = "coherent" if fitness is Fitness.ENERGY else "energy-difference"
    return Verdict(fitness, _why_not(missed, predicted, links, n_nodes), predicted)


def _why_not(
    name: str, predicted: Mapping[str, float], links: Mapping[str, LinkQuality], n_nodes: int
) -> str:
    """Name the error without which the scheme would gain most."""
    link, gains = links[name], links[name].gains
    # What turns the phase, the oscillator's walk and the part of a fading gain across it.
    turned_deg = np.degrees(
        np.sqrt(np.mean(np.add(gains.phase_variance_rad2, gains.across_variance)))
    )
    noise_db = power_to_db(max(link.relative_noise, 1e-12))
    late = float(np.sqrt(np.mean(gains.timing_variance_chips2)))
    level = 100 * float(np.sqrt(np.mean(gains.along_variance)))
    causes = {
        f"phase error of {turned_deg:.0f} degrees": _without(
            link, phase_variance_rad2=0.0, across_variance=0.0
        ),
        f"timing error of {late:.2f} chips": _without(link, timing_variance_chips2=0.0),
        f"amplitude error of {level:.0f} %": _without(
            link, along_variance=0.0, across_variance=0.0
        ),
        f"noise at {noise_db:.0f} dB of a chip": replace(link, noise_power=0.0),
    }
    scheme = load_scheme(name)
    better = {cause: predicted_nmse_db(scheme, mended, n_nodes) for cause, mended in causes.items()}
    worst = min(better, key=lambda cause: better[cause])
    return f"{name} would reach {predicted[name]:.1f} dB only: {worst}"


def _without(link: LinkQuality, **gains: float) -> LinkQuality:
    return replace(link, gains=replace(link.gains, **gains))


ADVICE: Mapping[str, str] = {
    "phase": "share a 10 MHz reference, shorten the gap from sounding to payload, sound more often",
    "timing": "share a pulse per second or a trigger, or use longer chips (frame.samples_per_chip)",
    "amplitude": "keep people and antennas still, sound more often",
    "noise": "less attenuation, more transmit gain, or more payload chips",
    "no": "give it a trigger (trigger=external) or hardware time",
}
"""What to do at the bench, by the first word of a cause."""


def advice(verdict: Verdict) -> str:
    """Return what to do about the reason of a verdict; empty if nothing is needed."""
    if verdict.fitness is Fitness.COHERENT:
        return ""
    cause = verdict.reason.rpartition("only: ")[2]
    return ADVICE.get(cause.partition(" ")[0], "")
