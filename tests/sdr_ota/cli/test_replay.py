"""Captures of a run, decoded again from the command line."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdr_ota.assembly.replay import decoding_config
from sdr_ota.cli.replay import replay
from sdr_ota.cli.run import run_command
from sdr_ota.config.parts import link_of
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.runs.captures import read_capture, stored_captures
from sdr_ota.runs.replay import replay_capture, summarise_replay
from sdr_ota.runs.run_folder import read_run
from sdr_ota.schemes import load_scheme

N_ROUNDS = 24


def _run(folder: Path, *more: str) -> Path:
    settings = [
        "clients.source=synthetic",
        f"run.rounds={N_ROUNDS}",
        "captures.every=1",
        f"run.folder={folder}",
        *more,
    ]
    run_command(None, settings)
    (run,) = folder.iterdir()
    return run


@pytest.fixture(scope="module")
def harsh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("harsh")
    return _run(folder, "air.preset=harsh", "link.scheme=fsk-vote", "link.payload=sign")


def _replayed(run: Path, capsys: pytest.CaptureFixture[str], *settings: str) -> dict[str, object]:
    capsys.readouterr()
    replay(run, settings, as_json=True)
    record: dict[str, object] = json.loads(capsys.readouterr().out)
    return record


def test_the_same_code_and_parameters_give_the_same_bits(
    harsh: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = _replayed(harsh, capsys)
    summary, rounds = record["summary"], record["rounds"]
    assert isinstance(summary, dict) and isinstance(rounds, list)
    assert summary["largest_change"] == 0.0
    assert all(r["old"]["erasure"] == r["new"]["erasure"] for r in rounds)
    decoded = [r["round"] for r in rounds if r["old"]["decoded_sum"] is not None]
    in_run = [r.round for r in read_run(harsh).rounds if r.erasure is None]
    assert decoded == in_run
    assert 0 < len(decoded) < N_ROUNDS


def test_the_old_sums_are_those_of_the_run(harsh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rounds = _replayed(harsh, capsys)["rounds"]
    assert isinstance(rounds, list)
    by_index = {r.round: r for r in read_run(harsh).rounds}
    for replayed in rounds:
        then = by_index[replayed["round"]]
        assert replayed["old"]["decoded_sum"] == then.decoded_sum
        if then.true_sum is not None:
            assert replayed["true_sum"] == then.true_sum


def test_another_parameter_of_the_scheme_changes_the_sums(
    harsh: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = _replayed(harsh, capsys, "link.scheme_parameters.look_chips=32")
    assert record["summary"]["largest_change"] > 0.1  # type: ignore[index]


def test_another_preamble_is_not_found(harsh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = _replayed(harsh, capsys, "frame.chirp_samples=200")
    summary = record["summary"]
    assert isinstance(summary, dict)
    assert summary["new_erased"] > summary["old_erased"]


def test_a_cyclic_run_is_replayed_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cyclic = (
        "radio.has_hardware_time=false",
        "air.preset=free-running-pluto",
        "link.scheme=energy-difference",
        "run.rounds=4",
    )
    summary = _replayed(_run(tmp_path, *cyclic), capsys)["summary"]
    assert isinstance(summary, dict)
    assert summary["rounds"] >= 3
    assert summary["largest_change"] == 0.0


LONG_CHIPS = ("air.preset=free-running-pluto", "link.scheme=coherent", "link.payload=analog")


def test_a_run_with_long_chips_is_replayed_in_the_frame_that_was_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = _run(tmp_path, *LONG_CHIPS, "run.rounds=4")
    assert _replayed(run, capsys)["summary"]["largest_change"] == 0.0  # type: ignore[index]
    stored = read_capture(stored_captures(run)[0])
    assert stored.link.frame.pulse.samples_per_chip == 16
    # energies alone would choose chips of two samples, which is not what lies in the capture
    _, config = decoding_config(run, ["link.scheme=energy-difference"])
    assert link_of(config).frame == stored.link.frame


def test_the_summary_compares_rounds_that_both_could_decode(harsh: Path) -> None:
    stored = [read_capture(path) for path in stored_captures(harsh)]
    worse = replace(stored[0].link, scheme=load_scheme("fsk-vote", {"look_chips": 64}))
    rounds = [again for one in stored for again in replay_capture(one, worse)]
    summary = summarise_replay(rounds)
    both = [r for r in rounds if r.old.decoded_sum is not None and r.new.decoded_sum is not None]
    true = np.array([r.true_sum for r in both])
    new = np.array([r.new.decoded_sum for r in both], float)
    expected_db = 10 * np.log10(np.sum((new - true) ** 2) / np.sum(true**2))
    assert summary.both_decoded == len(both) > 1
    assert summary.new_nmse_db == pytest.approx(expected_db)
    assert summary.new_nmse_db != pytest.approx(summary.old_nmse_db)


def test_a_person_reads_a_table(harsh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    replay(harsh, (), as_json=False)
    text = capsys.readouterr().out
    assert "new error" in text
    assert "largest change of a sum: 0" in text
    assert max(len(line) for line in text.splitlines()) <= 100


def test_what_was_sent_cannot_be_changed(harsh: Path) -> None:
    with pytest.raises(CommandFailed, match="cannot be changed any more") as refused:
        replay(harsh, ["zo.learning_rate=1"], as_json=False)
    assert refused.value.exit_code == WRONG_USE
    with pytest.raises(CommandFailed, match="look_chips"):
        replay(harsh, ["link.scheme_parameters.look_chps=32"], as_json=False)


def test_a_run_without_captures_says_how_to_keep_some(tmp_path: Path) -> None:
    run = _run(tmp_path, "captures.every=0", "captures.erased=false", "run.rounds=2")
    with pytest.raises(CommandFailed, match=r"captures\.every=N"):
        replay(run, (), as_json=False)
    with pytest.raises(CommandFailed, match="no run folder"):
        replay(tmp_path, (), as_json=False)


def test_a_damaged_capture_is_named_and_the_others_are_decoded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = _run(tmp_path, "run.rounds=3")
    data = run / "captures" / "round-000001.sigmf-data"
    data.write_bytes(bytes(len(data.read_bytes())))
    capsys.readouterr()
    with pytest.raises(CommandFailed, match="round-000001") as failed:
        replay(run, (), as_json=True)
    assert failed.value.exit_code == 1
    assert len(json.loads(capsys.readouterr().out)["rounds"]) == 2
    for left in (run / "captures").glob("*.sigmf-data"):
        left.write_bytes(b"")
    with pytest.raises(CommandFailed, match="round-000000"):
        replay(run, (), as_json=False)
    assert "none was decoded both ways" in capsys.readouterr().out


@pytest.mark.gnuradio
@pytest.mark.usefixtures("gnuradio")
def test_another_synchroniser_finds_the_same_sums(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = _replayed(_run(tmp_path), capsys, "receiver.synchronizer=gnuradio")
    summary = record["summary"]
    assert isinstance(summary, dict)
    assert summary["both_decoded"] == summary["rounds"] == N_ROUNDS
    assert 0 < summary["largest_change"] < 0.02  # its own way, its own rounding
