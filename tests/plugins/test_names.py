"""Plug-ins by entry point and by ``package.module:NAME``, good ones and bad ones."""

import sys
from pathlib import Path

import numpy as np
import pytest

from sdr_ota.air.presets import air_preset, loadable_presets, preset_names
from sdr_ota.assembly.named_task import named_task
from sdr_ota.assembly.plugin_findings import plugin_findings
from sdr_ota.config.load import ConfigError, load_config
from sdr_ota.config.parts import resolved_preset
from sdr_ota.plugins import installed_plugins
from sdr_ota.radio.address import AddressError, driver_names, open_radio, parse_address
from sdr_ota.schemes import load_scheme, scheme_names, scheme_record
from sdr_ota.schemes.coherent import Coherent
from tests.plugins.foreign_package import write_metadata
from zo_core.data.examples import DataError


def test_listing_imports_nothing(site: Path) -> None:
    assert {"louder", "broken", "missing"} <= set(scheme_names())
    assert "foreign-air" in driver_names() and "quiet-room" in preset_names()
    assert not [name for name in sys.modules if name.startswith("foreign_ota")]


@pytest.mark.parametrize("name", ["louder", "foreign_ota.scheme:Louder"])
def test_a_foreign_scheme_has_a_name_by_which_it_is_made_again(site: Path, name: str) -> None:
    scheme = load_scheme(name, {"level": 0.25})
    record = scheme_record(scheme)
    assert record == ("louder", {"level": 0.25})
    assert load_scheme(*record) == scheme


def test_a_scheme_without_an_entry_point_is_recorded_by_its_reference() -> None:
    scheme = load_scheme("sdr_ota.schemes.coherent:Coherent")
    assert scheme_record(scheme) == ("coherent", {})
    name = f"{Quieter.__module__}:Quieter"
    assert scheme_record(Quieter()) == (name, {})


class Quieter(Coherent):
    pass


def test_a_scheme_of_a_function_cannot_be_recorded() -> None:
    class Local(Coherent):
        pass

    with pytest.raises(ValueError, match=r"inside a function.*top of a module"):
        scheme_record(Local())


def test_a_built_in_name_stays_what_it_is(site: Path) -> None:
    assert type(load_scheme("coherent")) is Coherent
    assert scheme_names().count("coherent") == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("broken", r"foreign_ota.broken:Scheme cannot be imported: ModuleNotFoundError.*nobody"),
        ("leaves", r"cannot be imported: SystemExit: gone"),
        ("missing", r"foreign_ota.scheme has no Missing"),
        ("wrong", r"'wrong' is no scheme: it should be a dataclass"),
        ("foreign_ota.scheme:Missing", r"foreign_ota.scheme has no Missing"),
        ("foreign_ota.wrong:NUMBER", r"is no scheme: it should be a dataclass.* not 3"),
        ("nobody.has:This", r"ModuleNotFoundError: No module named 'nobody'"),
        ("foreign_ota.scheme:", r"is not of the form package.module:NAME"),
        ("foreign_ota/scheme:X", r"is not of the form package.module:NAME"),
        ("sdr_ota.types:DecodedSum", r"DecodedSum has no needs_phase, .*theory_variance"),
    ],
)
def test_a_bad_scheme_is_refused_in_a_sentence(site: Path, name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        load_scheme(name)
    with pytest.raises(ConfigError, match=words):
        load_config(None, [f"link.scheme={name}"])


def test_two_plugins_of_one_name_are_refused_with_both(site: Path) -> None:
    groups = {"sdr_ota.schemes": {"louder": "another_one.scheme:Louder"}}
    write_metadata(site, "another-one", groups)
    with pytest.raises(ValueError, match=r"2 plug-ins .*another-one 1.5.*foreign-ota 1.5"):
        load_scheme("louder")
    scheme = load_scheme("foreign_ota.scheme:Louder")
    assert scheme_record(scheme)[0] == "foreign_ota.scheme:Louder"


def test_what_is_broken_breaks_nobody_else(site: Path) -> None:
    assert load_scheme("tdma") and air_preset("ideal") and named_task("sst2")
    assert load_config(None, []).link.scheme == "coherent"
    names = [name for name, _ in loadable_presets()]
    assert "quiet-room" in names and "no-air" not in names


@pytest.mark.parametrize("driver", ["foreign-air", "foreign_ota.radio:open_radio"])
def test_a_foreign_radio_is_opened_with_the_pairs_of_its_address(site: Path, driver: str) -> None:
    assert parse_address(f"driver={driver},place=0")["driver"] == driver
    with open_radio(f"driver={driver},place=0") as radio:
        radio.transmit(np.full(16, 0.5, np.complex64), radio.now_tick() + 100)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("driver=nowhere", r"names no known driver; there are: pluto, soapy, zmq, foreign-air"),
        ("driver=foreign-air", r"'foreign-air' could not open it with \{\}: KeyError: 'place'"),
        ("driver=foreign-air,place=x", r"ValueError: invalid literal"),
        ("driver=no-radio", r"'no-radio' is no radio: Scheme has no configure, .*__exit__"),
        ("driver=number", r"'number' is 3: it should be a class or function"),
        ("driver=builtins:dict,a=b", r"'builtins:dict' is no radio: dict has no configure"),
        ("driver=foreign_ota.radio:Missing", r"foreign_ota.radio has no Missing"),
    ],
)
def test_a_bad_radio_is_refused_in_a_sentence(site: Path, address: str, words: str) -> None:
    with pytest.raises(AddressError, match=words):
        open_radio(address)


