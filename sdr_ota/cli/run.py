"""`sdr-ota run`: open the bench, load the clients, go round by round, write it all down."""

import platform
import resource
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from types import FrameType

from ota_calibration.ledger import BudgetSpent

from sdr_ota.cli.bench import air_s_per_round, link_of, open_bench, planner_of, settings_of
from sdr_ota.cli.failure import INTERRUPTED, WRONG_USE, CommandFailed
from sdr_ota.cli.learning import Learning, model_learning, synthetic_learning
from sdr_ota.cli.plots import save_plots
from sdr_ota.cli.privacy import admission
from sdr_ota.cli.progress import RunView, live_view
from sdr_ota.cli.report import print_report
from sdr_ota.config import Config, ConfigError, load_config
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
    home = experiment.parent if experiment else Path()
    with _terminated_is_interrupted():
        try:
            why = _run(config, home, folder)
        except KeyboardInterrupt:
            _stop(folder, "abort", "interrupted by the user")
            text = f"interrupted; what was done is in {folder.path}"
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
    with live_view(config.run.rounds) as view, open_bench(config) as bench:
        folder.write_start(_start_record(config, bench, None))
        if config.clients.source == "synthetic":
            learning = synthetic_learning(config)
        else:
            learning = model_learning(config, home, folder.path / "journal.jsonl", view.preparing)
        folder.write_start(_start_record(config, bench, learning.n_parameters))
        try:
            with learning.threads():
                return _go_round(config, bench, learning, folder, view)
        finally:
            learning.close()


def _go_round(
    config: Config, bench: Bench, learning: Learning, folder: RunFolder, view: RunView
) -> str:
    """Run all rounds, or as many as the privacy budget pays for, and say why it ended."""
    link = link_of(config)
    schedule = Schedule(config.run.rounds, config.run.seed, config.link.sounding_every)
    planner = planner_of(config, link)
    done = 0
    _evaluate(done, learning, folder, view)
    try:
        with admission(config, bench, link, folder.path, learning.sampling_rate) as admit:
            experiment = Experiment(learning.clients, bench, link, planner, admit, schedule)
            for result in run_experiment(experiment):
                folder.append_round(result)
                view.round_done(result)
                done = result.round + 1
                if done % config.run.evaluate_every == 0 or done == config.run.rounds:
                    _evaluate(done, learning, folder, view)
    except learning.failures as lost:
        raise CommandFailed(str(lost)) from lost
    except BudgetSpent as spent:
        _evaluate(done, learning, folder, view)
        return f"{spent}; {done} of {config.run.rounds} rounds done"
    rounds = read_run(folder.path).rounds
    if all(r.erasure for r in rounds):
        last = rounds[-1]
        raise CommandFailed(f"every round was erased; the last: {last.erasure}: {last.detail}")
    return "all rounds done"


def _evaluate(rounds_done: int, learning: Learning, folder: RunFolder, view: RunView) -> None:
    if learning.evaluate is None:
        return
    accuracy = learning.evaluate()
    folder.append_evaluation(Evaluation(rounds_done, accuracy))
    view.evaluated(rounds_done, accuracy)


def _start_record(config: Config, bench: Bench, n_parameters: int | None) -> Mapping[str, object]:
    """Return all that is known before the first round; the model's size once it is loaded."""
    radios = (bench.receiver, *bench.nodes)
    return {
        "config": config.model_dump(),
        "payload": config.link.payload,
        "n_parameters": n_parameters,
        "air_s_per_round": air_s_per_round(config),
        "radios": [asdict(radio.info) for radio in radios],
        "settings": asdict(settings_of(config)),
        "versions": _versions(),
        "git": _git_state(),
        "machine": platform.platform(),
    }


def _versions() -> Mapping[str, str]:
    names = ("sdr-ota", "numpy", "scipy", "torch", "transformers", "numba")
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _git_state() -> str | None:
    """Return the commit of the code, marked if it was changed; None outside a checkout."""
    command = ["git", "describe", "--always", "--dirty"]
    home = Path(__file__).parent
    try:
        said = subprocess.run(command, cwd=home, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return said.stdout.strip()


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
