"""Which configurations are one experiment: what a resumed run may differ in."""

import pytest

from sdr_ota.config.digest import config_digest
from sdr_ota.config.load import load_config

USUAL = config_digest(load_config(None))


@pytest.mark.parametrize(
    ("setting", "is_another"),
    [
        ("run.folder=elsewhere", False),
        ("run.rounds=7", False),
        ("run.seed=99", True),
        ("link.scalar_limit=7.5", True),
    ],
)
def test_only_folder_and_number_of_rounds_may_change(setting: str, is_another: bool) -> None:
    assert (config_digest(load_config(None, [setting])) != USUAL) is is_another


@pytest.mark.parametrize(
    "fixing", ['zo.decay="linear"', 'privacy.protect="client"'], ids=["decay", "promise"]
)
def test_rounds_count_where_something_follows_from_them(fixing: str) -> None:
    seven, eight = (
        config_digest(load_config(None, [fixing, f"run.rounds={n}"])) for n in (700, 800)
    )
    assert seven != eight
