"""What is in a recording, whoever made it: its level, and the preambles of frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sdr_ota.config.load import ConfigError, load_config
from sdr_ota.config.parts import link_of
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.receiver.burst_stream import BurstSearch
from sdr_ota.rounds.exchange import Link
from sdr_ota.runs.capture_record import link_of as recorded_link
from sdr_ota.runs.captures import read_capture
from sdr_ota.runs.recording import CaptureError
from sdr_ota.runs.replay import replay_capture
from sdr_ota.signal.iq_file import DATA, META, IqFile, read_iq_file
from sdr_ota.signal.iq_words import IqFileError
from sdr_ota.signal.level import Level, level_of
from sdr_ota.types import Samples
from sdr_ota.units import power_to_db

MOST_CLIPPED = 1e-3
"""More of the samples at full scale are a fault of the level."""


@dataclass(frozen=True)
class FoundFrame:
    """A preamble.

    Attributes:
        start_s: Of its first sample, from the recording's.
        cfo_hz: Its carrier offset.
        metric: Share of the window's energy that is the chirp's, 0 to 1.
        power_dbfs: Of the chirp, full scale 0 dB; up to 4 dB low, where it falls between the
            search's samples.
    """

    start_s: float
    cfo_hz: float
    metric: float
    power_dbfs: float


@dataclass(frozen=True)
class Findings:
    """What a recording holds.

    Attributes:
        n_samples: Its length.
        sample_rate_hz: Samples a second.
        level: Of all its samples.
        frames: Preambles in order of time.
        why_none: Where there is no frame, what to check; else empty.
    """

    n_samples: int
    sample_rate_hz: float
    level: Level
    frames: tuple[FoundFrame, ...]
    why_none: str


def look_into(path: Path, sample_rate_hz: float | None, settings: Sequence[str]) -> Findings:
    """Search a recording for frames.

    Args:
        path: As `read_iq_file`.
        sample_rate_hz: Of files that do not say theirs.
        settings: ``table.key=value``: the frame that is looked for, where the recording does not
            say how it was sent.

    Raises:
        CommandFailed: If it cannot be read, or a setting not be used.
    """
    try:
        file = read_iq_file(path, sample_rate_hz)
        samples = file.samples()
    except IqFileError as wrong:
        said = str(wrong)
        raise CommandFailed(said if str(path) in said else f"{path}: {said}", WRONG_USE) from wrong
    if file.sample_rate_hz is None:
        raise CommandFailed(f"{path} does not say its sample rate: add --rate HZ", WRONG_USE)
    return _findings(samples, file.sample_rate_hz, _link(file, settings))


def _link(file: IqFile, settings: Sequence[str]) -> Link:
    """Return the link that the recording carries, or the one that is asked for."""
    try:
        carried = file.described.get("ota:link")
        if carried is not None and not settings:
            return recorded_link(carried)
        return link_of(
            load_config(None, [f"radio.sample_rate_hz={file.sample_rate_hz}", *settings])
        )
    except (ConfigError, KeyError, TypeError, ValueError) as wrong:
        raise CommandFailed(f"no frame can be looked for: {wrong}", WRONG_USE) from wrong


def _findings(samples: Samples, rate_hz: float, link: Link) -> Findings:
    search = BurstSearch(link.frame, link.max_cfo_hz / rate_hz)
    bursts, best = search.find(samples) if len(samples) >= link.frame.n_preamble else ([], 0.0)
    frames = tuple(
        FoundFrame(
            (burst.first + burst.detection.start) / rate_hz,
            burst.detection.cfo * rate_hz,
            burst.detection.metric,
            power_to_db(max(burst.power, 1e-30)),
        )
        for burst in bursts
    )
    return Findings(
        n_samples=len(samples),
        sample_rate_hz=rate_hz,
        level=level_of(samples),
        frames=frames,
        why_none="" if frames else _why_none(samples, link, best, search.threshold),
    )


def _why_none(samples: Samples, link: Link, best: float, threshold: float) -> str:
    frame = link.frame
    if len(samples) < frame.n_preamble:
        return f"{len(samples)} samples are fewer than a preamble's {frame.n_preamble}: record more"
    if not samples.any():
        return "all samples are zero: the receiver was not connected, or had not begun"
    clipped = level_of(samples).clipped_share
    level = f"{100 * clipped:.1f} % of the samples are at full scale: less gain; "
    return (
        f"{level if clipped > MOST_CLIPPED else ''}no preamble of {frame.n_chirp}-sample chirps "
        f"within {link.max_cfo_hz:g} Hz: largest metric {best:.4f}, threshold {threshold:.4f}. "
        "Check --rate, then --set frame.chirp_samples=..., --set link.max_cfo_hz=..., then level "
        "and frequency"
    )


def recorded_sum(path: Path) -> str | None:
    """Decode the sum of a capture of ours as it was sent.

    Returns:
        A line with the sum or the erasure; None for a recording of somebody else.
    """
    if path.suffix not in {META, DATA} or "ota:result" not in read_iq_file(path).described:
        return None
    try:
        stored = read_capture(path.with_suffix(META))
        replayed = [each.new for each in replay_capture(stored, stored.link)]
    except CaptureError as wrong:
        raise CommandFailed(str(wrong)) from wrong
    sums = [(new.decoded_sum, new.decoded_std) for new in replayed if new.decoded_sum is not None]
    if len(sums) < len(replayed):
        lost = next(new for new in replayed if new.decoded_sum is None)
        return f"round {stored.result.round}: erased, {lost.erasure}: {lost.detail}"
    scheme, n_nodes = stored.link.scheme, stored.reception.n_nodes
    told = "; ".join(f"sum {value:.6g}, deviation {std:.3g}" for value, std in sums)
    return f"round {stored.result.round}: {told} ({type(scheme).__name__}, {n_nodes} nodes)"
