"""Energies against values worked out by hand from the sources' figures."""

import pytest

from sdr_ota.report.energy import (
    energy_words,
    lte_upload_s,
    packet_energy_j,
    radio_energy_j,
    upload_energy_j,
)

MILLION_ENTRIES_BITS = 16_000_000


def test_a_radio_is_charged_with_all_its_port_can_give() -> None:
    # 5 V times 500 mA and 900 mA, for 10.27 ms
    assert radio_energy_j(10.27e-3) == {
        "PlutoSDR": pytest.approx(25.675e-3),
        "USRP B200": pytest.approx(46.215e-3),
    }


def test_rounds_of_decomfl_cost_a_packet_each() -> None:
    assert packet_energy_j(300) == {"Wi-Fi": pytest.approx(12.0), "LTE": pytest.approx(3828.0)}


def test_a_gradient_costs_each_of_its_bits() -> None:
    # 283.17 and 438.39 mW for a Mbit/s are as many nJ for a bit
    assert upload_energy_j(MILLION_ENTRIES_BITS) == {
        "Wi-Fi": pytest.approx(4.53072),
        "LTE": pytest.approx(7.01424),
    }
    assert lte_upload_s(MILLION_ENTRIES_BITS) == pytest.approx(8 / 3)


@pytest.mark.parametrize(
    ("energy_j", "said"),
    [
        (25.675e-3, "26 mJ"),
        (0.9999, "1 J"),
        (999.0, "1 kJ"),
        (3828.0, "3.8 kJ"),
        (2.34e9, "2.3e+03 MJ"),
        (4e-9, "0.004 uJ"),
        (0.0, "0 uJ"),
    ],
)
def test_energies_are_said_in_two_digits(energy_j: float, said: str) -> None:
    assert energy_words({"LTE": energy_j}) == f"{said} (LTE)"
