"""What a round's node pilots tell later rounds of the level at which payloads arrive."""

from dataclasses import replace

import numpy as np
from scipy import stats

from sdr_ota.rounds.decoding import decode
from sdr_ota.rounds.exchange import Exchange, Link
from sdr_ota.schemes import load_scheme
from tests.sdr_ota.receiver.air_faults import FAULTS, Fault
from tests.sdr_ota.receiver.guess_count import MAX_CFO_HZ, reception_of

N_TRIALS = 40


def exchanges(fault: Fault, scheme: str, arriving_level: float = 1.0) -> list[Exchange]:
    received = [reception_of(fault, scheme, "arrived level", trial) for trial in range(N_TRIALS)]
    return [
        decode(
            replace(
                reception,
                symbols=None,
                plan=replace(reception.plan, arriving_level=arriving_level),
            ),
            Link(scene.frame, load_scheme(scheme), MAX_CFO_HZ),
        )
        for reception, scene in received
    ]


def test_it_is_that_of_the_pilots_whatever_was_expected() -> None:
    plain, told = (exchanges(FAULTS["nothing"], "coherent", level) for level in (1.0, 1.003))
    shown = np.array(
        [[one.arrived_level.level for one in each if one.arrived_level] for each in (plain, told)],
        float,
    )
    spread = shown[0].std(ddof=1) / np.sqrt(N_TRIALS)
    assert abs(shown[0].mean() - 1) < 5 * spread
    np.testing.assert_allclose(shown[1], shown[0], rtol=1e-3)
    # What is stated of it is what it scatters by: a chi-square with that many degrees of freedom.
    stated = np.mean([one.arrived_level.variance for one in plain if one.arrived_level])
    ratio = N_TRIALS * np.var(shown[0]) / stated
    assert stats.chi2.ppf(1e-4, N_TRIALS - 1) < ratio < stats.chi2.isf(1e-4, N_TRIALS - 1)


def test_what_was_expected_is_taken_off_the_sums() -> None:
    plain, told = (exchanges(FAULTS["nothing"], "coherent", level) for level in (1.0, 1.003))
    values = np.array([[one.total.value for one in each] for each in (plain, told)])
    # Pilots that show another level take some of it back.
    share = np.polyfit(values[0], values[1], 1)[0]
    assert 1 / 1.003 - 1e-3 < share < 1


def test_a_gain_that_has_stepped_tells_nothing_of_other_rounds() -> None:
    stepped = exchanges(FAULTS["gain +3 dB in guard"], "coherent")
    assert all(one.arrived_level is None for one in stepped)


def test_energies_of_pilots_in_noise_tell_nothing() -> None:
    assert all(one.arrived_level is None for one in exchanges(FAULTS["nothing"], "tdma"))
