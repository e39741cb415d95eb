"""The generator against published vectors, the directions against their moments."""

import itertools
import math
from statistics import NormalDist

import numpy as np
import pytest
import torch

from zo_core.directions.fingerprint import direction_fingerprint
from zo_core.directions.generator import DirectionKind, direction, gaussian_table, philox4x32

KINDS = list(DirectionKind)
N = 1 << 18

# Published with Random123 (file kat_vectors, "philox4x32 10"): counter, key, output.
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000",
     "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff",
     "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0",
     "d16cfe09 94fdcceb 5001e420 24126ea1"),
]  # fmt: skip


def words(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "output"), KNOWN_ANSWERS)
def test_philox_gives_the_published_vectors(counter: str, key: str, output: str) -> None:
    k0, k1 = words(key)
    found = philox4x32(np.array([words(counter)], dtype=np.uint32), (k0, k1))
    assert found[0].tolist() == words(output)


def test_first_signs_are_the_bits_of_the_first_published_vector() -> None:
    signs = direction(seed=0, start=0, count=128)
    expected = [
        1 - 2 * (word >> bit & 1) for word in words(KNOWN_ANSWERS[0][2]) for bit in range(32)
    ]
    assert signs.tolist() == expected


@pytest.mark.parametrize("kind", KINDS)
def test_a_direction_does_not_depend_on_where_it_is_cut(kind: DirectionKind) -> None:
    whole = direction(7, 0, 1000, kind)
    for start, count in [(0, 1), (1, 7), (127, 2), (128, 128), (301, 555), (999, 1)]:
        assert np.array_equal(direction(7, start, count, kind), whole[start : start + count])


@pytest.mark.parametrize("kind", KINDS)
def test_moments(kind: DirectionKind) -> None:
    table_sums = np.add.outer(gaussian_table(), gaussian_table()).astype(np.float64)
    fourth = {"rademacher": 1.0, "gaussian": float((table_sums**4).mean())}[kind]
    for seed in (0, 1, 2**64 - 1):
        elements = direction(seed, 0, N, kind).astype(np.float64)
        assert abs(elements.mean()) < 4 / math.sqrt(N)
        assert abs((elements**2).mean() - 1) <= 4 * math.sqrt((fourth - 1) / N) + 1e-5
        assert abs((elements**3).mean()) < 4 * math.sqrt(15 / N)


def test_gaussian_follows_the_normal_distribution() -> None:
    elements = np.sort(direction(3, 0, N, DirectionKind.GAUSSIAN).astype(np.float64))
    normal = np.array([NormalDist().cdf(value) for value in elements[:: N // 1000]])
    empirical = np.searchsorted(elements, elements[:: N // 1000], side="right") / N
    # Kolmogorov: P(sup distance > 2.2 / sqrt(N)) < 1.3e-4; the table itself adds below 1e-3.
    assert np.abs(normal - empirical).max() < 2.2 / math.sqrt(N) + 1e-3


def test_gaussian_table_has_variance_one_half_and_does_not_hang_on_the_last_bit() -> None:
    table = gaussian_table().astype(np.float64)
    assert np.array_equal(table, -table[::-1])
    assert abs((table**2).mean() - 0.5) < 1e-6
    quantiles = [NormalDist().inv_cdf((index + 0.5) / 256) for index in range(128, 256)]
    scale = math.sqrt(2 * sum(value**2 for value in quantiles) / 128)
    fractions = [value / scale * 2**16 % 1 for value in quantiles]
    assert min(abs(fraction - 0.5) for fraction in fractions) > 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_positions_and_seeds_are_uncorrelated(kind: DirectionKind) -> None:
    streams = {seed: direction(seed, 0, N, kind) for seed in (0, 1, 2, 2**32, 2**63)}
    for one, other in itertools.combinations(streams.values(), 2):
        assert abs(float((one * other).mean())) < 5 / math.sqrt(N)
    for distance in (1, 2, 8, 31, 32, 64, 128, 1 << 16):
        shifted = streams[1][distance:] * streams[1][:-distance]
        assert abs(float(shifted.mean())) < 5 / math.sqrt(shifted.size)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_of_more_than_64_bits_is_refused(seed: int) -> None:
    with pytest.raises(ValueError, match=r"outside \[0, 2\*\*64\)"):
        direction(seed, 0, 4)


def test_fingerprint_is_fixed_and_depends_on_the_seed() -> None:
    assert direction_fingerprint(1) == "12d731b0abe972589533d654f7eb7173"
    assert len({direction_fingerprint(seed) for seed in (0, 1, 2, 2**63)}) == 4


def test_directions_leave_global_random_state_alone() -> None:
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    direction(5, 0, 1000, DirectionKind.GAUSSIAN)
    direction_fingerprint(5)
    assert torch.equal(torch_state, torch.get_rng_state())
    assert np.array_equal(numpy_state[1], np.random.get_state()[1])  # noqa: NPY002
