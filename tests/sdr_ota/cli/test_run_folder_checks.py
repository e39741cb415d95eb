"""A run folder that was changed, cut, or is in use is refused by name, and nothing is changed."""

import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sdr_ota.assembly import run_rounds as run_module
from sdr_ota.assembly.export import export_run
from sdr_ota.cli.replay import replay
from sdr_ota.cli.run import resume_command
from sdr_ota.failure import CommandFailed
from sdr_ota.report.run_report import report_runs
from sdr_ota.runs.run_folder import read_run
from sdr_ota.runs.run_lock import run_lock
from tests.sdr_ota.cli.killed_run import killed_run, model_settings, sign, whole_run
from zo_core.language.models import load_model

N_ROUNDS, N_DONE = 12, 8
LINK = ["clients.source=synthetic", f"run.rounds={N_ROUNDS}", "air.preset=ideal"]
MODEL = [f"run.rounds={N_ROUNDS}", "run.evaluate_every=3", "clients.count=3", "air.preset=ideal"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    private = [*LINK, "privacy.protect=client"]
    model = model_settings(folder, *MODEL)
    return {
        "killed": killed_run(folder / "killed", [*LINK, "captures.every=2"], N_DONE),
        "whole": whole_run(folder / "whole", [*LINK, "captures.every=2"]),
        "private": killed_run(folder / "private", private, N_DONE),
        "model": killed_run(folder / "model", model, N_DONE),
        "trained": whole_run(folder / "trained", model),
    }


@pytest.fixture
def copy(runs: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    return lambda name: shutil.copytree(runs[name], tmp_path / name)


def _contents(run: Path) -> dict[str, bytes]:
    return {str(p.relative_to(run)): p.read_bytes() for p in run.rglob("*") if p.is_file()}


def _refused(run: Path, words: str, command: Callable[[Path], None] = resume_command) -> None:
    """Check that a command refuses a folder in one sentence and changes nothing of it."""
    before = _contents(run)
    with pytest.raises(CommandFailed) as failure:
        command(run)
    assert words in str(failure.value)
    assert failure.value.exit_code == 2
    assert _contents(run) == before


def _edit_config(run: Path, table: str, key: str, value: object) -> None:
    start = json.loads((run / "start.json").read_text())
    start["config"][table][key] = value
    (run / "start.json").write_text(json.dumps(start))


def _replace(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new, 1))


def _keep_lines(path: Path, keep: Callable[[int], bool]) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for index, line in enumerate(lines) if keep(index)))


@pytest.mark.parametrize("name", ["killed", "private", "model"])
def test_what_was_not_touched_goes_on_and_ends(copy: Callable[[str], Path], name: str) -> None:
    run = copy(name)
    resume_command(run)
    assert read_run(run).stop["ending"] == "success"


LEDGER_CRIMES: dict[str, Callable[[Path], None]] = {
    "deleted": lambda path: path.unlink(),
    "rolled back": lambda path: _keep_lines(path, lambda index: index < 5),
    "thinned": lambda path: _keep_lines(path, lambda index: index not in {3, 4}),
    "first burst gone": lambda path: _keep_lines(path, lambda index: index != 1),
    "changed": lambda path: _replace(path, '"attempt": 1', '"attempt": 2'),
    "switched off": lambda path: _edit_config(path.parent, "privacy", "protect", "nothing"),
}


@pytest.mark.parametrize("crime", list(LEDGER_CRIMES))
def test_a_ledger_that_does_not_cover_the_rounds_is_refused_and_reported(
    copy: Callable[[str], Path], crime: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = copy("private")
    LEDGER_CRIMES[crime](run / "privacy.jsonl")
    _refused(run, "start.json" if "switched off" in crime else "privacy.jsonl")
    capsys.readouterr()
    report_runs([run], None, None)
    assert "incomplete: privacy.jsonl" in " ".join(capsys.readouterr().out.split())


def test_a_ledger_with_its_rounds_and_checkpoint_in_another_state_is_refused(
    copy: Callable[[str], Path],
) -> None:
    run = copy("private")
    lines = (run / "rounds.jsonl").read_text().splitlines(keepends=True)
    bare = [json.dumps({**json.loads(line), "ledger_digest": None}) + "\n" for line in lines]
    (run / "rounds.jsonl").write_text("".join(bare))
    _refused(run, "privacy.jsonl")


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("link", "scheme", "energy-difference"),
        ("link", "payload", "sign"),
        ("run", "seed", 2),
        ("air", "preset", "lab-wired"),
        ("clients", "count", 4),
    ],
)
@pytest.mark.parametrize("command", [resume_command, lambda run: replay(run, (), False)])
def test_a_configuration_that_was_edited_is_refused(
    copy: Callable[[str], Path],
    table: str,
    key: str,
    value: object,
    command: Callable[[Path], None],
) -> None:
    run = copy("killed")
    _edit_config(run, table, key, value)
    _refused(run, "start.json", command)
    start = json.loads((run / "start.json").read_text())
    (run / "start.json").write_text(json.dumps({**start, "config_digest": ""}))
    _refused(run, "checkpoint.json", command)


