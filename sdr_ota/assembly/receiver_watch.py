"""The receiver's noise in a run that counts on it: measured again and again, believed at its least.

Noise that falls protects less from then on. Noise that grows may be a signal in the band, which
protects nobody: it is never counted, and said. So a signal raises the claim only if it was there
from the first measurement on; a calibration record of the receiver, made with its port terminated,
stands against that one too (``calibration.require = ["noise-floor"]``).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path

from ota_calibration.privacy.private_rounds import ReceiverNoise
from ota_calibration.privacy.receiver_noise import NoiseHidden, measure_noise_bound
from pydantic import BaseModel, NonNegativeFloat, NonNegativeInt

from sdr_ota.config.load import Config
from sdr_ota.failure import CommandFailed
from sdr_ota.radio.base import RadioError
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.runs.read_records import read_lines
from sdr_ota.runs.run_folder import read_run
from sdr_ota.runs.strict_json import strict_json
from sdr_ota.units import db_to_power, power_to_db

RECEIVER_NOISE = "receiver_noise.jsonl"
"""In the run folder: a line for every time that the noise was measured."""

RENEWED_EVERY = 50
"""Rounds between two measurements, each of some 70 ms at a million samples a second."""

NOTICED_DB = 1.0
"""By which a bound must lie above an earlier one to be told; chance makes some 0.3 dB."""

_log = logging.getLogger(__name__)


class _Measured(BaseModel):
    """One line of the file."""

    round: NonNegativeInt
    noise_power_bound: NonNegativeFloat


@dataclass
class ReceiverWatch:
    """Measures the receiver's noise between rounds and lowers what is claimed of it.

    Attributes:
        noise: What is claimed.
        measure: Returns a bound of the total noise power of one complex chip; all are silent.
        path: Of the file that keeps what was measured.
        due: Round before which it is measured next.
    """

    noise: ReceiverNoise
    measure: Callable[[], float]
    path: Path
    due: int = 0

    def renew(self, rounds_done: int) -> None:
        """Measure if it is due; a receiver that has gone is asked again after the next round.

        Args:
            rounds_done: How many are over; nobody sends.

        Raises:
            CommandFailed: If the noise cannot protect any more.
        """
        if rounds_done < self.due:
            return
        try:
            bound = self.measure()
        except NoiseHidden as hidden:
            raise CommandFailed(str(hidden)) from hidden
        except RadioError as gone:
            _log.warning("the receiver's noise was not measured: %s", gone)
            return
        self.due = rounds_done + RENEWED_EVERY
        with self.path.open("a", encoding="utf-8") as file:
            file.write(strict_json({"round": rounds_done, "noise_power_bound": bound}) + "\n")
        self._tell_of_more(bound)
        self.noise.lower_to(bound)
        if self.noise.alone and not self.noise.noise_power_bound > 0:
            raise CommandFailed(
                'privacy.noise = "receiver", but the receiver has no noise that could protect '
                'anybody: raise radio.rx_gain_db, or set privacy.noise = "digital"'
            )

    def _tell_of_more(self, bound: float) -> None:
        before = self.noise.noise_power_bound
        if bound > before * db_to_power(NOTICED_DB) > 0:
            _log.warning(
                "the receiver's noise is %.1f dB above the least that was measured: a signal in "
                "the band, perhaps; only the least is counted",
                power_to_db(bound / before),
            )


def watch_receiver(
    config: Config, bench: Bench, link: Link, folder: Path, rounds_done: int
) -> ReceiverWatch:
    """Measure the receiver's noise before a run's first round, or where it is resumed.

    Args:
        config: The experiment; its privacy counts on the receiver.
        bench: The radios; none transmits.
        link: Frame of the run.
        folder: Of the run; what it knows of the noise is never exceeded.
        rounds_done: How many rounds are over.

    Raises:
        CommandFailed: If the noise cannot protect, or could not be measured.
    """
    path, alone = folder / RECEIVER_NOISE, config.privacy.noise == "receiver"
    known = [line.noise_power_bound for line in read_lines(path, _Measured)]
    noise = ReceiverNoise(min([*known, _recorded(folder, link)]), link.frame.n_payload_chips, alone)
    watch = ReceiverWatch(noise, partial(measure_noise_bound, bench, link), path, rounds_done)
    watch.renew(rounds_done)
    if watch.due == rounds_done:
        raise CommandFailed("the receiver's noise could not be measured, and is to protect")
    return watch


def _recorded(folder: Path, link: Link) -> float:
    """Return the bound that a calibration record of the run states; infinite without one."""
    if not (folder / "start.json").is_file():
        return inf
    records = read_run(folder).start.get("calibration", ())
    bounds = [r["value"] for r in records if r["quantity"] == "noise_lower_bound_dbfs"]
    return min((db_to_power(bound) / link.frame.pulse.energy for bound in bounds), default=inf)
