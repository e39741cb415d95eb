"""A calibration record: a measurement, what it belongs to, and until when it holds."""

from dataclasses import dataclass
from datetime import datetime

from ota_calibration.measure.measurement import Measurement

FREQUENCY_TOLERANCE_HZ = 10.0
GAIN_TOLERANCE_DB = 0.01
RATE_TOLERANCE_HZ = 2.0
TEMPERATURE_TOLERANCE_C = 5.0
"""An AD936x's gain moves by some 0.05 dB, a crystal by up to 1 ppm in as many degrees."""

BOUND_TO_A_START = frozenset({"start_phase_rad", "delay_samples"})
"""What a new start draws anew."""


@dataclass(frozen=True, slots=True)
class RecordKey:
    """What a measurement belongs to: with anything of it changed, it is worth nothing.

    Attributes:
        node: Serial of the transmitting device; empty where the receiver alone was measured.
        receiver: Serial of the receiving device.
        node_init_id: Changes whenever the device is started anew.
        receiver_init_id: The same of the receiver.
        center_freq_hz: Carrier in force.
        sample_rate_hz: Rate in force.
        tx_gain_db: The node's gain in force.
        rx_gain_db: The receiver's gain in force.
        temperature_c: Of the node, or of the receiver alone; None without a sensor.
    """

    node: str
    receiver: str
    node_init_id: str
    receiver_init_id: str
    center_freq_hz: float
    sample_rate_hz: float
    tx_gain_db: float
    rx_gain_db: float
    temperature_c: float | None = None

    def changes(self, now: "RecordKey", bound_to_a_start: bool) -> tuple[str, ...]:
        """Say what has changed, one phrase each.

        Args:
            now: The key in force.
            bound_to_a_start: Whether a new start of a device matters.
        """
        settings = (
            ("center_freq_hz", FREQUENCY_TOLERANCE_HZ),
            ("sample_rate_hz", RATE_TOLERANCE_HZ),
            ("tx_gain_db", GAIN_TOLERANCE_DB),
            ("rx_gain_db", GAIN_TOLERANCE_DB),
        )
        changed = [
            f"{name} was {getattr(self, name):.10g} and is {getattr(now, name):.10g}"
            for name, tolerance in settings
            if abs(getattr(self, name) - getattr(now, name)) > tolerance
        ]
        if bound_to_a_start:
            changed += [
                f"{device} was started anew, which draws it anew"
                for device, then, is_now in (
                    (self.node, self.node_init_id, now.node_init_id),
                    (self.receiver, self.receiver_init_id, now.receiver_init_id),
                )
                if then != is_now
            ]
        then, is_now = self.temperature_c, now.temperature_c
        if then is not None and is_now is not None and abs(then - is_now) > TEMPERATURE_TOLERANCE_C:
            changed.append(f"its temperature was {then:.1f} C and is {is_now:.1f} C")
        return tuple(changed)


@dataclass(frozen=True, slots=True)
class CalibrationRecord:
    """One measured quantity with its key and its expiry.

    Attributes:
        kind: What renews it: ``sdr-ota calibrate KIND``.
        measurement: The quantity.
        key: What it belongs to.
        measured_at: With time zone.
        expires_at: From then on it is refused.
    """

    kind: str
    measurement: Measurement
    key: RecordKey
    measured_at: datetime
    expires_at: datetime

    def why_stale(self, key: RecordKey, now: datetime) -> str | None:
        """Return why the record must not be used; None if it may."""
        if now >= self.expires_at:
            age_s = (now - self.measured_at).total_seconds()
            return f"it is {_duration(age_s)} old and expired at {self.expires_at:%Y-%m-%d %H:%M}"
        if now < self.measured_at:
            return f"it was measured in the future, at {self.measured_at:%Y-%m-%d %H:%M}"
        bound = self.measurement.quantity in BOUND_TO_A_START
        changed = self.key.changes(key, bound)
        return "; ".join(changed) or None


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