def test_an_edited_rate_of_learning_is_seen_by_the_journal_alone(
    copy: Callable[[str], Path], tmp_path: Path
) -> None:
    run = copy("trained")
    _edit_config(run, "zo", "learning_rate", 0.5)
    start = json.loads((run / "start.json").read_text())
    (run / "start.json").write_text(json.dumps({**start, "config_digest": ""}))
    (run / "checkpoint.json").unlink()
    _refused(run, "journal.jsonl", lambda path: export_run(path, tmp_path / "out"))


def _foreign(name: str) -> Callable[[Path, Path], None]:
    return lambda run, other: shutil.copyfile(other / name, run / name) and None


FILE_CRIMES: dict[str, tuple[str, str, Callable[[Path, Path], object]]] = {
    "no checkpoint": ("killed", "checkpoint.json",
                      lambda run, _: (run / "checkpoint.json").unlink()),
    "no rounds": ("killed", "rounds.jsonl", lambda run, _: (run / "rounds.jsonl").unlink()),
    "fewer rounds": ("killed", "rounds.jsonl",
                     lambda run, _: _keep_lines(run / "rounds.jsonl", lambda i: i < 3)),
    "a round twice": ("killed", "rounds.jsonl",
                      lambda run, _: _repeat_last_line(run / "rounds.jsonl")),
    "a round less": ("killed", "rounds.jsonl",
                     lambda run, _: _keep_lines(run / "rounds.jsonl", lambda i: i != 3)),
    "an end that is not true": ("whole", "rounds.jsonl",
                                lambda run, _: _rolled_back(run)),
    "no journal": ("model", "journal.jsonl", lambda run, _: (run / "journal.jsonl").unlink()),
    "a shorter journal": ("model", "journal.jsonl",
                          lambda run, _: _keep_lines(run / "journal.jsonl", lambda i: i < 6)),
    "an update less": ("model", "journal.jsonl",
                       lambda run, _: _keep_lines(run / "journal.jsonl", lambda i: i != 2)),
    "no arrays": ("killed", "checkpoint-000007.npz",
                  lambda run, _: (run / "checkpoint-000007.npz").unlink()),
    "another world": ("killed", "checkpoint.json", _foreign("checkpoint.json")),
    "other rounds": ("killed", "rounds.jsonl", _foreign("rounds.jsonl")),
}  # fmt: skip


@pytest.mark.parametrize("crime", list(FILE_CRIMES))
def test_a_file_that_is_missing_cut_older_or_foreign_is_refused_by_name(
    runs: dict[str, Path], copy: Callable[[str], Path], tmp_path: Path, crime: str
) -> None:
    name, words, commit = FILE_CRIMES[crime]
    run, other = copy(name), tmp_path / "other"
    if crime in {"another world", "other rounds"}:
        other = killed_run(other, [*LINK, "run.seed=7"], N_DONE)
    commit(run, other)
    if name == "whole":
        _refused(run, words, lambda path: report_runs([path], None, None))
    _refused(run, words)
    if name != "model":
        _refused(run, words, lambda path: replay(path, (), False))


def _repeat_last_line(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines, lines[-1]]))


def _rolled_back(run: Path) -> None:
    _keep_lines(run / "rounds.jsonl", lambda index: index < 1)
    (run / "checkpoint.json").unlink()


