"""Steps that 16-bit weights cannot hold are recorded, warned of once, and held if asked."""

import json
import logging
from pathlib import Path

import pytest

from sdr_ota.assembly.lost_steps import LostSteps
from sdr_ota.assembly.model_learning import model_learning
from sdr_ota.config.load import ConfigError, load_config
from zo_core.language.small_opt import SmallOptRecipe, prepare
from zo_core.stepping.journal import read_journal
from zo_core.stepping.rules import Update

RECIPE = SmallOptRecipe(hidden_size=16, n_layers=1, n_heads=2, n_steps=2, min_word_count=1)


def updates_of(tmp_path: Path, rounding: str, weight_format: str = "bfloat16") -> list[object]:
    """Take ten steps of a tiny model and return their shares from the journal."""
    texts = ["a good film It was great", "a bad film It was terrible"] * 3
    folder = prepare(texts, RECIPE, cache_dir=tmp_path / "models")
    (tmp_path / "data.tsv").write_text("sentence\tlabel\na good film\t1\na bad film\t0\n")
    settings = {
        "model.name": folder, "model.weight_format": weight_format, "model.rounding": rounding,
        "data.train": tmp_path / "data.tsv", "data.held_out": tmp_path / "data.tsv",
        "clients.count": 1, "zo.learning_rate": 1e-6,
    }  # fmt: skip
    config = load_config(None, [f"{key}={value}" for key, value in settings.items()])
    path = tmp_path / f"{rounding}.jsonl"
    learning = model_learning(config, Path(), path, 0, lambda *_: None)
    for turn in range(10):
        learning.clients[0].apply(turn, [1.0], [turn])  # type: ignore[attr-defined]
    learning.close()
    assert read_journal(path).header.rule.stochastic_rounding is (rounding == "stochastic")
    return [json.loads(line).get("moved_share") for line in path.read_text().splitlines()[1:]]


def test_the_share_of_weights_that_moved_is_recorded_and_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        nearest = updates_of(tmp_path, "nearest")
    assert sum("model.rounding = stochastic" in text for text in caplog.messages) == 1
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        stochastic = updates_of(tmp_path, "stochastic")
    assert caplog.messages == []
    # Only weights that are nearly 0 can hold a step of 1e-6 when it is rounded to nearest.
    assert max(nearest) < 0.1  # type: ignore[type-var]
    assert min(stochastic) > 0  # type: ignore[type-var]


def test_float32_has_nothing_to_say(tmp_path: Path) -> None:
    assert updates_of(tmp_path, "nearest", "float32") == [None] * 10
    with pytest.raises(ConfigError, match=r'rounding = "stochastic" needs a weight_format of 16'):
        load_config(None, ["model.rounding=stochastic"])


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([(1.0, 0.9)] * 20, ""),
        ([(0.0, 0.0)] * 20, ""),
        ([(1.0, None)] * 20, ""),
        ([(4.0, 0.8), (0.01, 0.0)] * 10, ""),
        ([(4.0, 0.04)] * 9, ""),
        ([(4.0, 0.04)] * 40, "changes 4.0 % of the weights"),
        ([(3.0, 0.1), (1.0, 0.9)] * 10, "changes 30.0 % of the weights"),
    ],
)
def test_the_first_steps_together_decide_whether_to_warn(
    steps: list[tuple[float, float | None]], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    lost = LostSteps(is_quiet=False)
    for scalar, share in steps:
        lost.look_at(Update(1, scalar, 0.1), share)
    assert [said in text for text in caplog.messages] == [True] * bool(said)
