"""Follows how each node's path moves, and predicts it where the payload will be sent.

A sounding says where a path was. Phase, level and delay have gone on since: by the carrier offset
and its drift, which many soundings know better than one; and by phase noise, fading and start
jitter, of which only the spread can be known. Three banks of filters learn both.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from ota_calibration.paths.filter_bank import FilterBank
from ota_calibration.paths.gain_step import GainStep, receiver_step
from ota_calibration.paths.motion import Forecast, MotionModel, Observation
from ota_calibration.paths.path_start import PathStart
from sdr_ota.types import ChannelEstimate, PathErrors, TransmitPlan

Reals = NDArray[np.float64]
Sounding = Sequence[ChannelEstimate | None]

ASSUMED_BURSTS = 200
"""Bursts that are assumed to have arrived before the first: one lost burst is no rate yet."""

_NO_PHASE_RAD2 = 1e6
"""Variance of a phase that is new with every start."""

_SWING_VARIANCES = tuple(1e-3 * 4.0**k for k in range(8))
_SWING_RATES_PER_S = tuple(0.25 * 2.0**k for k in range(9))
"""With a variance of half the scattered power they are those of fades that a second or a tenth of
one takes; the slow and strong ones drift."""

_LEAST_LEVEL = 0.05
"""Of the first sounding's, below which a level is taken for this where it divides."""

_LEVEL = MotionModel(  # of a gain's magnitude, over that of the node's first sounding
    n_states=1,
    swings=(
        (0.0, 1.0),
        *((variance, rate) for variance in _SWING_VARIANCES for rate in _SWING_RATES_PER_S),
    ),
    rough_walks_per_s=tuple(1e-5 * 3.0**k for k in range(12)),
    jump_range=10.0,
)

_DELAY = MotionModel(  # in seconds
    n_states=1,
    white_variances=tuple((1e-10 * 2.0 ** (k / 2)) ** 2 for k in range(34)),
    walks_per_s=(1e-18,),
    swings=((0.0, 1.0), (1e-17, 2.0), (1e-16, 2.0), (1e-15, 2.0)),
    jump_range=1e-3,
)


def _phase_model(burst_s: float, drift_hz_per_s: float) -> MotionModel:
    """Return how a phase moves: a linewidth of v Hz walks by 2 pi v rad^2 a second."""
    return MotionModel(
        n_states=3,
        walks_per_s=(0.0, *(1e-3 * 2.5**k for k in range(10))),
        rate_walks_per_s=(0.0, 0.3),
        swings=((0.0, 1.0), (2.0, 1.0)),
        drift_std=2 * math.pi * drift_hz_per_s,
        period=2 * math.pi,
        burst_s=burst_s,
        jump_rate_range=2 * math.pi * 1e4,
        n_branches=3,
    )


@dataclass(frozen=True)
class PathForecast:
    """What is expected of the paths some time after their soundings, one entry a node.

    Attributes:
        estimates: Gain and offset that lead to the phase and level expected there; the gain holds
            at the sounding's tick. None for a node that the last sounding did not receive.
        phase_variance_rad2: Of the phase at the sounding's tick.
        cfo_variance_hz2: Of the offset from there on.
        phase_walk_rad2_per_s: Growth of the phase's variance beyond the offset's.
        level_variance: Of the gain's magnitude, relative, at the sounding's tick.
        level_walk_per_s: Its growth.
        delay_variance_s2: Of the predicted delay.
        start_variance_s2: Of each burst's own start.
        loss_probability: Share of the bursts that did not come although their radios sent them
            in time, of nodes that the sounding before had received.
    """

    estimates: tuple[ChannelEstimate | None, ...]
    phase_variance_rad2: Reals
    cfo_variance_hz2: Reals
    phase_walk_rad2_per_s: Reals
    level_variance: Reals
    level_walk_per_s: Reals
    delay_variance_s2: Reals
    start_variance_s2: Reals
    loss_probability: float

    def variances(self, ahead_s: float) -> tuple[Reals, Reals]:
        """Return those of phase and relative level some time after the soundings."""
        turning = (2 * np.pi * ahead_s) ** 2 * self.cfo_variance_hz2
        phase = self.phase_variance_rad2 + turning + self.phase_walk_rad2_per_s * ahead_s
        return phase, self.level_variance + self.level_walk_per_s * ahead_s

    def of_powers(self, ahead_s: float) -> "PathForecast":
        """Return a forecast whose gains are roots of the mean powers that are expected.

        A magnitude of mean m and relative variance v has the mean power m^2 (1 + v): where powers
        add, precoders that undo m alone leave each symbol too large by its own v.

        Args:
            ahead_s: When, after the soundings.
        """
        power = 1 + self.variances(ahead_s)[1]
        return replace(
            self,
            estimates=tuple(
                estimate and replace(estimate, gain=estimate.gain * math.sqrt(power[node]))
                for node, estimate in enumerate(self.estimates)
            ),
            level_variance=self.level_variance / power,
            level_walk_per_s=self.level_walk_per_s / power,
        )


