"""A node's signal meets the taps of the file, at the file's time."""

from pathlib import Path

import numpy as np
import pytest

import sdr_ota
from sdr_ota.air.channels.channel import Channel
from sdr_ota.air.impairments import clarke_gains, delay_profile, draw_waves
from sdr_ota.air.recorded_paths import ChannelEnded, RecordedPaths
from sdr_ota.config.load import config_of_tables
from sdr_ota.config.parts import simulated_air
from tests.sdr_ota.air.channels.channel_files import CARRIER_HZ, RATE_HZ, quiet_air, write_npz
from tests.sdr_ota.air.channels.fading_air import FADING


def response(path: Path, n_samples: int = 4096, **fields: object) -> np.ndarray:
    """Return what the air makes of tones over |f| <= 0.4 of the rate, one a bin."""
    bins = np.fft.fftfreq(n_samples)
    used = np.abs(bins) <= 0.4
    spectrum = np.where(used, np.exp(2j * np.pi * np.random.default_rng(1).random(n_samples)), 0)
    period = np.fft.ifft(spectrum).astype(np.complex64)
    air = quiet_air(path, **fields)
    air.send(0, np.tile(period, 3), 0)
    received, _ = air.receive(n_samples, n_samples)
    return np.where(used, np.fft.fft(received) / np.where(used, spectrum, 1), np.nan)


def test_two_taps_give_their_frequency_response(tmp_path: Path) -> None:
    taps, delays_s = np.array([1.0, 0.5j]), np.array([0.4e-6, 2.7e-6])
    path = write_npz(tmp_path, taps=taps[None, None], delays_s=delays_s, carrier_hz=CARRIER_HZ)
    got = response(path, path_gain_db=-20.0)
    f_hz = np.fft.fftfreq(len(got)) * RATE_HZ
    expected = np.exp(-2j * np.pi * f_hz[:, None] * delays_s) @ taps / np.sqrt(1.25) * 0.1
    used = ~np.isnan(got)
    # A delay is wrong by 5e-5 of a tone at most, and samples are single precision.
    np.testing.assert_allclose(got[used], expected[used], atol=0.1 * 2e-4)


def test_moving_taps_turn_every_tone_by_their_doppler_shift(tmp_path: Path) -> None:
    """One tap that turns is a carrier offset: exact theory for a channel that moves in a burst."""
    doppler_hz, time_s = 200.0, 1e-3 * np.arange(40)
    taps = np.exp(2j * np.pi * doppler_hz * time_s)[:, None, None]
    path = write_npz(tmp_path, taps=taps, interval_s=1e-3)
    air = quiet_air(path)
    air.send(0, np.ones(20_000, np.complex64), 10_000)
    received, _ = air.receive(10_100, 19_800)
    expected = np.exp(2j * np.pi * doppler_hz * (10_100 + np.arange(19_800)) / RATE_HZ)
    # A cubic spline at 5 samples a turn: error (2 pi / 5)^4 / 384 times about 1.4 of the amplitude.
    assert np.abs(received - expected).max() < 0.012


def test_between_its_times_a_doppler_spectrum_is_kept() -> None:
    waves, doppler_hz = draw_waves(6, np.random.default_rng(4)), 5.0
    time_s = np.arange(400) / (10 * doppler_hz)
    taps = np.stack([clarke_gains(waves, t, doppler_hz) for t in time_s])[:, None]
    channel = Channel(taps, np.zeros((1, 6)), time_s)
    between_s = np.sort(np.random.default_rng(5).uniform(1.0, 7.0, 500))
    truth = np.stack([clarke_gains(waves, t, doppler_hz) for t in between_s])
    error = RecordedPaths.of(channel, 0, "refuse").at(between_s) - truth
    assert 10 * np.log10(np.mean(np.abs(error) ** 2) / np.mean(np.abs(truth) ** 2)) < -60


def test_delays_and_turns_are_each_nodes_own(tmp_path: Path) -> None:
    path = write_npz(
        tmp_path,
        taps=np.ones((1, 2, 1)),
        delays_s=[[0.0], [5e-6]],
        phase_rad=[[0.0, np.pi / 2]],
    )
    for node, (delay, turned) in enumerate([(0, 1.0), (5, 1j)]):
        air = quiet_air(path, n_nodes=2)
        air.send(node, np.ones(100, np.complex64), 50)
        received, _ = air.receive(0, 200)
        start = 50 + delay
        np.testing.assert_allclose(received[start : start + 100], turned, atol=1e-6)
        assert np.abs(received[:start]).max() < 1e-6


def test_a_receive_antenna_is_chosen(tmp_path: Path) -> None:
    path = write_npz(tmp_path, taps=np.array([1.0, 1j]).reshape(1, 1, 2, 1))
    for antenna, gain in enumerate([1.0, 1j]):
        air = quiet_air(path, channel_antenna=antenna)
        assert air.paths[0].fading(0) == pytest.approx(gain)


def test_a_file_that_ends_says_so_or_is_played_backwards(tmp_path: Path) -> None:
    path = write_npz(tmp_path, taps=np.linspace(1, 2, 11)[:, None, None], interval_s=1e-3)
    with pytest.raises(ChannelEnded, match=r"ends after 0\.01 s.*mirror"):
        quiet_air(path).send(0, np.ones(10, np.complex64), 10_001)
    air = quiet_air(path, channel_end="mirror")
    gains = [air.paths[0].fading(tick) for tick in (2_000, 18_000, 22_000, 38_000)]
    assert gains == pytest.approx([gains[0]] * 4)


def test_a_run_over_a_file_of_our_fading_is_as_good_as_over_the_fading(tmp_path: Path) -> None:
    """The same realisation, once as a process and once as a file that was made from it."""
    common: dict[str, object] = {
        "clients.source": "synthetic", "clients.count": 3, "run.seed": 11, "run.rounds": 15,
        "run.folder": str(tmp_path / "runs"), "link.scheme": "coherent", "air.snr_db": 45.0,
        "air.round_s": 0.1,
    }  # fmt: skip
    own = {**common, "air.preset": "tests.sdr_ota.air.channels.fading_air:FADING"}
    air = simulated_air(config_of_tables({}, own))
    time_s = np.arange(0, 3, FADING.coherence_time_s / 40)
    ticks = [round(one * RATE_HZ) for one in time_s]
    taps = np.array([[path._paths._gains(t, RATE_HZ) for path in air.paths] for t in ticks])
    power_db = FADING.path_gain_db + 10 * np.log10(np.mean(np.sum(np.abs(taps) ** 2, axis=2)))
    delays_s = delay_profile(FADING.multipath_profile, FADING.delay_spread_s).delays_s
    file = write_npz(tmp_path, taps=taps, delays_s=delays_s, time_s=time_s)
    from_file = {"air.preset": "ideal", "air.channel": str(file), "air.path_gain_db": power_db}
    process, played = (sdr_ota.run(set=s).rounds for s in (own, {**common, **from_file}))
    np.testing.assert_allclose(played.true_sum, process.true_sum)
    nmse = [np.nanmean((r.decoded_sum - r.true_sum) ** 2) for r in (process, played)]
    # The process holds a burst's gains and the file moves them: 1e-4 of them within one burst.
    assert 10 * np.log10(nmse[1] / nmse[0]) == pytest.approx(0.0, abs=0.1)
