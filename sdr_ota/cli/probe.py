"""`sdr-ota probe`: who a radio is and what it can do."""

from typing import TYPE_CHECKING, Annotated

import typer

from sdr_ota.failure import NO_RADIO, WRONG_USE, CommandFailed

if TYPE_CHECKING:
    from sdr_ota.radio.base import Radio

Address = Annotated[str, typer.Argument(help="For example driver=pluto,uri=ip:192.168.2.1.")]


def probe(address: Address) -> None:
    """Open one radio, print what it can do, close it. Nothing is sent."""
    from sdr_ota.cli.terminal import print_pairs
    from sdr_ota.radio.address import AddressError, open_radio
    from sdr_ota.radio.base import RadioError

    try:
        with open_radio(address) as radio:
            rows = _rows(radio)
    except AddressError as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    except RadioError as missing:
        raise CommandFailed(str(missing), NO_RADIO) from missing
    print_pairs(rows, address)


def _rows(radio: "Radio") -> list[tuple[str, str]]:
    info, temperature_c = radio.info, radio.temperature_c()
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
        ("temperature", "no sensor" if temperature_c is None else f"{temperature_c:.1f} degrees C"),
    ]
