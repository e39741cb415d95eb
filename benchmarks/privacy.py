"""What privacy costs: spent epsilon over SNR, schedules at equal epsilon, accuracy over epsilon.

- snr: the promise against what the noise of a run really was, over fading channels (fast).
- schedules: training loss of the demo under four schedules that spend the same epsilon.
- table: accuracy of a model on SST-2 files over epsilon, for three schemes, beside no promise.
"""

import argparse
import contextlib
import io
import math
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from ota_calibration.privacy.adjacency import Adjacency, Relation, Unit
from ota_calibration.privacy.gaussian_accountant import gaussian_epsilon
from ota_calibration.privacy.ledger import create_ledger
from ota_calibration.privacy.private_rounds import PrivateRounds, ReceiverNoise, node_names
from ota_calibration.privacy.promise import Promise
from ota_calibration.privacy.round_levels import BudgetSchedule, ScheduleName, round_levels
from ota_calibration.privacy.trust import TrustModel
from rows import Row, emit, parsed

from sdr_ota.cli.run import run_command
from sdr_ota.report.plots import house_style
from sdr_ota.runs.run_folder import RunRecord, read_run
from sdr_ota.signal.modulation import AnalogPayload
from sdr_ota.types import Precoder, TransmitPlan

N_ROUNDS, N_NODES, N_CHIPS = 50, 5, 1
SNRS_DB = np.arange(-20.0, 41.0, 5.0)
SCHEDULES = ("static", "solution", "reversed", "online")
SCHEMES = {
    "coherent": ["link.scheme=coherent"],
    "energy-difference": ["link.scheme=energy-difference"],
    "fsk-vote (sign)": ["link.scheme=fsk-vote", "link.payload=sign"],
}
EPSILONS = (0.5, 2.0, 8.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=Path, default=Path(), help="folder for the figures")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each setting; 0: none")
    parser.add_argument("--model", help="folder of a model, for the table")
    parser.add_argument("--data", type=Path, help="folder with train.tsv and validation.tsv")
    parser.add_argument("--set", action="append", default=[], help="settings of the table's runs")
    options = parsed(parser, seeds=0)
    with house_style():
        save(over_snr(), options.out / "privacy_snr.svg")
        if options.seeds:
            save(schedules(options.seeds, []), options.out / "privacy_schedules.svg")
        if options.model and options.data:
            files = on_files(options)
            table(options.seeds, files)
            save(schedules(options.seeds, files), options.out / "privacy_schedules_sst2.svg")


def on_files(options: argparse.Namespace) -> list[str]:
    return [
        f"model.name={options.model}",
        f"data.train={(options.data / 'train.tsv').resolve()}",
        f"data.held_out={(options.data / 'validation.tsv').resolve()}",
        *options.set,
    ]


def save(figure: Figure, path: Path) -> None:
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})


def over_snr() -> Figure:
    """Draw what runs over fading channels really spent, from the noise they really had."""
    figure = Figure(figsize=(6, 3.2))
    axes = figure.subplots()
    for name, marker in ((ScheduleName.STATIC, "o"), (ScheduleName.ONLINE, "x")):
        dearest = 0.0
        for seed in range(5):
            spent = [spent_epsilon(name, float(snr_db), seed) for snr_db in SNRS_DB]
            label = f"{name}, five fading sequences" if seed == 0 else None
            axes.plot(SNRS_DB, spent, marker, color="0.2", markersize=4, label=label)
            dearest = max(dearest, *spent)
        setting = f"dearest of {len(SNRS_DB)} SNRs and 5 fading sequences"
        emit(Row(f"epsilon spent, {name}", dearest, "promised", 4.0, "", setting))
    axes.axhline(4.0, color="0.6", linewidth=0.8)
    axes.set_xlabel("mean SNR of a symbol (dB)")
    axes.set_ylabel("epsilon spent (promised: 4)")
    axes.set_ylim(0, 4.4)
    axes.legend()
    return figure


