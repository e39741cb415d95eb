"""`sdr-ota probe`: who a radio is and what it can do."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from sdr_ota.failure import NO_RADIO, WRONG_USE, CommandFailed

if TYPE_CHECKING:
    from sdr_ota.radio.base import RadioInfo

Address = Annotated[str, typer.Argument(help="For example driver=pluto,uri=ip:192.168.2.1.")]


def probe(address: Address) -> None:
    """Print what one radio can do. Nothing is sent or set, also while a run uses it."""
    from sdr_ota.cli.terminal import print_pairs
    from sdr_ota.radio.address import AddressError, probe_radio
    from sdr_ota.radio.base import RadioError

    try:
        info, state = probe_radio(address)
    except AddressError as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    except RadioError as missing:
        raise CommandFailed(str(missing), NO_RADIO) from missing
    print_pairs(_rows(info, state), address)


def _rows(info: "RadioInfo", state: Mapping[str, str]) -> list[tuple[str, str]]:
    timing = "obeyed to the sample" if info.has_hardware_time else "none: it sends cyclic frames"
    rates, tuning = info.sample_rates_hz, info.center_freqs_hz
    return [
        ("driver", info.driver),
        ("serial", info.serial),
        ("hardware time", timing),
        ("full duplex", "yes" if info.is_full_duplex else "no"),
        ("sample rate", f"{rates.low / 1e6:g} to {rates.high / 1e6:g} MS/s"),
        ("centre frequency", f"{tuning.low / 1e6:g} to {tuning.high / 1e6:g} MHz"),
        ("transmit gain", f"{info.tx_gains_db} dB"),
        ("receive gain", f"{info.rx_gains_db} dB"),
        ("converters", f"transmit {info.tx_bits or '?'} bits, receive {info.rx_bits or '?'} bits"),
        *state.items(),
    ]
