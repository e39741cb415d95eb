"""TOML to frozen, validated records; unknown keys and values out of range are refused.

The defaults are the demo: a file says only what is different.
"""

import copy
import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from sdr_ota.air.channels.channel import ChannelFileError
from sdr_ota.config.air_only_check import check_air_only
from sdr_ota.config.air_table import AirTable
from sdr_ota.config.antenna_check import check_antenna_samples, check_antenna_sums
from sdr_ota.config.band_table import BandTable
from sdr_ota.config.channel_file import with_channel_found
from sdr_ota.config.chip_length import ChipLength, chip_length
from sdr_ota.config.cyclic_check import check_cyclic
from sdr_ota.config.dotted_name import put
from sdr_ota.config.elsewhere_check import check_nodes_elsewhere
from sdr_ota.config.frame_table import FrameTable, n_payload_chips
from sdr_ota.config.interferer_file import with_interferer_found
from sdr_ota.config.limit_check import check_limit
from sdr_ota.config.link_table import LinkTable
from sdr_ota.config.local_steps_check import check_local_steps
from sdr_ota.config.privacy_check import check_privacy
from sdr_ota.config.recorded_plugins import check_recorded_plugins
from sdr_ota.config.rule_check import check_rule
from sdr_ota.config.shown_value import short, shown
from sdr_ota.config.tables import (
    CalibrationTable,
    CapturesTable,
    ClientsTable,
    DataTable,
    ModelTable,
    PrivacyTable,
    RadioTable,
    ReceiverTable,
    RunTable,
    Table,
)
from sdr_ota.config.zo_table import ZoTable
from sdr_ota.plugins import PluginError
from sdr_ota.radio.address import check_address
from sdr_ota.radio.normal_form import normal_form
from sdr_ota.signal.iq_words import IqFileError

_OF_A_SWEEP = {"seeds", "base", "grid", "list"}

MAX_PROCESSES = 4
"""Nodes that may be processes of their own: inputs of the GNU Radio flowgraph between them."""


class ConfigError(ValueError):
    """A configuration cannot be used; the text says what to change."""


