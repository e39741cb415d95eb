"""What has changed inside a sounding burst is refused, or counted in its deviations."""

from collections import Counter
from dataclasses import astuple

import numpy as np
import pytest
from scipy import stats

from sdr_ota.receiver.burst_changes import CHANCE, find_changes
from sdr_ota.receiver.burst_edges import displaced_samples
from sdr_ota.receiver.burst_evidence import BurstDisturbed, judge_burst, judge_bursts
from sdr_ota.receiver.burst_fit import BurstFit, FittedBursts, linearised
from sdr_ota.receiver.synchronisation import BurstNotFound, locate_burst, locate_bursts
from tests.sdr_ota.receiver.independent_air import (
    RATE_HZ,
    SoundingScene,
    Waveform,
    draw_sounding,
    noise,
)
from tests.sdr_ota.receiver.unchanged import Rng

N_TRIALS = 300
GUARD, BURST = 64, SoundingScene(draw_sounding(np.random.default_rng(0)).frame, 1, 0, 0, 0).n_burst


def received(rng: Rng, snr_db: float = 25.0, echo: complex = 0.0) -> tuple[SoundingScene, Waveform]:
    scene = draw_sounding(rng, snr_db=snr_db)
    heard = scene.received(np.arange(scene.n_slot) - float(GUARD))
    heard = heard + echo * np.roll(heard, 2)
    return scene, heard + noise(len(heard), scene.noise_power, rng)


def fitted(scene: SoundingScene, samples: Waveform) -> BurstFit:
    burst = scene.frame.sounding_burst()
    return locate_burst(samples.astype(np.complex64), burst, scene.frame.n_chirp, 7e4 / RATE_HZ)


def about_its_fit(scene: SoundingScene, samples: Waveform) -> FittedBursts:
    return linearised([samples], scene.frame.sounding_burst(), [fitted(scene, samples)])


def changes_in(scene: SoundingScene, samples: Waveform) -> int:
    return find_changes(about_its_fit(scene, samples)) != [None]


def test_noise_alone_shows_a_change_as_rarely_as_stated() -> None:
    found = 0
    for trial in range(N_TRIALS):
        scene, samples = received(np.random.default_rng([1, trial]))
        found += changes_in(scene, samples)
    assert found <= stats.binom.ppf(1 - 1e-4, N_TRIALS, CHANCE)


