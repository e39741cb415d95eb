r"""What the last control frames together show a node of the server's clock.

A frame that began at the server's tick $T_i$ arrived at the node's $y_i$, and its carrier offset
says how many samples of the node a sample of the server lasts, $s_i$. Both are fitted by one line,

$$y_i = p + s\,(T_i - T), \qquad s_i = s,$$

weighted by their variances ($T$: of the newest frame), which is the best linear unbiased estimate
(Kay, Estimation Theory, chapter 6). Frames older than two seconds are forgotten: by then an
oscillator that drifts by 15 Hz/s at 915 MHz has moved the line by 0.03 samples at 1 MS/s.
"""

from dataclasses import dataclass

import numpy as np

from sdr_ota.downlink.beacon import BeaconFix, Moment
from sdr_ota.downlink.sealing import TICK_MODULUS

KEPT_BEACONS = 16

UNEXPECTED_STDS = 6.0
"""A frame that is farther off than that was timed by another clock."""

_EXACT = 1e-12
"""Standard deviation of a rate that is known to be 1."""


@dataclass(frozen=True)
class ClockTrack:
    """The last control frames of the server, as a node received them.

    Attributes:
        beacons: Server's tick of each frame's first sample, modulo 2^32, and what it showed; the
            newest last.
        max_age: Server's samples after which a frame is forgotten.
    """

    beacons: tuple[tuple[int, BeaconFix], ...] = ()
    max_age: int = 2_000_000

    def with_beacon(self, tick: int, fix: BeaconFix) -> "ClockTrack":
        """Return the track with a further frame.

        One that did not arrive where the others let it be expected was timed by another clock: a
        stream has lost samples, or a radio has started anew. The others are forgotten then.

        Args:
            tick: Server's, modulo 2^32.
            fix: What the frame showed.
        """
        if self.beacons and not self._expects(tick, fix):
            return ClockTrack(((tick, fix),), self.max_age)
        kept = (b for b in self.beacons if 0 < (tick - b[0]) % TICK_MODULUS <= self.max_age)
        return ClockTrack((*kept, (tick, fix))[-KEPT_BEACONS:], self.max_age)

    def moment(self, after: int) -> Moment:
        """Return when something is due that the newest frame orders; there must be one.

        Args:
            after: Samples of the server from that frame's first one.
        """
        newest_tick, newest = self.beacons[-1]
        rows, values = [], []
        for tick, fix in self.beacons:
            age = (newest_tick - tick) % TICK_MODULUS
            place = fix.began.tick - newest.began.tick + fix.began.late_samples
            weight = 1 / fix.began.std_samples
            rows.append((weight, -age * weight))
            values.append((place + age) * weight)  # what is left of it at one sample a sample
            weight = 1 / (fix.clock_error_std or _EXACT)
            rows.append((0.0, weight))
            values.append((1 / (1 + fix.clock_error) - 1) * weight)
        design = np.array(rows)
        covariance = np.linalg.inv(design.T @ design)
        at_newest, rate_off = covariance @ design.T @ np.array(values)
        place = float(at_newest + after * rate_off)
        rounded = round(place)
        reach = np.array([1.0, after])
        std = float(np.sqrt(reach @ covariance @ reach))
        return Moment(newest.began.tick + after + rounded, place - rounded, std)

    def _expects(self, tick: int, fix: BeaconFix) -> bool:
        expected = self.moment((tick - self.beacons[-1][0]) % TICK_MODULUS)
        off = fix.began.tick - expected.tick + fix.began.late_samples - expected.late_samples
        return bool(
            abs(off) < UNEXPECTED_STDS * np.hypot(fix.began.std_samples, expected.std_samples)
        )
