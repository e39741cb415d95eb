"""Fit the gain and the arrival of every node to its node pilots, all nodes at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from sdr_ota.signal.waveform import raised_cosine
from sdr_ota.types import Chips

Reals = NDArray[np.float64]

_N_FIT_STEPS = 8
_MAX_STEP_CHIPS = 0.25
_SEARCH_STEP_CHIPS = 0.25
_SEARCHED_STDS = 4.0
_SURE_CHIPS = 0.25
"""Arrivals that are known this well need no search."""

_CUBIC_CHANCE = 1e-3
"""Probability that noise passes for compression."""

_LEAST_CUBIC = 0.05
"""Of the pilots' power, that their cube must have beyond their gains to show anything."""

LEAST_DELAY_STD_CHIPS = 1e-4
_LEAST_NOISE = 1e-12


@dataclass(frozen=True)
class PilotFit:
    """What the node pilots say, one column a code.

    Attributes:
        gains: Complex amplitude of a code's chips before and behind the payload, shape
            ``(2, n_codes)``.
        variances: Of their complex errors, shape ``(2, n_codes)``, for the noise assumed.
        delays_chips: Arrival after the receiver's sampling, shape ``(n_codes,)``.
        delay_variances: Of these, with the prior.
        rest_power: Power of a chip that no node of the bench explains.
        n_degrees: Complex dimensions in which that was measured.
        compression: Share of each gain that a receiver or an amplifier which compresses takes at
            the pilots' mean power, complex; 0 where that is not sure.
    """

    gains: Chips
    variances: Reals
    delays_chips: Reals
    delay_variances: Reals
    rest_power: float
    n_degrees: float
    compression: complex = 0j


def fit_node_pilots(
    pilots: Chips, codes: Chips, noise_power: float, delay_std_chips: float, rolloff: float
) -> PilotFit:
    r"""Fit $y_s[m] = \sum_k g_{s,k} \sum_j c_{s,k}[j] \rho(m - j - \tau_k)$ to both sides s.

    $\rho$ is the raised-cosine pulse. Gauss-Newton on the gains of both sides and the delays;
    only delays have a prior, a Gaussian about 0. Chips' noise is white, so without the prior this
    is maximum likelihood, and the inverse Fisher matrix its covariance (Kay, Estimation Theory,
    section 3.9).

    Args:
        pilots: Received chips before and behind the payload, shape ``(2, n_chips)``.
        codes: Of the nodes that send, shape ``(2, n_codes, n_chips)``.
        noise_power: Total noise power of a chip.
        delay_std_chips: Expected deviation of a node's arrival.
        rolloff: Of the pulse.
    """
    delay_std = max(delay_std_chips, LEAST_DELAY_STD_CHIPS)
    noise = max(noise_power, _LEAST_NOISE)
    model = _Model.of(codes, rolloff)
    delays = model.searched_delays(pilots, noise, delay_std)
    gains = np.stack([np.linalg.lstsq(a, y, rcond=None)[0] for a, y in model.both(delays, pilots)])
    n_codes = codes.shape[1]
    for _ in range(_N_FIT_STEPS):
        jacobian, rest = model.linearised(delays, gains, pilots)
        fisher = 2 / noise * jacobian.T @ jacobian
        score = 2 / noise * jacobian.T @ rest
        fisher[-n_codes:, -n_codes:] += np.eye(n_codes) / delay_std**2
        score[-n_codes:] -= delays / delay_std**2
        step = np.asarray(np.linalg.lstsq(fisher, score, rcond=None)[0], np.float64)
        gains = gains + _complex_pairs(step[: 4 * n_codes])
        moved = np.clip(step[4 * n_codes :], -_MAX_STEP_CHIPS, _MAX_STEP_CHIPS)
        delays = delays + moved
        if np.abs(moved).max(initial=0.0) < 1e-6:
            break
    jacobian, rest = model.linearised(delays, gains, pilots)
    variances = np.diag(np.linalg.pinv(fisher))
    spread = variances[: 4 * n_codes].reshape(2, 2, n_codes)
    # What the chips say of a delay, and the prior did not, takes half a complex dimension.
    learned = np.clip(1 - variances[4 * n_codes :] / delay_std**2, 0.0, 1.0)
    n_degrees = pilots.size - 2 * n_codes - float(learned.sum()) / 2
    rest_power = float(rest @ rest) / n_degrees
    cubic = _cubic(model.sent(delays, gains), jacobian, rest, max(noise, rest_power))
    return PilotFit(
        gains=gains,
        variances=spread.sum(axis=1),
        delays_chips=delays,
        delay_variances=variances[4 * n_codes :],
        rest_power=rest_power,
        n_degrees=n_degrees,
        compression=cubic,
    )


