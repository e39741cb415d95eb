"""How a run learns: held-out figures, the best model, an early end, unknown words."""

import json
import logging
from pathlib import Path

import pytest

from sdr_ota.assembly.learning import task_of, training_examples
from sdr_ota.assembly.unknown_tokens import warn_of_unknown_tokens
from sdr_ota.cli.export import export
from sdr_ota.cli.run import run_command
from sdr_ota.config.load import ConfigError, load_config
from sdr_ota.report.run_table import table_rows
from sdr_ota.runs.best import best_evaluation
from sdr_ota.runs.run_folder import RunRecord, read_run
from zo_core.data.examples import read_examples
from zo_core.language.encoding import encode_examples
from zo_core.language.held_out import judge_labels
from zo_core.language.models import load_model
from zo_core.language.objective import candidate_scores
from zo_core.language.small_opt import SmallOptRecipe, prepare
from zo_core.language.tasks import SST2, PromptTask
from zo_core.probing.passes import in_order

EXAMPLES = Path(__file__).parents[3] / "examples"
WORDS = {"good": "great", "fine": "great", "bad": "terrible", "dull": "terrible"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is ready in a second and knows the words of the data."""
    recipe = SmallOptRecipe(hidden_size=16, n_layers=1, n_heads=2, n_steps=5, min_word_count=1)
    sentences = [f"a {word} film , it was {verdict}" for word, verdict in WORDS.items()]
    return prepare(sentences * 4, recipe, cache_dir=tmp_path_factory.mktemp("cache"))


def data(path: Path, adjectives: dict[str, str] = WORDS) -> Path:
    """Write examples whose labels are words."""
    lines = [f"a {word} film\t{verdict}" for word, verdict in adjectives.items()] * 3
    path.write_text("\n".join(["sentence\tlabel", *lines]) + "\n")
    return path


def run_of(model: Path, folder: Path, train: Path, held_out: Path, *settings: str) -> RunRecord:
    chosen = {
        "model.name": model,
        "data.train": train,
        "data.held_out": held_out,
        "run.folder": folder,
        "run.rounds": 20,
        "run.evaluate_every": 2,
        "clients.count": 3,
        "clients.examples_per_round": 4,
        "zo.learning_rate": 0.02,
    }
    run_command(None, [*(f"{key}={value}" for key, value in chosen.items()), *settings])
    (path,) = folder.iterdir()
    return read_run(path)


def test_the_best_model_is_exported_with_the_figures_it_was_judged_by(
    model: Path, tmp_path: Path
) -> None:
    path = data(tmp_path / "data.tsv")
    run = run_of(model, tmp_path / "runs", path, path)
    best = best_evaluation(run.evaluations)
    assert best is not None
    assert 0 < best.rounds_done < 20, "of no use here: the best is the first or the last"
    export(run.folder, tmp_path / "best", best=True)
    loaded = load_model(str(tmp_path / "best"))
    examples = read_examples(path, SST2.columns, "label")
    numbers = {"great": "1", "terrible": "0"}
    for example in examples:
        object.__setattr__(example, "label", numbers[example.label])
    encoded = encode_examples(examples, SST2, loaded.tokenizer)
    judged = judge_labels(loaded.model, encoded, candidate_scores, SST2.labels, in_order(64))
    assert judged.score == best.score
    assert judged.loss == pytest.approx(best.loss, rel=1e-6)
    assert judged.label_scores == best.label_scores
    rows = dict(table_rows([run]))
    assert rows["best held-out accuracy"] == f"{best.score:.3f} after {best.rounds_done} rounds"
    assert "0: " in rows["right by label, at the end"]


def test_a_run_that_gets_no_better_stops_early(model: Path, tmp_path: Path) -> None:
    path, backwards = (
        data(tmp_path / "data.tsv"),
        dict(zip(WORDS, [*WORDS.values()][::-1], strict=True)),
    )
    wrong = data(tmp_path / "wrong.tsv", backwards)  # what is learned makes the score worse
    settings = ("run.patience_evaluations=2", "run.rounds=200", "zo.learning_rate=0.1")
    run = run_of(model, tmp_path / "runs", path, wrong, *settings)
    best = best_evaluation(run.evaluations)
    assert best is not None
    assert len(run.rounds) == best.rounds_done + 2 * 2 < 200
    assert run.stop["ending"] == "success"
    assert f"no better than that after {best.rounds_done} rounds" in run.stop["why"]
    assert f"{len(run.rounds)} of 200 rounds done" in run.stop["why"]


def test_words_that_the_model_does_not_know_are_counted_and_warned_of(
    model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    known = data(tmp_path / "known.tsv")
    strange = data(tmp_path / "strange.tsv", {"zany xx": "great", "drab xx": "terrible"})
    with caplog.at_level(logging.WARNING):
        run = run_of(model, tmp_path / "runs", known, strange, "run.rounds=2")
    # "a zany xx film It was": two of six words; the token that starts a text is not counted
    assert run.start["unknown_token_share"] == {"held-out": pytest.approx(2 / 6), "training": 0.0}
    (warning,) = [r.getMessage() for r in caplog.records if "unknown" in r.getMessage()]
    assert warning.startswith("33 % of the tokens of the held-out examples are unknown")


@pytest.mark.parametrize(("share", "is_said"), [(0.10, False), (0.1001, True)])
def test_up_to_a_tenth_of_unknown_words_nothing_is_said(
    share: float, is_said: bool, caplog: pytest.LogCaptureFixture
) -> None:
    warn_of_unknown_tokens({"held-out": share, "training": 0.0})
    assert [text.startswith("10 % of the tokens") for text in caplog.messages] == [True] * is_said


def test_ag_news_is_read_as_its_example_says(tmp_path: Path) -> None:
    """Lines in the form of its files, which have no header: class, title, description."""
    path = tmp_path / "news.csv"
    path.write_text('"3","Oil up","It ""rose"", again."\n"2","Cup final","Won 2-1."\n')
    files = [f"data.{which}={path}" for which in ("train", "held_out")]
    config = load_config(EXAMPLES / "ag-news.toml", files)
    task = task_of(config.data)
    assert isinstance(task, PromptTask)
    read = training_examples(config.data, task, Path())
    assert [(task.prompt(one), task.verbaliser[one.label]) for one in read] == [
        ('Oil up It "rose", again. It is about', "business"),
        ("Cup final Won 2-1. It is about", "sports"),
    ]


def test_of_private_training_examples_no_share_is_told(model: Path, tmp_path: Path) -> None:
    path = data(tmp_path / "data.tsv")
    run = run_of(model, tmp_path / "runs", path, path, "privacy.protect=record", "run.rounds=2")
    assert run.start["unknown_token_share"] == {"held-out": 0.0}


def test_records_of_earlier_versions_are_read(model: Path, tmp_path: Path) -> None:
    path = data(tmp_path / "data.tsv")
    run = run_of(model, tmp_path / "runs", path, path, "run.rounds=2")
    lines = (run.folder / "evaluations.jsonl").read_text().splitlines()
    old = [{key: json.loads(line)[key] for key in ("rounds_done", "score")} for line in lines]
    (run.folder / "evaluations.jsonl").write_text("".join(json.dumps(line) + "\n" for line in old))
    again = read_run(run.folder)
    assert [e.score for e in again.evaluations] == [e.score for e in run.evaluations]
    assert [(e.loss, e.label_scores) for e in again.evaluations] == [(None, {})] * 2
    assert "held-out loss" not in dict(table_rows([again]))


def test_columns_are_for_files_without_a_header_line() -> None:
    with pytest.raises(ConfigError, match="columns names those of files"):
        load_config(None, ['data.columns=["label", "text"]'])
