"""Tapped-delay-line channels of 3GPP: which echoes arrive when, and how strong.

Sources of the tables:
    EPA, EVA: 3GPP TS 36.104 V16.5.0, Annex B.2, tables B.2-1 and B.2-2.
    TDL-A, TDL-B, TDL-C: 3GPP TR 38.901, tables 7.7.2-1 to 7.7.2-3, whose delays
    are in units of the RMS delay spread. All their taps fade as Rayleigh.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from sdr_ota.air.impairments.delay import PlacedSamples, convolve_paths
from sdr_ota.air.impairments.fading import Gains, rician_amplitudes
from sdr_ota.types import Samples

ProfileName: TypeAlias = Literal["flat", "EPA", "EVA", "TDL-A", "TDL-B", "TDL-C"]
"""Names of the power-delay profiles."""


@dataclass(frozen=True, slots=True)
class DelayProfile:
    """A power-delay profile.

    Attributes:
        delays_s: Delays over the first path, in seconds, the first 0, shape ``(n_paths,)``.
        powers: Mean powers, linear, shape ``(n_paths,)``, sum 1.
    """

    delays_s: NDArray[np.float64]
    powers: NDArray[np.float64]

    @property
    def delay_spread_s(self) -> float:
        """Return the RMS delay spread: power-weighted standard deviation of the delays."""
        mean_s = self.powers @ self.delays_s
        return float(np.sqrt(self.powers @ (self.delays_s - mean_s) ** 2))


def delay_profile(name: ProfileName, delay_spread_s: float | None = None) -> DelayProfile:
    """Return a profile by name, scaled to a delay spread.

    Args:
        name: ``flat`` (one path), ``EPA``, ``EVA``, ``TDL-A``, ``TDL-B`` or ``TDL-C``.
        delay_spread_s: Wanted RMS delay spread in seconds (TR 38.901, 7.7.3).
            ``None`` keeps the delays of the standard, which only EPA (43 ns)
            and EVA (357 ns) have; ``flat`` ignores it.

    Returns:
        The profile with powers that sum to one.

    Raises:
        ValueError: For an unknown name, or a TDL profile without delay spread.
    """
    if name not in _TABLES:
        raise ValueError(
            f"multipath profile {name!r} is unknown; use one of {get_args(ProfileName)}"
        )
    delays, powers_db = (np.array(column) for column in zip(*_TABLES[name], strict=True))
    powers = 10.0 ** (powers_db / 10.0)
    table = DelayProfile(delays, powers / powers.sum())
    if name == "flat":
        return table
    if delay_spread_s is None:
        if name.startswith("TDL"):
            raise ValueError(
                f"profile {name} has delays in units of its spread: give delay_spread_s"
            )
        return DelayProfile(delays * 1e-9, table.powers)
    if delay_spread_s < 0.0:
        raise ValueError(f"delay_spread_s = {delay_spread_s:g} s must not be negative")
    return DelayProfile(delays * (delay_spread_s / table.delay_spread_s), table.powers)


def path_gains(profile: DelayProfile, scatter: Gains, rician_k_db: float = -math.inf) -> Gains:
    """Return the amplitudes of all paths, of unit mean power in sum.

    ``gains[l] = sqrt(powers[l] / (K + 1)) * scatter[l]``, and the first path has
    ``sqrt(K / (K + 1))`` besides: a fixed direct path, and scattered ones that
    follow the profile. (With K the delay spread of the whole falls below that of
    the profile.)

    Args:
        profile: Delays and mean powers of the scattered paths, earliest first.
        scatter: Independent gains (``draw_scatter``), shape ``(n_paths,)``.
        rician_k_db: Power of the direct path over all scattered ones, in dB;
            ``-math.inf`` is Rayleigh fading.

    Returns:
        Shape ``(n_paths,)``.
    """
    direct, scattered = rician_amplitudes(rician_k_db)
    gains = scattered * np.sqrt(profile.powers) * scatter
    gains[0] += direct
    return gains


def apply_multipath(
    samples: Samples, profile: DelayProfile, gains: Gains, sample_rate_hz: float
) -> PlacedSamples:
    """Send the samples over all paths: ``y(t) = sum_l gains[l] x(t - delays_s[l])``.

    Args:
        samples: Complex baseband, shape ``(n_samples,)``.
        profile: Delays of the paths.
        gains: Their complex amplitudes (``path_gains``), shape ``(n_paths,)``.
        sample_rate_hz: Sample rate in samples per second.

    Returns:
        The received samples with the tick of their first one.
    """
    return convolve_paths(samples, profile.delays_s * sample_rate_hz, gains)


# (delay, power in dB): nanoseconds for EPA and EVA, delay spreads for TDL.
_TABLES: Final[dict[str, tuple[tuple[float, float], ...]]] = {
    "flat": ((0.0, 0.0),),
    "EPA": (
        (0.0, 0.0),
        (30.0, -1.0),
        (70.0, -2.0),
        (90.0, -3.0),
        (110.0, -8.0),
        (190.0, -17.2),
        (410.0, -20.8),
    ),
    "EVA": (
        (0.0, 0.0),
        (30.0, -1.5),
        (150.0, -1.4),
        (310.0, -3.6),
        (370.0, -0.6),
        (710.0, -9.1),
        (1090.0, -7.0),
        (1730.0, -12.0),
        (2510.0, -16.9),
    ),
    "TDL-A": (
        (0.0, -13.4),
        (0.3819, 0.0),
        (0.4025, -2.2),
        (0.5868, -4.0),
        (0.4610, -6.0),
        (0.5375, -8.2),
        (0.6708, -9.9),
        (0.5750, -10.5),
        (0.7618, -7.5),
        (1.5375, -15.9),
        (1.8978, -6.6),
        (2.2242, -16.7),
        (2.1718, -12.4),
        (2.4942, -15.2),
        (2.5119, -10.8),
        (3.0582, -11.3),
        (4.0810, -12.7),
        (4.4579, -16.2),
        (4.5695, -18.3),
        (4.7966, -18.9),
        (5.0066, -16.6),
        (5.3043, -19.9),
        (9.6586, -29.7),
    ),
    "TDL-B": (
        (0.0, 0.0),
        (0.1072, -2.2),
        (0.2155, -4.0),
        (0.2095, -3.2),
        (0.2870, -9.8),
        (0.2986, -1.2),
        (0.3752, -3.4),
        (0.5055, -5.2),
        (0.3681, -7.6),
        (0.3697, -3.0),
        (0.5700, -8.9),
        (0.5283, -9.0),
        (1.1021, -4.8),
        (1.2756, -5.7),
        (1.5474, -7.5),
        (1.7842, -1.9),
        (2.0169, -7.6),
        (2.8294, -12.2),
        (3.0219, -9.8),
        (3.6187, -11.4),
        (4.1067, -14.9),
        (4.2790, -9.2),
        (4.7834, -11.3),
    ),
    "TDL-C": (
        (0.0, -4.4),
        (0.2099, -1.2),
        (0.2219, -3.5),
        (0.2329, -5.2),
        (0.2176, -2.5),
        (0.6366, 0.0),
        (0.6448, -2.2),
        (0.6560, -3.9),
        (0.6584, -7.4),
        (0.7935, -7.1),
        (0.8213, -10.7),
        (0.9336, -11.1),
        (1.2285, -5.1),
        (1.3083, -6.8),
        (2.1704, -8.7),
        (2.7105, -13.2),
        (4.2589, -13.9),
        (4.6003, -13.9),
        (5.4902, -15.8),
        (5.6077, -17.1),
        (6.3065, -16.0),
        (6.6374, -15.7),
        (7.0427, -21.6),
        (8.6523, -22.8),
    ),
}
