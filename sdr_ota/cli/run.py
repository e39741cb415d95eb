"""`sdr-ota run`: open the bench, load the clients, go round by round, write it all down."""

import resource
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from ota_calibration.ledger import BudgetSpent

from sdr_ota.cli.bench import link_of, open_bench, planner_of, simulated_air
from sdr_ota.cli.checkpoint import Standing, load_standing, save_standing
from sdr_ota.cli.failure import INTERRUPTED, WRONG_USE, CommandFailed
from sdr_ota.cli.learning import JOURNAL, Learning, model_learning, synthetic_learning
from sdr_ota.cli.plots import save_plots
from sdr_ota.cli.privacy import admission
from sdr_ota.cli.progress import RunView, live_view
from sdr_ota.cli.report import print_report
from sdr_ota.cli.start_record import start_record
from sdr_ota.config import Config, ConfigError, load_config, restore_config
from sdr_ota.exchange import Bench
from sdr_ota.experiment import Experiment, Schedule, run_experiment
from sdr_ota.records import Ending, Evaluation, RunFolder, RunFolderError, read_run


def run_command(experiment: Path | None, settings: Sequence[str]) -> None:
    """Run an experiment from a config file, or the demo without one."""
    try:
        config = load_config(experiment, settings)
        folder = RunFolder.create(Path(config.run.folder).expanduser())
    except (ConfigError, RunFolderError) as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    _run_to_the_end(config, experiment.parent if experiment else Path(), folder)


def resume_command(path: Path) -> None:
    """Continue a run that was interrupted: same seeds, world, model and ledger."""
    try:
        run = read_run(path)
        config = restore_config(run.start.get("config"))
    except (ConfigError, RunFolderError) as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    _run_to_the_end(config, Path(str(run.start["home"])), RunFolder(path))


def _run_to_the_end(config: Config, home: Path, folder: RunFolder) -> None:
    """Run what is left, write how it ended, print and plot the figures."""
    with _terminated_is_interrupted():
        try:
            why = _run(config, home, folder)
        except KeyboardInterrupt:
            _stop(folder, "abort", "interrupted by the user")
            text = f"interrupted; go on with: sdr-ota run --resume {folder.path}"
            raise CommandFailed(text, INTERRUPTED) from None
        except CommandFailed as failure:
            _stop(folder, "fail", str(failure))
            raise
        except OSError as error:
            _stop(folder, "fail", str(error))
            raise CommandFailed(f"cannot write {folder.path}: {error.strerror}") from error
        except Exception as broken:
            _stop(folder, "fail", f"{type(broken).__name__}: {broken}")
            raise
    _stop(folder, "success", why)
    run = read_run(folder.path)
    save_plots(run)
    print_report(run)


def _run(config: Config, home: Path, folder: RunFolder) -> str:
    """Run what is left of an experiment and say why it ended."""
    standing = load_standing(folder.path)
    if standing is None:
        standing = Standing(simulated_air(config), planner_of(config, link_of(config)))
    # What a crash left of a round that was not finished is done again.
    n_updates = folder.keep_rounds(standing.position.next_round)
    with live_view(config.run.rounds) as view, open_bench(config, standing.air) as bench:
        folder.write_start(start_record(config, home, bench))
        if config.clients.source == "synthetic":
            learning = synthetic_learning(config)
        else:
            journal = folder.path / JOURNAL
            learning = model_learning(config, home, journal, n_updates, view.preparing)
        learned = {"n_parameters": learning.n_parameters, "score_name": learning.score_name}
        folder.write_start({**start_record(config, home, bench), **learned})
        try:
            with learning.threads():
                return _go_round(config, bench, learning, folder, view, standing)
        finally:
            learning.close()


def _go_round(
    config: Config,
    bench: Bench,
    learning: Learning,
    folder: RunFolder,
    view: RunView,
    standing: Standing,
) -> str:
    """Run all rounds, or as many as the privacy budget pays for, and say why it ended."""
    link, position = link_of(config), standing.position
    schedule = Schedule(config.run.rounds, config.run.seed, config.link.sounding_every)
    if position.next_round == 0:
        _evaluate(0, learning, folder, view)
    try:
        with admission(config, bench, link, folder.path, learning.sampling_rate) as admit:
            experiment = Experiment(
                learning.clients, bench, link, standing.planner, admit, schedule
            )
            for result in run_experiment(experiment, position):
                folder.append_round(result)
                view.round_done(result)
                done = position.next_round
                if done % config.run.evaluate_every == 0 or done == config.run.rounds:
                    _evaluate(done, learning, folder, view)
                if learning.is_settled():
                    save_standing(standing, folder.path)
    except learning.failures as lost:
        raise CommandFailed(str(lost)) from lost
    except BudgetSpent as spent:
        _evaluate(position.next_round, learning, folder, view)
        return f"{spent}; {position.next_round} of {config.run.rounds} rounds done"
    rounds = read_run(folder.path).rounds
    if all(r.erasure for r in rounds):
        last = rounds[-1]
        raise CommandFailed(f"every round was erased; the last: {last.erasure}: {last.detail}")
    return "all rounds done"


def _evaluate(rounds_done: int, learning: Learning, folder: RunFolder, view: RunView) -> None:
    if learning.evaluate is None:
        return
    score = learning.evaluate()
    folder.append_evaluation(Evaluation(rounds_done, score))
    view.evaluated(rounds_done, learning.score_name, score)


def _stop(folder: RunFolder, ending: Ending, why: str) -> None:
    """Write the run's end; a disk that takes nothing more must not hide why it ended."""
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with suppress(OSError):
        folder.write_stop(ending, why, peak_kib * 1024)


@contextmanager
def _terminated_is_interrupted() -> Iterator[None]:
    """Let SIGTERM end a run as cleanly as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
