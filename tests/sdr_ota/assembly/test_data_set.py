"""Private runs on the same examples add up: in the plan, at the start, on a node's machine."""

import shutil
from importlib.resources import files
from pathlib import Path

import pytest
from ota_calibration.privacy.ledger_record import LedgerError

from sdr_ota.assembly.data_set import (
    LEDGERS,
    data_set_of,
    data_set_of_node,
    within_owners_limit,
)
from sdr_ota.assembly.plan import plan_run
from sdr_ota.assembly.run import resume_run, start_run
from sdr_ota.config.load import load_config
from sdr_ota.failure import CommandFailed
from sdr_ota.radio.bench_folder import state_folder
from zo_core.language.small_opt import SmallOptRecipe, prepare

N_ROWS = 200
POISSON = ("privacy.batches=poisson", "privacy.neighbours=add-remove")
REVIEWS = Path(str(files("zo_core").joinpath("data", "reviews_train.tsv")))


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = SmallOptRecipe(hidden_size=16, n_layers=1, n_heads=2, n_steps=5, min_word_count=1)
    sentences = ["a good film , it was great", "a bad film , it was terrible"]
    return prepare(sentences * 4, recipe, cache_dir=tmp_path_factory.mktemp("cache"))


@pytest.fixture
def experiment(model: Path, tmp_path: Path) -> Path:
    (tmp_path / "own.tsv").write_bytes(
        b"".join(REVIEWS.read_bytes().splitlines(True)[: N_ROWS + 1])
    )
    file = tmp_path / "own.toml"
    file.write_text(
        f"""
        run = {{rounds = 4, folder = "{tmp_path / "runs"}"}}
        model = {{name = "{model}"}}
        data = {{train = "own.tsv", held_out_limit = 40}}
        clients = {{count = 2}}
        privacy = {{protect = "record", epsilon = 2.0, batches = "fixed", neighbours = "replace"}}
        """
    )
    return file


def _rows(experiment: Path | None, *settings: str) -> dict[str, str]:
    return dict(plan_run(experiment, settings).rows)


def test_a_second_run_on_the_data_is_refused_by_plan_and_by_run(
    experiment: Path, tmp_path: Path
) -> None:
    first = _rows(experiment)
    assert first["training data"].endswith(": nothing by other runs")
    assert first["with this run"].startswith("epsilon 2 of 2, delta 1e-05, record level (replace)")
    assert not (tmp_path / "state").exists()  # a plan makes nothing
    run = start_run(experiment)
    shutil.rmtree(run)
    shutil.move(tmp_path / "own.tsv", tmp_path / "elsewhere.tsv")
    elsewhere = ["data.train=elsewhere.tsv"]
    for refuse in (plan_run, start_run):
        with pytest.raises(CommandFailed, match=r"epsilon 2 by 1 run was spent of epsilon 2") as no:
            refuse(experiment, elsewhere)
        assert (no.value.exit_code, "privacy.dataset_epsilon" in str(no.value)) == (1, True)
    more = [*elsewhere, "privacy.dataset_epsilon=6"]
    second = _rows(experiment, *more)
    assert second["training data"].endswith(": epsilon 2 by 1 run")
    total, left = (
        float(second[name].split()[1]) for name in ("with this run", "left for a run like this one")
    )
    assert 2 < total < 4  # composed, not added
    start_run(experiment, more)
    third = _rows(experiment, *more[:1], "privacy.dataset_epsilon=20")
    assert third["training data"].endswith(f": epsilon {total:.3g} by 2 runs")
    assert 2 < left < 6


def test_a_resumed_run_counts_once(experiment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sdr_ota.assembly import run_rounds  # noqa: PLC0415

    class Killed(BaseException):
        pass

    save = run_rounds.save_run_state

    def killed(*arguments: object) -> None:
        save(*arguments)  # type: ignore[arg-type]
        raise Killed

    with monkeypatch.context() as until, pytest.raises(Killed):
        until.setattr(run_rounds, "save_run_state", killed)
        start_run(experiment, POISSON)
    (run,) = (experiment.parent / "runs").iterdir()
    assert resume_run(run)
    rows = _rows(experiment, "privacy.dataset_epsilon=20", *POISSON)
    assert rows["training data"].endswith(": epsilon 2 by 1 run")


def test_the_data_set_is_the_whole_file_whatever_is_used_of_it(experiment: Path) -> None:
    def name(*settings: str) -> str:
        data_set = data_set_of(load_config(experiment, settings), experiment.parent)
        assert data_set is not None
        return data_set.folder.name

    whole = name()
    assert whole == name("data.train_limit=50", "clients.count=4", "run.seed=9")
    (experiment.parent / "other.tsv").write_bytes(REVIEWS.read_bytes())
    assert whole != name("data.train=other.tsv")


def test_where_the_ledgers_lie_and_what_they_allow(experiment: Path) -> None:
    home = experiment.parent

    def found(*settings: str) -> tuple[Path, float | None] | None:
        data_set = data_set_of(load_config(experiment, settings), home)
        return data_set and (data_set.folder.parent, data_set.epsilon)

    assert found() == (state_folder(LEDGERS), 2.0)
    assert found("privacy.dataset_epsilon=7") == (state_folder(LEDGERS), 7.0)
    assert found("privacy.dataset_ledgers=kept") == (home / "kept", 2.0)
    assert found("data.train=builtin") == (state_folder(LEDGERS), None)
    assert found("privacy.protect=nothing", *POISSON) is None
    assert found("clients.source=synthetic", "privacy.protect=client") is None


def test_ledgers_that_cannot_be_kept_stop_the_run_before_it_sends(experiment: Path) -> None:
    (experiment.parent / "file").write_text("")
    with pytest.raises(CommandFailed, match=r"set privacy\.dataset_ledgers or XDG_STATE_HOME"):
        start_run(experiment, ["privacy.dataset_ledgers=file"])
    with pytest.raises(CommandFailed, match=r"cannot be written.*privacy\.dataset_ledgers"):
        plan_run(experiment, ["privacy.dataset_ledgers=file"])


def test_a_node_keeps_the_ledgers_of_its_own_file(experiment: Path, tmp_path: Path) -> None:
    settings = ["privacy.dataset_ledgers=/somewhere"]  # the server's folder is not the node's
    config, home = load_config(experiment, settings), experiment.parent
    own = data_set_of_node(config, 1, home)
    here = data_set_of(load_config(experiment, []), home)
    assert own == here  # the same file
    builtin = load_config(experiment, ["data.train=builtin"])
    parts = [data_set_of_node(builtin, index, home) for index in range(2)]
    assert len({part.folder for part in parts if part}) == 2


def test_a_nodes_owner_has_the_last_word(experiment: Path) -> None:
    config, home = load_config(experiment, ["privacy.dataset_epsilon=100"]), experiment.parent
    own = data_set_of_node(config, 0, home)
    for owners, limit in ((None, 100.0), (3.0, 3.0), (500.0, 100.0)):
        found = within_owners_limit(own, config, owners)
        assert found is not None and found.epsilon == limit
    open_run = load_config(experiment, ["privacy.protect=nothing", *POISSON])
    assert within_owners_limit(None, open_run, None) is None
    with pytest.raises(LedgerError, match="runs with a promise only"):
        within_owners_limit(None, open_run, 3.0)
