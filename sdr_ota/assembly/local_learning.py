"""Clients that share one model, in this process: a simulation's cohort."""

from dataclasses import replace
from pathlib import Path

from sdr_ota.assembly.data_set import data_set_of
from sdr_ota.assembly.learning import Learning, client_parts, rate_of, task_of, training_of
from sdr_ota.assembly.objective import probe_passes
from sdr_ota.assembly.trained_copy import load_scored, with_journal
from sdr_ota.assembly.trained_model import Progress
from sdr_ota.config.digest import config_digest
from sdr_ota.config.load import Config
from zo_core.client import Cohort


def local_learning(
    config: Config, home: Path, journal_path: Path, n_updates: int, progress: Progress
) -> Learning:
    """Load model and data, and deal the data out among the clients.

    Args:
        config: The experiment.
        home: Folder to which file names in the config are relative.
        journal_path: File for the journal; one that is there is replayed.
        n_updates: How many of its updates count; what follows them is cut off.
        progress: Told of the steps while a small model is prepared.
    """
    parts = client_parts(config, home, task_of(config.data))
    sampling_rate = rate_of(config, parts)
    scored = load_scored(config, home, progress)
    training = training_of(config, sampling_rate, probe_passes(config, scored.model))
    copy = with_journal(scored, journal_path, n_updates, training, config_digest(config))
    encoded = [scored.objective.encode(part) for part in parts]
    cohort = Cohort(
        scored.model,
        scored.objective.losses,
        encoded,
        training,
        on_update=copy.append,
        past_updates=copy.past,
    )
    learning = copy.learning(cohort.clients, lambda: cohort.at_step_boundary)
    told = dict(learning.unknown_token_share)
    if config.privacy.protect == "nothing":  # of private examples no figure is published
        told["training"] = scored.objective.unknown_share([one for part in encoded for one in part])
    return replace(
        learning,
        sampling_rate=sampling_rate,
        data_set=data_set_of(config, home),
        unknown_token_share=told,
    )
