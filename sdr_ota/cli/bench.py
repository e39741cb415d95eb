"""From a config to radios, a link and a planner."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from ota_calibration.cyclic_sounding import sound_cyclic
from ota_calibration.feedback import FeedbackFormat
from ota_calibration.sounding import estimate_nodes, hear_sounding, make_plan
from ota_calibration.tracking import PathTracker, with_wander
from ota_flowgraphs.process import ChildFailed
from ota_flowgraphs.virtual_radios import VirtualRadios

from sdr_ota.air import SimulatedAir
from sdr_ota.cli.failure import NO_RADIO, WRONG_USE, CommandFailed
from sdr_ota.config import Config
from sdr_ota.config_tables import AirTable
from sdr_ota.exchange import Bench, Link
from sdr_ota.experiment import Planner
from sdr_ota.modulation import AnalogPayload, Payload, SignPayload
from sdr_ota.presets import AirPreset, air_preset
from sdr_ota.radio.address import AddressError, open_radios
from sdr_ota.radio.base import Radio, RadioError, RadioLost, SettingNotTaken
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.schemes import load_scheme, scheme_names
from sdr_ota.types import RadioSettings, TransmitPlan

USABLE_BANDWIDTH = 0.8
"""Analog bandwidth in sample rates: what converters' filters leave flat."""


def simulated_air(config: Config) -> SimulatedAir:
    """Return the world that the simulated radios of a run share."""
    preset, radio = resolved_preset(config.air), config.radio
    return SimulatedAir(
        preset, config.clients.count, radio.sample_rate_hz, radio.center_freq_hz, _air_seed(config)
    )


def _air_seed(config: Config) -> int:
    return config.run.seed if config.air.seed is None else config.air.seed


@contextmanager
def open_bench(config: Config, air: SimulatedAir) -> Iterator[Bench]:
    """Open one radio a client and a receiver, all with the same settings.

    All of them are closed, and so silent, however the block ends.

    Raises:
        CommandFailed: If a radio is not there or the scheme does not suit the radios.
    """
    with ExitStack() as opened:
        try:
            receiver, *nodes = opened.enter_context(_radios(config, air))
            settings = tuple(r.configure(settings_of(config)) for r in (receiver, *nodes))
        except (AddressError, SettingNotTaken) as wrong:
            raise CommandFailed(str(wrong), WRONG_USE) from wrong
        except RadioError as missing:
            raise CommandFailed(str(missing), NO_RADIO) from missing
        bench = Bench(receiver, tuple(nodes), config.radio.sample_rate_hz, settings)
        _check_suits(config, bench)
        try:
            yield bench
        except RadioLost as lost:
            raise CommandFailed(f"{lost}; the run stops") from lost


@contextmanager
def _radios(config: Config, air: SimulatedAir) -> Iterator[tuple[Radio, ...]]:
    """Open the receiver and the nodes."""
    radio = config.radio
    if not radio.is_simulated:
        with open_radios((radio.receiver, *radio.nodes)) as radios:
            yield radios
        return
    if radio.processes:
        with _process_addresses(config) as addresses, open_radios(addresses) as radios:
            yield radios
        return
    with ExitStack() as opened:
        places = (None, *range(config.clients.count))
        made = (SimulatedRadio(air, place, radio.has_hardware_time) for place in places)
        yield tuple(opened.enter_context(one) for one in made)


@contextmanager
def _process_addresses(config: Config) -> Iterator[tuple[str, ...]]:
    """Start virtual radios as processes; yield the addresses of the receiver and the nodes."""
    world = (resolved_preset(config.air), config.clients.count, config.radio.sample_rate_hz)
    try:
        started = VirtualRadios(*world, config.radio.center_freq_hz, _air_seed(config))
    except ChildFailed as failed:
        raise CommandFailed(str(failed), NO_RADIO) from failed
    with started as virtual:
        yield (virtual.receiver_address, *virtual.node_addresses)


def _check_suits(config: Config, bench: Bench) -> None:
    scheme = load_scheme(config.link.scheme, config.link.scheme_parameters)
    if bench.has_hardware_time:
        return
    for radio in bench.nodes:
        if not radio.info.can_repeat:
            raise CommandFailed(
                f"{radio.info.serial} has neither hardware time nor cyclic frames: nothing can "
                "be timed with it",
                WRONG_USE,
            )
    if scheme.on_subcarriers is None:
        usable = [name for name in scheme_names() if load_scheme(name).on_subcarriers is not None]
        raise CommandFailed(
            f"scheme {config.link.scheme!r} needs radios with hardware time, which "
            f"{bench.receiver.info.driver} radios do not have; use one of: {', '.join(usable)}",
            WRONG_USE,
        )


