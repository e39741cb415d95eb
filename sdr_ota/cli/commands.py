"""The commands, their arguments and help; each calls one function of its own file."""

from pathlib import Path
from typing import Annotated

import typer

from sdr_ota.cli.failure import WRONG_USE, CommandFailed

Settings = Annotated[
    list[str],
    typer.Option("--set", metavar="TABLE.KEY=VALUE", help="Change one value of the config."),
]


def register(app: typer.Typer) -> None:
    """Add every command to the application."""
    app.command("run")(run)
    app.command("plan")(plan)
    app.command("calibrate")(calibrate)
    app.command("export")(export)
    app.command("report")(report)
    app.command("compare")(compare)
    app.command("presets")(presets)
    app.command("find")(find)
    app.command("probe")(probe)
    app.command("doctor")(doctor)
    app.command("virtual-pluto")(virtual_pluto)
    app.command("virtual-soapy")(virtual_soapy)


def run(
    experiment: Annotated[
        Path | None, typer.Argument(help="TOML file; units stand in its keys.")
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Run the built-in demo.")] = False,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Continue an interrupted run in its own folder."),
    ] = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
) -> None:
    """Run an experiment: K clients fine-tune one model, one scalar each a round.

    Writes a run folder (runs/TIME) with the config, every round and plots, and
    prints a table at the end. Ctrl-C stops cleanly; --resume goes on from there.
    """
    if demo + (experiment is not None) + (resume is not None) != 1:
        raise CommandFailed("give one of: a config file, --demo, --resume RUN", WRONG_USE)
    if resume is not None and settings:
        raise CommandFailed("--resume keeps the run's own config: leave out --set", WRONG_USE)
    from sdr_ota.cli.run import resume_command, run_command  # noqa: PLC0415

    if resume is not None:
        resume_command(resume)
    else:
        run_command(experiment, settings)


def plan(
    experiment: Annotated[
        Path | None, typer.Argument(help="TOML file; without one, the demo.")
    ] = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
    figure: Annotated[
        Path | None, typer.Option(help="Save the noise schedule as a figure (png, pdf, svg).")
    ] = None,
) -> None:
    """Show what a run would send and promise, before anything is sent.

    Air time in s, bandwidth in Hz, peak level in dBFS, noise in units of the clip,
    epsilon for every trust model. Opens no radio and loads no model.
    """
    from sdr_ota.cli.plan import plan_command  # noqa: PLC0415

    plan_command(experiment, settings, figure)


def calibrate(  # noqa: PLR0913, PLR0917 - one a command-line option
    what: Annotated[
        str,
        typer.Argument(help="gain, cfo, timing, phase, noise-floor, linearity, or all of them."),
    ],
    bench: Annotated[Path | None, typer.Argument(help="TOML file; without one, the demo.")] = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
    output: Annotated[
        Path | None, typer.Option(help="Folder of records and report [calibration.folder].")
    ] = None,
    precision: Annotated[
        list[str],
        typer.Option(metavar="QUANTITY=HALF_WIDTH", help="Of a 95 % interval, as cfo_hz=0.5."),
    ] = [],  # noqa: B006
    from_captures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Read recorded captures; open no radio.")
    ] = None,
    keep_captures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Record every capture for later.")
    ] = None,
) -> None:
    """Sound one node at a time, judge each, write records with an expiry and a report.

    Repeats until 95 % intervals are as narrow as asked for, within a bound. Quantities:
    gain_db, cfo_hz, delay_samples, clock_error_ppm.
    """
    from sdr_ota.cli.calibrate import Asked, calibrate_command  # noqa: PLC0415

    asked = Asked(what, bench, tuple(settings), output, tuple(precision), keep_captures)
    calibrate_command(asked, from_captures)


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    output: Annotated[Path, typer.Option("--output", help="Folder to write the model to.")],
) -> None:
    """Write the model of a run as a Hugging Face folder (safetensors).

    Replays the run's journal onto its base model; `from_pretrained` loads the folder.
    """
    from sdr_ota.cli.export import export_command  # noqa: PLC0415

    export_command(run, output)


def report(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Print the figures of a finished, broken-off or running experiment."""
    from sdr_ota.cli.report import report_command  # noqa: PLC0415

    report_command(folder, as_json)


def presets() -> None:
    """List the simulated airs by name, with their main numbers."""
    from sdr_ota.cli.report import presets_command  # noqa: PLC0415

    presets_command()


def compare(
    nodes: Annotated[int, typer.Option(min=1, max=1000, help="Nodes that send together.")] = 5,
    chips: Annotated[int, typer.Option(min=32, help="Payload chips of every scheme.")] = 512,
    trials: Annotated[int, typer.Option(min=10, help="Sums decoded for each point.")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 1,
    figure: Annotated[
        Path | None, typer.Option(help="Save the figure here (png, pdf, svg).")
    ] = Path("compare.png"),
) -> None:
    """Compare all schemes, measured and by theory, over noise and over phase error."""
    from sdr_ota.cli.compare import compare_command  # noqa: PLC0415
    from sdr_ota.comparison import Setting  # noqa: PLC0415

    compare_command(Setting(nodes, chips, trials, seed), figure)


def find(
    device: Annotated[
        str, typer.Argument(help="Only SoapySDR devices like this: driver=uhd,type=b200.")
    ] = "",
) -> None:
    """List the radios that are plugged in, by the addresses that a config takes."""
    from sdr_ota.cli.find import find_command  # noqa: PLC0415

    find_command(device)


def doctor() -> None:
    """Check what is installed: every missing piece, with the command that installs it."""
    from sdr_ota.cli.doctor import doctor_command  # noqa: PLC0415

    doctor_command()


def probe(
    address: Annotated[str, typer.Argument(help="For example driver=pluto,uri=ip:192.168.2.1.")],
) -> None:
    """Open one radio, print what it can do, close it. Nothing is sent."""
    from sdr_ota.cli.probe import probe_command  # noqa: PLC0415

    probe_command(address)


def virtual_pluto(
    nodes: Annotated[int, typer.Option(min=1, help="Transmitting boards.")] = 4,
    preset: Annotated[str, typer.Option(help="The air between them.")] = "free-running-pluto",
    first_port: Annotated[
        int, typer.Option(min=1, max=65000, help="TCP port of node 0; the receiver comes last.")
    ] = 30500,
    seed: Annotated[int, typer.Option(min=0, help="Everything random follows from it.")] = 1,
) -> None:
    """Serve virtual PlutoSDRs on loopback that share one simulated air, until Ctrl-C.

    Real libiio programs (pyadi-iio, iio_info, GNU Radio) talk to them unchanged.
    """
    from sdr_ota.cli.virtual_pluto import virtual_pluto_command  # noqa: PLC0415

    virtual_pluto_command(nodes, preset, first_port, seed)


def virtual_soapy(
    nodes: Annotated[int, typer.Option(min=1, help="Transmitting devices.")] = 4,
    preset: Annotated[str, typer.Option(help="The air between them.")] = "usrp-shared-clock",
    port: Annotated[int, typer.Option(min=1, max=65000, help="TCP port on loopback.")] = 30600,
    seed: Annotated[int, typer.Option(min=0, help="Everything random follows from it.")] = 1,
) -> None:
    """Serve virtual SoapySDR devices with hardware time on loopback, until Ctrl-C.

    Compiles their SoapySDR driver the first time. Real SoapySDR programs open them.
    """
    from sdr_ota.cli.virtual_soapy import virtual_soapy_command  # noqa: PLC0415

    virtual_soapy_command(nodes, preset, port, seed)
