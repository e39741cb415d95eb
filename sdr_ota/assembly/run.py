"""A whole run: open the bench, load the clients, go round by round, write it all down."""

import resource
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ota_calibration.privacy.ledger import BudgetSpent
from ota_calibration.privacy.ledger_digest import LedgerDigest
from ota_calibration.privacy.spending import LEDGER

from sdr_ota.assembly.bench import open_bench, receiving
from sdr_ota.assembly.fresh_records import required_records
from sdr_ota.assembly.learning import JOURNAL, Learning, model_learning, synthetic_learning
from sdr_ota.assembly.planner import planner_of
from sdr_ota.assembly.privacy import admission
from sdr_ota.assembly.resumed_run import ResumedRun, resumed_run
from sdr_ota.assembly.scheme_choice import with_chosen_scheme
from sdr_ota.assembly.sounding_record import sounding_record
from sdr_ota.assembly.start_record import resume_line, start_record
from sdr_ota.config.air_time import gradient_air_s_per_round
from sdr_ota.config.digest import config_digest
from sdr_ota.config.load import Config, ConfigError, load_config
from sdr_ota.config.parts import link_of, simulated_air
from sdr_ota.failure import INTERRUPTED, WRONG_USE, CommandFailed
from sdr_ota.interruption import Interruption
from sdr_ota.report.progress import RunView, run_view
from sdr_ota.rounds.duty import DutyLimit
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.rounds.present_nodes import present_only
from sdr_ota.rounds.round import Experiment, Planner, RoundResult, Schedule, run_experiment
from sdr_ota.runs.capture_folder import CaptureFolder
from sdr_ota.runs.checkpoint import RunState, save_run_state
from sdr_ota.runs.consistency import ALL_DONE
from sdr_ota.runs.owner_only import owner_only
from sdr_ota.runs.run_folder import Ending, Evaluation, RunFolder, RunFolderError, read_run
from sdr_ota.runs.run_lock import run_lock


def start_run(experiment: Path | None, settings: Sequence[str] = ()) -> Path:
    """Run an experiment from a config file, or the demo without one; return its run folder.

    Raises:
        CommandFailed: If it cannot begin, or ends before its last round; its folder says why.
    """
    try:
        config = with_chosen_scheme(load_config(experiment, settings))
    except ConfigError as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    home, name = experiment.parent if experiment else Path(), str(experiment or "")
    with owner_only(config.privacy.protect != "nothing"):
        try:
            folder = RunFolder.create(Path(config.run.folder).expanduser())
            with run_lock(folder.path):
                _run_to_the_end(config, home, folder, name, None)
        except RunFolderError as wrong:
            raise CommandFailed(str(wrong), WRONG_USE) from wrong
    return folder.path


def resume_run(path: Path, more_rounds: int = 0) -> bool:
    """Continue a run that was interrupted: same seeds, world, model and ledger.

    Args:
        path: Its folder.
        more_rounds: Rounds to add to those that were planned.

    Returns:
        Whether anything was left to do; otherwise nothing was touched.

    Raises:
        CommandFailed: If it cannot go on, or ends before its last round.
    """
    try:
        read_run(path)  # no lock is left in what is no run folder
        with run_lock(path):
            earlier = resumed_run(path, more_rounds)
            if earlier is None:
                return False
            home, name = Path(earlier.run.start["home"]), earlier.run.start["config_file"]
            with owner_only(earlier.config.privacy.protect != "nothing"):
                _run_to_the_end(earlier.config, home, RunFolder(path), name, earlier)
    except (ConfigError, RunFolderError) as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    return True


def _run_to_the_end(
    config: Config, home: Path, folder: RunFolder, name: str, earlier: ResumedRun | None
) -> None:
    """Run what is left and write how it ended.

    Args:
        config: The experiment.
        home: Folder to which file names in it are relative.
        folder: Of the run.
        name: Of the config file, for messages.
        earlier: What was done before; None for a new run.
    """
    with Interruption() as interruption:
        try:
            why = _run(config, home, folder, interruption, name, earlier)
        except KeyboardInterrupt:
            _stop(folder, "abort", "interrupted by the user")
            text = f"interrupted; go on with: sdr-ota run --resume {folder.path}"
            raise CommandFailed(text, INTERRUPTED) from None
        except CommandFailed as failure:
            _stop(folder, "fail", str(failure))
            raise
        except RunFolderError as damaged:
            _stop(folder, "fail", str(damaged))
            raise
        except OSError as error:
            _stop(folder, "fail", str(error))
            raise CommandFailed(_cannot_write(folder, error)) from error
        except Exception as broken:
            _stop(folder, "fail", f"{type(broken).__name__}: {broken}")
            raise
    _stop(folder, "success", why)


def _cannot_write(folder: RunFolder, error: OSError) -> str:
    text = f"cannot write {error.filename or folder.path}: {error.strerror or error}"
    if not (folder.path / "start.json").is_file():
        return text
    return f"{text}; make room and go on with: sdr-ota run --resume {folder.path}"


