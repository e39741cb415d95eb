"""Four numbers to every node in 64 bits: delay, carrier offset, amplitude, phase, rounded.

    delay       16 bits   1/256 sample             up to 128 samples either way
    offset      24 bits   1/64 Hz                  up to 131 kHz either way
    amplitude   12 bits   0.01 dB below full scale  down to -40.95 dB
    phase       12 bits   2 pi / 4096

Steps and ranges are those of the word that says them on the air, `sdr_ota.downlink.precoder_word`.

Rounding errors are uniform; their variances, step^2 / 12, go into what is expected of a round. A
node that must not be louder than its limit has its amplitude rounded down.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from sdr_ota.downlink import precoder_word
from sdr_ota.types import PathErrors, Precoder, TransmitPlan
from sdr_ota.units import amplitude_to_db, db_to_amplitude


@dataclass(frozen=True, slots=True)
class FeedbackFormat:
    """Steps and ranges of what a node is told; the defaults are those above."""

    delay_step_samples: float = precoder_word.DELAY_STEP_SAMPLES
    cfo_step_hz: float = precoder_word.CFO_STEP_HZ
    amplitude_step_db: float = precoder_word.AMPLITUDE_STEP_DB
    phase_step_rad: float = precoder_word.PHASE_STEP_RAD
    max_delay_samples: float = precoder_word.MAX_DELAY_SAMPLES
    max_cfo_hz: float = precoder_word.MAX_CFO_HZ
    least_amplitude_db: float = precoder_word.LEAST_AMPLITUDE_DB

    def rounded(
        self, precoder: Precoder, sample_rate_hz: float, peak_amplitude: float
    ) -> Precoder | None:
        """Return what a node understands; None if it is out of range.

        Args:
            precoder: As computed.
            sample_rate_hz: Samples a second.
            peak_amplitude: The node's limit; the rounded amplitude stays below it.
        """
        delay, cfo_hz = precoder.delay_s * sample_rate_hz, precoder.cfo_hz
        level_db = amplitude_to_db(abs(precoder.gain))
        in_range = (
            abs(delay) < self.max_delay_samples - self.delay_step_samples / 2
            and abs(cfo_hz) < self.max_cfo_hz - self.cfo_step_hz / 2
            and level_db >= self.least_amplitude_db
        )
        if not in_range:
            return None
        steps = round(level_db / self.amplitude_step_db)
        if db_to_amplitude(steps * self.amplitude_step_db) > peak_amplitude:
            steps -= 1
        phase = _nearest(float(np.angle(precoder.gain)), self.phase_step_rad)
        amplitude = db_to_amplitude(steps * self.amplitude_step_db)
        return Precoder(
            complex(amplitude * np.exp(1j * phase)),
            _nearest(delay, self.delay_step_samples) / sample_rate_hz,
            _nearest(cfo_hz, self.cfo_step_hz),
            precoder.reference_tick,
        )

    def fed_back(
        self, plan: TransmitPlan, sample_rate_hz: float, peak_amplitude: float
    ) -> TransmitPlan:
        """Return the plan that the nodes can follow, with rounding in its expected errors."""
        precoders, left_out = [], list(plan.left_out)
        for node, precoder in enumerate(plan.precoders):
            told = precoder
            if precoder.gain:
                rounded = self.rounded(precoder, sample_rate_hz, peak_amplitude)
                if rounded is None:
                    left_out.append(f"node {node} would need what feedback cannot say")
                told = rounded or Precoder(0j)
            precoders.append(told)
        return replace(
            plan,
            precoders=tuple(precoders),
            left_out=tuple(left_out),
            path_errors=tuple(self._rounded_errors(e, sample_rate_hz) for e in plan.path_errors),
        )

    def _rounded_errors(self, errors: PathErrors, sample_rate_hz: float) -> PathErrors:
        relative_step = math.log(10) / 20 * self.amplitude_step_db
        return replace(
            errors,
            phase_std_rad=_with_step(errors.phase_std_rad, self.phase_step_rad),
            amplitude_std=_with_step(errors.amplitude_std, relative_step),
            cfo_std_hz=_with_step(errors.cfo_std_hz, self.cfo_step_hz),
            timing_std_s=_with_step(errors.timing_std_s, self.delay_step_samples / sample_rate_hz),
        )


def _nearest(value: float, step: float) -> float:
    return round(value / step) * step


def _with_step(std: float, step: float) -> float:
    return math.hypot(std, step / math.sqrt(12))