def _cubic(sent: Chips, jacobian: Reals, rest: Reals, noise_power: float) -> complex:
    r"""Return the share $a$ of $y = x - a x |x|^2 / E|x|^2$ that what is left over shows.

    The cubic term of a device that compresses, less what gains and delays explain of it (least
    squares); 0 where noise explains it. Pilots of one node have one modulus: they show nothing.

    Args:
        sent: Chips as fitted, shape ``(2, n_chips)``.
        jacobian: Of the fit, as `_Model.linearised` returns it.
        rest: What it left over.
        noise_power: Of a chip.
    """
    power = float(np.mean(np.abs(sent) ** 2))
    cube = (sent * (np.abs(sent) ** 2 / max(power, 1e-30) - 2)).ravel()  # 2 is what gains take
    columns = np.stack([np.concatenate([c.real, c.imag]) for c in (-cube, -1j * cube)])
    explained = np.linalg.lstsq(jacobian, columns.T, rcond=None)[0]
    alone = columns - (jacobian @ explained).T
    fisher = alone @ alone.T
    energy = float(np.trace(fisher)) / 2
    if energy < _LEAST_CUBIC * float(np.sum(np.abs(sent) ** 2)):
        return 0j
    real, imaginary = np.linalg.solve(fisher, alone @ rest)
    found = complex(real, imaginary)
    is_noise = abs(found) ** 2 < -np.log(_CUBIC_CHANCE) * noise_power / energy
    return 0j if is_noise else found


def _complex_pairs(reals: Reals) -> Chips:
    """Return real and imaginary parts, side after side, as complex gains of both sides."""
    parts = reals.reshape(2, 2, -1)
    return np.asarray(parts[:, 0] + 1j * parts[:, 1])


@dataclass(frozen=True)
class _Model:
    """Codes that can arrive at any fraction of a chip."""

    spectra: Chips
    rolloff: float
    n_chips: int

    @classmethod
    def of(cls, codes: Chips, rolloff: float) -> "_Model":
        n_chips = codes.shape[-1]
        return cls(fft.fft(codes, fft.next_fast_len(3 * n_chips)), rolloff, n_chips)

    def placed(self, delays: Reals) -> Chips:
        """Return the codes as they arrive, shape ``(2, n_codes, n_chips)``."""
        n_chips, n_fft = self.n_chips, self.spectra.shape[-1]
        lags = np.arange(1 - n_chips, n_chips)
        pulse = raised_cosine(lags - delays[:, None], self.rolloff)
        whole = fft.ifft(self.spectra * fft.fft(pulse, n_fft))
        return np.asarray(whole[..., n_chips - 1 : 2 * n_chips - 1])

    def sent(self, delays: Reals, gains: Chips) -> Chips:
        """Return the pilots as they arrive by a fit, shape ``(2, n_chips)``."""
        return np.asarray(np.einsum("sk,skm->sm", gains, self.placed(delays)))

    def both(self, delays: Reals, pilots: Chips) -> list[tuple[Chips, Chips]]:
        """Return the matrix and the chips of either side."""
        return [(side.T, y) for side, y in zip(self.placed(delays), pilots, strict=True)]

    def searched_delays(self, pilots: Chips, noise: float, delay_std: float) -> Reals:
        """Return where each code arrives: the strongest first, the others in what it leaves.

        0 where that is known. A code and a delay are the likelier the more power they explain, and
        the nearer the delay is to 0.
        """
        n_codes, n_chips = self.spectra.shape[1], self.n_chips
        found = np.zeros(n_codes)
        if delay_std < _SURE_CHIPS:
            return found
        reach = np.ceil(_SEARCHED_STDS * delay_std / _SEARCH_STEP_CHIPS)
        grid = np.arange(-reach, reach + 1) * _SEARCH_STEP_CHIPS
        placed = np.stack([self.placed(np.full(n_codes, delay)) for delay in grid])
        energy = np.einsum("dskm,dskm->dsk", placed.conj(), placed).real
        unlikely = noise * (grid / delay_std)[:, None] ** 2 / 2
        rest, chosen, open_codes = pilots, np.zeros((2, n_chips, 0)), np.ones(n_codes, bool)
        while open_codes.any():
            explained = np.abs(np.einsum("dskm,sm->dsk", placed.conj(), rest)) ** 2 / energy
            score = np.where(open_codes, explained.sum(axis=1) - unlikely, -np.inf)
            best, code = np.unravel_index(int(np.argmax(score)), score.shape)
            found[code], open_codes[code] = grid[best], False
            chosen = np.concatenate([chosen, placed[best, :, code, :, None]], axis=2)
            sides = zip(chosen, pilots, strict=True)
            fitted = np.stack([np.linalg.lstsq(a, y, rcond=None)[0] for a, y in sides])
            rest = pilots - np.einsum("smk,sk->sm", chosen, fitted)
        return found

    def linearised(self, delays: Reals, gains: Chips, pilots: Chips) -> tuple[Reals, Reals]:
        """Return the Jacobian by real and imaginary gains and delays, and what is left over."""
        n_codes, n_chips = len(delays), self.n_chips
        placed, tiny = self.placed(delays), 1e-4
        slope = (self.placed(delays + tiny) - self.placed(delays - tiny)) / (2 * tiny)
        columns = np.zeros((2, n_chips, 5 * n_codes), np.complex128)
        for side in range(2):
            first = 2 * n_codes * side
            columns[side, :, first : first + n_codes] = placed[side].T
            columns[side, :, first + n_codes : first + 2 * n_codes] = 1j * placed[side].T
            columns[side, :, 4 * n_codes :] = (gains[side][:, None] * slope[side]).T
        rest = pilots - self.sent(delays, gains)
        flat = columns.reshape(2 * n_chips, -1)
        jacobian = np.concatenate([flat.real, flat.imag])
        return jacobian, np.concatenate([rest.ravel().real, rest.ravel().imag])
