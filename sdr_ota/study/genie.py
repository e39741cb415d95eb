r"""The error of a coherent sum whose nodes are predicted as well as the air's noise allows.

A predictor that is given the true process noise still cannot know what has not happened yet. Its
error follows from the same soundings that the tracker had. In units of a node's mean level, one
real part of its gain is

    $z(t) = x(t) + w(t) + u$

- $x$: the scattered waves, variance $\frac{1}{2 (K + 1)}$ and correlation $\rho(\tau)$:
  $J_0(2 \pi f_d \tau)$ or $e^{-\tau / T}$;
- $w$: along the phase only, a random walk of variance $2 \pi v$ a second times the level squared,
  $v$ the linewidths of node and receiver in Hz, summed;
- $u$: along the phase only, a constant, the start phase: its variance is that of a uniform one.

Soundings at $t_1 \dots t_n$ add noise of variance $r = N_0 / (2 E g^2)$ (burst energy $E$, mean
level $g$). The best linear predictor at the payload's time has the error variance

    $C(t, t) - c^T (C + r I)^{-1} c, \quad c_i = C(t_i, t), \quad C_{ij} = C(t_i, t_j)$

(simple kriging; the Wiener filter where soundings are endless and regular). Of a walk alone this is
the steady Kalman variance $P$, $P^2 / (P + r) = q$ with $P$ before a sounding and $q$ the walk's
growth between two, less what the sounding tells, plus $2 \pi v$ times the time to the payload. Over
the predicted level squared, the error along the phase is a phase variance, the one across it the
variance of a relative amplitude. The scheme's own formulas make a squared error of them. The real
part is summed: a small phase error of variance $\sigma^2$ alone costs $\sigma^4 / 4$ of the squared
sum and $\sigma^4 / 2$ of each squared symbol, an amplitude error $\sigma^2$ of each squared symbol.

Carrier offsets, their drifts, delays and mean levels are taken as known. A burst's start jitter is
new each time: it makes the timing error against the lead node, and a node that is $f$ Hz off turns
by $2 \pi f$ times its jitter. Lost bursts, and the payload's noise at the level that the weakest
node allows, are counted. The receiver's phase turns all nodes alike; here it counts as each node's
own, which is the same mean error for symbols of mean zero that do not depend on each other.

Left out, so that the bound is lower than what any receiver can reach: converters, I/Q imbalance, DC
offset, compression, interference, gain steps, phase noise within a burst, multipath across the
band, and that level and phase are not known apart from each other. A receiver that erases its worst
rounds can come out below the bound.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import j0

from sdr_ota.air.impairments import doppler_of_coherence
from sdr_ota.air.impairments.fading import rician_amplitudes
from sdr_ota.air.presets import AirPreset
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.rounds.exchange import Link
from sdr_ota.schemes import LinkQuality, theory_squared_error
from sdr_ota.schemes.gain_errors import oscillator_and_fading

Reals = NDArray[np.float64]
Correlation = Callable[[Reals], Reals]
"""Of lags in seconds, not negative; 1 at lag 0."""

MOST_SOUNDINGS = 64
"""The last ones that the predictor uses."""

_UNIFORM_PHASE_RAD2 = math.pi**2 / 3
_LEAST_NOISE = 1e-12
"""Of a sounding, relative: without it the past of a slow process is a singular matrix."""


@dataclass(frozen=True)
class Motion:
    """How one real part of each node's gain moves, and how well a sounding shows it.

    All have the shape ``(n_nodes,)`` and the unit of the gain squared.

    Attributes:
        fading_variance: Of the stationary part.
        walk_per_s: Growth of the walk's variance.
        start_variance: Of the unknown constant.
        noise: Of a sounding.
    """

    fading_variance: Reals
    walk_per_s: Reals
    start_variance: Reals
    noise: Reals


@dataclass(frozen=True)
class SentRound:
    """When a round's nodes were sounded and sent, and what.

    Attributes:
        symbols: Of the nodes that sent, shape ``(n_active,)``.
        active: Which nodes, shape ``(n_active,)``.
        sounded_s: Soundings until then, ascending, the mean over the nodes.
        payload_s: Time of the payload, after the last sounding.
    """

    symbols: Reals
    active: NDArray[np.intp]
    sounded_s: Reals
    payload_s: float


def fading_correlation(preset: AirPreset) -> Correlation:
    """Return the correlation of a preset's scattered waves over a lag in seconds."""
    if preset.fading_spectrum == "gauss-markov":
        return lambda lag_s: np.exp(-lag_s / preset.coherence_time_s)
    doppler_hz = doppler_of_coherence(preset.coherence_time_s)
    return lambda lag_s: np.asarray(j0(2 * np.pi * doppler_hz * lag_s))


def scattered_share(preset: AirPreset) -> float:
    """Return the scattered waves' share of a path's mean power, 0 to 1."""
    if preset.fading == "none":
        return 0.0
    k_db = preset.rician_k_db if preset.fading == "rician" else -math.inf
    return rician_amplitudes(k_db)[1] ** 2


