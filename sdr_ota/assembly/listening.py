"""Listen to a radio, or to a recording, piece by piece; nothing is sent."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from rich.console import Console

from sdr_ota.config.parts import USABLE_BANDWIDTH
from sdr_ota.failure import NO_RADIO, WRONG_USE, CommandFailed
from sdr_ota.process.interruption import Interruption
from sdr_ota.radio.address import AddressError, open_radio
from sdr_ota.radio.base import Radio, RadioError, SettingNotTaken
from sdr_ota.receiver.reading import Reading, reading_of
from sdr_ota.report.level_output import level_output
from sdr_ota.report.watch.level_page import LevelPage, serving
from sdr_ota.signal.iq_file import IqFile, read_iq_file
from sdr_ota.signal.iq_words import IqFileError
from sdr_ota.types import RadioSettings, Samples

PIECE_S, MOST_SAMPLES, LEAST_SAMPLES = 0.1, 1 << 18, 256
"""Of a piece."""

INTERVAL_S = 0.25
"""Between two readings."""

_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Tuning:
    """What a receiver is set to.

    Attributes:
        center_freq_hz: Its carrier.
        sample_rate_hz: Samples a second; None for a recording's own, and 1 MS/s for a radio.
        rx_gain_db: Receive gain.
    """

    center_freq_hz: float
    sample_rate_hz: float | None
    rx_gain_db: float


@dataclass(frozen=True)
class Source:
    """Something that gives samples.

    Attributes:
        name: What it is, with its settings.
        sample_rate_hz: Samples a second.
        center_freq_hz: Its carrier; None for a recording.
        piece_at: Returns the piece at a time in seconds from the beginning; None at the end.
    """

    name: str
    sample_rate_hz: float
    center_freq_hz: float | None
    piece_at: Callable[[float], Samples | None]


@contextmanager
def open_source(place: str, tuning: Tuning) -> Iterator[Source]:
    """Open what is listened to: an address, or a recording.

    Args:
        place: ``driver=NAME,...``, or the path of a file as `read_iq_file` reads them.
        tuning: Of a radio.

    Raises:
        CommandFailed: If it cannot be opened, or set so, or goes away.
    """
    if not place.strip():
        raise CommandFailed(
            "ADDRESS is empty: give a radio, driver=NAME,..., or the path of a recording", WRONG_USE
        )
    if "driver=" not in place:
        yield _recording(Path(place), tuning.sample_rate_hz)
        return
    try:
        with open_radio(place) as radio:
            yield _radio(place, radio, tuning)
    except (AddressError, SettingNotTaken) as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    except RadioError as missing:
        raise CommandFailed(str(missing), NO_RADIO) from missing


def listen_command(
    place: str, tuning: Tuning, longest_s: float, as_json: bool, port: int | None
) -> None:
    """Show what is received until it ends, for so long, or until a signal.

    Args:
        place: An address or a recording.
        tuning: Of a radio.
        longest_s: When to end; 0 for a single reading.
        as_json: Whether machines read it.
        port: Of the page on loopback; None for none.

    Raises:
        CommandFailed: As `open_source`, or if the port is taken.
    """
    with Interruption() as interruption, ExitStack() as opened, suppress(KeyboardInterrupt):
        source = opened.enter_context(open_source(place, tuning))
        page = LevelPage(source.name, source.center_freq_hz)
        if port is not None:
            url = opened.enter_context(serving(page, port))
            said = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
            said.print(f"{url} shows it; Ctrl-C ends it")
        show = opened.enter_context(level_output(source.name, as_json))
        for at_s, reading in readings(source, INTERVAL_S, longest_s):
            interruption.check()  # a signal may have been swallowed by a destructor
            page.take(at_s, reading)
            show(at_s, reading)


def readings(
    source: Source,
    interval_s: float,
    longest_s: float = math.inf,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[tuple[float, Reading]]:
    """Yield what is received, at a steady pace, with the time in seconds since the beginning.

    Args:
        source: Open.
        interval_s: Between two readings.
        longest_s: When to end.
        sleep: Waits so many seconds.

    Raises:
        CommandFailed: If a recording holds too little, or numbers that are not finite.
        RadioError: If the radio fails.
    """
    began_s = time.monotonic()
    for k in count():
        at_s = k * interval_s
        if at_s >= longest_s and k:
            return
        sleep(max(began_s + at_s - time.monotonic(), 0.0))
        samples = source.piece_at(at_s)
        if samples is None:
            return
        yield at_s, reading_of(samples, source.sample_rate_hz)


def _n_samples(rate_hz: float) -> int:
    return min(max(round(PIECE_S * rate_hz), LEAST_SAMPLES), MOST_SAMPLES)


def _radio(address: str, radio: Radio, tuning: Tuning) -> Source:
    """Tune a radio whose transmitter stays off; its gain is the least there is all the same."""
    rate_hz = tuning.sample_rate_hz or 1e6
    least_db = radio.info.tx_gains_db.low
    in_force = radio.configure(
        RadioSettings(
            center_freq_hz=tuning.center_freq_hz,
            sample_rate_hz=rate_hz,
            bandwidth_hz=USABLE_BANDWIDTH * rate_hz,
            tx_gain_db=least_db if math.isfinite(least_db) else 0.0,
            rx_gain_db=tuning.rx_gain_db,
        )
    )
    rate_hz, n_samples = in_force.sample_rate_hz, _n_samples(in_force.sample_rate_hz)

    def piece_at(at_s: float) -> Samples:
        return radio.begin_receive(n_samples).result(_TIMEOUT_S).samples

    settings = f"{in_force.center_freq_hz / 1e6:g} MHz, {rate_hz / 1e6:g} MS/s"
    name = f"{address}: {settings}, receive gain {in_force.rx_gain_db:g} dB"
    return Source(name, rate_hz, in_force.center_freq_hz, piece_at)


def _recording(path: Path, sample_rate_hz: float | None) -> Source:
    try:
        file = read_iq_file(path, sample_rate_hz)
    except IqFileError as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    rate_hz = file.sample_rate_hz
    if rate_hz is None:
        raise CommandFailed(f"{path} does not say its sample rate: add --sample-rate-hz", WRONG_USE)
    if file.n_samples < LEAST_SAMPLES:
        raise CommandFailed(
            f"{path} holds {file.n_samples} samples; {LEAST_SAMPLES} are needed", WRONG_USE
        )
    n_samples = _n_samples(rate_hz)
    return Source(
        f"{path}: {rate_hz / 1e6:g} MS/s, {file.n_samples / rate_hz:.6g} s",
        rate_hz,
        None,
        lambda at_s: _piece_of_file(path, file, round(at_s * rate_hz), n_samples),
    )


def _piece_of_file(path: Path, file: IqFile, first: int, n_samples: int) -> Samples | None:
    try:
        samples = file.samples(first, n_samples)
    except IqFileError as wrong:
        raise CommandFailed(f"{path}: {wrong}", WRONG_USE) from wrong
    return samples if len(samples) >= LEAST_SAMPLES else None
