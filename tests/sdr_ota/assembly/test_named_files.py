"""A run goes on with the files that it began with, or not at all."""

from pathlib import Path

import pytest

from sdr_ota.assembly.named_files import file_digests
from sdr_ota.cli.run import resume_command, run_command
from sdr_ota.config.load import load_config
from sdr_ota.failure import CommandFailed
from sdr_ota.runs.run_folder import read_run
from tests.sdr_ota.air.channels.test_config import moving


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of two rounds over a channel file."""
    channel = moving(tmp_path, 100.0)
    settings = ["clients.source=synthetic", "run.rounds=2", f"air.channel={channel}"]
    run_command(None, [*settings, f"run.folder={tmp_path / 'runs'}"])
    (folder,) = (tmp_path / "runs").iterdir()
    return folder


def test_the_same_files_go_on(run: Path) -> None:
    resume_command(run, more_rounds=1)
    assert len(read_run(run).rounds) == 3


def test_another_file_is_refused_and_nothing_touched(run: Path, tmp_path: Path) -> None:
    (tmp_path / "paths.npz").unlink()
    moving(tmp_path, 200.0)
    before = (run / "rounds.jsonl").read_bytes()
    with pytest.raises(CommandFailed, match=r'began with another air.channel = ".*paths.npz".*SHA'):
        resume_command(run, more_rounds=1)
    assert (run / "rounds.jsonl").read_bytes() == before


def test_data_of_private_runs_leave_no_digest(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("sentence\tlabel\ngood\t1\n")
    own = "data.train=train.tsv"
    assert set(file_digests(load_config(None, [own]), tmp_path)) == {"data.train"}
    private = load_config(None, [own, "privacy.protect=record", "privacy.epsilon=8"])
    assert not file_digests(private, tmp_path)


def test_what_is_no_file_here_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    settings = ["data.train=folder", "data.held_out=datasets:sst2"]
    assert not file_digests(load_config(None, settings), tmp_path)
