"""A data set is true, the same from the same seed, and survives being broken off."""

import csv
import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdr_ota.failure import INTERRUPTED, WRONG_USE, CommandFailed
from sdr_ota.rounds.decoding import decode
from sdr_ota.runs.captures import read_capture
from sdr_ota.study.dataset import writer as dataset_module
from sdr_ota.study.dataset.split import SPLITS, captures_of
from sdr_ota.study.dataset.writer import Grid, make_dataset

GRID = Grid(
    ("lab-wired", "harsh"), ("coherent", "fsk-vote"), 2, (20.0,), captures=3, seed=1, predictions=1
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "set"
    make_dataset(folder, GRID)
    return folder


def _rows(root: Path, name: str = "index.csv") -> list[dict[str, str]]:
    with (root / name).open(newline="") as file:
        return list(csv.DictReader(file))


def _files(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_every_combination_is_there_and_every_file_is_named(root: Path) -> None:
    rows = _rows(root)
    places = {(r["preset"], r["scheme"], r["nodes"]) for r in rows}
    assert len(rows) == 3 * len(places) == 3 * 2 * 2 * 2
    named = {r[kind] for r in rows for kind in ("capture", "sounding") if r[kind]}
    assert named == {name for name in _files(root) if name.endswith(".sigmf-meta")}
    assert len(_rows(root, "baseline.csv")) == 2 * len(places)  # two decoders


def test_splits_share_no_world(root: Path) -> None:
    """The paths' truths differ between the splits of a setting, and not within one."""
    worlds: dict[tuple[str, ...], dict[str, set[str]]] = {}
    for row in _rows(root):
        if row["sounding"]:
            fields = json.loads((root / row["sounding"]).read_text())["global"]
            setting = (row["preset"], row["scheme"], row["nodes"], row["snr_db"])
            of_setting = worlds.setdefault(setting, {})
            gains = json.dumps([truth["gain"] for truth in fields["ota:truth"]])
            of_setting.setdefault(row["split"], set()).add(gains)
    for of_setting in worlds.values():
        assert set(of_setting) == set(SPLITS)
        assert all(len(gains) == 1 for gains in of_setting.values())
        assert len(set.union(*of_setting.values())) == len(SPLITS)


@pytest.mark.parametrize("captures", range(1, 30))
def test_splits_are_all_of_the_captures(captures: int) -> None:
    parts = {split: captures_of(split, captures) for split in SPLITS}
    assert sum(parts.values()) == captures
    assert parts["train"] >= parts["test"] == parts["validation"] >= (captures >= 3)


def test_checksums_are_those_of_the_files(root: Path) -> None:
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=root, check=True)
    named = {line.split("  ", 1)[1] for line in (root / "SHA256SUMS").read_text().splitlines()}
    assert named == set(_files(root)) - {"SHA256SUMS"}


def test_the_index_says_what_is_in_the_captures(root: Path) -> None:
    for row in _rows(root):
        if not row["capture"]:
            assert row["erasure"]
            continue
        stored = read_capture(root / row["capture"])
        symbols = stored.reception.symbols
        assert [float(s) for s in row["symbols"].split()] == symbols.tolist()
        active = [int(node) for node in row["active_nodes"].split()]
        assert float(row["true_sum"]) == symbols[active].sum()
        assert np.abs(symbols).max() <= 1
        if row["scheme"] == "fsk-vote":
            assert set(np.abs(symbols[active])) == {1.0}
        if row["decoded_sum"]:
            again = decode(stored.reception, stored.link)
            assert float(row["decoded_sum"]) == again.total.value


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    root: Path, tmp_path: Path
) -> None:
    make_dataset(tmp_path / "again", GRID)
    assert _files(tmp_path / "again") == _files(root)
    make_dataset(tmp_path / "other", replace(GRID, seed=2))
    ours, other = _rows(root), _rows(tmp_path / "other")
    assert all(a["symbols"] != b["symbols"] for a, b in zip(ours, other, strict=True)
               if a["symbols"] and a["scheme"] == "coherent")  # fmt: skip


def test_settings_do_not_depend_on_what_else_is_in_the_set(root: Path, tmp_path: Path) -> None:
    part = replace(GRID, presets=("harsh",), schemes=("coherent",))
    make_dataset(tmp_path / "part", part)
    assert _rows(tmp_path / "part") == [
        r for r in _rows(root) if (r["preset"], r["scheme"]) == ("harsh", "coherent")
    ]


