"""What holds for every scheme exactly, without statistics."""

import sys
from pathlib import Path

import numpy as np
import pytest

import sdr_ota.schemes
from sdr_ota.schemes import AggregationScheme, load_scheme, scheme_names
from sdr_ota.types import Chips

N_CHIPS = 256
NON_COHERENT = [name for name in scheme_names() if not load_scheme(name).needs_phase]


def clean_sum(scheme: AggregationScheme, symbols: list[float], order: list[int]) -> Chips:
    """Return the noiseless payload; symbol i always has its chips, node ``order[i]`` sends it."""
    chips = np.zeros(N_CHIPS, np.complex128)
    for i, symbol in enumerate(symbols):
        rng = np.random.default_rng([7, i])
        chips += scheme.encode(symbol, order[i], len(symbols), N_CHIPS, rng)
    return chips


def test_the_four_schemes_are_there() -> None:
    assert {"coherent", "energy-difference", "fsk-vote", "tdma"} <= set(scheme_names())
    assert "base" not in scheme_names()


@pytest.mark.parametrize("name", scheme_names())
@pytest.mark.parametrize("n_chips", [32, 33, 255, 1000])
def test_encoded_chips_never_exceed_full_scale(name: str, n_chips: int) -> None:
    scheme, rng = load_scheme(name), np.random.default_rng(1)
    for symbol in (*rng.uniform(-1, 1, 10), -1.0, 0.0, 1.0):
        for node in (0, 3):
            chips = scheme.encode(float(symbol), node, 4, n_chips, rng)
            assert chips.shape == (n_chips,)
            assert np.abs(chips).max() <= 1 + 1e-12


@pytest.mark.parametrize("name", scheme_names())
def test_sum_does_not_change_when_nodes_are_permuted(name: str) -> None:
    scheme, symbols = load_scheme(name), [0.9, -0.4, 0.1, -1.0, 0.7]
    first = scheme.decode(clean_sum(scheme, symbols, [0, 1, 2, 3, 4]), 5, 1.0)
    second = scheme.decode(clean_sum(scheme, symbols, [3, 0, 4, 1, 2]), 5, 1.0)
    assert second.value == pytest.approx(first.value, abs=1e-9)


@pytest.mark.parametrize("name", NON_COHERENT)
@pytest.mark.parametrize("phase_rad", [0.1, 1.5, 3.1])
def test_common_phase_does_not_matter_without_phase_knowledge(name: str, phase_rad: float) -> None:
    scheme = load_scheme(name)
    chips = clean_sum(scheme, [0.5, -0.2, 0.9], [0, 1, 2])
    turned = scheme.decode(chips * np.exp(1j * phase_rad), 3, 1.0)
    assert turned.value == pytest.approx(scheme.decode(chips, 3, 1.0).value, abs=1e-9)


@pytest.mark.parametrize("phase_rad", [0.0, 0.5, 2.0])
def test_coherent_sum_is_linear_and_turns_with_the_cosine(phase_rad: float) -> None:
    scheme, symbols = load_scheme("coherent"), [0.5, -0.2, 0.9]
    chips = clean_sum(scheme, symbols, [0, 1, 2])
    for level in (0.1, 1.0, 3.0):
        value = scheme.decode(level * np.exp(1j * phase_rad) * chips, 3, 0.5).value
        assert value == pytest.approx(level * np.cos(phase_rad) * 1.2 / 0.5, abs=1e-9)


@pytest.mark.parametrize("name", ["coherent", "tdma", "energy-difference"])
@pytest.mark.parametrize("symbol", [-1.0, -0.3, 0.0, 0.6])
def test_one_noiseless_node_is_decoded_exactly(name: str, symbol: float) -> None:
    scheme = load_scheme(name)
    total = scheme.decode(0.2 * clean_sum(scheme, [symbol], [0]), 1, 0.2)
    assert total.value == pytest.approx(symbol, abs=1e-9)
    assert total.std == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("name", ["coherent", "energy-difference", "fsk-vote"])