def test_an_echo_is_no_change() -> None:
    found = 0
    for trial in range(N_TRIALS // 3):
        scene, samples = received(np.random.default_rng([2, trial]), echo=0.2j)
        found += changes_in(scene, samples)
    assert found <= stats.binom.ppf(1 - 1e-4, N_TRIALS // 3, CHANCE)


@pytest.mark.parametrize("snr_db", [5.0, 25.0, 45.0])
@pytest.mark.parametrize("echo", [0.0, 0.5j], ids=["one path", "an echo"])
def test_ends_that_are_in_their_place_are_not_displaced(snr_db: float, echo: complex) -> None:
    for trial in range(40):
        scene, samples = received(np.random.default_rng([6, trial]), snr_db, echo)
        assert displaced_samples(about_its_fit(scene, samples)) == [None]


@pytest.mark.parametrize("count", [10, 60])
@pytest.mark.parametrize("from_end", [40, 120])
def test_samples_lost_near_an_end_are_seen(count: int, from_end: int) -> None:
    """All but few of the burst are early then; what is left behind is as many samples late."""
    for trial in range(20):
        scene, samples = received(np.random.default_rng([7, trial]))
        first = GUARD + round(scene.late) + from_end
        samples = np.delete(samples, slice(first, first + count))
        samples = np.pad(samples, (count, count))  # so that no end runs out of the capture
        with pytest.raises(BurstNotFound, match=r"samples away|off the rest"):
            judge_burst(samples, scene.frame, fitted(scene, samples))


@pytest.mark.parametrize(
    "factor", [1.12, 0.9, np.exp(0.2j)], ids=["1 dB up", "1 dB down", "11 deg"]
)
def test_a_step_is_counted_whichever_side_of_it_is_true(factor: complex) -> None:
    for trial in range(20):
        rng = np.random.default_rng([3, trial])
        scene, samples = received(rng)
        at = GUARD + int(rng.integers(60, BURST - 60))
        samples[at:] *= factor
        judged = judge_burst(samples, scene.frame, fitted(scene, samples))
        tick = scene.due_tick - GUARD + judged.start + judged.center
        for true in (scene.gain_at(tick), scene.gain_at(tick) * factor):
            assert abs(judged.gain - true) < 5 * judged.gain_std
        assert abs(judged.cfo * RATE_HZ - scene.cfo_hz) < 5 * judged.cfo_std * RATE_HZ


@pytest.mark.parametrize(("change", "is_refused"), [(0.3, False), (0.5, True), (-0.5, True)])
def test_a_step_of_more_than_40_percent_of_the_amplitude_is_refused(
    change: float, is_refused: bool
) -> None:
    factor = (1 + change / 2) / (1 - change / 2)  # about the mean, which is what the fit sees
    for trial in range(10):
        scene, samples = received(np.random.default_rng([8, trial]))
        samples[GUARD + BURST // 2 :] *= factor
        fit = fitted(scene, samples)
        if is_refused:
            with pytest.raises(BurstNotFound, match="off the rest"):
                judge_burst(samples, scene.frame, fit)
        else:
            assert judge_burst(samples, scene.frame, fit).gain_std > fit.gain_std


@pytest.mark.parametrize("count", [1, 2, 5, 37])
def test_lost_samples_are_refused_by_what_they_did(count: int) -> None:
    for trial in range(20):
        rng = np.random.default_rng([4, trial])
        scene, samples = received(rng)
        at = GUARD + int(rng.integers(100, BURST - 100))
        samples = np.delete(np.pad(samples, (0, count)), slice(at, at + count))
        with pytest.raises(
            BurstNotFound, match=r"off the rest .*lost|away from the rest.* lost|no preamble"
        ):
            judge_burst(samples, scene.frame, fitted(scene, samples))


def test_a_pulse_is_noise_and_no_change() -> None:
    accepted = 0
    for trial in range(40):
        rng = np.random.default_rng([5, trial])
        scene, samples = received(rng)
        at = GUARD + int(rng.integers(100, BURST - 300))
        samples[at : at + 200] += noise(200, 10 * (0.5 * abs(scene.gain)) ** 2, rng)
        accepted += changes_in(scene, samples) == 0
    assert accepted >= 36


def test_many_bursts_together_are_what_each_is_alone() -> None:
    """More than fit into one call, of two lengths, some without a burst, some disturbed."""
    captures, frame = [], received(np.random.default_rng([8, 0]))[0].frame
    for trial in range(20):
        rng = np.random.default_rng([8, trial])
        _, samples = received(rng)
        if trial % 5 == 1:
            samples = noise(len(samples), 1.0, rng)
        if trial % 5 == 2:
            samples[GUARD + 400 :] *= 4
        captures.append(samples[: len(samples) - trial % 2].astype(np.complex64))
    burst, max_cfo = frame.sounding_burst(), 7e4 / RATE_HZ
    together = locate_bursts(captures, burst, frame.n_chirp, max_cfo)
    found = [n for n, fit in enumerate(together) if isinstance(fit, BurstFit)]
    fits = [fit for fit in together if isinstance(fit, BurstFit)]
    judged = dict(zip(found, judge_bursts([captures[n] for n in found], frame, fits), strict=True))
    seen = Counter()
    for n, samples in enumerate(captures):
        try:
            fit = locate_burst(samples, burst, frame.n_chirp, max_cfo)
            alone = judge_burst(samples, frame, fit)
        except BurstNotFound as why:
            error = judged.get(n, together[n])
            assert (type(error), str(error)) == (type(why), str(why))
            seen[type(why)] += 1
            continue
        same = judged[n]
        assert isinstance(same, BurstFit)
        # One burst of a call may be fitted in fewer steps than another, so not to the last bit.
        assert abs(same.start - alone.start) < 1e-2 * alone.start_std
        assert abs(same.cfo - alone.cfo) < 1e-2 * alone.cfo_std
        assert abs(same.gain - alone.gain) < 1e-2 * alone.gain_std
        stds = [(f.start_std, f.cfo_std, f.gain_std, f.noise_power) for f in (same, alone)]
        np.testing.assert_allclose(*stds, rtol=1e-2)
        seen[BurstFit] += 1
    assert min(seen[BurstFit], seen[BurstDisturbed], seen[BurstNotFound]) >= 3


@pytest.mark.parametrize("scale", [1e-12, 1e-7, 1e-3, 1e4])
@pytest.mark.parametrize("snr_db", [10.0, 25.0, 80.0])
def test_levels_do_not_matter(scale: float, snr_db: float) -> None:
    """Gauges of a receiver are arbitrary: what has changed is the same at every level."""
    for trial in range(5):
        scene, samples = received(np.random.default_rng([9, trial]), snr_db)
        samples[GUARD + 300 + 50 * trial : GUARD + 1000] *= 1.1  # not to an end: no two are alike
        usual = find_changes(about_its_fit(scene, samples))[0]
        scaled = find_changes(about_its_fit(scene, scale * samples))[0]
        assert (usual is None) == (scaled is None)
        if usual is not None and scaled is not None:
            np.testing.assert_allclose(astuple(scaled), astuple(usual), rtol=1e-3, atol=1e-6)


def test_a_burst_without_any_noise_has_not_changed() -> None:
    """Nothing is left over to explain, nor to divide by."""
    for trial in range(5):
        scene = draw_sounding(np.random.default_rng([10, trial]))
        heard = scene.received(np.arange(scene.n_slot) - float(GUARD))
        fit = fitted(scene, heard)
        judged = judge_burst(heard, scene.frame, fit)
        assert abs(judged.gain - fit.gain) == 0