@pytest.mark.parametrize(
    ("name", "snr_db"),
    [("quiet-room", 55.0), ("louder-room", 25.0), ("foreign_ota.air:louder_room", 25.0)],
)
def test_a_foreign_air_is_a_preset_like_any_other(site: Path, name: str, snr_db: float) -> None:
    config = load_config(None, [f"air.preset={name}", "air.path_gain_db=-30"])
    preset = resolved_preset(config.air)
    assert (preset.snr_db, preset.path_gain_db) == (snr_db, -30.0)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no-air", r"'no-air' is no air: it should be an AirPreset.* not 3"),
        ("not-made", r"'not-made' cannot be made: KeyError: 'lost'"),
        ("moon", r"'moon' is unknown; use one of ideal, .*quiet-room"),
    ],
)
def test_a_bad_air_is_refused_in_a_sentence(site: Path, name: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_config(None, [f"air.preset={name}"])


@pytest.mark.parametrize("name", ["mood", "foreign_ota.task:MOOD"])
def test_a_foreign_task_has_its_own_columns(site: Path, name: str) -> None:
    assert named_task(name).columns == ("report",)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no-task", r"task 'no-task': it should be a PromptTask.* not 3"),
        ("foreign_ota.task:Missing", r"foreign_ota.task has no Missing"),
        ("weather", r"there is no task 'weather'"),
    ],
)
def test_a_bad_task_is_refused_in_a_sentence(site: Path, name: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        named_task(name)


def test_the_doctor_is_told_of_all_and_why_some_cannot_be_used(site: Path) -> None:
    found = {(f.plugin.group, f.plugin.name): f for f in plugin_findings()}
    n_installed = sum(len(installed_plugins(group)) for group in {group for group, _ in found})
    assert len(found) == n_installed == 15
    usable = {name for (_, name), finding in found.items() if not finding.trouble}
    assert usable == {"louder", "foreign-air", "quiet-room", "louder-room", "mood"}
    assert all(bool(finding.trouble) == bool(finding.cure) for finding in found.values())
    coherent = found["sdr_ota.schemes", "coherent"]
    assert "built in" in coherent.trouble and "foreign_ota.scheme:Louder" in coherent.cure
    assert "nobody" in found["sdr_ota.schemes", "broken"].trouble
