"""From what a radio measured of itself to pass or fail, and what to check."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from sdr_ota.runs.link_verdict import MOST_ERASED_SHARE, USELESS_NMSE_DB
from sdr_ota.signal.level import Level
from sdr_ota.study.selftest.measure import BurstReading, Measured, SchemeTrial

LEAST_SNR_DB = 6.0
"""Below this, what was sent hardly stands out of the silence: a cable of 60 dB does better."""

MOST_CFO_HZ = 50.0
"""One oscillator feeds transmitter and receiver; steps of their synthesisers are a few hertz."""

STEADY_DB = 0.5
"""Standard deviation of the levels of soundings. Of virtual Plutos it is 0.04 to 0.05 dB in the
preset lab-wired and 2.4 to 5.1 dB in those that fade (three seeds each, 40 rounds)."""

ALLOWED_DB = 2.0
"""Error beyond theory, on top of chance, that a healthy radio may have."""

_OVERLOAD = (
    "the receiver is overloaded: more attenuation between TX and RX (40 dB on a Pluto), then lower "
    "radio.rx_gain_db by 10 and try again"
)


@dataclass(frozen=True)
class Check:
    """One thing that was checked.

    Attributes:
        name: What.
        measured: In words, with units.
        expected: What would do.
        passed: Whether it does.
        cure: What to check first if not; empty if it does.
    """

    name: str
    measured: str
    expected: str
    passed: bool
    cure: str = ""


def checks_of(measured: Measured, max_cfo_hz: float) -> tuple[Check, ...]:
    """Judge what was measured, in the order in which it was.

    Args:
        measured: Of one radio.
        max_cfo_hz: Largest offset that was looked for.
    """
    return (
        *burst_checks(measured, max_cfo_hz),
        *(_scheme(trial) for trial in measured.trials),
    )


def burst_checks(measured: Measured, max_cfo_hz: float) -> tuple[Check, ...]:
    """Judge silence and burst: only if all of them pass it is worth trying rounds."""
    return (
        _silence(measured.idle, measured.noise_dbfs),
        _level(measured.burst.level),
        *_signal(measured, max_cfo_hz),
    )


def _silence(idle: Level, noise_dbfs: float) -> Check:
    clips = idle.clipped_share > 0
    return Check(
        "silence",
        f"noise {noise_dbfs:.1f} dBFS, DC {idle.dc_dbfs:.1f}",
        "no clipping",
        not clips,
        f"{100 * idle.clipped_share:.3g} % of the samples touch full scale while this radio is "
        "silent: something else is too strong; take the antenna off, or lower radio.rx_gain_db"
        if clips
        else "",
    )


def _level(level: Level) -> Check:
    clips = level.clipped_share > 0
    return Check(
        "level",
        f"{level.power_dbfs:.1f} dBFS, peak {level.peak_dbfs:.1f}, "
        f"{100 * level.clipped_share:.3g} % clipped",
        "no clipping",
        not clips,
        f"{100 * level.clipped_share:.3g} % of the samples touch full scale: {_OVERLOAD}"
        if clips
        else "",
    )


def _signal(measured: Measured, max_cfo_hz: float) -> Iterator[Check]:
    snr_db, is_there = measured.snr_db, measured.snr_db >= LEAST_SNR_DB
    yield Check(
        "signal over noise",
        f"{snr_db:.1f} dB" if math.isfinite(snr_db) else "none",
        f"at least {LEAST_SNR_DB:g} dB",
        is_there,
        "" if is_there else _no_signal(measured),
    )
    if is_there or not measured.burst.why_not_found:
        yield _offset(measured.burst, max_cfo_hz)


def _no_signal(measured: Measured) -> str:
    return (
        f"while the radio sends, {measured.burst.level.power_dbfs:.1f} dBFS arrive, and "
        f"{measured.idle.power_dbfs:.1f} dBFS while it is silent: check the cable from TX to RX, "
        "its plugs, then the attenuator (40 dB, not 60 or more), then radio.tx_gain_db and "
        "radio.rx_gain_db"
    )


def _offset(burst: BurstReading, max_cfo_hz: float) -> Check:
    expected = f"within {MOST_CFO_HZ:g} Hz"
    if burst.cfo_hz is None or burst.cfo_std_hz is None:
        return Check(
            "carrier offset",
            "burst not found",
            expected,
            False,
            "a signal arrives, but not the burst that was sent. The strongest is "
            f"{burst.strongest_hz / 1e3:+.1f} kHz off the carrier (offsets up to "
            f"{max_cfo_hz / 1e3:g} kHz are looked for): check whether another program has tuned "
            f"the board elsewhere, and who else sends; {burst.why_not_found}",
        )
    chance_hz = 4 * burst.cfo_std_hz
    passed = abs(burst.cfo_hz) <= MOST_CFO_HZ + chance_hz
    return Check(
        "carrier offset",
        f"{burst.cfo_hz:+.1f} Hz, deviation {burst.cfo_std_hz:.1f} Hz",
        expected,
        passed,
        ""
        if passed
        else f"transmitter and receiver are {burst.cfo_hz:+.0f} Hz apart, though one oscillator "
        "feeds both: check whether another program has tuned the board, and whether the cable "
        "leads to another radio",
    )


def _scheme(trial: SchemeTrial) -> Check:
    lost = trial.n_erased / trial.n_rounds
    chance_db = trial.chance_db if math.isfinite(trial.chance_db) else 0.0
    allowed_db = min(trial.theory_nmse_db + ALLOWED_DB + chance_db, USELESS_NMSE_DB)
    too_many, passed = lost > MOST_ERASED_SHARE, trial.nmse_db <= allowed_db
    theory = f"(theory {trial.theory_nmse_db:.1f})"
    nmse = f"{trial.nmse_db:.1f} dB {theory}" if math.isfinite(trial.nmse_db) else "no sum"
    return Check(
        trial.scheme,
        f"NMSE {nmse}, {trial.n_erased} of {trial.n_rounds} lost",
        f"at most {allowed_db:.1f} dB" if math.isfinite(allowed_db) else "sums",
        passed and not too_many,
        _lost(trial) if too_many else "" if passed else _too_noisy(trial),
    )


def _lost(trial: SchemeTrial) -> str:
    check = _fading(trial) or "check what moves (plugs, cable), then the host's load and USB"
    return (
        f"{trial.scheme}: {trial.n_erased} of {trial.n_rounds} rounds were lost, the last one: "
        f"{trial.last_erasure}; {check}"
    )


def _too_noisy(trial: SchemeTrial) -> str:
    check = _fading(trial) or (
        "check who else sends on this frequency (sdr-ota listen), lost samples (the host's load, "
        "USB), then plugs and cable"
    )
    return (
        f"{trial.scheme}: the sums err by {trial.nmse_db:.1f} dB, theory expects "
        f"{trial.theory_nmse_db:.1f} dB: {check}"
    )


def _fading(trial: SchemeTrial) -> str:
    """Return that the path itself changes, if it does."""
    if trial.level_std_db <= STEADY_DB:
        return ""
    return (
        f"the path itself changes: levels vary by {trial.level_std_db:.1f} dB (standard deviation) "
        "from sounding to sounding, as over the air; test over a cable, or a virtual board in a "
        "world that does not fade (--preset lab-wired)"
    )
