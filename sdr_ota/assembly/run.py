"""A whole run: open the bench, load who takes part, go round by round, write how it ended."""

import logging
import resource
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ota_calibration.privacy.ledger_digest import LedgerDigest
from ota_calibration.privacy.spending import LEDGER

from sdr_ota.assembly.bench import open_radios_here, receiving
from sdr_ota.assembly.calibrated import path_start, with_calibrated_chips
from sdr_ota.assembly.channel_span import check_channel_lasts
from sdr_ota.assembly.fresh_records import required_records
from sdr_ota.assembly.learning import JOURNAL, Learning
from sdr_ota.assembly.named_files import check_named_files
from sdr_ota.assembly.partners import partners_of
from sdr_ota.assembly.planner import planner_of
from sdr_ota.assembly.resumed_run import ResumedRun, resumed_run
from sdr_ota.assembly.run_rounds import RunWatch, go_round
from sdr_ota.assembly.scheme_choice import with_chosen_scheme
from sdr_ota.assembly.start_record import radios_of, resume_line, start_record
from sdr_ota.assembly.unknown_tokens import warn_of_unknown_tokens
from sdr_ota.config.air_time import gradient_air_s_per_round
from sdr_ota.config.load import Config, ConfigError, load_config
from sdr_ota.config.parts import link_of, simulated_air
from sdr_ota.failure import INTERRUPTED, NO_RADIO, WRONG_USE, CommandFailed
from sdr_ota.process.interruption import Interruption
from sdr_ota.report.progress import OpenLive, run_view
from sdr_ota.runs.checkpoint import CHECKPOINT, RunState
from sdr_ota.runs.owner_only import owner_only
from sdr_ota.runs.run_folder import Ending, RunFolder, RunFolderError, read_run
from sdr_ota.runs.run_lock import run_lock

_log = logging.getLogger(__name__)


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
    with owner_only(config.privacy.protect != "nothing"):
        try:
            config, why = with_calibrated_chips(with_chosen_scheme(config), origin.home)
            if why:
                _log.warning("chips of %d samples: %s", config.chip_length.samples, why)
            check_channel_lasts(config)
            folder = RunFolder.create(Path(config.run.folder).expanduser())
            with run_lock(folder.path):
                _run_to_the_end(config, origin, folder, None, open_live)
        except (ConfigError, RunFolderError) as wrong:
            raise CommandFailed(str(wrong), WRONG_USE) from wrong
    return folder.path


def resume_run(path: Path, more_rounds: int = 0, open_live: OpenLive | None = None) -> bool:
    """Continue a run that was interrupted: same seeds, world, model and ledger.

    Args:
        path: Its folder.
        more_rounds: Rounds to add to those that were planned.
        open_live: Opens what shows the run as it goes on; None for standard error.

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
            check_channel_lasts(earlier.config)
            check_named_files(earlier)
            origin = Origin(Path(earlier.run.start["home"]), earlier.run.start["config_file"])
            with owner_only(earlier.config.privacy.protect != "nothing"):
                _run_to_the_end(earlier.config, origin, RunFolder(path), earlier, open_live)
    except (ConfigError, RunFolderError) as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    return True


def _run_to_the_end(
    config: Config,
    origin: Origin,
    folder: RunFolder,
    earlier: ResumedRun | None,
    open_live: OpenLive | None,
) -> None:
    """Run what is left and write how it ended.

    Args:
        config: The experiment.
        origin: Where the config comes from.
        folder: Of the run.
        earlier: What was done before; None for a new run.
        open_live: Opens what shows the run as it goes on; None for standard error.
    """
    with Interruption() as interruption:
        try:
            with run_view(config.run, folder.path, open_live) as view:
                watch = RunWatch(folder, view, LedgerDigest(folder.path / LEDGER), interruption)
                why = _run(config, origin, watch, earlier)
        except KeyboardInterrupt:
            raise _interrupted(folder, interruption) from None
        except CommandFailed as failure:
            _stop(folder, "fail", str(failure))
            raise _with_way_on(failure, folder) from failure
        except RunFolderError as damaged:
            _stop(folder, "fail", str(damaged))
            raise
        except OSError as error:
            if interruption.has_come:  # a terminal that has closed takes no words either
                raise _interrupted(folder, interruption) from None
            _stop(folder, "fail", str(error))
            raise CommandFailed(_cannot_write(folder, error)) from error
        except Exception as broken:
            if interruption.has_come:  # what was interrupted may have raised an error of its own
                raise _interrupted(folder, interruption) from None
            _stop(folder, "fail", f"{type(broken).__name__}: {broken}")
            raise
    _stop(folder, "success", why)


def _interrupted(folder: RunFolder, interruption: Interruption) -> CommandFailed:
    """Write down what asked for the end; return how the command fails."""
    _stop(folder, "abort", interruption.reason)
    text = f"interrupted; go on with: sdr-ota run --resume {folder.path}"
    return CommandFailed(text, INTERRUPTED)


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


def _run(config: Config, origin: Origin, watch: RunWatch, earlier: ResumedRun | None) -> str:
    """Run what is left of an experiment and say why it ended."""
    folder, home, name = watch.folder, origin.home, origin.name
    start_of_paths, told = path_start(config, home)
    _log.info("tracker %s", told)
    planner = planner_of(config, link_of(config), start_of_paths)
    state = RunState(simulated_air(config), planner)
    if earlier is not None:
        earlier.restore(state)
    n_updates = earlier.n_updates if earlier else 0
    with open_radios_here(config, state.air) as bench:
        start = {**start_record(config, home, bench), "config_file": name}
        start["calibration"] = required_records(config, home, bench, name)
        if earlier is None:
            folder.write_start(start)
        journal = folder.path / JOURNAL
        with partners_of(config, bench, home, journal, n_updates, watch.view.preparing) as partners:
            start.update(_learned(config, partners.learning))
            warn_of_unknown_tokens(partners.learning.unknown_token_share)
            start.update(radios_of(partners.bench))
            if earlier is not None:  # all that can be wrong with it has been looked at by now
                folder.write_resume(resume_line(start, earlier))
            # What a crash left of a round that was not finished is done again.
            folder.keep_rounds(state.position.next_round)
            folder.write_start(start)
            with partners.learning.threads(), receiving(link_of(config), config) as link:
                return go_round(config, link, partners, state, watch)


def _learned(config: Config, learning: Learning) -> dict[str, object]:
    """Return what is known once model and data are loaded."""
    n_weights = learning.n_parameters
    return {
        "n_parameters": n_weights,
        "score_name": learning.score_name,
        "unknown_token_share": dict(learning.unknown_token_share),
        "device": learning.device,
        "gradient_air_s_per_round": n_weights and gradient_air_s_per_round(config, n_weights),
    }


def _stop(folder: RunFolder, ending: Ending, why: str) -> None:
    """Write the run's end; a disk that takes nothing more must not hide why it ended.

    A run that could not be resumed keeps the record of its earlier end.
    """
    if not folder.has_begun:
        return
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with suppress(OSError):
        folder.write_stop(ending, why, peak_kib * 1024)
