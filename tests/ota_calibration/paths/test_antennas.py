"""The weights by which antennas are added for several nodes at once, and what they can gain."""

import numpy as np
import pytest
from ota_calibration.paths.antennas import common_weights


def drawn(n_antennas: int, n_nodes: int, rng: np.random.Generator) -> np.ndarray:
    parts = rng.standard_normal((2, n_antennas, n_nodes)) / np.sqrt(2)
    return parts[0] + 1j * parts[1]


def test_one_node_is_received_with_all_its_power() -> None:
    gains = drawn(4, 1, np.random.default_rng(1))
    reach = abs(np.vdot(common_weights(gains), gains[:, 0]))
    assert reach == pytest.approx(np.linalg.norm(gains))


@pytest.mark.parametrize("n_antennas", [2, 4])
@pytest.mark.parametrize("n_nodes", [2, 5])
def test_the_weakest_node_gains_from_weights_but_never_what_one_node_would(
    n_antennas: int, n_nodes: int
) -> None:
    rng, joint, alone, limit = np.random.default_rng(2), [], [], []
    for _ in range(300):
        gains = drawn(n_antennas, n_nodes, rng)
        weights = common_weights(gains)
        assert np.linalg.norm(weights) == pytest.approx(1.0)
        joint.append(np.min(np.abs(weights.conj() @ gains)) ** 2)
        alone.append(np.max(np.min(np.abs(gains), axis=1)) ** 2)
        limit.append(np.min(np.sum(np.abs(gains) ** 2, axis=0)))
    assert np.all(np.array(joint) >= np.array(alone) - 1e-12)
    assert np.all(np.array(joint) <= np.array(limit) + 1e-12)
    # The weakest of K exponential powers has the mean 1/K; the largest of M such, H_M / K.
    harmonic = sum(1 / m for m in range(1, n_antennas + 1))
    error = np.std(alone) / np.sqrt(len(alone))
    assert abs(np.mean(alone) - harmonic / n_nodes) < 5 * error


def test_no_node_is_no_reason_to_fail() -> None:
    assert common_weights(np.zeros((2, 0), complex)).tolist() == [1, 0]
