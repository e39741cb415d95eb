"""Rounds are paid for with what they cost, and refused when they cannot be paid."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ota_calibration.privacy.gaussian_accountant import gaussian_epsilon
from ota_calibration.privacy.ledger import BudgetSpent, read_tally
from ota_calibration.privacy.noisy_payload import NoisyPayload
from ota_calibration.privacy.private_rounds import AMPLITUDE_ERROR_STDS, ReceiverNoise
from ota_calibration.privacy.promise import promise_of
from ota_calibration.privacy.round_levels import ScheduleName
from ota_calibration.privacy.trust import TrustModel

from sdr_ota.signal.modulation import AnalogPayload
from sdr_ota.types import PathErrors
from tests.ota_calibration.private import (
    RECORD,
    SeededNoise,
    admitted,
    plan,
    private_rounds,
    promise,
    protecting_std,
)

DIGITAL = [TrustModel.LOCAL, TrustModel.SERVER_SEES_SUM]
N_ROUNDS = 10


def noise_of(payload: object) -> float:
    assert isinstance(payload, NoisyPayload)
    return payload.client_noise_std


@pytest.mark.parametrize("trust", DIGITAL)
@pytest.mark.parametrize(
    "schedule",
    [ScheduleName.STATIC, ScheduleName.SOLUTION, ScheduleName.REVERSED, ScheduleName.ONLINE],
)
@pytest.mark.parametrize("absent", [0, 2])
def test_a_whole_run_spends_what_was_promised_by_what_its_noise_really_is(
    tmp_path: Path, trust: TrustModel, schedule: ScheduleName, absent: int
) -> None:
    promised = promise(trust, N_ROUNDS)
    rounds = private_rounds(promised, tmp_path, schedule)
    mus = []
    for index in range(N_ROUNDS):
        sent, payload = admitted(rounds, index, plan(absent=absent))
        mus.append(promised.sensitivity / protecting_std(rounds, sent, noise_of(payload)))
    epsilon = gaussian_epsilon(float(np.linalg.norm(mus)), promised.delta)
    assert epsilon == pytest.approx(promised.epsilon, rel=1e-6)
    assert promised.spent_epsilon(rounds.ledger.tally) == pytest.approx(epsilon, rel=1e-6)
    louder = {ScheduleName.SOLUTION: -1, ScheduleName.REVERSED: 1}.get(schedule)
    if louder:
        assert np.all(np.diff(mus) * louder < 0)


@pytest.mark.parametrize("trust", list(TrustModel))
def test_the_first_round_beyond_the_budget_is_refused_and_not_charged(
    tmp_path: Path, trust: TrustModel
) -> None:
    receiver = ReceiverNoise(1e-4, 64) if trust is TrustModel.CHANNEL_NOISE_TRUSTED else None
    rounds = private_rounds(promise(trust, 3), tmp_path, ScheduleName.ONLINE, receiver=receiver)
    for index in range(3):
        admitted(rounds, index, plan())
    before = dict(rounds.ledger.tally.spent)
    with pytest.raises(BudgetSpent):
        admitted(rounds, 3, plan())
    assert rounds.ledger.tally.spent == before


@pytest.mark.parametrize("trust", DIGITAL)
def test_poisson_bursts_have_one_noise_and_cost_one_each(tmp_path: Path, trust: TrustModel) -> None:
    promised = promise(trust, 4, RECORD, sampling_rate=0.1)
    rounds = private_rounds(promised, tmp_path)
    stds = []
    for index in range(4):
        sent, payload = admitted(rounds, index, plan())
        stds.append(protecting_std(rounds, sent, noise_of(payload)))
    assert stds == pytest.approx([promised.burst_noise_std()] * 4)
    assert rounds.ledger.tally.spent == dict.fromkeys(rounds.ledger.terms.limits, 4.0)
    assert promised.spent_epsilon(rounds.ledger.tally) == pytest.approx(4.0, rel=2e-3)
    with pytest.raises(BudgetSpent):
        admitted(rounds, 4, plan())
    found, _ = read_tally(tmp_path / "privacy.jsonl")
    assert promise_of(found) == promised


@pytest.mark.parametrize("snr_db", [-20, 0, 20, 40])
@pytest.mark.parametrize("alone", [False, True])
def test_receiver_noise_counts_where_it_is_trusted(
    tmp_path: Path, snr_db: float, alone: bool
) -> None:
    receiver = ReceiverNoise(0.1**2 * 10 ** (-snr_db / 10), n_chips=8, alone=alone)
    promised = promise(TrustModel.CHANNEL_NOISE_TRUSTED, N_ROUNDS)
    rounds = private_rounds(promised, tmp_path, receiver=receiver)
    mus = []
    for index in range(N_ROUNDS):
        sent, payload = admitted(rounds, index, plan())
        if alone:
            assert noise_of(payload) == 0
            assert sent.rx_amplitude <= 0.1
        else:
            assert sent == plan()
        mus.append(promised.sensitivity / protecting_std(rounds, sent, noise_of(payload)))
    epsilon = gaussian_epsilon(float(np.linalg.norm(mus)), promised.delta)
    assert promised.spent_epsilon(rounds.ledger.tally) == pytest.approx(epsilon, rel=1e-6)
    assert epsilon <= promised.epsilon * (1 + 1e-6)
    if snr_db >= 0:  # below, power limits what can be spent
        assert epsilon == pytest.approx(promised.epsilon, rel=1e-6)


@pytest.mark.parametrize("alone", [False, True])
def test_a_node_that_may_arrive_louder_than_planned_is_counted_as_louder(
    tmp_path: Path, alone: bool
) -> None:
    """The receiver's noise protects a loud symbol less."""
    receiver = ReceiverNoise(0.1**2, n_chips=8, alone=alone)
    rounds = private_rounds(
        promise(TrustModel.CHANNEL_NOISE_TRUSTED, N_ROUNDS), tmp_path, receiver=receiver
    )
    sure, waits = plan(), (0.0, 0.02, 0.0, 0.01, 0.1)
    errors = [PathErrors(), PathErrors(amplitude_std=0.03, amplitude_walk_per_s=0.08)]
    unsure = replace(sure, path_errors=tuple(errors[n % 2] for n in range(len(sure.precoders))))
    later = replace(unsure, until_payload_s=waits)  # node 1 has the longest to go of the unsure
    (sent, payload), (softer, noisier), (softest, noisiest) = (
        admitted(rounds, index, asked) for index, asked in enumerate((sure, unsure, later))
    )
    louder = [1.0 + AMPLITUDE_ERROR_STDS * std for std in (0.03, 0.05)]
    if alone:  # all of the protection: the amplitude that is asked for is lower
        assert softer.rx_amplitude * louder[0] == pytest.approx(sent.rx_amplitude)
        assert softest.rx_amplitude * louder[1] == pytest.approx(sent.rx_amplitude)
        return
    assert noise_of(noisiest) > noise_of(noisier) > noise_of(payload)
    stds = [
        protecting_std(rounds, replace(sent, rx_amplitude=sent.rx_amplitude * factor), noise)
        for factor, noise in zip(
            (1.0, *louder), map(noise_of, (payload, noisier, noisiest)), strict=True
        )
    ]
    assert stds == pytest.approx([stds[0]] * 3)  # what protects a node that is so loud


