"""The main job on a tiny model and tiny data, and what it answers to wrong ones."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from sdr_ota.assembly.learning import Learning
from sdr_ota.assembly.model_learning import model_learning
from sdr_ota.assembly.replay import replay_run
from sdr_ota.cli.export import export
from sdr_ota.cli.run import resume_command, run_command
from sdr_ota.config.load import load_config
from sdr_ota.failure import CommandFailed
from sdr_ota.rounds.round import RoundResult, sum_by_sum
from sdr_ota.runs.run_folder import RunFolder, read_run
from sdr_ota.runs.summary import summarise
from zo_core.data.examples import read_examples
from zo_core.directions.fingerprint import weight_checksum
from zo_core.language.encoding import encode_examples
from zo_core.language.models import load_model
from zo_core.language.objective import accuracy
from zo_core.language.small_opt import SmallOptRecipe, prepare
from zo_core.language.tasks import SST2
from zo_core.stepping.journal import read_journal

SENTENCES = [
    f"a {word} film , it was {verdict}"
    for word, verdict in (
        ("good", "great"),
        ("fine", "great"),
        ("bad", "terrible"),
        ("dull", "terrible"),
    )
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is ready in a second and knows the words of the data."""
    recipe = SmallOptRecipe(hidden_size=16, n_layers=1, n_heads=2, n_steps=5, min_word_count=1)
    return prepare(SENTENCES * 4, recipe, cache_dir=tmp_path_factory.mktemp("cache"))


@pytest.fixture
def settings(model: Path, tmp_path: Path) -> list[str]:
    rows = [("a good film", 1), ("a fine film", 1), ("a bad film", 0), ("a dull film", 0)] * 3
    text = "sentence\tlabel\n" + "".join(f"{s}\t{label}\n" for s, label in rows)
    (tmp_path / "data.tsv").write_text(text)
    chosen = {
        "model.name": model,
        "data.train": tmp_path / "data.tsv",
        "data.held_out": tmp_path / "data.tsv",
        "run.folder": tmp_path / "runs",
        "privacy.dataset_ledgers": tmp_path / "ledgers",  # all of these tests have the same data
        "run.rounds": 6,
        "run.evaluate_every": 3,
        "clients.count": 3,
        "clients.examples_per_round": 2,
    }
    return [f"{key}={value}" for key, value in chosen.items()]


def learning_of(settings: list[str], tmp_path: Path) -> Learning:
    config = load_config(None, settings)
    journal = tmp_path / f"journal-{config.clients.split}.jsonl"
    return model_learning(config, Path(), journal, 0, lambda *_: None)


