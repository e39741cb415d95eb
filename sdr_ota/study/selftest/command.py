"""`sdr-ota selftest`: open one radio, let it receive itself, judge, close it."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from sdr_ota.assembly.bench import open_bench
from sdr_ota.config.load import Config
from sdr_ota.config.parts import link_of, simulated_air
from sdr_ota.erasure import Erasure
from sdr_ota.failure import INTERRUPTED, CommandFailed
from sdr_ota.process.interruption import Interruption
from sdr_ota.radio.base import RadioError
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.study.selftest.measure import (
    Measured,
    Watch,
    measure_burst,
    measure_idle,
    measure_scheme,
    schemes_for,
)
from sdr_ota.study.selftest.verdict import Check, burst_checks, checks_of


@dataclass(frozen=True)
class SelfTest:
    """A selftest that is over.

    Attributes:
        address: Of the radio.
        serial: Its own name.
        settings: In force: frequency, rate, bandwidth, gains.
        measured: What was received.
        checks: What was judged, in the order of the measurement.
    """

    address: str
    serial: str
    settings: Mapping[str, float]
    measured: Measured
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether every check has passed."""
        return all(check.passed for check in self.checks)

    @property
    def why(self) -> str:
        """What to check first; empty if all is well."""
        return next((check.cure for check in self.checks if not check.passed), "")

    def as_json(self) -> Mapping[str, object]:
        """Return everything as plain values."""
        derived = {"noise_dbfs": self.measured.noise_dbfs, "snr_db": self.measured.snr_db}
        return {
            **{k: v for k, v in asdict(self).items() if k != "measured"},
            **asdict(self.measured),
            **derived,
            "passed": self.passed,
            "why": self.why,
        }


def run_selftest(config: Config, tell: Callable[[str], None]) -> SelfTest:
    """Test the one radio of a config; it is silent and closed afterwards, however this ends.

    Args:
        config: As `one_radio_config` makes it.
        tell: Told what comes next.

    Raises:
        CommandFailed: If the radio is not there, cannot send and receive at the same time, or
            fails; or if a signal came.
    """
    with Interruption() as interruption:

        def watch(text: str) -> None:
            interruption.check()  # a signal may have been swallowed by a destructor
            tell(text)

        try:
            with open_bench(config, simulated_air(config)) as bench:
                return _tested(config, bench, watch)
        except (RadioError, Erasure) as broken:
            raise CommandFailed(f"the radio failed: {broken}") from broken
        except KeyboardInterrupt:
            raise CommandFailed("interrupted; the transmitter is off", INTERRUPTED) from None


def _tested(config: Config, bench: Bench, watch: Watch) -> SelfTest:
    link = link_of(config)
    measured = _received(config, bench, link, watch)
    if all(check.passed for check in burst_checks(measured, link.max_cfo_hz)):
        trials = (measure_scheme(config, bench, name, watch) for name in schemes_for(bench))
        measured = Measured(measured.idle, measured.burst, tuple(trials))
    return SelfTest(
        config.radio.receiver,
        bench.receiver.info.serial,
        asdict(bench.settings[0]),
        measured,
        checks_of(measured, link.max_cfo_hz),
    )


def _received(config: Config, bench: Bench, link: Link, watch: Watch) -> Measured:
    """Receive silence, and the known burst; the bench's account keeps to the band's share."""
    watch("silence")
    idle = measure_idle(bench, link)
    watch("the known burst")
    return Measured(idle, measure_burst(bench, link))
