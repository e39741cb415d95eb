"""Receive silence, then the known burst, then rounds with every scheme the radio can do."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from ota_calibration.measure.sounding_sequence import (
    BurstNotFound,
    SequenceCapture,
    SequenceFit,
    SoundingSequence,
    fit_sequence,
    receive_sequence,
)

from sdr_ota.assembly.planner import TrackingPlanner, planner_of
from sdr_ota.assembly.server import nodes_here, server_of
from sdr_ota.config.load import Config, changed_config
from sdr_ota.config.parts import link_of, payload_of
from sdr_ota.rounds.duty import DutyLimit
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.rounds.round import RoundResult, run_rounds
from sdr_ota.rounds.schedule import Schedule
from sdr_ota.rounds.server import admit_all
from sdr_ota.rounds.synthetic import UniformClient
from sdr_ota.schemes import built_in_schemes, load_scheme
from sdr_ota.signal.level import Level, level_of
from sdr_ota.signal.metrics import chance_db, nmse_db
from sdr_ota.signal.spectrum import power_spectrum
from sdr_ota.units import amplitude_to_db, db_to_power, power_to_db

IDLE_SAMPLES = 65_536

N_BURSTS = 8

Watch = Callable[[str], None]
"""Told what comes next; raises after a signal."""


@dataclass(frozen=True)
class BurstReading:
    """What was received while the radio sent its known burst, again and again.

    Attributes:
        level: Of all samples.
        strongest_hz: Where the spectrum is highest, from the carrier.
        cfo_hz: Mean carrier offset of the bursts; None if none was found.
        cfo_std_hz: Standard deviation of that mean; None with it.
        why_not_found: One sentence; empty if they were.
    """

    level: Level
    strongest_hz: float
    cfo_hz: float | None = None
    cfo_std_hz: float | None = None
    why_not_found: str = ""


@dataclass(frozen=True)
class SchemeTrial:
    """What rounds with one scheme brought.

    Attributes:
        scheme: Its name.
        n_rounds: Tried.
        n_erased: Of them, lost.
        nmse_db: Error of the sums against the true ones; NaN if all were lost.
        theory_nmse_db: What theory expects of it.
        chance_db: Half width of a 95 % interval of ``nmse_db``; NaN for fewer than 20 sums.
        last_erasure: What the last lost round said; empty if none was lost.
        level_std_db: Standard deviation of the received levels of its soundings; 0 for fewer
            than two.
    """

    scheme: str
    n_rounds: int
    n_erased: int
    nmse_db: float
    theory_nmse_db: float
    chance_db: float
    last_erasure: str
    level_std_db: float = 0.0


@dataclass(frozen=True)
class Measured:
    """A radio against itself.

    Attributes:
        idle: While nothing is sent.
        burst: While the known burst is repeated.
        trials: One a scheme; empty where the burst was not received well enough to go on.
    """

    idle: Level
    burst: BurstReading
    trials: tuple[SchemeTrial, ...] = ()

    @property
    def noise_dbfs(self) -> float:
        """Power without the DC offset while nothing is sent."""
        return power_to_db(db_to_power(self.idle.power_dbfs) - db_to_power(self.idle.dc_dbfs))

    @property
    def snr_db(self) -> float:
        """Power that came with the burst over the noise; minus infinity if none came."""
        more = db_to_power(self.burst.level.power_dbfs) - db_to_power(self.idle.power_dbfs)
        noise = db_to_power(self.noise_dbfs)
        return power_to_db(more / noise) if noise > 0 else float("inf")


def schemes_for(bench: Bench) -> tuple[str, ...]:
    """Return the schemes that the radios of a bench can do."""
    names = built_in_schemes()
    if bench.has_hardware_time:
        return tuple(names)
    return tuple(name for name in names if load_scheme(name).on_subcarriers is not None)


def measure_idle(bench: Bench, link: Link) -> Level:
    """Receive while nothing is sent.

    Raises:
        RadioError: If the radio fails.
    """
    return level_of(bench.receiver.begin_receive(IDLE_SAMPLES).result(link.timeout_s).samples)


def measure_burst(bench: Bench, link: Link) -> BurstReading:
    """Receive while the radio sends its known burst.

    Raises:
        RadioError: If the radio fails.
        Erasure: The same, where it repeats.
    """
    sequence = SoundingSequence.even(link.frame, N_BURSTS)
    capture, tick = receive_sequence(bench, link, 0, sequence)
    level = level_of(capture.samples)
    strongest_hz = power_spectrum(capture.samples, bench.sample_rate_hz).strongest_hz
    received = SequenceCapture(capture.samples, capture.start_tick, tick)
    try:
        fit = fit_sequence(received, sequence, link.max_cfo_hz / bench.sample_rate_hz)
    except BurstNotFound as lost:
        return BurstReading(level, strongest_hz, why_not_found=str(lost))
    return BurstReading(level, strongest_hz, *_offset_hz(fit, bench.sample_rate_hz))


def _offset_hz(fit: SequenceFit, rate_hz: float) -> tuple[float, float]:
    cfos_hz = fit.cfos * rate_hz
    deviation = np.std(cfos_hz, ddof=1) if fit.n_bursts > 1 else np.inf
    return float(np.mean(cfos_hz)), float(deviation / np.sqrt(fit.n_bursts))


def measure_scheme(config: Config, bench: Bench, scheme: str, watch: Watch) -> SchemeTrial:
    """Run rounds with one scheme, with numbers that are known.

    Args:
        config: Of the bench; ``run.rounds`` says how many.
        bench: Its radio.
        scheme: One of `schemes_for`.
        watch: Told of every round.
    """
    payload = "sign" if load_scheme(scheme).sign_only else "analog"
    config = changed_config(config, [f"link.scheme={scheme}", f"link.payload={payload}"])
    duty = DutyLimit(bench.air_time)
    rounds: list[RoundResult] = []
    levels_db: list[float] = []
    planner = planner_of(config, link_of(config))
    for result in _rounds(config, bench, planner):
        rounds.append(result)
        if result.sounding_s:
            found = (estimate for estimate in planner.tracker.latest if estimate is not None)
            levels_db += [amplitude_to_db(abs(estimate.gain)) for estimate in found]
        duty.count()
        watch(f"{scheme}: round {len(rounds)} of {config.run.rounds}")
        if len(rounds) < config.run.rounds:
            duty.rest()
    return trial_of(scheme, rounds, levels_db)


def _rounds(config: Config, bench: Bench, planner: TrackingPlanner) -> Iterator[RoundResult]:
    link = link_of(config)
    nodes = nodes_here(config, bench, link, [UniformClient(0)])
    admit = admit_all(partial(payload_of, config), largest_scalar=1.0)
    server = server_of(config, bench, link, nodes, planner, admit)
    schedule = Schedule(config.run.rounds, config.run.seed, config.link.sounding_every)
    return run_rounds(server, schedule)


def trial_of(
    scheme: str, rounds: Sequence[RoundResult], levels_db: Sequence[float] = ()
) -> SchemeTrial:
    """Sum up the rounds of one scheme.

    Args:
        scheme: Its name.
        rounds: In order.
        levels_db: Received levels of its soundings.
    """
    kept = [one for one in rounds if one.erasure is None]
    errors = [((one.decoded_sum or 0.0) - (one.true_sum or 0.0)) ** 2 for one in kept]
    expected = [one.theory_error or 0.0 for one in kept]
    sums = [(one.true_sum or 0.0) ** 2 for one in kept]
    lost = [f"{one.erasure}: {one.detail}" for one in rounds if one.erasure is not None]
    return SchemeTrial(
        scheme=scheme,
        n_rounds=len(rounds),
        n_erased=len(lost),
        nmse_db=nmse_db(errors, sums),
        theory_nmse_db=nmse_db(expected, sums),
        chance_db=chance_db(errors, expected),
        last_erasure=lost[-1] if lost else "",
        level_std_db=float(np.std(levels_db, ddof=1)) if len(levels_db) > 1 else 0.0,
    )