class Config(Table):
    """A whole experiment."""

    run: RunTable = RunTable()
    model: ModelTable = ModelTable()
    data: DataTable = DataTable()
    clients: ClientsTable = ClientsTable()
    zo: ZoTable = ZoTable()
    link: LinkTable = LinkTable()
    privacy: PrivacyTable = PrivacyTable()
    frame: FrameTable = FrameTable()
    radio: RadioTable = RadioTable()
    band: tuple[BandTable, ...] = ()
    air: AirTable = AirTable()
    calibration: CalibrationTable = CalibrationTable()
    captures: CapturesTable = CapturesTable()
    receiver: ReceiverTable = ReceiverTable()

    @property
    def chip_length(self) -> ChipLength:
        """How long a chip is, and why: it follows from the tables alone."""
        scheme, n_nodes = self.link.loaded_scheme(), self.clients.count
        return chip_length(self.frame, self.radio, self.air, scheme, n_nodes)

    @model_validator(mode="after")
    def _fits(self) -> "Config":
        rate_hz = self.radio.sample_rate_hz
        if not self.link.is_auto:  # otherwise checked when one is chosen
            n_chips = n_payload_chips(self.frame, self.chip_length.samples, rate_hz)
            self.link.loaded_scheme().check(n_chips, self.clients.count)
        if self.link.max_cfo_hz > 0.25 * rate_hz:
            raise ValueError(
                f"link.max_cfo_hz = {self.link.max_cfo_hz:g} is more than a quarter of "
                f"radio.sample_rate_hz = {rate_hz:g}"
            )
        if self.radio.center_freq_hz < rate_hz / 2:
            raise ValueError(
                f"radio.center_freq_hz = {self.radio.center_freq_hz:g} is below half of "
                f"radio.sample_rate_hz = {rate_hz:g}: a part of the band would lie below 0 Hz"
            )
        check_limit(self.link, self.privacy)
        check_rule(self.zo, self.model)
        check_local_steps(self.zo, self.frame, self.privacy)
        check_privacy(self.privacy, self.link, self.frame, self.clients)
        self._check_location()
        check_antenna_samples(self.radio, self.receiver, self.air, self.captures)
        check_antenna_sums(self.radio, self.link, self.privacy)
        check_cyclic(self.frame, self.receiver, self.radio)
        if not self.radio.is_simulated:
            if self.radio.processes:
                raise ValueError(
                    "radio.processes = true starts simulated radios: leave out radio.receiver and "
                    "radio.nodes, or set it to false"
                )
            self._check_transmission()
            self._check_addresses()
        elif self.radio.processes and self.clients.count > MAX_PROCESSES:
            raise ValueError(
                f"clients.count = {self.clients.count}, but the air between processes has "
                f"{MAX_PROCESSES} inputs; use fewer clients or radio.processes = false"
            )
        return self

    def _check_location(self) -> None:
        """Refuse clients on machines that do not exist, or radios without their clients."""
        remote = [address for address in self.radio.nodes if "host=" in address]
        if self.clients.location == "air":
            check_air_only(self.clients, self.link, self.frame, self.privacy, self.radio)
        elif self.clients.location == "server":
            if remote:
                raise ValueError(
                    f"{remote[0]} is on another machine: a node's client computes where its radio "
                    'is; set clients.location = "node" and host=NAME in every address'
                )
            return
        elif len(remote) != len(self.radio.nodes) or not remote:
            raise ValueError(
                'clients.location = "node" needs host=NAME in every address of radio.nodes'
            )
        check_nodes_elsewhere(self.clients, self.data, self.privacy, self.calibration, self.radio)

    def _check_transmission(self) -> None:
        """Refuse to open real radios that may not send what the experiment needs."""
        radio = self.radio
        if not radio.receiver or len(radio.nodes) != self.clients.count:
            raise ValueError(
                f"clients.count = {self.clients.count} needs radio.receiver and as many addresses "
                f"in radio.nodes; there are {len(radio.nodes)}"
            )
        if not radio.transmit_allowed:
            raise ValueError(
                "radio.transmit_allowed is false: nothing is sent over real radios; set it to "
                "true once cables, attenuators or the licence are in place"
            )
        if self.band_in_use is None:
            low, high = self._used_hz
            there = ", ".join(f"{b.low_hz / 1e6:g} to {b.high_hz / 1e6:g} MHz" for b in self.band)
            raise ValueError(
                f"the radios would use {low / 1e6:g} to {high / 1e6:g} MHz (center_freq_hz, half "
                "the sample rate on both sides, and link.max_cfo_hz for oscillators), which lies "
                f"in no [[band]] of the configuration (there: {there or 'none'}); write down the "
                "band in which you may transmit"
            )

    def _check_addresses(self) -> None:
        """Refuse what is no address, and two nodes with one; the receiver may be one of them."""
        for address in (self.radio.receiver, *self.radio.nodes):
            check_address(address)
        first: dict[str, int] = {}
        for place, address in enumerate(self.radio.nodes):
            before = first.setdefault(normal_form(address), place)
            if before != place:
                raise ValueError(
                    f"radio.nodes: node {before} and node {place} have one address, {address}; "
                    "every node needs a radio of its own"
                )

    @property
    def _used_hz(self) -> tuple[float, float]:
        """What the radios' converters span, with skirts, however far oscillators are off."""
        half = self.radio.sample_rate_hz / 2 + self.link.max_cfo_hz
        return self.radio.center_freq_hz - half, self.radio.center_freq_hz + half

    @property
    def band_in_use(self) -> BandTable | None:
        """The band in which the radios transmit; None if no band holds all they span."""
        low, high = self._used_hz
        inside = (b for b in self.band if b.low_hz <= low and high <= b.high_hz)
        return next(inside, None)


def load_config(path: Path | None, settings: Sequence[str] = ()) -> Config:
    """Read a configuration and apply ``table.key=value`` settings to it.

    Args:
        path: TOML file; None for the defaults, which are the demo.
        settings: Each ``table.key=value`` with a TOML value; a bare word is a text.

    Raises:
        ConfigError: With everything that is wrong, one line each.
    """
    if path is None:
        return config_with({}, settings)
    return config_with(read_tables(path), settings, path.parent)


def config_with(tables: dict[str, object], settings: Sequence[str], home: Path = Path()) -> Config:
    """Apply ``table.key=value`` settings to tables, which change, and validate them.

    Args:
        tables: As a TOML file holds them.
        settings: Each ``table.key=value`` with a TOML value; a bare word is a text.
        home: Folder to which file names are relative.

    Raises:
        ConfigError: With everything that is wrong, one line each.
    """
    for setting in settings:
        _apply(tables, setting)
    return _validated(tables, home)


def config_of_tables(
    tables: Mapping[str, object], changes: Mapping[str, object], home: Path = Path()
) -> Config:
    """Validate tables that are already in memory.

    Args:
        tables: As a TOML file holds them; they are not changed.
        changes: Values that replace theirs, by ``table.key``.
        home: Folder to which file names are relative.

    Raises:
        ConfigError: With everything that is wrong, one line each.
    """
    changed = copy.deepcopy(dict(tables))
    for name, value in changes.items():
        _put(changed, name, value)
    return _validated(changed, home)


