"""The scattered gains of a node's paths while time passes: two processes to choose from.

Both have unit mean power, powers that are exponential (Rayleigh fading), and a correlation
that falls to 1/e within the coherence time. They differ in how fast a gain moves within a
short time t: with a bounded Doppler spectrum (``jakes``) the mean square of the change grows
with t^2, in the Gauss-Markov process with t, which has no bound on its spectrum.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import numpy as np

from sdr_ota.air.impairments import (
    Gains,
    advance_scatter,
    clarke_gains,
    doppler_of_coherence,
    draw_scatter,
    draw_waves,
)
from sdr_ota.air.presets import FadingSpectrum
from sdr_ota.air.restoring import array_like, mapping_of, whole_number

_SEEDS: Final = 2**63


class Scattering(Protocol):
    """Scattered gains as a process in time."""

    def at(self, tick: int, sample_rate_hz: float) -> Gains:
        """Return the gains at a tick, shape ``(n_paths,)``."""

    def snapshot(self) -> dict[str, object]:
        """Return all that was drawn or changes with time, as plain data."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a snapshot.

        Raises:
            KeyError, TypeError, ValueError: If it is none of such a process.
        """


class JakesScattering:
    """Clarke's plane waves: the correlation over a lag is ``J0(2 pi doppler_hz lag)``.

    A function of absolute time alone. The waves follow from a seed and are made anew at each
    call: 32 angles and phases for each of up to 24 paths would be 12 KiB a node, in memory and
    in every checkpoint.

    Args:
        n_paths: Independent gains.
        coherence_time_s: Lag at which the correlation is 1/e; positive, may be infinite.
        rng: Source of the seed; not used later.

    Raises:
        ValueError: If ``coherence_time_s`` is out of range.
    """

    def __init__(self, n_paths: int, coherence_time_s: float, rng: np.random.Generator) -> None:
        self._n_paths = n_paths
        self._doppler_hz = doppler_of_coherence(coherence_time_s)
        self._seed = int(rng.integers(_SEEDS))

    def at(self, tick: int, sample_rate_hz: float) -> Gains:
        """Return the gains at a tick, shape ``(n_paths,)``; ticks may come in any order."""
        waves = draw_waves(self._n_paths, np.random.default_rng(self._seed))
        return clarke_gains(waves, tick / sample_rate_hz, self._doppler_hz)

    def snapshot(self) -> dict[str, object]:
        """Return the seed of the waves."""
        return {"seed": self._seed}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a snapshot.

        Raises:
            KeyError, TypeError, ValueError: If it is none of such a process.
        """
        seed = whole_number(mapping_of(state)["seed"], _SEEDS)
        if seed < 0:
            raise ValueError(f"the seed {seed} is negative")
        self._seed = seed


class GaussMarkovScattering:
    """Exponential correlation, ``exp(-lag / coherence_time_s)``; see ``advance_scatter``.

    Args:
        n_paths: Independent gains.
        coherence_time_s: Positive; ``math.inf`` keeps the gains for ever.
        rng: Source of the first gains and of every step.
    """

    def __init__(self, n_paths: int, coherence_time_s: float, rng: np.random.Generator) -> None:
        self._coherence_time_s = coherence_time_s
        self._rng = rng
        self._gains = draw_scatter(n_paths, rng)
        self._last_tick = 0

    def at(self, tick: int, sample_rate_hz: float) -> Gains:
        """Return the gains at a tick, shape ``(n_paths,)``; going back in time changes nothing.

        Raises:
            ValueError: If the coherence time is not positive.
        """
        elapsed_s = max(tick - self._last_tick, 0) / sample_rate_hz
        self._last_tick = tick
        self._gains = advance_scatter(self._gains, elapsed_s, self._coherence_time_s, self._rng)
        return self._gains

    def snapshot(self) -> dict[str, object]:
        """Return the gains and when they held; the generator is its owner's."""
        return {"gains": self._gains.copy(), "last_tick": self._last_tick}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a snapshot.

        Raises:
            KeyError, TypeError, ValueError: If it is none of such a process.
        """
        fields = mapping_of(state)
        gains = array_like(fields["gains"], self._gains)
        self._gains, self._last_tick = gains, whole_number(fields["last_tick"])


_PROCESSES: Final[dict[FadingSpectrum, Callable[[int, float, np.random.Generator], Scattering]]] = {
    "jakes": JakesScattering,
    "gauss-markov": GaussMarkovScattering,
}


def draw_scattering(
    spectrum: FadingSpectrum, n_paths: int, coherence_time_s: float, rng: np.random.Generator
) -> Scattering:
    """Return a process by the name of its Doppler spectrum.

    Args:
        spectrum: ``jakes`` or ``gauss-markov``.
        n_paths: Independent gains.
        coherence_time_s: Lag at which the correlation is 1/e; positive, may be infinite.
        rng: Source of randomness; ``gauss-markov`` keeps drawing from it.

    Raises:
        ValueError: For an unknown name, with those there are.
    """
    if spectrum not in _PROCESSES:
        raise ValueError(
            f"fading spectrum {spectrum!r} is unknown; use one of {', '.join(_PROCESSES)}"
        )
    return _PROCESSES[spectrum](n_paths, coherence_time_s, rng)
