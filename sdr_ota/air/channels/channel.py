"""The paths of all nodes to one receive antenna over time, whoever measured or computed them."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Taps = NDArray[np.complex128]

CARRIER_TOLERANCE = 0.05
"""Of the carrier: over so little the level of a path (4 pi d f / c) moves by 0.4 dB."""


class ChannelFileError(ValueError):
    """A file's paths cannot be used; the text is one sentence that says what to do."""


@dataclass(frozen=True)
class Channel:
    """Complex taps over time: node k's signal x arrives as ``sum_l taps[t, k, l] x(t - delay)``.

    Attributes:
        taps: Amplitude ratios, shape ``(n_times, n_nodes, n_taps)``, finite, not all zero.
        delays_s: Of each tap, not negative, shape ``(n_nodes, n_taps)``.
        time_s: When the taps held, ascending from 0, shape ``(n_times,)``; one alone holds on.
        phase_rad: Turns all taps of a node, shape ``(n_times, n_nodes)``: counted through, never
            folded to a turn, so that it can run as fast as a carrier offset makes it. A
            channel that has it holds the oscillators too; None for the paths alone.
        carrier_hz: At which it was taken; None if nobody said.
        tap_interval_s: Of taps that sample an impulse response; None where they are paths.
        name: For tables.
    """

    taps: Taps
    delays_s: Reals
    time_s: Reals
    phase_rad: Reals | None = None
    carrier_hz: float | None = None
    tap_interval_s: float | None = None
    name: str = ""

    def __post_init__(self) -> None:
        _check_shapes(self)
        for what, values in _numbers(self):
            if not np.isfinite(values).all():
                place = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
                raise ChannelFileError(f"its {what} are not all finite: the first is at {place}")
        if self.time_s[0] != 0 or (np.diff(self.time_s) <= 0).any():
            raise ChannelFileError("its times do not ascend")
        if (self.delays_s < 0).any():
            raise ChannelFileError(f"a delay is {self.delays_s.min():g} s: it must not be negative")
        silent = np.flatnonzero(~self.taps.any(axis=(0, 2)))
        if silent.size:
            raise ChannelFileError(f"all taps of node {silent[0]} are 0: nothing would arrive")

    @property
    def n_nodes(self) -> int:
        """Nodes whose paths it holds."""
        return int(self.taps.shape[1])

    @property
    def duration_s(self) -> float:
        """How long it lasts; infinite if it has one time only."""
        return float(self.time_s[-1]) if len(self.time_s) > 1 else math.inf

    @property
    def mean_power(self) -> float:
        """Mean over time and nodes of the power gain, linear."""
        return float(np.mean(np.sum(np.abs(self.taps) ** 2, axis=2)))

    def first_nodes(self, n_nodes: int) -> "Channel":
        """Return the paths of the first nodes alone.

        Raises:
            ChannelFileError: If there are fewer.
        """
        if n_nodes > self.n_nodes:
            raise ChannelFileError(
                f"it holds paths of {self.n_nodes} nodes, and clients.count = {n_nodes}: use "
                f"{self.n_nodes} clients or fewer"
            )
        return replace(
            self,
            taps=self.taps[:, :n_nodes],
            delays_s=self.delays_s[:n_nodes],
            phase_rad=None if self.phase_rad is None else self.phase_rad[:, :n_nodes],
        )

    def check_fits(self, sample_rate_hz: float, center_freq_hz: float) -> None:
        """Refuse a bench at another carrier, or wider than the impulse responses.

        Raises:
            ChannelFileError: If it does not fit.
        """
        carrier_hz, interval_s = self.carrier_hz, self.tap_interval_s
        if carrier_hz and abs(center_freq_hz / carrier_hz - 1) > CARRIER_TOLERANCE:
            raise ChannelFileError(
                f"it was taken at {carrier_hz / 1e6:g} MHz, and radio.center_freq_hz is "
                f"{center_freq_hz / 1e6:g} MHz: paths at another carrier are others; set "
                f"radio.center_freq_hz = {carrier_hz:.0f}"
            )
        if interval_s and sample_rate_hz * interval_s > 1 + 1e-9:
            raise ChannelFileError(
                f"its impulse responses have {1 / interval_s:g} samples a second, and "
                f"radio.sample_rate_hz is {sample_rate_hz:g}: they say nothing of the rest of that "
                f"band; set radio.sample_rate_hz = {1 / interval_s:.0f} or less"
            )


def _check_shapes(channel: Channel) -> None:
    if channel.taps.ndim != 3 or 0 in channel.taps.shape:
        raise ChannelFileError(
            f"its taps have the shape {channel.taps.shape}; it is (time, node, tap) or (time, "
            "node, receive antenna, tap)"
        )
    n_times, n_nodes, n_taps = channel.taps.shape
    wanted: dict[str, tuple[Reals, tuple[int, ...]]] = {
        "times": (channel.time_s, (n_times,)),
        "delays": (channel.delays_s, (n_nodes, n_taps)),
    }
    if channel.phase_rad is not None:
        wanted["phases"] = (channel.phase_rad, (n_times, n_nodes))
    for what, (values, shape) in wanted.items():
        if values.shape != shape:
            raise ChannelFileError(
                f"its {what} have the shape {values.shape}, which does not fit taps of "
                f"{n_times} times, {n_nodes} nodes and {n_taps} taps: it must be {shape}"
            )


def _numbers(channel: Channel) -> list[tuple[str, NDArray[np.generic]]]:
    found: list[tuple[str, NDArray[np.generic]]] = [
        ("taps", channel.taps),
        ("delays", channel.delays_s),
        ("times", channel.time_s),
    ]
    if channel.phase_rad is not None:
        found.append(("phases", channel.phase_rad))
    return found
