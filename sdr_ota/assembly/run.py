"""A whole run: open the bench, load the clients, go round by round, write it all down."""

import resource
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ota_calibration.privacy.ledger import BudgetSpent

from sdr_ota.assembly.bench import open_bench, receiving
from sdr_ota.assembly.fresh_records import required_records
from sdr_ota.assembly.learning import JOURNAL, Learning
from sdr_ota.assembly.partners import Partners, partners_of
from sdr_ota.assembly.planner import TrackingPlanner, planner_of
from sdr_ota.assembly.privacy import admission
from sdr_ota.assembly.scheme_choice import with_chosen_scheme
from sdr_ota.assembly.server import server_of
from sdr_ota.assembly.sounding_record import sounding_record
from sdr_ota.assembly.start_record import radios_of, start_record
from sdr_ota.config.air_time import gradient_air_s_per_round
from sdr_ota.config.load import Config, ConfigError, load_config, restore_config
from sdr_ota.config.parts import link_of, max_duty_cycle, simulated_air
from sdr_ota.failure import INTERRUPTED, NO_RADIO, WRONG_USE, CommandFailed, EveryRoundErased
from sdr_ota.interruption import Interruption
from sdr_ota.report.progress import OpenLive, RunView, run_view
from sdr_ota.rounds.duty import DutyLimit
from sdr_ota.rounds.exchange import Link
from sdr_ota.rounds.patience import patiently
from sdr_ota.rounds.round import RoundResult, Schedule, run_rounds
from sdr_ota.rounds.server import Server
from sdr_ota.runs.capture_folder import CaptureFolder
from sdr_ota.runs.checkpoint import CHECKPOINT, RunState, load_run_state, save_run_state
from sdr_ota.runs.run_folder import Ending, Evaluation, RunFolder, RunFolderError, read_run


@dataclass(frozen=True)
class Origin:
    """Where a configuration comes from.

    Attributes:
        home: Folder to which file names in it are relative.
        name: Of its file, for messages; empty without one.
    """

    home: Path
    name: str


def start_run(experiment: Path | None, settings: Sequence[str] = ()) -> Path:
    """Run an experiment from a config file, or the demo without one; return its run folder.

    Raises:
        CommandFailed: If it cannot begin, or ends before its last round; its folder says why.
    """
    try:
        config = load_config(experiment, settings)
    except ConfigError as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    home = experiment.parent if experiment else Path()
    return run_config(config, Origin(home, str(experiment or "")))


def run_config(config: Config, origin: Origin, open_live: OpenLive | None = None) -> Path:
    """Run an experiment; return its run folder.

    Args:
        config: The experiment.
        origin: Where the config comes from.
        open_live: Opens what shows the run as it goes on; None for standard error.

    Raises:
        CommandFailed: If it cannot begin, or ends before its last round; its folder says why.
    """
    try:
        config = with_chosen_scheme(config)
        folder = RunFolder.create(Path(config.run.folder).expanduser())
    except (ConfigError, RunFolderError) as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    _run_to_the_end(config, origin, folder, None, open_live)
    return folder.path


def resume_run(path: Path, open_live: OpenLive | None = None) -> None:
    """Continue a run that was interrupted: same seeds, world, model and ledger.

    Args:
        path: Its folder.
        open_live: Opens what shows the run as it goes on; None for standard error.

    Raises:
        CommandFailed: If it cannot go on, or ends before its last round.
    """
    try:
        run = read_run(path)
        config = restore_config(run.start.get("config"))
    except (ConfigError, RunFolderError) as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    name = str(run.start.get("config_file", ""))
    standing = load_run_state(path)  # a run that cannot be continued keeps the record of its end
    origin = Origin(Path(str(run.start["home"])), name)
    _run_to_the_end(config, origin, RunFolder(path), standing, open_live)


def _run_to_the_end(
    config: Config,
    origin: Origin,
    folder: RunFolder,
    standing: RunState | None,
    open_live: OpenLive | None,
) -> None:
    """Run what is left and write how it ended.

    Args:
        config: The experiment.
        origin: Where the config comes from.
        folder: Of the run.
        standing: Where the run stood; None for one that has no round yet.
        open_live: Opens what shows the run as it goes on; None for standard error.
    """
    with Interruption() as interruption:
        try:
            with run_view(config.run, folder.path, open_live) as view:
                why = _run(config, origin, _Told(folder, view), interruption, standing)
        except KeyboardInterrupt:
            _stop(folder, "abort", "interrupted by the user")
            text = f"interrupted; go on with: sdr-ota run --resume {folder.path}"
            raise CommandFailed(text, INTERRUPTED) from None
        except CommandFailed as failure:
            _stop(folder, "fail", str(failure))
            raise _with_way_on(failure, folder) from failure
        except OSError as error:
            _stop(folder, "fail", str(error))
            raise CommandFailed(_cannot_write(folder, error)) from error
        except Exception as broken:
            _stop(folder, "fail", f"{type(broken).__name__}: {broken}")
            raise
    _stop(folder, "success", why)