@pytest.mark.parametrize("crime", ["no journal", "base model", "a shorter journal", "no update"])
def test_the_base_model_is_never_exported_under_the_name_of_the_trained_one(
    copy: Callable[[str], Path], tmp_path: Path, crime: str
) -> None:
    run = copy("trained")
    journal = run / "journal.jsonl"
    if crime == "no journal":
        journal.unlink()
    elif crime == "a shorter journal":
        _keep_lines(journal, lambda index: index < 5)
    elif crime == "no update":
        _keep_lines(journal, lambda index: index < 1)
    else:
        _edit_config(run, "model", "name", "builtin")
    words = "start.json" if crime == "base model" else "journal.jsonl"
    _refused(run, words, lambda path: export_run(path, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_base_model_that_was_changed_is_refused(
    copy: Callable[[str], Path], tmp_path: Path
) -> None:
    run = copy("model")
    name = Path(read_run(run).start["config"]["model"]["name"])
    kept = shutil.copytree(name, tmp_path / "kept")
    loaded = load_model(str(name))
    try:
        next(loaded.model.parameters()).detach().mul_(2)
        loaded.model.save_pretrained(name)
        _refused(run, "base weights")
    finally:
        shutil.copytree(kept, name, dirs_exist_ok=True)
    resume_command(run)


@pytest.mark.parametrize("content", [b"", b"\xff" * 40, b"\x02" + bytes(7) + b"{}"])
def test_weights_that_are_damaged_are_named(copy: Callable[[str], Path], content: bytes) -> None:
    run = copy("model")
    (run / "weights.safetensors").write_bytes(content)
    _refused(run, "weights.safetensors")


def test_a_run_in_use_is_refused(copy: Callable[[str], Path]) -> None:
    for name in ("killed", "private"):
        run = copy(name)
        with run_lock(run):
            _refused(run, "in use by another process")
        resume_command(run)


def test_where_earlier_parts_came_from_stays(copy: Callable[[str], Path]) -> None:
    run = copy("killed")
    start = json.loads((run / "start.json").read_text())
    start |= {"git": "abc", "versions": {"sdr-ota": "0"}}
    (run / "start.json").write_text(json.dumps(start))
    resume_command(run)
    after = json.loads((run / "start.json").read_text())
    assert {**after, "resumes": []} == {**start, "resumes": []}
    (line,) = after["resumes"]
    assert line["from_round"] == N_DONE - 1
    assert line["versions"]["sdr-ota"] != "0"


def test_a_finished_run_goes_on_for_more_rounds(
    copy: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = copy("whole")
    before = _contents(run)
    resume_command(run)
    assert "nothing left to do" in capsys.readouterr().out
    assert _contents(run) == before
    resume_command(run, 3)
    resume_command(run, 2)
    longer = whole_run(
        tmp_path / "longer", [*LINK, "captures.every=2", f"run.rounds={N_ROUNDS + 5}"]
    )
    found, wanted = (
        [(r.round, r.seed, r.decoded_sum, r.true_sum) for r in read_run(one).rounds]
        for one in (run, longer)
    )
    assert found == wanted
    line = read_run(run).start["resumes"][0]
    assert line["more_rounds"] == 3
    assert line["ended_before"]["ending"] == "success"


@pytest.mark.parametrize(
    ("settings", "words"),
    [(["privacy.protect=client"], "promise"), (["zo.decay=linear"], "step size")],
)
def test_more_rounds_that_would_break_something_are_refused(
    tmp_path: Path, settings: list[str], words: str
) -> None:
    run = whole_run(tmp_path, [*LINK, "run.rounds=3", *settings])
    _refused(run, words, lambda path: resume_command(path, 2))
    _edit_config(run, "run", "rounds", 5)
    (run / "stop.json").unlink()
    _refused(run, "start.json")


def test_private_runs_are_readable_by_their_owner_only(
    runs: dict[str, Path], copy: Callable[[str], Path]
) -> None:
    open_ = runs["killed"]
    assert stat.S_IMODE(open_.stat().st_mode) & 0o077 == 0o077 & ~_umask()
    run = copy("private")
    resume_command(run)
    report_runs([run], None, "svg")
    assert (run / "report.html").is_file()
    for path in (run, *run.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


def _umask() -> int:
    before = os.umask(0)
    os.umask(before)
    return before


def test_what_a_terminal_would_obey_is_written_out(
    copy: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run = copy("killed")
    why = "\x1b]0;title\x07\x1b[2J gone"
    (run / "stop.json").write_text(json.dumps({"ending": "fail", "why": why}))
    report_runs([run], None, None)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "gone" in out


@pytest.mark.parametrize("state", [1e59, 2**200, -1, "x", None, []])
def test_a_signed_checkpoint_with_an_impossible_generator_is_refused(
    copy: Callable[[str], Path], state: object
) -> None:
    run = copy("killed")
    checkpoint = json.loads((run / "checkpoint.json").read_text())
    checkpoint["state"]["air"]["rng"]["state"]["state"] = state
    sign(checkpoint)
    (run / "checkpoint.json").write_text(json.dumps(checkpoint))
    _refused(run, "checkpoint.json")


@pytest.mark.parametrize("name", ["home", "config_file", "config", "config_digest"])
def test_a_start_record_that_lacks_what_a_resume_needs_is_refused(
    copy: Callable[[str], Path], name: str
) -> None:
    run = copy("killed")
    start = json.loads((run / "start.json").read_text())
    del start[name]
    (run / "start.json").write_text(json.dumps(start))
    _refused(run, "start.json")


def test_nothing_of_ours_reads_pickles() -> None:
    root = Path(run_module.__file__).parents[2]
    sources = [p for room in ("sdr_ota", "zo_core", "calibration") for p in _sources(root / room)]
    assert len(sources) > 100
    for path in sources:
        assert "pickle.load" not in path.read_text(), path
        assert "import pickle" not in path.read_text(), path


def _sources(folder: Path) -> Iterator[Path]:
    return folder.rglob("*.py")
