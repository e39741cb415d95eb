"""A node's precoder as 64 bits, and back.

    delay      16 bits  signed, 1/256 sample
    offset     24 bits  signed, 1/64 Hz
    amplitude  12 bits  0.01 dB below full scale
    phase      12 bits  2 pi / 4096, at the tick that its message names

Big-endian, in this order. A plan is rounded to these steps before it is sent
(`ota_calibration.paths.feedback`), so that what is expected of a round counts the rounding.
"""

import math

from sdr_ota.types import Precoder
from sdr_ota.units import amplitude_to_db, db_to_amplitude

WORD_BYTES = 8

DELAY_STEP_SAMPLES = 1 / 256
CFO_STEP_HZ = 1 / 64
AMPLITUDE_STEP_DB = 0.01
PHASE_STEP_RAD = 2 * math.pi / 4096

_DELAY_STEPS, _CFO_STEPS = 1 << 15, 1 << 23  # either way
_AMPLITUDE_STEPS = _PHASE_STEPS = 1 << 12

MAX_DELAY_SAMPLES = DELAY_STEP_SAMPLES * _DELAY_STEPS
MAX_CFO_HZ = CFO_STEP_HZ * _CFO_STEPS
LEAST_AMPLITUDE_DB = -AMPLITUDE_STEP_DB * (_AMPLITUDE_STEPS - 1)


def packed(precoder: Precoder, tick: int, sample_rate_hz: float) -> bytes:
    """Return the word of a precoder.

    The precoder turns by its offset from its own reference tick on; the word's phase is what that
    has come to at the tick that nodes are told.

    Args:
        precoder: Its gain is not 0.
        tick: At which the word's phase holds.
        sample_rate_hz: Samples a second.

    Raises:
        ValueError: If a number is out of the word's range.
    """
    elapsed_s = (tick - precoder.reference_tick) / sample_rate_hz
    phase_rad = math.atan2(precoder.gain.imag, precoder.gain.real)
    phase_rad -= 2 * math.pi * precoder.cfo_hz * elapsed_s
    level_db, delay_samples = amplitude_to_db(abs(precoder.gain)), precoder.delay_s * sample_rate_hz
    delay = _steps("delay", delay_samples / DELAY_STEP_SAMPLES, -_DELAY_STEPS, _DELAY_STEPS)
    cfo = _steps("offset", precoder.cfo_hz / CFO_STEP_HZ, -_CFO_STEPS, _CFO_STEPS)
    level = _steps("level", -level_db / AMPLITUDE_STEP_DB, 0, _AMPLITUDE_STEPS)
    phase = round(phase_rad / PHASE_STEP_RAD) % _PHASE_STEPS
    signed = delay.to_bytes(2, "big", signed=True) + cfo.to_bytes(3, "big", signed=True)
    return signed + (level * _PHASE_STEPS + phase).to_bytes(3, "big")


def unpacked(word: bytes, tick: int, sample_rate_hz: float) -> Precoder:
    """Return the precoder that a word stands for.

    Args:
        word: 8 bytes.
        tick: At which its phase holds; the precoder's reference tick.
        sample_rate_hz: Samples a second.
    """
    delay = int.from_bytes(word[:2], "big", signed=True)
    cfo = int.from_bytes(word[2:5], "big", signed=True)
    level, phase = divmod(int.from_bytes(word[5:], "big"), _PHASE_STEPS)
    amplitude, phase_rad = db_to_amplitude(-level * AMPLITUDE_STEP_DB), phase * PHASE_STEP_RAD
    gain = amplitude * complex(math.cos(phase_rad), math.sin(phase_rad))
    delay_s = delay * DELAY_STEP_SAMPLES / sample_rate_hz
    return Precoder(gain, delay_s, cfo * CFO_STEP_HZ, tick)


def _steps(name: str, value: float, least: int, end: int) -> int:
    """Return a number in steps, from the least to the last one before the end."""
    rounded = round(value)
    if not least <= rounded < end:
        raise ValueError(
            f"a precoder's {name} of {rounded} steps is not between {least} and {end - 1}: the "
            "node cannot be told"
        )
    return rounded
