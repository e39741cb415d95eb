"""What does not erase a round is counted: compression, energies that swing, turned slots."""

import numpy as np
import pytest
from scipy import stats

from sdr_ota.receiver.constancy import moved_variance
from sdr_ota.receiver.pilot_fit import PilotFit, fit_node_pilots
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import Chips

FRAME = FrameFormat()
NOISE = 10 ** (-2.5)
N_TRIALS = 400


def noise(shape: tuple[int, ...], rng: np.random.Generator) -> Chips:
    draw = rng.normal(size=(2, *shape))
    return np.asarray(np.sqrt(NOISE / 2) * (draw[0] + 1j * draw[1]))


def pilots_through(compression: float, n_nodes: int, seed: int) -> PilotFit:
    """Fit pilots that a device has compressed: $y = x - a x |x|^2 / E|x|^2$."""
    rng = np.random.default_rng(seed)
    codes = FRAME.node_codes(seed)[:, :n_nodes]
    sent = (np.exp(2j * np.pi * rng.random(n_nodes))[:, None] * codes).sum(axis=1)
    sent = sent * (1 - compression * np.abs(sent) ** 2 / np.mean(np.abs(sent) ** 2))
    return fit_node_pilots(sent + noise(sent.shape, rng), codes, NOISE, 5e-3, FRAME.pulse.rolloff)


def test_noise_seldom_passes_for_compression() -> None:
    found = sum(pilots_through(0.0, 3, seed).compression != 0 for seed in range(N_TRIALS))
    assert found <= stats.binom.ppf(1 - 1e-4, N_TRIALS, 1e-3)


@pytest.mark.parametrize("n_nodes", [2, 3, 8])
def test_compression_is_measured(n_nodes: int) -> None:
    found = np.array([pilots_through(0.05, n_nodes, seed).compression for seed in range(40)])
    # The third order of what was fitted is that of what arrived, to first order in the share.
    assert np.mean(found.real) == pytest.approx(0.05, rel=0.25)
    assert abs(np.mean(found.imag)) < 0.01


def test_pilots_of_one_node_show_no_compression() -> None:
    assert all(pilots_through(0.1, 1, seed).compression == 0 for seed in range(20))


def test_steady_energies_do_not_swing() -> None:
    draws = np.random.default_rng(1).exponential(size=(N_TRIALS, 256))
    found = sum(moved_variance(values, 1e-2) > 0 for values in draws)
    assert found <= stats.binom.ppf(1 - 1e-4, N_TRIALS, 1e-2)


def test_a_swing_is_measured_by_its_variance() -> None:
    wave = np.repeat(1 + 0.5 * np.sin(2 * np.pi * (np.arange(8) + 0.5) / 8), 32)
    draws = np.random.default_rng(2).exponential(size=(N_TRIALS, 256)) * wave
    found = np.array([moved_variance(values, 1.0) for values in draws])
    assert np.mean(found) == pytest.approx(np.var(wave[::32], ddof=1), rel=0.1)


@pytest.mark.parametrize("turn_rad", [0.5, 1.5, 2.5])
def test_a_symbol_out_of_phase_with_its_pilots_is_counted(turn_rad: float) -> None:
    scheme, n_chips = load_scheme("tdma"), FRAME.n_payload_chips
    for trial in range(20):
        rng = np.random.default_rng([3, trial])
        symbols = rng.uniform(0.3, 1, 3) * rng.choice([-1, 1], 3)
        chips = sum(
            (scheme.encode(float(s), n, 3, n_chips, rng) for n, s in enumerate(symbols)),
            noise((n_chips,), rng),
        )
        clean = scheme.decode(chips, 3, 1.0)
        slot = n_chips // 3
        chips[slot + slot // 4 : 2 * slot - slot // 4] *= np.exp(1j * turn_rad)
        total = scheme.decode(chips, 3, 1.0)
        assert abs(total.value - symbols.sum()) < 5 * total.std
        assert total.std > 3 * clean.std