def settings_of(config: Config) -> RadioSettings:
    """Return what every radio is asked for."""
    radio = config.radio
    return RadioSettings(
        center_freq_hz=radio.center_freq_hz,
        sample_rate_hz=radio.sample_rate_hz,
        bandwidth_hz=USABLE_BANDWIDTH * radio.sample_rate_hz,
        tx_gain_db=radio.tx_gain_db,
        rx_gain_db=radio.rx_gain_db,
    )


def resolved_preset(table: AirTable) -> AirPreset:
    """Return the named preset with the table's own numbers in place."""
    changed = {
        name: value
        for name in ("snr_db", "path_gain_db", "path_gain_spread_db")
        if (value := getattr(table, name)) is not None
    }
    return replace(air_preset(table.preset), **changed)


def link_of(config: Config) -> Link:
    """Return how numbers travel."""
    table = config.link
    return Link(
        frame=replace(config.frame.frame(), known_amplitude=table.peak_amplitude),
        scheme=load_scheme(table.scheme, table.scheme_parameters),
        max_cfo_hz=table.max_cfo_hz,
        lead_s=config.radio.lead_s,
    )


@contextmanager
def receiving(link: Link, config: Config) -> Iterator[Link]:
    """Put the synchroniser that the configuration names into a link, while a block lasts.

    Raises:
        CommandFailed: If it does not start, or fails while the block lasts.
    """
    if config.receiver.synchronizer == "numpy":
        yield link
        return
    try:
        from ota_flowgraphs.receiver_process import open_receiver  # noqa: PLC0415 - needs pyzmq
    except ImportError as missing:
        raise CommandFailed(f"{missing}: pip install 'sdr-ota[gnuradio]'") from missing
    max_cfo = link.max_cfo_hz / config.radio.sample_rate_hz
    decoder = (config.link.scheme, config.clients.count)
    try:
        with open_receiver(link.frame, max_cfo, *decoder, config.receiver.patience_s) as receive:
            yield replace(link, receive=receive)
    except ChildFailed as failed:
        raise CommandFailed(str(failed)) from failed


def payload_of(config: Config, largest_scalar: float) -> Payload:
    """Return what of a scalar is sent; in analog form up to the largest scalar."""
    if config.link.payload == "sign":
        return SignPayload(config.link.absentee_limit)
    return AnalogPayload(largest_scalar)


@dataclass(frozen=True)
class TrackingPlanner:
    """Sounds the nodes, plans how they send, and remembers how their paths wander.

    Attributes:
        link: Frame and search range of the sounding.
        peak_amplitude: Largest chip amplitude of a node, full scale 1.0.
        truncation_db: A node this much weaker than the median is left out.
        tracker: What consecutive soundings showed.
        leaves_out_lost: Whether the run goes on without a node that has gone for good.
    """

    link: Link
    peak_amplitude: float
    truncation_db: float
    tracker: PathTracker
    leaves_out_lost: bool = False

    def __call__(self, bench: Bench) -> TransmitPlan:
        """Return the plan that a new sounding of the bench asks for."""
        if bench.has_hardware_time:
            heard = hear_sounding(bench, self.link)
            sounding = estimate_nodes(heard.capture, bench, self.link)
            wander = self.tracker.observe(sounding, heard.late_nodes)
        else:
            sounding = sound_cyclic(bench, self.link, self.leaves_out_lost)
            wander = self.tracker.observe(sounding)
        plan = make_plan(sounding, self.peak_amplitude, self.truncation_db)
        return FeedbackFormat().fed_back(
            with_wander(plan, wander), bench.sample_rate_hz, self.peak_amplitude
        )


def planner_of(config: Config, link: Link) -> Planner:
    """Return what sounds the nodes and plans the rounds."""
    tracker = PathTracker(config.radio.sample_rate_hz)
    return TrackingPlanner(
        link,
        config.link.peak_amplitude,
        config.link.truncation_db,
        tracker,
        leaves_out_lost=config.radio.lost_node == "leave-out",
    )