def test_noise_that_is_measured_again_only_ever_lowers_what_is_claimed(tmp_path: Path) -> None:
    receiver = ReceiverNoise(1e-2, n_chips=8)
    rounds = private_rounds(
        promise(TrustModel.CHANNEL_NOISE_TRUSTED, N_ROUNDS), tmp_path, receiver=receiver
    )
    _, before = admitted(rounds, 0, plan())
    receiver.lower_to(3e-2)
    assert noise_of(admitted(rounds, 1, plan())[1]) == noise_of(before)
    receiver.lower_to(2e-3)
    sent, after = admitted(rounds, 2, plan())
    assert noise_of(after) > noise_of(before)
    fresh = ReceiverNoise(2e-3, n_chips=8)
    assert rounds.receiver == fresh
    assert protecting_std(rounds, sent, noise_of(after)) == pytest.approx(
        rounds.promise.sensitivity / np.sqrt(rounds.promise.mu_budget() ** 2 / N_ROUNDS)
    )


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("snr_db", [-20.0, -5.0, 10.0, 25.0, 40.0])
@pytest.mark.parametrize("schedule", [ScheduleName.STATIC, ScheduleName.ONLINE])
def test_privacy_is_the_same_whatever_the_channel_does(
    tmp_path: Path, seed: int, snr_db: float, schedule: ScheduleName
) -> None:
    rng = np.random.default_rng(seed)
    gains = np.abs(rng.standard_normal(20) + 1j * rng.standard_normal(20)) / np.sqrt(2)
    receiver = ReceiverNoise(10 ** (-snr_db / 10), n_chips=64)
    promised = promise(TrustModel.CHANNEL_NOISE_TRUSTED, 20)
    rounds = private_rounds(promised, tmp_path, schedule, contraction=1.0, receiver=receiver)
    mus = []
    for index, gain in enumerate(gains):
        sent, payload = admitted(rounds, index, plan(rx_amplitude=float(gain)))
        mus.append(promised.sensitivity / protecting_std(rounds, sent, noise_of(payload)))
    true_epsilon = gaussian_epsilon(float(np.linalg.norm(mus)), promised.delta)
    assert true_epsilon <= promised.epsilon * (1 + 1e-6)
    # What power could have spent at most, had every round been as loud as it may.
    loudest = gains * promised.sensitivity / 5.0 / np.sqrt(receiver.noise_power_bound / 2 / 64)
    if gaussian_epsilon(float(np.linalg.norm(np.minimum(loudest, min(loudest)))), 1e-3) > 4.0:
        assert true_epsilon == pytest.approx(promised.epsilon, rel=1e-6)


def test_noise_is_added_after_the_clip_and_its_spread_is_as_said() -> None:
    payload = NoisyPayload(AnalogPayload(100.0), 2.0, 3.0, SeededNoise(1))
    values = np.array([payload.symbols([50.0])[0] * 100.0 for _ in range(4000)])
    assert values.mean() == pytest.approx(2.0, abs=5 * 3.0 / np.sqrt(4000))
    assert values.std() == pytest.approx(3.0, rel=5 / np.sqrt(2 * 4000))
    assert payload.mean_scalar(0.2, 4) == AnalogPayload(100.0).mean_scalar(0.2, 4)


def test_noise_differs_from_run_to_run() -> None:
    payload = NoisyPayload(AnalogPayload(100.0), 2.0, 3.0)
    assert len({payload.symbols([1.0]) for _ in range(50)}) == 50