def test_broken_off_and_gone_on_is_the_whole_set(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, calls = dataset_module.write_setting, iter(range(100))

    def interrupted(*arguments: object) -> None:
        if next(calls) == 12:
            original(*arguments)  # type: ignore[arg-type]
            written = next(tmp_path.glob("set/harsh/*/*/*/rows.csv"))
            written.unlink()  # as if it had not come so far
            raise KeyboardInterrupt
        original(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(dataset_module, "write_setting", interrupted)
        with pytest.raises(CommandFailed, match="goes on") as stopped:
            make_dataset(tmp_path / "set", GRID)
    assert stopped.value.exit_code == INTERRUPTED
    assert not (tmp_path / "set" / "index.csv").exists()
    for _ in range(2):  # what is whole stays as it is
        make_dataset(tmp_path / "set", GRID)
        assert _files(tmp_path / "set") == _files(root)


def test_the_loaders_of_the_card_give_every_payload(root: Path) -> None:
    """NumPy's first, PyTorch's after it; each stands alone in five lines besides its import."""
    card = (root / "README.md").read_text()
    for_numpy, for_torch = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    for code in (for_numpy, for_torch):
        assert len([line for line in code.splitlines() if line and "import" not in line]) <= 5
    used = """
n = 0
for split in ("train", "validation", "test"):
    for row, samples in load(split):
        n += len(samples) == int(row["payload_samples"]) > 0
print(n, *(pair[0].shape[1] for pair in torch.utils.data.DataLoader(Sums(), batch_size=None)))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", for_numpy + for_torch + used],
        cwd=root, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    received = [row for row in _rows(root) if row["capture"]]
    n_train = sum(row["split"] == "train" for row in received)
    assert done.stdout.split() == [str(len(received)), *["2"] * n_train]
    assert "{" not in re.sub(r"```.*?```", "", card, flags=re.DOTALL)


def test_the_payload_of_the_index_is_the_annotated_one(root: Path) -> None:
    for row in _rows(root):
        if row["capture"]:
            meta = json.loads((root / row["capture"]).read_text())
            part = next(a for a in meta["annotations"] if a["core:label"] == "payload")
            place = (int(row["payload_start"]), int(row["payload_samples"]))
            assert place == (part["core:sample_start"], part["core:sample_count"])


def test_soundings_hold_the_truth_of_the_paths(tmp_path: Path) -> None:
    """Carrier offsets as estimated from the burst, against those of the air."""
    grid = Grid(
        ("free-running-pluto",), ("coherent",), 3, (30.0,), captures=4, seed=1, predictions=0
    )
    make_dataset(tmp_path / "set", grid)
    errors = []
    for row in _rows(tmp_path / "set"):
        meta = json.loads((tmp_path / "set" / row["sounding"]).read_text())["global"]
        for estimate, truth in zip(meta["ota:estimates"], meta["ota:truth"], strict=True):
            if estimate is None:  # this air loses a burst now and then
                continue
            since_s = estimate["measured_tick"] / 1e6
            true_hz = truth["cfo_hz"] + truth["drift_hz_per_s"] * since_s
            spread_hz = estimate["cfo_std_hz"] + 2  # of phase noise within a burst
            errors.append((estimate["cfo_hz"] - true_hz) / spread_hz)
    assert len(errors) >= 4 * (1 + 2 + 3) - 2
    assert max(map(abs, errors)) < 5


def test_the_baseline_is_what_theory_expects_where_theory_knows_everything(tmp_path: Path) -> None:
    grid = Grid(("ideal",), ("coherent",), 2, (10.0,), captures=40, seed=1, predictions=0)
    make_dataset(tmp_path / "set", grid)
    rows = _rows(tmp_path / "set")
    errors = sum((float(r["decoded_sum"]) - float(r["true_sum"])) ** 2 for r in rows)
    theory = sum(float(r["theory_error"]) for r in rows)
    assert errors / theory == pytest.approx(1.0, abs=4 * math.sqrt(2 / len(rows)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"seed": 7}, "other settings"),
        ({"presets": ("moon",)}, "moon"),
        ({"schemes": ("shout",)}, "shout"),
        ({"settings": ("frame.payload_chips=1",)}, "payload_chips"),
        ({"settings": ("radio.has_hardware_time=false",)}, "hardware time"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_touched(
    root: Path, change: dict[str, object], reason: str
) -> None:
    before = _files(root)
    with pytest.raises(CommandFailed, match=reason) as refused:
        make_dataset(root, replace(GRID, **change))  # type: ignore[arg-type]
    assert refused.value.exit_code == WRONG_USE
    assert _files(root) == before


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("ten years of work")
    for place in (tmp_path, tmp_path / "thesis.tex"):
        with pytest.raises(CommandFailed, match="not an empty folder"):
            make_dataset(place, GRID)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]