def prediction_variance(
    sounded_s: Reals, payload_s: float, correlation: Correlation, motion: Motion
) -> Reals:
    """Return the error variance of the best linear predictor, shape ``(n_nodes,)``.

    Args:
        sounded_s: Ascending, shape ``(n_soundings,)``, at least one.
        payload_s: Not before the last sounding.
        correlation: Of the stationary part.
        motion: How each node moves.
    """
    times_s = np.append(sounded_s, payload_s)
    lags_s = np.abs(np.subtract.outer(times_s, times_s))
    shared_s = np.minimum.outer(times_s, times_s) - times_s[0]
    fading, walk, start, noise = (
        values[:, None, None]
        for values in (
            motion.fading_variance,
            motion.walk_per_s,
            motion.start_variance,
            np.maximum(motion.noise, _LEAST_NOISE),
        )
    )
    covariance = fading * correlation(lags_s) + walk * shared_s + start
    past = covariance[:, :-1, :-1] + noise * np.eye(len(sounded_s))
    cross = covariance[:, :-1, -1:]
    told = np.swapaxes(cross, 1, 2) @ np.linalg.solve(past, cross)
    return np.asarray(np.maximum(covariance[:, -1, -1] - told[:, 0, 0], 0.0))


def predicted_power(fading: NDArray[np.complex128], share: float, unknown: Reals) -> Reals:
    r"""Return the expected squared modulus of the best prediction, given the gain itself.

    Of the scattered part $s$ the predictor expects $(1 - \epsilon) s$ on average, with the variance
    $\epsilon (1 - \epsilon)$ of its mean power around that.

    Args:
        fading: Each node's gain over its mean level.
        share: The scattered share of its mean power.
        unknown: Share $\epsilon$ of the scattered power that cannot be predicted, 0 to 1.
    """
    direct = math.sqrt(1 - share)
    expected = direct + (1 - unknown) * (fading - direct)
    return np.asarray(np.abs(expected) ** 2 + unknown * (1 - unknown) * share)


def genie_link(sent: SentRound, air: SimulatedAir, link: Link) -> LinkQuality:
    """Return what the genie's errors and the noise make of a round; see the module.

    Args:
        sent: The round.
        air: Made from the settings of the world that was sent through, and never sent through: its
            levels, fading and carrier offsets are asked for. Rounds come in their order.
        link: Frame and level.
    """
    preset, frame = air.preset, link.frame
    paths = [air.paths[node] for node in sent.active]
    share = scattered_share(preset)
    level = np.array([abs(path.gain) for path in paths])
    fading = np.array([path.fading(sent.payload_s * air.sample_rate_hz) for path in paths])
    energy = float(np.sum(np.abs(frame.sounding_burst()) ** 2))
    noise = air.noise_power / (2 * energy * level**2)
    none, scatter = np.zeros_like(level), np.full_like(level, share / 2)
    across = _error(sent, preset, Motion(scatter, none, none, noise))
    power = predicted_power(fading, share, across / (share / 2) if share else none)
    linewidth_hz = preset.phase_noise_linewidth_hz + preset.receiver_phase_noise_linewidth_hz
    walk, start = 2 * np.pi * linewidth_hz * power, _UNIFORM_PHASE_RAD2 * power
    along = _error(sent, preset, Motion(scatter, walk, start, noise))
    offsets_hz = np.array([_offset_hz(air, node, sent.payload_s) for node in sent.active])
    turned = (2 * np.pi * offsets_hz * preset.start_jitter_s) ** 2
    # The first leads: all are sampled where it arrives.
    is_other = (np.arange(len(paths)) > 0).astype(np.float64)
    chip_s = frame.pulse.samples_per_chip / air.sample_rate_hz
    return LinkQuality(
        n_chips=frame.n_payload_chips,
        rx_amplitude=float(frame.known_amplitude * np.min(level * np.sqrt(power))),
        noise_power=air.noise_power / frame.pulse.energy,
        gains=oscillator_and_fading(
            along / power + turned,
            across / power,
            is_other * (math.sqrt(2) * preset.start_jitter_s / chip_s),
            is_other * preset.burst_loss_probability,
        ),
        rolloff=frame.pulse.rolloff,
        n_absent=len(air.paths) - len(paths),
    )


def genie_squared_error(sent: SentRound, air: SimulatedAir, link: Link) -> float:
    """Return the expected squared error of a round's sum; arguments as of `genie_link`."""
    return theory_squared_error(link.scheme, sent.symbols, genie_link(sent, air, link))


def _error(sent: SentRound, preset: AirPreset, motion: Motion) -> Reals:
    sounded_s = sent.sounded_s[-MOST_SOUNDINGS:]
    return prediction_variance(sounded_s, sent.payload_s, fading_correlation(preset), motion)


def _offset_hz(air: SimulatedAir, node: int, time_s: float) -> float:
    """Return how far a node's carrier is from the receiver's."""
    path, receiver = air.paths[node], air.receiver
    drift_hz_per_s = path.drift_hz_per_s - receiver.drift_hz_per_s
    return path.cfo_hz - receiver.cfo_hz + drift_hz_per_s * time_s
