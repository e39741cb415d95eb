"""From observations to measurements: one list a kind of calibration."""

import math

import numpy as np

from ota_calibration.measure.cfo import allan_deviation, sequence_phases
from ota_calibration.measure.correlated import CorrelatedFit, correlated_mean, walking_slope
from ota_calibration.measure.front_end import mean_ratio_db
from ota_calibration.measure.gain import phase_line, rate_of_change
from ota_calibration.measure.linearity import Linearity
from ota_calibration.measure.measurement import Measurement
from ota_calibration.measure.noise_floor import NoiseFloor
from ota_calibration.measure.phase import (
    StartPhases,
    phase_walk_rad2_per_s,
    phase_walk_std,
)
from ota_calibration.measure.repeats import SeriesMean, residual_mean, series_mean
from ota_calibration.measure.survey import Survey
from sdr_ota.units import power_to_db


def gain_measurements(survey: Survey) -> list[Measurement]:
    """Level while it was measured and of a path that fades, its scatter, how fast it changes."""
    gains = survey.series("gain_db")
    fits = [observation.fit for observation in survey.observations]
    levels = [float(np.mean(np.abs(fit.gains))) for fit in fits]
    errors = [float(np.mean(fit.gain_stds**2)) / 2 / fit.n_bursts for fit in fits]
    change = rate_of_change(survey.times_s, levels, errors)
    mean, path = series_mean(gains, survey.n_first), correlated_mean(survey.times_s, gains)
    scatter = float(np.std(gains, ddof=1))
    return [
        _measured(
            "gain_db", mean, "dB",
            "level while it was measured: mean amplitude of sequences fitted by maximum likelihood",
        ),
        _correlated(
            "path_gain_db", path, "dB",
            "level of a path that fades, up to twice as slowly as the series is long",
            len(gains),
        ),
        _deviation(
            "gain_scatter_db", scatter, len(gains), "dB", "standard deviation over sequences"
        ),
        Measurement(
            "gain_change_per_s", change.value, change.std, "1/s",
            "root mean square of relative changes between sequences, over the time between them",
            len(gains), change.freedom,
        ),
    ]  # fmt: skip


