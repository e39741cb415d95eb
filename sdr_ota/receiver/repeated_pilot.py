"""One node's pilot through all periods of a window: its gain, how it turns, what is left over."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sdr_ota.signal.subcarriers import SubcarrierFrame
from sdr_ota.types import Chips

Reals = NDArray[np.float64]

_N_STEPS = 3
"""Of Gauss and Newton: the search leaves a third of a radian, and each squares what is left."""

_LINE_CHANCE = 1e-4
"""Probability that noise alone passes for a tone on one subcarrier of many."""

_LINES_SHARE = 8
"""One of so many subcarriers of a pilot may be left out."""

_N_OFFSETS = 65
"""Offsets that are tried, to the one at which a window averages to nothing."""


@dataclass(frozen=True)
class PilotStart:
    """What is known of a pilot before it is fitted.

    Attributes:
        delay: Of its period in samples, to an eighth of one.
        noise_power: Of a chip of one period.
        distortion_share: Of the pilot's power, that may be left unexplained.
    """

    delay: float
    noise_power: float
    distortion_share: float


@dataclass(frozen=True)
class RepeatedPilot:
    """What a node's pilot shows, period by period.

    Attributes:
        gain: Complex amplitude of its chips in the window's middle, each sent as 1.
        cfo: Residual carrier offset in cycles per sample.
        drift: Samples by which the node's period grows late in a sample: its clock's error.
        periods: Gain of every period over `gain`, turned back by the offset, shape
            ``(n_periods,)``; 1 is steady.
        kept: Amplitude that the window's average keeps of a chip while the offset turns it, root
            mean square over the band; 1 without offset.
        steady_rest: Power of a chip in the window's average that a flat path does not explain.
        moving_rest: Power of a chip of one period that is neither steady nor a change of `periods`.
        n_chips: Subcarriers from which all this was read.
    """

    gain: complex
    cfo: float
    drift: float
    periods: Chips
    kept: float
    steady_rest: float
    moving_rest: float
    n_chips: int


def fit_repeated_pilot(
    periods: Chips, frame: SubcarrierFrame, node: int, node_pilot: Chips, start: PilotStart
) -> RepeatedPilot:
    """Fit gain, delay, carrier offset and clock to a pilot: least squares in its phases.

    Few subcarriers that hold far more than the node and noise explain are left out: a carrier that
    leaks from a transmitter, or another tone, says nothing of the node.

    Args:
        periods: What `SubcarrierFrame.analyse_periods` returned.
        frame: Where the pilot is.
        node: Whose.
        node_pilot: Its phases.
        start: What is known before.
    """
    turn = 2 * np.pi * frame.node_pilot(node) / frame.n_period
    received = periods[:, frame.node_pilot(node)] * node_pilot.conj()
    received = received * np.exp(1j * turn * start.delay)
    fit = _Fit.of(received, turn)
    kept = ~fit.lines(start)
    if not kept.all():
        fit = _Fit.of(received[:, kept], turn[kept])
    return fit.described(turn, frame.n_period)


@dataclass(frozen=True)
class _Fit:
    """A pilot turned back by four phases: of all, of a period, of a subcarrier, of both.

    Attributes:
        turned: Shape ``(n_periods, n_chips)``; equal but for noise.
        phases: Shape ``(4,)``.
    """

    turned: Chips
    phases: Reals

    @classmethod
    def of(cls, received: Chips, turn: Reals) -> "_Fit":
        n_periods, place = len(received), _places(len(received))
        design = np.stack(
            [
                np.ones(received.size),
                np.repeat(place, len(turn)),  # carrier offset
                np.tile(turn, n_periods),  # delay
                np.outer(place, turn).ravel(),  # clock
            ]
        )
        phases = np.array([0.0, 2 * np.pi * _offset(received.mean(axis=1)), 0.0, 0.0])
        turned = received * np.exp(-1j * (phases @ design)).reshape(received.shape)
        for _ in range(_N_STEPS):
            gain = complex(turned.mean())
            off = (turned * np.conj(gain)).imag.ravel() / max(abs(gain) ** 2, 1e-30)
            phases = phases + np.linalg.lstsq(design.T, off, rcond=None)[0]
            turned = received * np.exp(-1j * (phases @ design)).reshape(received.shape)
        return cls(turned, phases)

    def lines(self, start: PilotStart) -> NDArray[np.bool_]:
        """Return which subcarriers hold a tone, few at most, shape ``(n_chips,)``."""
        n_periods, n_chips = self.turned.shape
        gain = complex(self.turned.mean())
        rest = np.mean(np.abs(self.turned - gain) ** 2, axis=0)
        explained = start.noise_power + start.distortion_share * abs(gain) ** 2
        freedom = 2 * n_periods
        limit = explained * float(stats.chi2.isf(_LINE_CHANCE / n_chips, freedom)) / freedom
        worst = np.argsort(-rest)[: n_chips // _LINES_SHARE]
        found = np.zeros(n_chips, bool)
        found[worst] = rest[worst] > limit
        return found

    def described(self, turn: Reals, n_period: int) -> RepeatedPilot:
        """Return a fit and what it does not explain.

        Args:
            turn: Phase of a delay of one sample on every subcarrier of the pilot.
            n_period: Samples of a period.
        """
        turned, phases = self.turned, self.phases
        n_periods, n_chips = turned.shape
        steady, gains, gain = turned.mean(axis=0), turned.mean(axis=1), complex(turned.mean())
        moving = turned - steady - gains[:, np.newaxis] + gain
        angles = phases[1] + phases[3] * turn
        inside = np.sinc(angles / (2 * np.pi))
        average = inside * np.exp(1j * np.outer(_places(n_periods), angles)).mean(axis=0)
        return RepeatedPilot(
            gain=gain * np.exp(1j * phases[0]) / float(inside.mean()),
            cfo=float(phases[1] / (2 * np.pi * n_period)),
            drift=float(-phases[3] / n_period),
            periods=gains / (gain if gain else 1.0),
            kept=float(np.sqrt(np.mean(np.abs(average) ** 2))),
            steady_rest=float(np.sum(np.abs(steady - gain) ** 2) / (n_chips - 1.5)),
            moving_rest=float(np.sum(np.abs(moving) ** 2) / ((n_periods - 1) * (n_chips - 1))),
            n_chips=n_chips,
        )


def without_lines(idle: Chips) -> Chips:
    """Return the idle subcarriers that hold noise and not a tone, shape ``(n_periods, n_left)``.

    Args:
        idle: Of every period, shape ``(n_periods, n_idle)``.
    """
    powers, freedom = np.mean(np.abs(idle) ** 2, axis=0), 2 * len(idle)
    far = stats.chi2.isf(_LINE_CHANCE / len(powers), freedom) / stats.chi2.median(freedom)
    return np.asarray(idle[:, powers <= far * np.median(powers)])


def _places(n_periods: int) -> Reals:
    return np.arange(n_periods, dtype=np.float64) - (n_periods - 1) / 2


def _offset(gains: Chips) -> float:
    """Return the turn in cycles a period at which gains add up best."""
    widest = 1 / len(gains)
    tried = np.linspace(-widest, widest, _N_OFFSETS)
    sums = np.exp(-2j * np.pi * np.outer(tried, _places(len(gains)))) @ gains
    return float(tried[np.argmax(np.abs(sums))])
