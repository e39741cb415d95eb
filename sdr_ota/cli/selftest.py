"""`sdr-ota selftest`: one radio that receives itself over a cable, against theory."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdr_ota.cli.options import Settings
from sdr_ota.failure import CommandFailed

if TYPE_CHECKING:
    from sdr_ota.study.selftest.command import SelfTest

Address = Annotated[str, typer.Argument(help="For example driver=pluto,uri=ip:192.168.2.1.")]
Bench = Annotated[
    Path | None, typer.Argument(help="TOML file with frequency, gains, [[band]] and permission.")
]
Band = Annotated[
    str | None, typer.Option(metavar="LOW_HZ:HIGH_HZ", help="In which it may transmit.")
]
Rounds = Annotated[int, typer.Option(min=20, max=10_000, help="With each scheme.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


def selftest(
    address: Address,
    bench: Bench = None,
    band: Band = None,
    rounds: Rounds = 40,
    settings: Settings = [],  # noqa: B006 - typer copies it
    as_json: AsJson = False,
) -> None:
    """Test one radio: TX through 40 dB of attenuation into its own RX.

    Measures silence and level in dBFS, the carrier offset in Hz, and with every scheme that
    the radio can do the error of the sums in dB beside theory's. It transmits: --band, or a
    config's [[band]] and radio.transmit_allowed, must say where. Exit code 1 if a check fails.
    The cable of a virtual board fades as its preset does: start it with --preset lab-wired.
    """
    from sdr_ota.cli.terminal import note_progress
    from sdr_ota.study.selftest.command import run_selftest
    from sdr_ota.study.selftest.one_radio import one_radio_config

    config = one_radio_config(address, bench, band, [*settings, f"run.rounds={rounds}"])
    with note_progress() as tell:
        test = run_selftest(config, tell)
    _show(test, as_json)
    if not test.passed:
        raise CommandFailed(f"selftest failed: {test.why}")
    print("selftest passed", file=sys.stderr if as_json else sys.stdout)


def _show(test: "SelfTest", as_json: bool) -> None:
    from sdr_ota.runs.strict_json import strict_json
    from sdr_ota.study.selftest.terminal import print_selftest

    if as_json:
        print(strict_json(test.as_json(), indent=2))
    else:
        print_selftest(test)
