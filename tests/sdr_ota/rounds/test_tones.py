"""Votes in multipath: a tone meets the channel at one frequency, node pilots at all of the band."""

from dataclasses import replace

import numpy as np
from scipy import stats

from sdr_ota.rounds.decoding import decode
from sdr_ota.rounds.exchange import Link
from sdr_ota.schemes import load_scheme
from tests.sdr_ota.receiver.air_faults import FAULTS
from tests.sdr_ota.receiver.guess_count import MAX_CFO_HZ, reception_of


def test_tones_in_multipath_count_what_the_pilots_leave_unexplained() -> None:
    scheme, ratios = load_scheme("fsk-vote"), []
    for trial in range(200):
        fault = FAULTS["multipath 5 chips, -20 dB"]
        reception, scene = reception_of(fault, "fsk-vote", "tones", trial)
        link = Link(scene.frame, scheme, MAX_CFO_HZ)
        total = decode(replace(reception, symbols=None), link).total
        ratios.append((total.value - float(np.sign(scene.symbols).sum())) / total.std)
    # Were the errors Gaussian with the stated deviations, one such sum in 1,000 would be larger.
    assert np.sum(np.square(ratios)) < stats.chi2.isf(1e-3, len(ratios))