@pytest.mark.parametrize("payload", ["analog", "sign"])
def test_the_main_job_from_data_to_journal(
    settings: list[str], payload: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run_command(None, [*settings, f"link.payload={payload}"])
    printed = capsys.readouterr().out
    assert "held-out accuracy" in printed
    folder = Path(next(s for s in settings if "run.folder" in s).split("=")[1])
    run = read_run(next(folder.iterdir()))
    assert [e.rounds_done for e in run.evaluations] == [0, 3, 6]
    journal = read_journal(run.folder / "journal.jsonl")
    assert [u.scalar for u in journal.updates] == [r.mean_scalar for r in run.rounds]
    assert [u.seed for u in journal.updates] == [r.seed for r in run.rounds]
    assert run.start["device"] == "cpu"
    if payload == "sign":
        assert {abs(r.mean_scalar or 0) for r in run.rounds} <= {0.0, 1.0}


def test_one_client_is_enough(settings: list[str], tmp_path: Path) -> None:
    learning = learning_of([*settings, "clients.count=1"], tmp_path)
    assert len(learning.clients) == 1
    assert learning.clients[0].local_scalars([3])[0] != 0.0
    learning.close()


def test_label_skew_changes_what_clients_hold(settings: list[str], tmp_path: Path) -> None:
    scalars = []
    for split in ("even", "dirichlet"):
        learning = learning_of([*settings, f"clients.split={split}"], tmp_path)
        scalars.append([client.local_scalars([3])[0] for client in learning.clients])
        learning.close()
    assert scalars[0] != scalars[1]


@pytest.mark.parametrize(
    ("content", "setting", "words"),
    [
        ("", "", "holds no example"),
        ("sentence\tlabel\n", "", "holds no example"),
        ("text\tlabel\nx\t1\n", "", "no column 'sentence'"),
        ("sentence\tlabel\na\t1\nb\t7\n", "", "label '7' is not in the verbaliser"),
        ("sentence\tlabel\na\t1\nb\t1\n", "", "at least two"),
        ("sentence\tlabel\na\t1\nb\t0\n", "", "3 clients cannot share 2 examples"),
        (None, "data.train=/nowhere/x.tsv", "no data file"),
        (None, "data.task=moon", "no task 'moon'"),
        (None, "model.name=/nowhere/model", "no model folder"),
        (None, "model.device=cuda:99", "no device 'cuda:99'"),
    ],
)
def test_wrong_data_or_model_is_one_sentence(
    settings: list[str], tmp_path: Path, content: str | None, setting: str, words: str
) -> None:
    if content is not None:
        (tmp_path / "wrong.tsv").write_text(content)
        setting = f"data.train={tmp_path / 'wrong.tsv'}"
    with pytest.raises(CommandFailed) as failure:
        learning_of([*settings, setting], tmp_path)
    assert words in str(failure.value)
    assert failure.value.exit_code == 2


@pytest.mark.parametrize("rate", ["1e300", "1e37"])
def test_a_run_that_diverges_says_so_and_is_recorded(settings: list[str], rate: str) -> None:
    with pytest.raises(CommandFailed, match="lower the learning rate"):
        run_command(None, [*settings, f"zo.learning_rate={rate}"])
    folder = Path(next(s for s in settings if "run.folder" in s).split("=")[1])
    stop = read_run(next(folder.iterdir())).stop
    assert stop["ending"] == "fail"
    assert "learning" in str(stop["why"])


def test_the_model_loads_as_an_ordinary_folder(model: Path) -> None:
    assert load_model(str(model)).name == str(model)


@pytest.mark.parametrize(
    "rule",
    [
        [],
        ["zo.directions_per_step=2", "zo.momentum=0.5", "zo.weight_decay=0.1"],
        ["frame.symbols=3"],
        ["frame.symbols=2", "zo.directions_per_step=2", "zo.difference=forward"],
        ["frame.symbols=4", "zo.local_steps=2"],
        ["zo.rule=adamezo", "zo.momentum=0.5", "zo.direction=gaussian"],
        ["zo.rule=hiso", "zo.direction=gaussian"],
        ["model.train=lora", "model.base_precision=int8"],
    ],
)
def test_a_run_killed_and_resumed_has_the_bits_of_the_whole_one(
    settings: list[str], rule: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(next(s for s in settings if "run.folder" in s).split("=")[1])
    run_command(None, [*settings, *rule, f"run.folder={folder / 'whole'}"])
    append = RunFolder.append_round
    kills = iter([False, False, False, True])

    def killed(self: RunFolder, result: RoundResult) -> None:
        if next(kills):
            raise KeyboardInterrupt  # the journal has the round, the records do not
        append(self, result)

    with monkeypatch.context() as patched:
        patched.setattr(RunFolder, "append_round", killed)
        with pytest.raises(CommandFailed, match="--resume"):
            run_command(None, [*settings, *rule, f"run.folder={folder / 'killed'}"])
    (run,) = (folder / "killed").iterdir()
    resume_command(run)
    (whole,) = (folder / "whole").iterdir()
    assert (run / "journal.jsonl").read_text() == (whole / "journal.jsonl").read_text()
    assert [r.loss for r in read_run(run).rounds] == [r.loss for r in read_run(whole).rounds]
    assert read_run(run).evaluations == read_run(whole).evaluations


def test_directions_of_one_frame_make_one_step(settings: list[str]) -> None:
    folder = Path(next(s for s in settings if "run.folder" in s).split("=")[1])
    run_command(None, [*settings, "frame.symbols=4", "captures.every=2"])
    (path,) = folder.iterdir()
    run, journal = read_run(path), read_journal(path / "journal.jsonl")
    assert len(run.rounds) == 6 and len(journal.updates) == 6 * 4
    assert journal.header.rule.directions_per_step == 4
    sums = list(sum_by_sum(run.rounds))
    assert [(u.seed, u.scalar) for u in journal.updates] == [(s.seed, s.mean_scalar) for s in sums]
    assert all(len(r.unclipped_symbols or ()) == 3 * 4 for r in run.rounds)
    errors = [(s.decoded_sum or 0.0) - (s.true_sum or 0.0) for s in sums]
    assert np.mean(np.square(errors)) < 5 * np.mean([s.theory_error or 0.0 for s in sums])
    for s in sums:
        assert s.clip_bias is not None
    replayed, damaged = replay_run(path, [])
    assert not damaged and len(replayed) == 3 * 4
    assert all(r.new.decoded_sum == r.old.decoded_sum for r in replayed)
    assert summarise(run).bits_per_client == 6 * 4 * 16


@pytest.mark.parametrize("n_symbols", [1, 4])
def test_a_private_run_keeps_its_promise_and_says_so(
    settings: list[str], n_symbols: int, capsys: pytest.CaptureFixture[str]
) -> None:
    private = ["privacy.protect=record", "privacy.epsilon=3", f"frame.symbols={n_symbols}"]
    run_command(None, [*settings, *private])
    printed = " ".join(capsys.readouterr().out.split())
    found = re.search(r"epsilon ([\d.]+) of 3 at delta 1e-05, record level", printed)
    assert found
    assert 2.8 < float(found[1]) <= 3.0
    assert "6 bursts paid for" in printed


@pytest.mark.parametrize(
    "changes",
    [
        ["model.train=lora", "model.lora_rank=2"],
        ["model.train=prefix", "model.prefix_tokens=2"],
        ["model.base_precision=int8", "model.train=lora", "model.weight_format=bfloat16"],
        ["model.train=layers", 'model.layers=["*layers.0.*"]'],
        ["model.kind=classifier"],
        ["zo.objective=error"],
        ["frame.symbols=4", "zo.local_steps=2"],
        ["privacy.protect=client", "frame.symbols=2", "zo.local_steps=2"],
        ["zo.seed_pool=4", "zo.warmup_rounds=2", "zo.decay=cosine", "zo.rule=normalised"],
    ],
    ids=lambda changes: changes[0].split("=")[-1],
)
def test_the_main_job_with_other_models_and_rules(
    settings: list[str], changes: list[str], tmp_path: Path
) -> None:
    run_command(None, [*settings, *changes])
    folder = Path(next(s for s in settings if "run.folder" in s).split("=")[1])
    run = read_run(next(folder.iterdir()))
    assert len(run.rounds) == 6
    assert all(r.mean_scalar is not None for r in run.rounds)
    export(run.folder, tmp_path / "exported")
    assert any((tmp_path / "exported").glob("*.safetensors"))


def test_the_exported_model_is_the_one_that_was_judged(settings: list[str], tmp_path: Path) -> None:
    loud = ["zo.learning_rate=0.02", "clients.examples_per_round=4", "run.rounds=20"]
    run_command(None, [*settings, *loud])
    folder = Path(next(s for s in settings if "run.folder" in s).split("=")[1])
    run = read_run(next(folder.iterdir()))
    export(run.folder, tmp_path / "exported")
    loaded = load_model(str(tmp_path / "exported"))
    held_out = read_examples(tmp_path / "data.tsv", SST2.columns, "label")
    encoded = encode_examples(held_out, SST2, loaded.tokenizer)
    assert accuracy(loaded.model, encoded) == run.evaluations[-1].score
    base = load_model(next(s for s in settings if "model.name" in s).split("=")[1])
    assert weight_checksum(loaded.model) != weight_checksum(base.model)
    for taken in (tmp_path / "exported", tmp_path / "data.tsv"):
        with pytest.raises(CommandFailed, match="not an empty folder"):
            export(run.folder, taken)


def test_layers_that_are_not_there_are_named(settings: list[str]) -> None:
    with pytest.raises(CommandFailed, match="no parameter of OPTForCausalLM fits 'nowhere'"):
        run_command(None, [*settings, "model.train=layers", 'model.layers=["nowhere"]'])


def test_the_report_names_f1_where_answers_are_free(
    settings: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"context": "a good film", "question": "it was", "answers": {"text": ["great"]}}
    (tmp_path / "squad.jsonl").write_text((json.dumps(row) + "\n") * 6)
    data = [f"data.{name}={tmp_path / 'squad.jsonl'}" for name in ("train", "held_out")]
    run_command(None, [*settings, *data, "data.task=squad"])
    assert "held-out F1" in capsys.readouterr().out
