"""Which examples of a run share a forward pass."""

import pytest
import torch

from sdr_ota.assembly import objective, trained_model
from sdr_ota.assembly.objective import probe_passes
from sdr_ota.config.load import ConfigError, load_config
from zo_core.language.encoding import EncodedExample

EXAMPLES = [EncodedExample((3,) * n, ((5,),), 0) for n in (4, 40, 5, 39)]


def test_examples_of_like_length_share_a_pass_of_a_model_that_is_not_small(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = torch.nn.Linear(10, 10)
    config = load_config(None)
    assert probe_passes(config, model)(EXAMPLES) == [[0, 1, 2, 3]]
    monkeypatch.setattr(trained_model, "SMALL_MODEL", 100)
    assert probe_passes(config, model)(EXAMPLES) == [[1, 3], [2, 0]]


def test_the_config_says_how_many_examples_a_pass_has() -> None:
    config = load_config(None, ["model.examples_per_pass=1"])
    for passes in (probe_passes(config, torch.nn.Linear(2, 2)), objective._by_length(config)):
        assert passes(EXAMPLES) == [[1], [3], [2], [0]]


@pytest.mark.parametrize("count", ["0", "-3", "true", "2.5", "many"])
def test_other_values_are_refused_in_a_sentence(count: str) -> None:
    with pytest.raises(ConfigError, match=r'whole number of at least 1, or "auto"'):
        load_config(None, [f"model.examples_per_pass={count}"])
