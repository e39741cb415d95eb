"""From a run folder to the receiver that decodes its captures again."""

from collections.abc import Sequence
from pathlib import Path

from sdr_ota.assembly.bench import receiving
from sdr_ota.assembly.checked_run import checked_run
from sdr_ota.config.load import Config, ConfigError, changed_config
from sdr_ota.config.parts import link_of, with_sent_frame
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.runs.capture_check import check_captured_round
from sdr_ota.runs.captures import CaptureError, read_capture, stored_captures
from sdr_ota.runs.replay import ReplayedRound, replay_capture
from sdr_ota.runs.run_folder import RunFolderError, RunRecord

DECODING_TABLES = ("link", "frame", "receiver")
"""Tables of a configuration that say how a capture is decoded."""

SENT_KEY = "frame.symbols"
"""How many sums there are is no question of the receiver's."""


def replay_run(run: Path, settings: Sequence[str]) -> tuple[list[ReplayedRound], list[str]]:
    """Decode a run's captures again.

    Args:
        run: Its folder.
        settings: Keys of the receiver's side to change, as ``table.key=value``.

    Returns:
        A record for every capture that can be read; a sentence for every one that cannot.

    Raises:
        CommandFailed: If there are no captures, or a setting is not for the receiver.
    """
    record, config = decoding_config(run, settings)
    paths = stored_captures(run)
    if not paths:
        raise CommandFailed(
            f"{run} holds no captures; keep some with --set captures.every=N when you run it",
            WRONG_USE,
        )
    rounds: list[ReplayedRound] = []
    damaged: list[str] = []
    with receiving(link_of(config), config) as link:
        for path in paths:
            try:
                stored = read_capture(path)
                check_captured_round(stored.result, record.rounds)
                rounds.extend(replay_capture(stored, link))
            except ValueError as wrong:  # a `CaptureError` is one, and names its file
                text = str(wrong) if isinstance(wrong, CaptureError) else f"{path}: {wrong}"
                damaged.append(text)
    return rounds, damaged


def decoding_config(run: Path, settings: Sequence[str]) -> tuple[RunRecord, Config]:
    """Return a run, and its configuration with some keys of the receiver's side changed."""
    for setting in settings:
        if not is_of_the_receiver(setting.partition("=")[0].strip()):
            raise CommandFailed(
                f"--set {setting}: what was sent cannot be changed any more; a replay takes keys "
                f"of the tables {', '.join(DECODING_TABLES)}, without {SENT_KEY}",
                WRONG_USE,
            )
    try:
        record, config, _ = checked_run(run, settings)
        return record, changed_config(with_sent_frame(config), settings)
    except (ConfigError, RunFolderError) as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong


def is_of_the_receiver(key: str) -> bool:
    """Return whether a key ``table.name`` of a configuration concerns decoding alone."""
    return key.partition(".")[0] in DECODING_TABLES and key != SENT_KEY