def _with_way_on(failure: CommandFailed, folder: RunFolder) -> CommandFailed:
    """Tell how to go on once radios are back; other failures say themselves what to do."""
    if failure.exit_code != NO_RADIO or not (folder.path / CHECKPOINT).exists():
        return failure
    text = f"{failure}; go on with: sdr-ota run --resume {folder.path}"
    return CommandFailed(text, NO_RADIO)


def _cannot_write(folder: RunFolder, error: OSError) -> str:
    text = f"cannot write {error.filename or folder.path}: {error.strerror or error}"
    if not (folder.path / "start.json").is_file():
        return text
    return f"{text}; make room and go on with: sdr-ota run --resume {folder.path}"


def _run(
    config: Config,
    origin: Origin,
    told: "_Told",
    interruption: Interruption,
    standing: RunState | None,
) -> str:
    """Run what is left of an experiment and say why it ended."""
    folder, home, name = told.folder, origin.home, origin.name
    if standing is None:
        standing = RunState(simulated_air(config), planner_of(config, link_of(config)))
    # What a crash left of a round that was not finished is done again.
    n_updates = folder.keep_rounds(standing.position.next_round)
    with open_bench(config, standing.air) as bench:
        start = {**start_record(config, home, bench), "config_file": name}
        start["calibration"] = required_records(config, home, bench, name)
        folder.write_start(start)
        journal = folder.path / JOURNAL
        with partners_of(config, bench, home, journal, n_updates, told.view.preparing) as partners:
            learned = _learned(config, partners.learning)
            folder.write_start({**start, **learned, **radios_of(partners.bench)})
            with partners.learning.threads(), receiving(link_of(config), config) as link:
                return _go_round(config, link, partners, standing, told, interruption)


def _go_round(
    config: Config,
    link: Link,
    partners: Partners,
    standing: RunState,
    told: "_Told",
    interruption: Interruption,
) -> str:
    """Run all rounds, or as many as the privacy budget pays for, and say why it ended."""
    bench, learning, position = partners.bench, partners.learning, standing.position
    captures = CaptureFolder(told.folder.path, config.captures, link, bench)
    captures.keep_before(position.next_round)
    if position.next_round == 0:
        told.evaluate(0, learning)
    try:
        with admission(config, bench, link, told.folder.path, learning.sampling_rate) as admit:
            server = server_of(
                config,
                bench,
                link,
                partners.nodes,
                standing.planner,
                admit,
                standing.air,
                learning.followers,
            )
            _run_rounds(config, server, learning, standing, (told, captures), interruption)
    except learning.failures as lost:
        raise CommandFailed(str(lost)) from lost
    except BudgetSpent as spent:
        told.evaluate(position.next_round, learning)
        return f"{spent}; {position.next_round} of {config.run.rounds} rounds done"
    rounds = read_run(told.folder.path).rounds
    if all(r.erasure for r in rounds):
        last = rounds[-1]
        text = f"every round was erased; the last: {last.erasure}: {last.detail}"
        raise EveryRoundErased(text, told.folder.path)
    return "all rounds done"


def _run_rounds(
    config: Config,
    server: Server,
    learning: Learning,
    standing: RunState,
    observers: tuple["_Told", CaptureFolder],
    interruption: Interruption,
) -> None:
    """Go round by round; after each, write it down and save where the run stands."""
    told, captures = observers
    position, duty = standing.position, DutyLimit(max_duty_cycle(config))
    schedule = Schedule(config.run.rounds, config.run.seed, config.link.sounding_every)
    results = run_rounds(server, schedule, position, captures.observe)
    for result in patiently(results, config.radio.give_up_after):
        duty.count(result.compute_s)
        told.round_done(result, standing.planner)
        done = position.next_round
        if done % config.run.evaluate_every == 0 or done == config.run.rounds:
            told.evaluate(done, learning)
        if learning.at_step_boundary():
            save_run_state(standing, told.folder.path)
        interruption.check()
        duty.rest()


def _learned(config: Config, learning: Learning) -> dict[str, object]:
    """Return what is known once model and data are loaded."""
    n_weights = learning.n_parameters
    return {
        "n_parameters": n_weights,
        "score_name": learning.score_name,
        "gradient_air_s_per_round": n_weights and gradient_air_s_per_round(config, n_weights),
    }


@dataclass(frozen=True)
class _Told:
    """Who is told how the run goes: the folder and the person who watches."""

    folder: RunFolder
    view: RunView

    def round_done(self, result: RoundResult, planner: TrackingPlanner) -> None:
        """Tell of a round, and of the sounding before it."""
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
    """Write the run's end; a disk that takes nothing more must not hide why it ended."""
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with suppress(OSError):
        folder.write_stop(ending, why, peak_kib * 1024)
