"""What a round costs a node in energy, beside DeComFL and gradients over Wi-Fi and LTE.

Every comparison is made against this project: its radios are charged with the most that their
maker's documents allow, for all the time that anybody is on the air; gradients with the least, the
further bits of the uplink alone. What no document could be found for is not there: the USRP N and
X series, and what a radio draws idle, receiving or sending.
"""

from collections.abc import Mapping

MOST_POWER_W: Mapping[str, float] = {
    # 5 V and the 500 mA of a USB 2 port: nominal use needs no more (Analog Devices, "Introduction
    # to the ADALM-PLUTO", External Power; "Prerequisites" asks for a host port of 500 mA).
    "PlutoSDR": 5.0 * 0.5,
    # 5 V and the 900 mA of a USB 3 port, which "in most cases" is enough (USRP Hardware Driver
    # manual 4.9, USRP B2x0 series, Power).
    "USRP B200": 5.0 * 0.9,
}
"""The most that a radio draws from its supply."""

UPLINK_J_PER_BIT: Mapping[str, float] = {"Wi-Fi": 283.17e-9, "LTE": 438.39e-9}
"""What a further bit of upload costs a phone; what being connected costs comes on top.

Huang et al., "A close examination of performance and power characteristics of 4G LTE networks",
MobiSys 2012, the power model of data transfer: 283.17 and 438.39 mW for each Mbit/s. Phones of that
year: for orders of magnitude.
"""

PACKET_J: Mapping[str, float] = {"Wi-Fi": 0.04, "LTE": 12.76}
"""What a packet on its own costs a phone: waking, sending, and staying awake after it.

The same paper. Over LTE the phone stays awake for 11.6 s: rounds that follow each other faster
share what that costs.
"""

LTE_UPLINK_BIT_PER_S = 6e6
"""Median uplink throughput of LTE, the same paper."""


def radio_energy_j(air_s: float) -> dict[str, float]:
    """Return the most that a node's radio takes while anybody is on the air, by radio, in J.

    Args:
        air_s: Time on the air in s, of a round or a run, soundings included.

    >>> radio_energy_j(2.0)
    {'PlutoSDR': 5.0, 'USRP B200': 9.0}
    """
    return {radio: power_w * air_s for radio, power_w in MOST_POWER_W.items()}


def packet_energy_j(n_packets: int) -> dict[str, float]:
    """Return what packets cost that are each sent on their own, by network, in J.

    A few scalars are one packet: so much cost DeComFL (arXiv 2405.15861) as many rounds.
    """
    return {network: n_packets * each_j for network, each_j in PACKET_J.items()}


def upload_energy_j(n_bits: int) -> dict[str, float]:
    """Return the least that sending so many bits costs a node, by network, in J.

    >>> {network: round(energy_j, 2) for network, energy_j in upload_energy_j(16 * 10**6).items()}
    {'Wi-Fi': 4.53, 'LTE': 7.01}
    """
    return {network: n_bits * each_j for network, each_j in UPLINK_J_PER_BIT.items()}


def lte_upload_s(n_bits: int) -> float:
    """Return how long so many bits take over LTE's median uplink, in s."""
    return n_bits / LTE_UPLINK_BIT_PER_S


def energy_words(energies_j: Mapping[str, float]) -> str:
    """Say energies, each with whose it is.

    >>> energy_words({"PlutoSDR": 0.0257, "LTE": 12.76, "Wi-Fi": 7012.0})
    '26 mJ (PlutoSDR), 13 J (LTE), 7 kJ (Wi-Fi)'
    """
    return ", ".join(f"{_joules(energy_j)} ({whose})" for whose, energy_j in energies_j.items())


def _joules(energy_j: float) -> str:
    """Say an energy in two digits, and in the unit that leaves no more than three."""
    units = (("MJ", 1e6), ("kJ", 1e3), ("J", 1.0), ("mJ", 1e-3))
    rounded = float(f"{energy_j:.2g}")
    unit, size = next((each for each in units if rounded >= each[1]), ("uJ", 1e-6))
    return f"{rounded / size:.3g} {unit}"
