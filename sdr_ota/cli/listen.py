"""`sdr-ota listen`: what a receiver gets, live; nothing is sent."""

from typing import Annotated

import typer

Place = Annotated[
    str, typer.Argument(metavar="ADDRESS", help="Of any radio; or a recording, as decode reads.")
]
CenterFreq = Annotated[float, typer.Option(min=1, metavar="HZ", help="Carrier of a radio.")]
SampleRate = Annotated[
    float | None, typer.Option(min=1, metavar="HZ", help="1e6 for a radio; a file says its own.")
]
RxGain = Annotated[float, typer.Option(metavar="DB", help="Receive gain of a radio.")]
Seconds = Annotated[float | None, typer.Option(min=0.001, metavar="S", help="End after so long.")]
Once = Annotated[bool, typer.Option("--once", help="One reading, 0.1 s of samples.")]
AsJson = Annotated[bool, typer.Option("--json", help="A line of JSON a reading, for machines.")]
Port = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="Serve it as a page too: TCP port on loopback, 0 any."),
]


def listen(  # noqa: PLR0913, PLR0917 - one a command-line option
    place: Place,
    center_freq_hz: CenterFreq = 915e6,
    sample_rate_hz: SampleRate = None,
    rx_gain_db: RxGain = 0.0,
    seconds: Seconds = None,
    once: Once = False,
    as_json: AsJson = False,
    port: Port = None,
) -> None:
    """Show what a receiver gets, live, until Ctrl-C; send nothing.

    Level, peak and DC offset in dBFS (0 dBFS: a tone at full scale), share of clipped samples,
    spectrum, strongest frequency and the band that holds 99 % of the power. In the terminal, as
    lines where there is none, and with --port in a browser.
    """
    from sdr_ota.assembly.listening import Tuning, listen_command

    longest_s = 0.0 if once else float("inf") if seconds is None else seconds
    tuning = Tuning(center_freq_hz, sample_rate_hz, rx_gain_db)
    listen_command(place, tuning, longest_s, as_json, port)