def cfo_measurements(
    survey: Survey, sample_rate_hz: float, center_freq_hz: float
) -> list[Measurement]:
    """Carrier offset at the mean time of the series, its drift, Allan deviation in a sequence."""
    offsets, times = survey.series("cfo_hz"), survey.times_s
    mean = residual_mean(times, offsets, survey.n_first)
    slope = walking_slope(times, offsets)
    found = [
        _measured("cfo_hz", mean, "Hz", "slope of the phases in a sequence (Tretter 1985)"),
        _correlated(
            "cfo_drift_hz_per_s", slope, "Hz/s",
            "line through the sequences' offsets, which walk at random around it", len(offsets),
        ),
    ]  # fmt: skip
    phases = [sequence_phases(observation.fit) for observation in survey.observations]
    n_intervals = max((min(len(p) for p in phases) - 1) // 4, 1)
    if min(len(p) for p in phases) > 2 * n_intervals:
        interval_s = survey.observations[0].fit.period / sample_rate_hz
        each = [allan_deviation(p, interval_s, center_freq_hz, n_intervals) for p in phases]
        tau_ms = 1e3 * interval_s * n_intervals
        value = float(np.sqrt(np.mean(np.square(each))))
        method = f"overlapping Allan deviation at {tau_ms:.1f} ms (NIST SP 1065)"
        found.append(_deviation("allan_deviation", value, 2 * len(each), "", method))
    return found


def timing_measurements(survey: Survey, sample_rate_hz: float) -> list[Measurement]:
    """Delay and its scatter where there is hardware time; offset of the sample clock."""
    clock = series_mean(survey.series("clock_error_ppm"), survey.n_first)
    found = [_measured("clock_error_ppm", clock, "ppm", "slope of the arrivals in a sequence")]
    delays = survey.series("delay_samples")
    if delays:
        mean = series_mean(delays, survey.n_first)
        jitter_s = float(np.std(delays, ddof=1)) / sample_rate_hz
        method = "arrival fitted to a fraction of a sample"
        found += [
            _measured("delay_samples", mean, "samples", method),
            _deviation("start_jitter_s", jitter_s, len(delays), "s", "standard deviation of it"),
        ]
    return found


def phase_measurements(
    survey: Survey, sample_rate_hz: float, gap_s: float, starts: StartPhases | None, follows: bool
) -> list[Measurement]:
    """How the phase varies from sounding to payload, and what a start does to it.

    Args:
        survey: The observations.
        sample_rate_hz: Samples a second.
        gap_s: From sounding to payload.
        starts: Phases after starts; None if not looked at.
        follows: Whether the carrier stands still, so that the phase itself has a meaning.
    """
    fits = [observation.fit for observation in survey.observations]
    walk = phase_walk_rad2_per_s(fits, sample_rate_hz)
    walk_std = phase_walk_std(fits, sample_rate_hz)
    variation = math.sqrt(walk * gap_s)
    n_pieces = max(sum(fit.n_bursts for fit in fits) // 4, 2)
    found = [
        _deviation(
            "phase_wander_rad", variation, n_pieces, "rad",
            f"random walk in second differences, over a gap of {1e3 * gap_s:.1f} ms",
        ),
        Measurement(
            "phase_walk_rad2_per_s", walk, walk_std, "rad^2/s",
            "growth of the phase's variance a second: second differences in sequences, jackknife",
            len(fits), len(fits) - 1,
        ),
    ]  # fmt: skip
    if follows:
        mean = complex(np.mean([np.exp(1j * phase_line(fit)[0]) for fit in fits]))
        spread = math.sqrt(max(-2 * math.log(min(abs(mean), 1.0)), 0.0) / len(fits))
        text = "circular mean over sequences; holds until a start"
        phase = float(np.angle(mean))
        found.append(Measurement("start_phase_rad", phase, spread, "rad", text, len(fits)))
    if starts is not None:
        n = starts.n_starts
        text = "grid of start phases by Rayleigh tests (Mardia and Jupp)"
        found.append(Measurement("start_phase_states", starts.n_states, 0.0, "", text, n))
        if starts.n_states:
            text = "circular standard deviation around that grid"
            found.append(
                _deviation("start_phase_residual_rad", starts.residual_rad, n, "rad", text)
            )
    return found


def noise_measurements(floor: NoiseFloor) -> list[Measurement]:
    """Receiver noise, and the bound for privacy claims where there is one."""
    to_db = 10 / math.log(10)
    measured = [
        Measurement(
            "noise_dbfs", power_to_db(floor.power), to_db * floor.power_std / floor.power, "dBFS",
            "variance of an idle capture", floor.n_samples,
        ),
        Measurement(
            "findings", len(floor.findings), 0.0, "",
            "; ".join(floor.findings) or "Gaussian, white, steady", floor.n_samples,
        ),
    ]  # fmt: skip
    if not floor.lower_bound > 0:
        return measured
    bound = Measurement(
        "noise_lower_bound_dbfs", power_to_db(floor.lower_bound), 0.0, "dBFS",
        "chi-square bound of the quietest of 16 blocks, 99.9 %", floor.n_samples,
    )  # fmt: skip
    return [*measured, bound]


def linearity_measurements(linearity: Linearity, n_ladders: int) -> list[Measurement]:
    """Compression and the range of amplitudes that may be used."""
    method = "Rapp's curve through chirps at 16 levels"
    compressed = math.isfinite(linearity.compression_dbfs)
    std = linearity.compression_std_db if compressed else 0.0
    note = method if compressed else f"{method}: none seen up to full scale"
    return [
        Measurement(
            "compression_dbfs", linearity.compression_dbfs, std, "dBFS", f"1 dB point; {note}",
            n_ladders,
        ),
        Measurement(
            "usable_high", linearity.usable_high, 0.0, "of full scale",
            "compressed by less than 0.1 dB", n_ladders,
        ),
        Measurement(
            "usable_low", linearity.usable_low, 0.0, "of full scale", "measured to 20 % or better",
            n_ladders,
        ),
    ]  # fmt: skip


def front_end_measurements(survey: Survey) -> list[Measurement]:
    """I/Q images and DC offsets."""
    ends = [observation.front_end for observation in survey.observations]
    stds = [end.image_std for end in ends]
    apart = [end for end in ends if end.rx_image is not None and end.tx_dc is not None]
    n = len(ends)
    if len(apart) < n:
        image = mean_ratio_db([end.tx_image for end in ends], stds)
        dc = mean_ratio_db([end.rx_dc for end in ends], [end.dc_std for end in ends])
        both = "transmitter and receiver together: a common clock does not tell them apart"
        return [
            Measurement("image_db", *image, "dB", both, n),
            Measurement("dc_dbfs", *dc, "dBFS", both, n),
        ]
    tx = mean_ratio_db([end.tx_image for end in ends], stds)
    leak = [end.tx_dc for end in apart if end.tx_dc is not None]
    leak_stds = [end.tx_dc_std or 0.0 for end in apart]
    # A DC offset at the transmitter turns with the carrier: its amplitude counts, not its phase.
    tx_dc = mean_ratio_db([abs(value) for value in leak], leak_stds)
    rx = mean_ratio_db([end.rx_image for end in apart if end.rx_image is not None], stds)
    rx_dc = mean_ratio_db([end.rx_dc for end in ends], [end.dc_std for end in ends])
    turns = "linear fit; it turns with the carrier"
    return [
        Measurement("image_db", *tx, "dB", turns, n),
        Measurement("dc_dbfs", *tx_dc, "dBFS", turns, n),
        Measurement("rx_image_db", *rx, "dB", "linear fit; it turns against the carrier", n),
        Measurement("rx_dc_dbfs", *rx_dc, "dBFS", "linear fit; it stands still", n),
    ]


def _measured(quantity: str, mean: SeriesMean, unit: str, method: str) -> Measurement:
    return Measurement(quantity, mean.value, mean.std, unit, method, mean.n_repeats, mean.freedom)


def _correlated(quantity: str, fit: CorrelatedFit, unit: str, method: str, n: int) -> Measurement:
    return Measurement(quantity, fit.value, fit.std, unit, method, n, fit.freedom)


def _deviation(quantity: str, value: float, n: int, unit: str, method: str) -> Measurement:
    """A standard deviation estimated from n values; its own is value / sqrt(2 (n - 1))."""
    return Measurement(quantity, value, value / math.sqrt(2 * max(n - 1, 1)), unit, method, n)
