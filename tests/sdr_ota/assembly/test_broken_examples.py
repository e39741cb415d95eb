"""An example whose loss is no number ends no private run, and weighs no more than its clip."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from ota_calibration.privacy.private_encoder import PrivateEncoder

from sdr_ota.assembly import trained_copy
from sdr_ota.assembly.objective import Objective
from sdr_ota.assembly.run import start_run
from sdr_ota.failure import CommandFailed
from sdr_ota.runs.run_folder import read_run
from zo_core.data.examples import Example
from zo_core.language.small_opt import SmallOptRecipe, prepare

WORDS = (("good", 1), ("fine", 1), ("bad", 0), ("dull", 0))
BROKEN = "a broken film"
LIMIT, N_EXAMPLES = 4.0, 4
"""Of a client: each of its examples moves its scalar by LIMIT / N_EXAMPLES at most."""

Losses = Callable[[int], float]
"""From the number of a probe, first plus and then minus, to the loss of the broken example."""

SILENT: Losses = lambda probe: 1.0  # noqa: E731 - a constant loss has no slope
BREAKS: dict[str, tuple[Losses, float]] = {
    "nan": (lambda probe: math.nan, 0.0),
    "infinite at both probes": (lambda probe: math.inf, 0.0),
    "infinite above": (lambda probe: math.inf if probe % 2 == 0 else 1.0, LIMIT / N_EXAMPLES),
    "infinite below": (lambda probe: 1.0 if probe % 2 == 0 else math.inf, -LIMIT / N_EXAMPLES),
    "minus infinite": (lambda probe: -math.inf if probe % 2 == 0 else 0, -LIMIT / N_EXAMPLES),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = SmallOptRecipe(hidden_size=16, n_layers=1, n_heads=2, n_steps=5, min_word_count=1)
    sentences = [f"a {word} film , it was great terrible broken" for word, _ in WORDS]
    return prepare(sentences * 4, recipe, cache_dir=tmp_path_factory.mktemp("cache"))


@pytest.fixture
def experiment(model: Path, tmp_path: Path) -> Path:
    rows = [f"a {word} film\t{label}" for word, label in WORDS] * 2
    rows[3] = f"{BROKEN}\t0"
    (tmp_path / "data.tsv").write_text("sentence\tlabel\n" + "\n".join(rows))
    file = tmp_path / "own.toml"
    file.write_text(
        f"""
        run = {{rounds = 4, folder = "{tmp_path / "runs"}"}}
        model = {{name = "{model}"}}
        data = {{train = "data.tsv"}}
        clients = {{count = 2, examples_per_round = {N_EXAMPLES}}}
        link = {{scalar_limit = {LIMIT}}}
        [privacy]
        protect = "record"
        batches = "fixed"
        neighbours = "replace"
        dataset_epsilon = 100.0
        """
    )
    return file


def _breaking(loss_of: Losses, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the broken example have such losses; the model's own are those of all others."""
    whole, broken, probes = trained_copy.objective_of, set[int](), iter(range(10**6))

    def made(*arguments: Any) -> Objective:
        real = whole(*arguments)

        def encode(examples: Sequence[Example]) -> list[Any]:
            encoded = real.encode(examples)
            broken.update(
                id(one)
                for one, example in zip(encoded, examples, strict=True)
                if example.fields["sentence"] == BROKEN
            )
            return encoded

        def losses(network: torch.nn.Module, examples: Sequence[Any]) -> torch.Tensor:
            values = real.losses(network, examples).clone()
            found = [place for place, one in enumerate(examples) if id(one) in broken]
            if found:
                values[found] = loss_of(next(probes))
            return values

        return replace(real, encode=encode, losses=losses)

    monkeypatch.setattr(trained_copy, "objective_of", made)


def _sent(
    experiment: Path, loss_of: Losses, monkeypatch: pytest.MonkeyPatch
) -> dict[tuple[int, str], float]:
    """Run the experiment to its end; return what each node computed, by round and node."""
    sent: dict[tuple[int, str], float] = {}
    symbols = PrivateEncoder.symbols

    def kept(self: PrivateEncoder, order: Any, scalars: Sequence[float]) -> tuple[float, ...]:
        (sent[order.round, self.node],) = scalars
        return symbols(self, order, scalars)

    with monkeypatch.context() as during:
        _breaking(loss_of, during)
        during.setattr(PrivateEncoder, "symbols", kept)
        run = start_run(experiment)
    assert read_run(run).stop["ending"] == "success"
    return sent


@pytest.mark.parametrize("how", BREAKS)
def test_a_private_run_goes_on_and_the_example_counts_its_clip_at_most(
    how: str, experiment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss_of, moved = BREAKS[how]
    without = _sent(experiment, SILENT, monkeypatch)
    with_it = _sent(experiment, loss_of, monkeypatch)
    assert len(with_it) == 4 * 2
    assert all(abs(one) <= LIMIT for one in with_it.values())  # of a NaN neither holds
    first = [with_it[0, node] - without[0, node] for node in ("node-0", "node-1")]
    assert sorted(first, key=abs) == pytest.approx([0.0, moved])


def test_without_a_promise_the_run_says_whose_loss_it_is(
    experiment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _breaking(BREAKS["nan"][0], monkeypatch)
    settings = ["privacy.protect=nothing", "privacy.batches=poisson"]
    with pytest.raises(CommandFailed, match="has a probe loss of nan"):
        start_run(experiment, settings)