class PathTracker:
    """Follows the paths of all nodes from sounding to sounding, at whatever times they come.

    Attributes:
        sample_rate_hz: Samples a second.
        latest: The last sounding; None for a node that was not received in it.
        step: The receiver's gain step that the last sounding showed; None if it showed none.

    Args:
        sample_rate_hz: Samples a second.
        burst_s: Length of a sounding burst.
        shares_reference: One reference feeds all radios: there is no carrier offset.
        has_phase: Whether phase and delay go on from sounding to sounding; false for radios whose
            bursts start at times that nobody knows.
        start: What is known of the paths' motion beforehand.
    """

    def __init__(
        self,
        sample_rate_hz: float,
        burst_s: float = 0.0,
        shares_reference: bool = False,
        has_phase: bool = True,
        start: PathStart = PathStart(),  # noqa: B008 - frozen
    ) -> None:
        self.sample_rate_hz = sample_rate_hz
        self._shares_reference, self._has_phase = shares_reference, has_phase
        phase = _phase_model(burst_s, 0.0 if shares_reference else start.drift_std_hz_per_s)
        self._models = {
            "phase": replace(phase, likely_walks=start.phase_walks_rad2_per_s),
            "level": replace(_LEVEL, likely_changes=start.gain_changes_per_s2),
            "delay": replace(_DELAY, likely_whites=start.start_variances_s2),
        }
        self.latest: Sounding = ()
        self._known: Sounding = ()
        self._banks = self._fresh_banks(0)
        self._scales = np.ones(0)
        self._expected = self._missed = 0
        self.step: GainStep | None = None

    def observe(self, sounding: Sounding, late_nodes: Collection[int] = ()) -> None:
        """Take a sounding in.

        Args:
            sounding: One estimate a node.
            late_nodes: Nodes that are known not to have sent. In a round this is noticed and
                erases it: it is no loss.
        """
        if not self._known:
            self._banks = self._fresh_banks(len(sounding))
            self._scales = np.ones(len(sounding))
        self.step = receiver_step(self._known, sounding, self.sample_rate_hz)
        if self.step:  # no path has changed: the new sounding says where all of them are
            self._banks["phase"].restart()
            self._banks["level"].restart()
        self._count_losses(sounding, late_nodes)
        self._follow(sounding)
        self.latest = tuple(sounding)
        self._known = tuple(now or before for before, now in zip_longest(self._known, sounding))

    def forecast(self, ahead_s: float) -> PathForecast:
        """Return what is expected of the paths.

        Args:
            ahead_s: From the last node's sounding to the payload; nodes sounded earlier have
                longer to go.
        """
        ahead = self.until_payload_s(ahead_s)
        now = np.zeros_like(ahead)
        here = {name: self._banks[name].forecast(now) for name in ("phase", "level")}
        there = {name: bank.forecast(ahead) for name, bank in self._banks.items()}
        phase, level, delay = (there[name] for name in ("phase", "level", "delay"))
        growth = np.maximum(phase.variance - here["phase"].variance, 0.0)
        walk = np.minimum(phase.walk_per_s, growth / ahead)
        offset = np.maximum(growth - walk * ahead, 0.0)
        magnitude = np.maximum(level.level, _LEAST_LEVEL) ** 2
        level_growth = (level.variance - here["level"].variance) / magnitude
        return PathForecast(
            tuple(
                estimate and self._moved(estimate, node, ahead[node], there)
                for node, estimate in enumerate(self.latest)
            ),
            phase_variance_rad2=here["phase"].variance,
            cfo_variance_hz2=offset / (2 * np.pi * ahead) ** 2,
            phase_walk_rad2_per_s=walk,
            level_variance=here["level"].variance / magnitude,
            level_walk_per_s=np.maximum(level_growth, 0.0) / ahead,
            delay_variance_s2=delay.variance,
            start_variance_s2=delay.white_variance,
            loss_probability=self._missed / (self._expected + ASSUMED_BURSTS),
        )

    def until_payload_s(self, ahead_s: float) -> Reals:
        """Return the time from each node's last sounding to the payload, shape ``(n_nodes,)``.

        Args:
            ahead_s: From the last node's.
        """
        ticks = np.array([0 if e is None else e.measured_tick for e in self.latest])
        behind = (self._last_tick() - ticks) / self.sample_rate_hz
        return np.asarray(np.maximum(ahead_s, 1e-6) + behind)

    def since_s(self, tick: int) -> float:
        """Return the time from the last node's sounding to a tick of the receiver; 0 before it."""
        return max(tick - self._last_tick(), 0) / self.sample_rate_hz

    @property
    def innovations(self) -> Mapping[str, Reals]:
        """Return what phase, level and delay were off their prediction in the last sounding.

        Over the standard deviation that was expected; NaN for a node sounded for the first time.
        """
        return {name: bank.innovations for name, bank in self._banks.items()}

    def snapshot(self) -> dict[str, object]:
        """Return all that was learned, as plain data: numbers, lists, arrays."""
        return {
            "latest": [estimate and asdict(estimate) for estimate in self.latest],
            "known": [estimate and asdict(estimate) for estimate in self._known],
            "banks": {name: bank.snapshot() for name, bank in self._banks.items()},
            "scales": self._scales.copy(),
            "expected": self._expected,
            "missed": self._missed,
            "step": self.step and asdict(self.step),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a snapshot.

        Raises:
            KeyError, TypeError, ValueError: If it is none of a tracker.
        """
        soundings = TypeAdapter(tuple[ChannelEstimate | None, ...])
        self.latest = soundings.validate_python(state["latest"])
        self._known = soundings.validate_python(state["known"])
        self._banks = self._fresh_banks(len(self._known))
        for name, bank in self._banks.items():
            bank.restore(state["banks"][name])
        self._scales = np.array(state["scales"], np.float64)
        if self._scales.shape != (len(self._known),):
            raise ValueError(f"scales has the shape {self._scales.shape}")
        self._expected, self._missed = int(state["expected"]), int(state["missed"])
        self.step = TypeAdapter(GainStep | None).validate_python(state["step"])

    def _fresh_banks(self, n_nodes: int) -> dict[str, FilterBank]:
        return {name: FilterBank(model, n_nodes) for name, model in self._models.items()}

    def _count_losses(self, sounding: Sounding, late_nodes: Collection[int]) -> None:
        """Count bursts that did not come; a node that has gone counts the first time only."""
        for node, before in enumerate(self.latest):
            if before is not None and node not in late_nodes:
                self._expected += 1
                self._missed += sounding[node] is None

    def _follow(self, sounding: Sounding) -> None:
        """Show all banks what was received."""
        found = [(node, estimate) for node, estimate in enumerate(sounding) if estimate]
        if not found:
            return
        nodes, estimates = np.array([node for node, _ in found]), [e for _, e in found]
        gains = np.array([estimate.gain for estimate in estimates])
        stds = np.array([estimate.gain_std for estimate in estimates])
        times_s = np.array([e.measured_tick for e in estimates]) / self.sample_rate_hz
        # Half of the complex error turns the phase, half of it changes the level.
        half = (stds / np.abs(gains)) ** 2 / 2
        level, phase = self._banks["level"], self._banks["phase"]
        is_new = np.isnan(level.times_s[nodes])
        self._scales[nodes[is_new]] = np.abs(gains)[is_new]
        scales = self._scales[nodes]
        seen = np.abs(gains) / scales
        level.observe(Observation(nodes, times_s, seen, half * seen**2))
        # What is scattered turns a phase as it changes a level, the more the weaker their sum is.
        fade = level.forecast(np.zeros(level.n_nodes))
        magnitude = np.maximum(fade.level, _LEAST_LEVEL)
        phase.swing_scales = fade.swing_variance / magnitude**2
        phase.swing_rates = self._banks["delay"].swing_rates = fade.swing_rate_per_s
        self._banks["delay"].swing_scales = 1 / magnitude**2
        phase.observe(self._phases(estimates, nodes, times_s, gains, half))
        delays = np.array([(e.delay_s, e.delay_std_s**2) for e in estimates])
        self._banks["delay"].observe(Observation(nodes, times_s, delays[:, 0], delays[:, 1]))

    def _phases(
        self,
        found: Sequence[ChannelEstimate],
        nodes: NDArray[np.intp],
        times_s: Reals,
        gains: NDArray[np.complex128],
        half: Reals,
    ) -> Observation:
        variances = half if self._has_phase else np.full_like(half, _NO_PHASE_RAD2)
        phases = np.angle(gains)
        if self._shares_reference:
            return Observation(nodes, times_s, phases, variances)
        offsets = 2 * np.pi * np.array([(e.cfo_hz, e.cfo_std_hz) for e in found])
        return Observation(nodes, times_s, phases, variances, offsets[:, 0], offsets[:, 1] ** 2)

    def _last_tick(self) -> int:
        return max((e.measured_tick for e in self.latest if e is not None), default=0)

    def _moved(
        self, estimate: ChannelEstimate, node: int, ahead_s: float, there: Mapping[str, Forecast]
    ) -> ChannelEstimate:
        """Return an estimate that leads to the phase and level expected at the payload."""
        phase, level, delay = (there[name] for name in ("phase", "level", "delay"))
        turning = float(phase.mean_rate[node])
        angle = float(phase.level[node]) - turning * ahead_s
        magnitude = max(float(level.level[node]), _LEAST_LEVEL) * self._scales[node]
        gain = magnitude * complex(np.exp(1j * angle))
        return replace(
            estimate,
            gain=gain if self._has_phase else abs(gain) + 0j,
            cfo_hz=turning / (2 * math.pi),
            delay_s=float(delay.level[node]),
        )


def with_forecast(plan: TransmitPlan, forecast: PathForecast) -> TransmitPlan:
    """Return a plan with the errors that the tracker expects of the nodes that send.

    The receiver samples where the lead node's burst arrives: every other node differs from its
    prediction by its own start and the prediction's error, and by the lead's; the lead is never
    late against itself. Nor is its burst lost unnoticed: the round would be erased. A node turns
    its samples by minus its offset, so a burst that starts late is turned too little.
    """
    lead = plan.lead_node
    errors = tuple(
        _path_errors(forecast, node, lead, precoder.cfo_hz) if precoder.gain else PathErrors()
        for node, precoder in enumerate(plan.precoders)
    )
    return replace(plan, path_errors=errors)


def _path_errors(forecast: PathForecast, node: int, lead: int, cfo_hz: float) -> PathErrors:
    arrivals_s2 = forecast.delay_variance_s2 + forecast.start_variance_s2
    turned_rad2 = (2 * math.pi * cfo_hz) ** 2 * float(forecast.start_variance_s2[node])
    return PathErrors(
        phase_std_rad=math.sqrt(float(forecast.phase_variance_rad2[node]) + turned_rad2),
        amplitude_std=math.sqrt(float(forecast.level_variance[node])),
        cfo_std_hz=math.sqrt(float(forecast.cfo_variance_hz2[node])),
        phase_walk_rad2_per_s=float(forecast.phase_walk_rad2_per_s[node]),
        amplitude_walk_per_s=float(forecast.level_walk_per_s[node]),
        timing_std_s=0.0 if node == lead else math.sqrt(float(arrivals_s2[[node, lead]].sum())),
        loss_probability=0.0 if node == lead else forecast.loss_probability,
    )
