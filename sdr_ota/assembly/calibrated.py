"""What fresh calibration records say about a run that is about to begin, before radios are open.

Which device is behind an address is not known by then: of all records in the folder those count
that have not expired and were measured at the run's rate and carrier, and of them the worst.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from ota_calibration.measure.latency import advised_lead_s
from ota_calibration.measure.measurement import Measurement
from ota_calibration.measure.record import (
    FREQUENCY_TOLERANCE_HZ,
    RATE_TOLERANCE_HZ,
    CalibrationRecord,
)
from ota_calibration.measure.store import DamagedRecords, RecordStore
from ota_calibration.paths.path_start import QUANTITIES, PathStart

from sdr_ota.config.chip_length import length_for_jitter
from sdr_ota.config.load import Config, ConfigError, changed_config


def with_calibrated_chips(config: Config, home: Path) -> tuple[Config, str]:
    """Return a configuration whose chips are as long as the measured start jitter asks for.

    The number of samples is in it from then on, so that every machine of a run, and who resumes
    it, has the same frame.

    Args:
        config: The experiment; one that names a length, or whose chips need none, comes back as
            it is.
        home: Folder to which that of the records is relative.

    Returns:
        It, and why the length was chosen; empty where no record decided it.

    Raises:
        ConfigError: If the records cannot be read.
    """
    scheme = None if config.link.is_auto else config.link.loaded_scheme()
    if not _is_real_and_timed(config) or config.frame.samples_per_chip != "auto":
        return config, ""
    if scheme is None or not scheme.needs_phase:
        return config, ""
    records = fresh_values(config, home, "start_jitter_s")
    if not records:
        return config, ""
    worst = max(records, key=lambda record: record.measurement.value)
    jitter_s, rate_hz = worst.measurement.value, config.radio.sample_rate_hz
    chosen = length_for_jitter(jitter_s, config.frame, rate_hz, scheme, config.clients.count)
    why = f"{worst.key.node} of {len(records)} calibrated nodes: {chosen.why}"
    return changed_config(config, [f"frame.samples_per_chip={chosen.samples}"]), why


def lead_told(config: Config, home: Path) -> str:
    """Return the lead for a person, with what a calibration says about it.

    Raises:
        ConfigError: If the records cannot be read.
    """
    lead_ms = f"{1e3 * config.radio.lead_s:g} ms from an order until a frame begins"
    if not _is_real_and_timed(config):
        return lead_ms
    records = fresh_values(config, home, "command_to_antenna_high_s")
    if not records:
        return f"{lead_ms}; sdr-ota calibrate latency measures what your hosts need"
    high_s = max(record.measurement.value for record in records)
    return (
        f"{lead_ms}; 95 % of the bursts of {len(records)} calibrated nodes needed "
        f"{1e3 * high_s:.2g} ms at most: radio.lead_s = {advised_lead_s(high_s):.2g} is twice that"
    )


def path_start(config: Config, home: Path) -> tuple[PathStart, str]:
    """Return what fresh records say of how the paths move, for the tracker and for a person.

    Raises:
        ConfigError: If the records cannot be read.
    """
    if config.radio.is_simulated:
        return PathStart(), "begins with what is usual: radios are simulated"
    records = _fresh_records(config, home)
    found = {name: _measured(records, name) for name in QUANTITIES}
    start = PathStart.measured(found)
    known = [
        f"{_told(name, start)} ({len(of)} nodes)"
        for name, of in found.items()
        if of and (name != "phase_walk_rad2_per_s" or start.phase_walks_rad2_per_s)
    ]
    missing = {QUANTITIES[name]: name for name, of in found.items() if not of}
    later = {"phase", "gain"} & missing.keys()  # whose rates were not always measured
    older = [kind for kind in sorted(later) if any(record.kind == kind for record in records)]
    none = [kind for kind in missing if kind not in older]
    usual = [f"what is usual, without fresh records of {', '.join(none)}"] if none else []
    usual += [
        f"what is usual in place of {missing[kind]}, which older records of {kind} do not have "
        f"(sdr-ota calibrate {kind})"
        for kind in older
    ]
    return start, "begins with " + ", ".join([*known, *usual])


def _told(quantity: str, start: PathStart) -> str:
    """Return what of a start comes from a quantity; of noises those of the middle node."""
    if quantity == "cfo_drift_hz_per_s":
        return f"drifts of {start.drift_std_hz_per_s:.2g} Hz/s"
    if quantity == "start_jitter_s":
        return f"start jitter of {math.sqrt(start.start_variances_s2[0].value):.2g} s"
    if quantity == "phase_walk_rad2_per_s":
        walk = median(likely.value for likely in start.phase_walks_rad2_per_s)
        return f"phases that walk by {walk:.2g} rad^2/s"
    change = median(likely.value for likely in start.gain_changes_per_s2)
    return f"levels that change by {100 * math.sqrt(change):.2g} % a second"


def fresh_values(config: Config, home: Path, quantity: str) -> Sequence[CalibrationRecord]:
    """Return the newest record of a quantity of every node, of those that have not expired.

    Raises:
        ConfigError: If the records cannot be read.
    """
    records = _fresh_records(config, home)
    return [record for record in records if record.measurement.quantity == quantity]


def _measured(records: Sequence[CalibrationRecord], quantity: str) -> list[Measurement]:
    return [r.measurement for r in records if r.measurement.quantity == quantity]


def _fresh_records(config: Config, home: Path) -> Sequence[CalibrationRecord]:
    """Return the newest records of the run's rate and carrier, of those that have not expired."""
    store, now = RecordStore(home / Path(config.calibration.folder).expanduser()), datetime.now(UTC)
    try:
        newest = store.newest().values()
    except DamagedRecords as damaged:
        raise ConfigError(f"calibration: {damaged}") from damaged
    radio = config.radio
    return [
        record
        for record in newest
        if record.measured_at <= now < record.expires_at
        and abs(record.key.sample_rate_hz - radio.sample_rate_hz) <= RATE_TOLERANCE_HZ
        and abs(record.key.center_freq_hz - radio.center_freq_hz) <= FREQUENCY_TOLERANCE_HZ
    ]


def _is_real_and_timed(config: Config) -> bool:
    return not config.radio.is_simulated and not config.radio.sends_cyclic_frames