def _validated(tables: Mapping[str, object], home: Path) -> Config:
    try:
        config = Config.model_validate(tables)
        air = with_interferer_found(config.air, home)
        found = with_channel_found(air, config.radio, config.clients.count, home)
        return config.model_copy(update={"air": found})
    except ChannelFileError as unusable:
        raise ConfigError(f"air.channel: {unusable}") from None
    except IqFileError as unplayable:
        raise ConfigError(f"air.interferer: {unplayable}") from None
    except ValidationError as invalid:
        lines = [_sentence(error) for error in invalid.errors()]
        raise ConfigError("\n".join(lines)) from None


def restore_config(tables: object, settings: Sequence[str] = ()) -> Config:
    """Return the configuration that a run's start record holds.

    Args:
        tables: What the record holds.
        settings: Of the same command: plug-ins that they name may stand in the record too.

    Raises:
        ConfigError: If it is damaged, from a version with other keys, or names code that neither
            an installed package nor the user has named.
    """
    try:
        check_recorded_plugins(tables, settings)
        return Config.model_validate(tables)
    except PluginError as unnamed:
        raise ConfigError(str(unnamed)) from None
    except ValidationError as invalid:
        lines = "; ".join(_sentence(error) for error in invalid.errors())
        raise ConfigError(f"this version cannot continue the run: {lines}") from None


def changed_config(config: Config, settings: Sequence[str]) -> Config:
    """Return a configuration with ``table.key=value`` settings applied.

    Raises:
        ConfigError: With everything that is wrong, one line each.
    """
    return config_with(config.model_dump(), settings)


def read_tables(path: Path) -> dict[str, object]:
    """Read a TOML file; what is in its tables is not looked at.

    Raises:
        ConfigError: If it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        return tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"cannot read {path}: it is not UTF-8 text") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None


def _apply(tables: dict[str, object], setting: str) -> None:
    """Put one ``table.key=value`` into the tables."""
    name, equals, text = setting.partition("=")
    if not equals or "." not in name:
        raise ConfigError(f"--set {setting!r} is not of the form table.key=value")
    _put(tables, name, _value(text.strip()))


def _put(tables: dict[str, object], name: str, value: object) -> None:
    """Put a value under ``table.key`` into the tables."""
    try:
        put(tables, name, value)
    except ValueError as nowhere:
        raise ConfigError(f"cannot set {name!r}: {nowhere}") from None


def _value(text: str) -> object:
    """Read a TOML value; what is not one is taken as a text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"--set: {short(text)} is no value: {error}") from None


def _sentence(error: ErrorDetails) -> str:
    """Turn one validation error into: where, what was found, what is allowed."""
    place = ".".join(str(part) for part in error["loc"] if part not in {"int", "float"})
    if error["type"] == "extra_forbidden":
        return _unknown(place)
    if error["type"] == "value_error":
        return f"{place}: {error['ctx']['error']}" if place else str(error["ctx"]["error"])
    message = error["msg"].replace("Input should be", "it should be")
    return f"{place} = {shown(error['input'])}: {message}{_allowed(place)}"


def _allowed(place: str) -> str:
    """Return the allowed range of a key as a phrase; empty where there is none."""
    table, _, key = place.rpartition(".")
    bounds = _table_fields(table)[key].metadata if key in _table_fields(table) else []
    words = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
    parts = [
        f"{words[name]} {getattr(bound, name):g}"
        for bound in bounds
        for name in words
        if getattr(bound, name, None) is not None
    ]
    return f" (allowed: {', '.join(parts)})" if parts else ""


def _unknown(place: str) -> str:
    """Say that a key is unknown, and which known one is nearest."""
    table, _, key = place.rpartition(".")
    if place in _OF_A_SWEEP:
        return f"unknown table {place!r}: this is a sweep, which sdr-ota sweep takes"
    known = known_keys().get(table, ())
    nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.4)
    kind = "key" if table else "table"
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"known: {', '.join(known)}"
    return f"unknown {kind} {place!r}: {hint}"


def known_keys() -> dict[str, tuple[str, ...]]:
    """Return the keys of every table; under the empty name, the tables."""
    return {name: tuple(_table_fields(name)) for name in ("", *Config.model_fields)}


def _table_fields(name: str) -> Mapping[str, FieldInfo]:
    table = Config.model_fields[name].annotation if name in Config.model_fields else None
    if isinstance(table, type) and issubclass(table, BaseModel):
        return table.model_fields
    return Config.model_fields if not name else {}