def spent_epsilon(schedule: ScheduleName, snr_db: float, seed: int) -> float:
    """Return the epsilon of the noise that a run over one Rayleigh fading sequence had."""
    rng = np.random.default_rng(seed)
    gains = np.abs(rng.standard_normal(N_ROUNDS) + 1j * rng.standard_normal(N_ROUNDS)) / 2**0.5
    client = Adjacency(Unit.CLIENT, Relation.REPLACE)
    trust = TrustModel.CHANNEL_NOISE_TRUSTED
    promise = Promise(client, trust, 4.0, 1e-3, 1.0, 1, 1.0, N_ROUNDS)
    receiver = ReceiverNoise(10 ** (-snr_db / 10), N_CHIPS)
    mus = []
    with tempfile.TemporaryDirectory() as folder:
        terms = promise.ledger_terms(node_names(N_NODES))
        with create_ledger(Path(folder) / "ledger", terms) as ledger:
            levels = round_levels(BudgetSchedule(schedule), promise)
            rounds = PrivateRounds(promise, levels, ledger, AnalogPayload, receiver)
            for index, gain in enumerate(gains):
                plan = TransmitPlan((Precoder(1.0 + 0j),) * N_NODES, float(gain), 1.0)
                quote = rounds.admit(index, plan)
                std = quote.noise_std
                own = (receiver.noise_power_bound / 2 / N_CHIPS) ** 0.5 / quote.plan.rx_amplitude
                total = np.hypot(std * N_NODES**0.5, own * (1 + 4 * std))
                mus.append(promise.sensitivity / total)
    return gaussian_epsilon(float(np.linalg.norm(mus)), promise.delta)


def schedules(n_seeds: int, common: Sequence[str]) -> Figure:
    """Draw the training loss under schedules that spend the same."""
    figure = Figure(figsize=(6, 3.2))
    axes = figure.subplots()
    private = [
        "privacy.protect=record",
        "privacy.batches=fixed",
        "privacy.neighbours=replace",  # one example more or less would change who is drawn
        "privacy.contraction=0.99",
    ]
    settings = {"no promise": [], **{n: [*private, f"privacy.schedule={n}"] for n in SCHEDULES}}
    print("| schedule | epsilon | accuracy after 300 rounds |\n|---|---|---|")
    free_loss = math.nan
    for (name, chosen), style in zip(settings.items(), ("-", "-", "--", ":", "-."), strict=True):
        runs = [finished([*common, *chosen, f"run.seed={k + 1}"]) for k in range(n_seeds)]
        losses = np.mean([[r.loss for r in run.rounds] for run in runs], axis=0)
        smooth = np.convolve(losses, np.ones(30) / 30, mode="valid")
        colour = "0.7" if name == "no promise" else "0.1"
        axes.plot(np.arange(len(smooth)) + 30, smooth, style, color=colour, label=name)
        promised = "none" if name == "no promise" else "8"
        print(f"| {name} | {promised} | {scores(runs)} |", flush=True)
        last = float(smooth[-1])
        if name == "no promise":
            free_loss = last
        else:
            setting = f"epsilon {promised}, {n_seeds} seeds"
            emit(Row(f"loss after, {name}", last, "no promise", free_loss, "nat", setting))
    axes.set_xlabel("round")
    axes.set_ylabel("training loss, mean of 30 rounds (nat)")
    axes.legend()
    return figure


def table(n_seeds: int, common: Sequence[str]) -> None:
    """Print the accuracy over epsilon of every scheme."""
    print("| scheme | " + " | ".join(f"epsilon {e:g}" for e in EPSILONS) + " | no promise |")
    print("|---" * (len(EPSILONS) + 2) + "|")
    for name, scheme in SCHEMES.items():
        cells = []
        for promise in [*EPSILONS, None]:
            chosen = ["privacy.protect=record", f"privacy.epsilon={promise}"] if promise else []
            runs = [
                finished([*common, *scheme, *chosen, f"run.seed={seed + 1}"])
                for seed in range(n_seeds)
            ]
            cells.append(scores(runs))
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def finished(settings: Sequence[str]) -> RunRecord:
    """Run an experiment in silence and return its records."""
    with tempfile.TemporaryDirectory() as folder:
        silence = io.StringIO()
        with contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
            run_command(None, [*settings, f"run.folder={folder}"])
        (run,) = Path(folder).iterdir()
        return read_run(run)


def scores(runs: Sequence[RunRecord]) -> str:
    """Return the last scores of several runs, as mean and range."""
    last = [run.evaluations[-1].score for run in runs]
    return f"{statistics.fmean(last):.3f} ({min(last):.3f} to {max(last):.3f})"


if __name__ == "__main__":
    main()
