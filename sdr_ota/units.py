"""Decibels exist only at the border; inside, everything is linear and SI."""

import math


def db_to_power(value_db: float) -> float:
    """Return the power ratio of ``value_db`` decibels.

    >>> db_to_power(20.0)
    100.0
    """
    return float(10.0 ** (value_db / 10.0))


def power_to_db(ratio: float) -> float:
    """Return a power ratio in decibels; ``-inf`` for zero.

    >>> round(power_to_db(0.5), 2)
    -3.01
    """
    return 10.0 * math.log10(ratio) if ratio > 0.0 else -math.inf


def db_to_amplitude(value_db: float) -> float:
    """Return the amplitude ratio of ``value_db`` decibels.

    >>> db_to_amplitude(20.0)
    10.0
    """
    return float(10.0 ** (value_db / 20.0))


def amplitude_to_db(ratio: float) -> float:
    """Return an amplitude ratio in decibels; ``-inf`` for zero.

    >>> round(amplitude_to_db(0.5), 2)
    -6.02
    """
    return 20.0 * math.log10(ratio) if ratio > 0.0 else -math.inf


def real_noise_variance(noise_power: float) -> float:
    """Return the noise variance that one real dimension meets.

    ``noise_power`` is everywhere the total power of the complex sample,
    E|n|^2. Circular noise puts half of it in the real part, which is what a
    real symbol (and the privacy accounting of it) meets. The factor is written
    here and nowhere else.

    >>> real_noise_variance(1.0)
    0.5
    """
    return noise_power / 2.0