def _run(
    config: Config,
    home: Path,
    folder: RunFolder,
    interruption: Interruption,
    name: str,
    earlier: ResumedRun | None,
) -> str:
    """Run what is left of an experiment and say why it ended."""
    standing = RunState(simulated_air(config), planner_of(config, link_of(config)))
    if earlier is not None:
        earlier.restore(standing)
    with run_view(config.run, folder.path) as view, open_bench(config, standing.air) as bench:
        told = _Told(folder, view, LedgerDigest(folder.path / LEDGER))
        start = {**start_record(config, home, bench), "config_file": name}
        start["calibration"] = required_records(config, home, bench, name)
        if earlier is None:
            folder.write_start(start)
        if config.clients.source == "synthetic":
            learning = synthetic_learning(config)
        else:
            journal, n_updates = folder.path / JOURNAL, earlier.n_updates if earlier else 0
            learning = model_learning(config, home, journal, n_updates, view.preparing)
        try:
            if earlier is not None:  # all that can be wrong with it has been looked at by now
                folder.write_resume(resume_line(start, earlier))
            # What a crash left of a round that was not finished is done again.
            folder.keep_rounds(standing.position.next_round)
            folder.write_start({**start, **_learned(config, learning)})
            with learning.threads(), receiving(link_of(config), config) as link:
                return _go_round(config, (bench, link), learning, standing, told, interruption)
        finally:
            learning.close()


def _go_round(
    config: Config,
    carrier: tuple[Bench, Link],
    learning: Learning,
    standing: RunState,
    told: "_Told",
    interruption: Interruption,
) -> str:
    """Run all rounds, or as many as the privacy budget pays for, and say why it ended."""
    (bench, link), position = carrier, standing.position
    schedule = Schedule(config.run.rounds, config.run.seed, config.link.sounding_every)
    captures = CaptureFolder(told.folder.path, config.captures, link, bench)
    captures.keep_before(position.next_round)
    if position.next_round == 0:
        told.evaluate(0, learning)
    try:
        with admission(config, bench, link, told.folder.path, learning.sampling_rate) as admit:
            experiment = Experiment(
                learning.clients,
                bench,
                link,
                present_only(standing.planner, learning.absent),
                admit,
                schedule,
                captures.observe,
            )
            duty = DutyLimit(_max_duty_cycle(config))
            digest = config_digest(config)
            for result in run_experiment(experiment, position):
                duty.count(result.compute_s)
                told.round_done(result, standing.planner)
                done = position.next_round
                if done % config.run.evaluate_every == 0 or done == config.run.rounds:
                    told.evaluate(done, learning)
                if learning.at_step_boundary():
                    save_run_state(standing, told.folder.path, digest, told.ledger_digest())
                interruption.check()
                duty.rest()
    except learning.failures as lost:
        raise CommandFailed(str(lost)) from lost
    except BudgetSpent as spent:
        told.evaluate(position.next_round, learning)
        return f"{spent}; {position.next_round} of {config.run.rounds} rounds done"
    rounds = read_run(told.folder.path).rounds
    if all(r.erasure for r in rounds):
        last = rounds[-1]
        raise CommandFailed(f"every round was erased; the last: {last.erasure}: {last.detail}")
    return ALL_DONE


def _learned(config: Config, learning: Learning) -> dict[str, object]:
    """Return what is known once model and data are loaded."""
    n_weights = learning.n_parameters
    return {
        "n_parameters": n_weights,
        "score_name": learning.score_name,
        "gradient_air_s_per_round": n_weights and gradient_air_s_per_round(config, n_weights),
    }


def _max_duty_cycle(config: Config) -> float:
    """Return the limit of the band in use; simulated radios have none."""
    band = config.band_in_use
    return 1.0 if band is None or config.radio.is_simulated else band.max_duty_cycle


@dataclass(frozen=True)
class _Told:
    """Who is told how the run goes: the folder and the person who watches."""

    folder: RunFolder
    view: RunView
    ledger_digest: Callable[[], str | None]

    def round_done(self, result: RoundResult, planner: Planner) -> None:
        """Tell of a round, of what it was paid from, and of the sounding before it."""
        result = replace(result, ledger_digest=self.ledger_digest())
        self.folder.append_round(result)
        if result.sounding_s:
            self.folder.append_sounding(sounding_record(result.round, planner))
        self.view.round_done(result)

    def evaluate(self, rounds_done: int, learning: Learning) -> None:
        """Score the model if it can be scored, and tell."""
        if learning.evaluate is None:
            return
        score = learning.evaluate()
        self.folder.append_evaluation(Evaluation(rounds_done, score))
        self.view.evaluated(rounds_done, learning.score_name, score)


def _stop(folder: RunFolder, ending: Ending, why: str) -> None:
    """Write the run's end; a disk that takes nothing more must not hide why it ended.

    A run that could not be resumed keeps the record of its earlier end.
    """
    if not folder.has_begun:
        return
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with suppress(OSError):
        folder.write_stop(ending, why, peak_kib * 1024)
