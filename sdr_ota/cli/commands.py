"""The commands, their arguments and help; each calls one function of its own file."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from sdr_ota.failure import WRONG_USE, CommandFailed

Settings = Annotated[
    list[str],
    typer.Option(
        "--set", metavar="TABLE.KEY=VALUE", help="Change a value of the config; repeatable."
    ),
]


FigureChoice = Literal["pdf", "png", "svg"]


def register(app: typer.Typer) -> None:
    """Add every command to the application, in the order and groups of ``--help``."""
    groups = {
        "Begin here": (run, plan, report),
        "More from runs": (watch, replay, export, sweep),
        "Without radios": (presets, compare, dataset),
        "Real radios": (doctor, find, probe, calibrate, node),
        "Radios in software": (virtual_pluto, virtual_soapy, companion),
    }
    for group, commands in groups.items():
        for command in commands:
            app.command(command.__name__.replace("_", "-"), rich_help_panel=group)(command)


def run(
    experiment: Annotated[
        Path | None, typer.Argument(help="TOML file; units stand in its keys.")
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Run the built-in demo.")] = False,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Continue an interrupted run in its own folder."),
    ] = None,
    rounds: Annotated[
        int, typer.Option(metavar="N", min=0, help="With --resume: N rounds more than planned.")
    ] = 0,
    settings: Settings = [],  # noqa: B006 - typer copies it
) -> None:
    """Run an experiment: K clients fine-tune one model together.

    Each sends one scalar a round. Writes a run folder (runs/TIME) with the config, every
    round and plots, and prints a table at the end. Ctrl-C stops cleanly; --resume goes on
    from there.
    """
    if demo + (experiment is not None) + (resume is not None) != 1:
        raise CommandFailed("give one of: a config file, --demo, --resume RUN", WRONG_USE)
    if resume is not None and settings:
        raise CommandFailed("--resume keeps the run's own config: leave out --set", WRONG_USE)
    if resume is None and rounds:
        raise CommandFailed("--rounds goes with --resume RUN: use --set run.rounds=N", WRONG_USE)
    from sdr_ota.cli.run import resume_command, run_command  # noqa: PLC0415

    if resume is not None:
        resume_command(resume, rounds)
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
    """Show what a run would send and promise; send nothing.

    Air time in s, bandwidth in Hz, peak level in dBFS, noise in units of the clip,
    epsilon for every trust model. Opens no radio and loads no model.
    """
    from sdr_ota.cli.plan import plan_command  # noqa: PLC0415

    plan_command(experiment, settings, figure)


def calibrate(  # noqa: PLR0913, PLR0917 - one a command-line option
    what: Annotated[
        str,
        typer.Argument(help="gain, cfo, timing, phase, noise-floor, linearity; or all."),
    ],
    bench: Annotated[Path | None, typer.Argument(help="TOML file; without one, the demo.")] = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
    output: Annotated[
        Path | None, typer.Option(help="For records and report; otherwise calibration.folder.")
    ] = None,
    precision: Annotated[
        list[str],
        typer.Option(
            metavar="QUANTITY=HALF_WIDTH", help="Of a 95 % interval, as cfo_hz=0.5; repeatable."
        ),
    ] = [],  # noqa: B006
    from_captures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Read recorded captures; open no radio.")
    ] = None,
    keep_captures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Record every capture for later.")
    ] = None,
) -> None:
    """Measure each node, judge it, write records that expire.

    Nodes are sounded one at a time, again and again until the 95 % intervals are as narrow
    as --precision asks for, within a bound. Its quantities: gain_db, cfo_hz, delay_samples,
    clock_error_ppm.
    """
    from sdr_ota.study.calibration.survey_run import Asked, calibrate_command  # noqa: PLC0415

    asked = Asked(what, bench, tuple(settings), output, tuple(precision), keep_captures)
    calibrate_command(asked, from_captures)


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    output: Annotated[Path, typer.Option("--output", help="Folder to write the model to.")],
) -> None:
    """Write the model of a run as a Hugging Face folder.

    Replays the run's journal onto its base model and saves it as safetensors;
    `from_pretrained` loads the folder.
    """
    from sdr_ota.cli.export import export_command  # noqa: PLC0415

    export_command(run, output)


def report(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the figures for machines, write nothing.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The page; otherwise report.html in RUN, or here."),
    ] = None,
    figure_format: Annotated[
        FigureChoice | None,
        typer.Option("--format", help="Also save every figure, in plots beside the page."),
    ] = None,
) -> None:
    """Print the figures of runs, and write them as a page.

    Runs may be finished, broken off or still running. The page is one HTML file that needs
    nothing else. Several runs are laid side by side, called by the settings in which they
    differ.
    """
    from sdr_ota.cli.report import report_command, report_json  # noqa: PLC0415

    if as_json:
        report_json(folders)
    else:
        report_command(folders, output, figure_format)


def sweep(
    file: Annotated[Path, typer.Argument(metavar="SWEEP", help="TOML file as above.")],
    output: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="For runs, table and page; otherwise sweeps/NAME."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Runs at the same time; otherwise one a core.")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(help="Ray cluster that runs the points: host:port, ray://..., auto."),
    ] = None,
) -> None:
    """Run many experiments from one file: one table, one page.

    The file may say:

    \b
      seeds = 3                       run.seed 1, 2, 3; or a list of seeds
      presets = ["lab-wired"]         air.preset, one after the other
      [base]                          what all points share:
      file = "link.toml"              an experiment, and
      run.rounds = 40                 any key on top of it
      [grid]                          every combination of any keys' values
      air.snr_db = [0, 10, 20]
      [[list]]                        points one by one; lists go in step
      clients.count = [2, 4, 8]
      frame.payload_chips = [128, 256, 512]

    Each point is a run in a folder of its own. The same command again skips what is done,
    goes on with what broke off, and tries again what failed. A point that fails is noted
    with its reason and stops nothing else. Results: table.csv, table.parquet (where
    pyarrow is installed), sweep.html, plots.
    """  # noqa: D301 - the backslash keeps the lines of the help
    from sdr_ota.cli.sweep import sweep_command  # noqa: PLC0415

    sweep_command(file, output, jobs, address)


def replay(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    settings: Settings = [],  # noqa: B006 - typer copies it
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")] = False,
) -> None:
    """Decode a run's captures again: old against new.

    Round by round, with other parameters of the scheme or the receiver (--set), or with
    this version of the code. Opens no radio and changes nothing in the run folder.
    """
    from sdr_ota.cli.replay import replay_command  # noqa: PLC0415

    replay_command(run, settings, as_json)


def watch(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="TCP port on loopback; 0 for any that is free.")
    ] = 8765,
) -> None:
    """Follow a run in a browser on this machine, until Ctrl-C.

    It may be running or finished. Spectrum and constellation of the last capture, sums,
    loss, health. The run folder is all that is read; the page loads nothing from anywhere.
    """
    from sdr_ota.cli.watch import watch_command  # noqa: PLC0415

    watch_command(run, port)


def dataset(  # noqa: PLR0913, PLR0917 - a command's options
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New, or begun before.")],
    preset: Annotated[
        list[str], typer.Option(help="A simulated air; repeat for more; `presets` lists them.")
    ] = ["lab-wired", "lab-indoor", "free-running-pluto", "harsh"],  # noqa: B006
    scheme: Annotated[
        list[str], typer.Option(help="How symbols are added; repeat for more; all if not given.")
    ] = [],  # noqa: B006
    nodes: Annotated[int, typer.Option(min=1, max=100, help="K goes from 1 to this.")] = 10,
    snr_db: Annotated[
        list[float], typer.Option(help="SNR of one full-scale node in dB; repeat for more.")
    ] = [10.0, 20.0, 30.0],  # noqa: B006
    captures_per_setting: Annotated[int, typer.Option(min=1, help="Of each combination.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Everything random follows from it.")] = 1,
    settings: Settings = [],  # noqa: B006 - typer copies it
) -> None:
    """Make a data set of superposed bursts with their true sums.

    SigMF recordings of payloads and soundings of 1 to K nodes, an index, a data card and
    what our own receiver gets from it beside theory. Broken off, the same command goes on.
    """
    from sdr_ota.cli.dataset import dataset_command  # noqa: PLC0415
    from sdr_ota.schemes import scheme_names  # noqa: PLC0415
    from sdr_ota.study.dataset.writer import Grid  # noqa: PLC0415

    grid = Grid(
        tuple(preset),
        tuple(scheme) or scheme_names(),
        nodes,
        tuple(snr_db),
        captures_per_setting,
        seed,
        tuple(settings),
    )
    dataset_command(folder, grid)


def presets() -> None:
    """List the simulated airs with their main numbers."""
    from sdr_ota.cli.presets import presets_command  # noqa: PLC0415

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
    """Compare all schemes, measured and by theory.

    Prints their errors over noise and over phase error, and draws them.
    """
    from sdr_ota.cli.compare import compare_command  # noqa: PLC0415
    from sdr_ota.study.comparison import Setting  # noqa: PLC0415

    compare_command(Setting(nodes, chips, trials, seed), figure)


def find(
    device: Annotated[
        str, typer.Argument(help="Only SoapySDR devices like this: driver=uhd,type=b200.")
    ] = "",
) -> None:
    """List the radios that are plugged in, with their addresses.

    A config takes these addresses as they stand.
    """
    from sdr_ota.cli.find import find_command  # noqa: PLC0415

    find_command(device)


def doctor() -> None:
    """Check what is installed, and say how to install the rest."""
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
    """Serve virtual PlutoSDRs on loopback, until Ctrl-C.

    They share one simulated air. Real libiio programs (pyadi-iio, iio_info, GNU Radio)
    talk to them unchanged.
    """
    from sdr_ota.cli.virtual_pluto import virtual_pluto_command  # noqa: PLC0415

    virtual_pluto_command(nodes, preset, first_port, seed)


def virtual_soapy(
    nodes: Annotated[int, typer.Option(min=1, help="Transmitting devices.")] = 4,
    preset: Annotated[str, typer.Option(help="The air between them.")] = "usrp-shared-clock",
    port: Annotated[int, typer.Option(min=1, max=65000, help="TCP port on loopback.")] = 30600,
    seed: Annotated[int, typer.Option(min=0, help="Everything random follows from it.")] = 1,
) -> None:
    """Serve virtual SoapySDR devices on loopback, until Ctrl-C.

    They have hardware time and share one simulated air. Compiles their SoapySDR driver the
    first time. Real SoapySDR programs open them.
    """
    from sdr_ota.cli.virtual_soapy import virtual_soapy_command  # noqa: PLC0415

    virtual_soapy_command(nodes, preset, port, seed)


def node(
    name: Annotated[str, typer.Argument(help="Name of this machine in the run.")],
    address: Annotated[
        str, typer.Option(help="Of the cluster: where `ray start --head` runs, HOST:PORT.")
    ],
    radios: Annotated[
        list[str],
        typer.Option("--radio", metavar="ADDRESS", help="A radio of this machine to lend."),
    ],
) -> None:
    """Lend this machine's radios to a run elsewhere, until Ctrl-C.

    In that run's config a radio lent here is ADDRESS,host=NAME. Every radio is opened
    once before, and closed again: nothing is sent. Files of the machine's own data are
    looked for in the folder in which this command was started.
    """
    from sdr_ota.cli.node import node_command  # noqa: PLC0415

    node_command(name, address, radios)


def companion(
    flowgraph: Annotated[
        Path | None, typer.Argument(help="A .grc file; without one, the receiver.")
    ] = None,
    environment: Annotated[
        bool, typer.Option("--environment", help="Only print what it needs, for a shell.")
    ] = False,
) -> None:
    """Open GNU Radio Companion with this project's blocks.

    They stand in its list under "Over-the-air sums". Needs GNU Radio and a display.
    """
    from sdr_ota.cli.companion import companion_command  # noqa: PLC0415

    companion_command(flowgraph, environment)
