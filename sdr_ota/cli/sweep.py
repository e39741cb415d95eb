"""`sdr-ota sweep`: many runs from one file, on all cores or on a cluster; one table, one page."""

from pathlib import Path
from typing import Annotated

import typer

File = Annotated[Path, typer.Argument(metavar="SWEEP", help="TOML file as above.")]
Output = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="For runs, table and page; otherwise sweeps/NAME."),
]
Jobs = Annotated[
    int | None, typer.Option(min=1, help="Runs at the same time; otherwise one a core.")
]
Address = Annotated[
    str | None,
    typer.Option(help="Ray cluster that runs the points: host:port, ray://..., auto."),
]


def sweep(file: File, output: Output = None, jobs: Jobs = None, address: Address = None) -> None:
    """Run many experiments from one file: one table, one page.

    The file may say:

    \b
      seeds = 3                       run.seed 1, 2, 3; or a list of seeds
      axis = "snr_max_db"             one figure a result, over this key or column
      results = ["score_after"]       columns that are shown, instead of the usual ones
      presets = ["lab-wired"]         air.preset, one after the other
      [base]                          what all points share:
      file = "link.toml"              an experiment, and
      run.rounds = 40                 any key on top of it
      [grid]                          every combination of any keys' values
      air.snr_db = [0, 10, 20]
      [[list]]                        points one by one; lists go in step
      curve = "long payloads"         what figures call them
      clients.count = [2, 4, 8]
      frame.payload_chips = [128, 256, 512]

    Each point is a run in a folder of its own. The same command again skips what is done,
    goes on with what broke off, and tries again what failed. A point that fails is noted
    with its reason and stops nothing else. Results: table.csv, table.parquet (where
    pyarrow is installed), sweep.html, plots.
    """  # noqa: D301 - the backslash keeps the lines of the help
    from sdr_ota.study.sweep.run import run_sweep
    from sdr_ota.study.sweep.terminal import log_progress, print_results

    results = run_sweep(file, output, jobs, address, log_progress)
    print_results(results)
    results.raise_failures()
