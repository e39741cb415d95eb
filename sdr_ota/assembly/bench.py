"""Open the radios that a config names, and the synchroniser of its receiver."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial

from ota_flowgraphs.process import ChildFailed
from ota_flowgraphs.virtual_radios import VirtualRadios

from sdr_ota.air.recorded_paths import ChannelEnded
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.config.load import Config
from sdr_ota.config.parts import air_settings, air_time_account, settings_of
from sdr_ota.failure import NO_RADIO, WRONG_USE, CommandFailed
from sdr_ota.radio.address import AddressError, at_host, open_radios
from sdr_ota.radio.air_time_account import AirTimeAccount
from sdr_ota.radio.base import Radio, RadioError, RadioLost, SettingNotTaken
from sdr_ota.radio.reopened import ReopenedRadio
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.remote.receiver import RemoteReceiver
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.schemes import built_in_schemes, load_scheme


@contextmanager
def open_bench(config: Config, air: SimulatedAir) -> Iterator[Bench]:
    """Open one radio a client and a receiver, all with the same settings.

    All of them are closed, and so silent, however the block ends.

    Raises:
        CommandFailed: If an address is none, a radio is not there or on another machine, or the
            scheme does not suit.
    """
    try:
        elsewhere = [address for address in config.radio.nodes if at_host(address)[0]]
    except AddressError as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    if config.clients.location == "air":
        raise CommandFailed(
            'clients.location = "air": nodes open their radios themselves (sdr-ota node '
            "--air-only), and only sdr-ota run uses them",
            WRONG_USE,
        )
    if elsewhere:
        raise CommandFailed(
            f"{elsewhere[0]} is on another machine, whose radios only sdr-ota run uses, with a "
            "scheme that is named; measure them where they are plugged in, without host=",
            WRONG_USE,
        )
    with open_radios_here(config, air) as bench:
        yield bench


@contextmanager
def open_radios_here(config: Config, air: SimulatedAir) -> Iterator[Bench]:
    """Open a bench without the nodes on other machines, which open their radios themselves.

    Raises:
        CommandFailed: If a radio is not there or the scheme does not suit the radios.
    """
    account = air_time_account(config)
    with ExitStack() as opened:
        try:
            receiver, *nodes = opened.enter_context(_radios(config, air, account))
            _check_distinct(config, receiver, nodes)
            settings = tuple(r.configure(settings_of(config)) for r in (receiver, *nodes))
        except (AddressError, SettingNotTaken) as wrong:
            raise CommandFailed(str(wrong), WRONG_USE) from wrong
        except RadioError as missing:
            raise CommandFailed(str(missing), NO_RADIO) from missing
        rate_hz = config.radio.sample_rate_hz
        bench = Bench(receiver, tuple(nodes), rate_hz, settings, air_time=account)
        _check_suits(config, bench)
        try:
            yield bench
        except RadioLost as lost:
            raise CommandFailed(f"{lost}; the run stops", NO_RADIO) from lost
        except ChannelEnded as ended:
            raise CommandFailed(f"{ended}; the run stops") from ended


@contextmanager
def _radios(
    config: Config, air: SimulatedAir, account: AirTimeAccount
) -> Iterator[tuple[Radio, ...]]:
    """Open the receiver and the nodes."""
    radio = config.radio
    if not radio.is_simulated:
        here = _nodes_here(config)
        with _receiver_elsewhere(radio.receiver) as elsewhere:
            local = () if elsewhere else (radio.receiver,)
            with open_radios((*local, *here), account) as radios:
                yield (*elsewhere, *radios)
        return
    if radio.processes:
        with _process_addresses(config) as addresses, open_radios(addresses) as radios:
            yield radios
        return
    with ExitStack() as opened:
        places = (None, *range(config.clients.count))
        made = (SimulatedRadio(air, place, radio.has_hardware_time) for place in places)
        yield tuple(opened.enter_context(one) for one in made)


def _nodes_here(config: Config) -> list[str]:
    """Return the addresses of nodes whose radios this process opens."""
    if config.clients.location == "air":
        return []
    return [address for address in config.radio.nodes if not at_host(address)[0]]


@contextmanager
def _receiver_elsewhere(address: str) -> Iterator[tuple[Radio, ...]]:
    """Open a receiver on another machine; nothing is opened for an address of this one."""
    host, there = at_host(address)
    if not host:
        yield ()
        return
    with ReopenedRadio(partial(RemoteReceiver, host, there)) as receiver:
        yield (receiver,)


@contextmanager
def _process_addresses(config: Config) -> Iterator[tuple[str, ...]]:
    """Start virtual radios as processes; yield the addresses of the receiver and the nodes."""
    try:
        started = VirtualRadios(air_settings(config))
    except ChildFailed as failed:
        raise CommandFailed(str(failed), NO_RADIO) from failed
    with started as virtual:
        yield (virtual.receiver_address, *virtual.node_addresses)


def _check_distinct(config: Config, receiver: Radio, nodes: Sequence[Radio]) -> None:
    """Refuse one device behind two addresses, as far as serials tell.

    Raises:
        CommandFailed: Naming both.
    """
    if config.radio.is_simulated:
        return
    first: dict[tuple[str, str], str] = {}
    here = _nodes_here(config)
    for address, radio in zip(here, nodes, strict=True):
        device = (radio.info.driver, radio.info.serial)
        if radio is receiver:
            _check_both_ways(receiver)
        if device in first:
            raise CommandFailed(
                f"{first[device]} and {address} are one device, {radio.info.serial}: every node "
                "needs a radio of its own",
                WRONG_USE,
            )
        first[device] = address
    itself = first.get((receiver.info.driver, receiver.info.serial))
    if itself is not None and receiver not in nodes:
        raise CommandFailed(
            f"{config.radio.receiver} and {itself} are one device, {receiver.info.serial}: write "
            "the same address for both",
            WRONG_USE,
        )


def _check_both_ways(radio: Radio) -> None:
    if not radio.info.is_full_duplex:
        raise CommandFailed(
            f"{radio.info.serial} is the receiver and a node, but it cannot send and receive at "
            "the same time: use two radios, or for a selftest one that can",
            WRONG_USE,
        )


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
        usable = [
            name for name in built_in_schemes() if load_scheme(name).on_subcarriers is not None
        ]
        raise CommandFailed(
            f"scheme {config.link.scheme!r} needs radios with hardware time, which "
            f"{bench.receiver.info.driver} radios do not have; use one of: {', '.join(usable)}",
            WRONG_USE,
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
    if config.link.scheme not in built_in_schemes():
        raise CommandFailed(
            f"scheme {config.link.scheme!r} is a plug-in, which GNU Radio's own Python does not "
            'have: set receiver.synchronizer = "numpy"',
            WRONG_USE,
        )
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