def test_symbol_zero_is_silence(name: str) -> None:
    rng = np.random.default_rng(2)
    assert not load_scheme(name).encode(0.0, 0, 3, N_CHIPS, rng).any()


def test_vote_sends_the_sign_only() -> None:
    scheme = load_scheme("fsk-vote")
    for small, large in ((0.01, 1.0), (-0.3, -1.0)):
        np.testing.assert_array_equal(
            scheme.encode(small, 0, 1, N_CHIPS, np.random.default_rng(3)),
            scheme.encode(large, 0, 1, N_CHIPS, np.random.default_rng(3)),
        )


def test_dc_offset_hardly_reaches_the_sum() -> None:
    for name in scheme_names():
        scheme = load_scheme(name)
        chips = clean_sum(scheme, [1.0, -0.5, 0.8], [0, 1, 2])
        clean, shifted = scheme.decode(chips, 3, 1.0), scheme.decode(chips + 0.1, 3, 1.0)
        # Random phases beat with the offset: 2 * 0.1 * sqrt(power / 2) a chip, averaged.
        assert shifted.value == pytest.approx(clean.value, abs=5 * 0.1 * np.sqrt(2 * 1.8 / 128))


@pytest.mark.parametrize("name", scheme_names())
def test_too_short_a_payload_is_refused_with_numbers(name: str) -> None:
    scheme = load_scheme(name)
    with pytest.raises(ValueError, match=r"at least \d+.* 1\b"):
        scheme.check(1, 5)
    scheme.check(512, 5)


@pytest.mark.parametrize("n_late", [0.3, 1.7, 3.0])
def test_tdma_ignores_the_chips_beside_a_change_of_symbol(n_late: float) -> None:
    # A slot of 64 chips leaves out 4 on each side of every change.
    scheme, n_chips = load_scheme("tdma"), 3 * 64
    whole, rest = int(n_late), n_late % 1.0
    total = np.zeros(n_chips, np.complex128)
    for node, symbol in enumerate((1.0, -0.7, 0.4)):
        chips = scheme.encode(symbol, node, 3, n_chips, np.random.default_rng(0))
        early, late = (np.roll(chips, shift) for shift in (whole, whole + 1))
        total += (1 - rest) * early + rest * late
    level = abs((1 - rest) + rest * np.exp(-2j * np.pi / 4))  # of the tone between two chips
    assert scheme.decode(total, 3, level).value == pytest.approx(0.7, abs=1e-9)


def test_unknown_scheme_lists_the_known() -> None:
    with pytest.raises(ValueError, match=r"unknown scheme 'cohrent'; there are coherent, .*tdma"):
        load_scheme("cohrent")


def test_unknown_and_wrong_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match="no parameter 'look'; it has: look_chips"):
        load_scheme("fsk-vote", {"look": 16})
    with pytest.raises(ValueError, match="no parameter 'look_chips'; it has: none"):
        load_scheme("coherent", {"look_chips": 16})
    for length in (0, -16, 24, 16.5):
        with pytest.raises(ValueError, match=f"look_chips = {length}"):
            load_scheme("fsk-vote", {"look_chips": length})


def test_a_count_may_arrive_as_a_float() -> None:
    scheme = load_scheme("fsk-vote", {"look_chips": 32.0})
    total = scheme.decode(clean_sum(scheme, [1.0], [0]), 1, 1.0)
    assert total.value == pytest.approx(1.0, abs=1e-9)


def test_a_fifth_scheme_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "twice_as_loud.py").write_text(
        "from sdr_ota.schemes.coherent import Coherent\n\n\nclass SCHEME(Coherent):\n    pass\n"
    )
    monkeypatch.setattr(sdr_ota.schemes, "__path__", [*sdr_ota.schemes.__path__, str(tmp_path)])
    assert "twice-as-loud" in scheme_names()
    try:
        assert load_scheme("twice-as-loud").needs_phase
    finally:
        sys.modules.pop("sdr_ota.schemes.twice_as_loud", None)
    monkeypatch.undo()
    assert "twice-as-loud" not in scheme_names()
