"""What a channel file may hold, and what is said of one that cannot be used."""

import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import sdr_ota
from sdr_ota.air.channels.channel import ChannelFileError
from sdr_ota.air.channels.read import read_channel
from sdr_ota.air.channels.readings import Reading, channel_of_readings
from tests.sdr_ota.air.channels.channel_files import write_npz

TWO = np.ones((2, 1, 1))


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"tap": TWO}, "it holds tap: neither taps"),
        ({"taps": TWO, "interval": 1.0}, "'interval'; the names are"),
        ({"taps": TWO}, "when they were"),
        ({"taps": np.ones((1, 1, 3))}, "when they arrive"),
        ({"taps": np.ones((2, 2, 2, 2, 2)), "interval_s": 1.0}, r"\(2, 2, 2, 2, 2\)"),
        ({"taps": TWO, "time_s": [0.0, 1.0, 2.0]}, "times have the shape"),
        ({"taps": TWO, "time_s": [1.0, 1.0]}, "ascend"),
        ({"taps": TWO, "interval_s": 1.0, "delays_s": [[-1e-9]]}, "negative"),
        ({"taps": [[[1.0]], [[np.nan]]], "interval_s": 1.0}, r"not all finite.*\(1, 0, 0\)"),
        ({"taps": np.zeros((1, 1, 1))}, "node 0 are 0"),
        ({"taps": np.ones((1, 1, 2)), "tap_interval_s": 1e-6, "delays_s": [0, 1]}, "not both"),
        ({"taps": TWO, "interval_s": [1.0, 2.0]}, "no single finite number"),
        ({"taps": TWO, "interval_s": 1.0, "phase_rad": [[0.0]]}, "phases have the shape"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(
    tmp_path: Path, arrays: dict[str, object], said: str
) -> None:
    with pytest.raises(ChannelFileError, match=rf"paths\.npz: .*{said}"):
        read_channel(write_npz(tmp_path, **arrays))


def test_a_damaged_a_missing_and_a_foreign_file_are_named(tmp_path: Path) -> None:
    damaged, code = tmp_path / "damaged.npz", tmp_path / "code.npz"
    damaged.write_bytes(b"PK\x03\x04 nothing")
    np.savez(code, taps=np.array([object()]))
    for path in (damaged, code, tmp_path / "none.npz", tmp_path / "paths.xyz"):
        with pytest.raises(ChannelFileError, match=path.name):
            read_channel(path)


@pytest.mark.parametrize("name", ["paths.npz", "log.csv", "soundings.jsonl"])
def test_whatever_is_changed_in_a_file_it_is_read_or_named(tmp_path: Path, name: str) -> None:
    good = write_soundings(tmp_path, *({"nodes": [{**GOOD, "measured_tick": t}]} for t in (1, 2)))
    path = tmp_path / name
    if name == "paths.npz":
        np.savez_compressed(path, taps=np.ones((9, 3, 1)), interval_s=0.1)
    elif name == "log.csv":
        path.write_text("time_s,node,gain_db,phase_rad\n0,0,-3,0.1\n1,0,-3,0.2\n2,0,-4,0.3\n")
    assert good.exists()
    content, rng = path.read_bytes(), np.random.default_rng(3)
    for _ in range(300):
        changed = bytearray(content)
        for place in rng.integers(len(changed), size=2):
            changed[place] = rng.integers(256)
        path.write_bytes(changed[: rng.integers(len(changed) // 2, 2 * len(changed))])
        with suppress(ChannelFileError):
            read_channel(path)


def test_a_log_of_gains_and_phases(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    lines = ["time_s,node,gain_db,phase_rad"]
    for time_s in np.arange(0, 2, 0.1):  # a node that turns by 1 rad/s, and one that is 20 dB below
        lines += [f"{time_s},0,-6,{(time_s + 3) % (2 * np.pi)}", f"{time_s + 0.03},1,-26,1.0"]
    path.write_text("\n".join(lines))
    channel = read_channel(path)
    assert channel.phase_rad is not None
    at = np.searchsorted(channel.time_s, 1.0)
    np.testing.assert_allclose(channel.phase_rad[at], [channel.time_s[at] + 3, 1.0], atol=1e-9)
    assert 20 * np.log10(np.abs(channel.taps[at, :, 0])) == pytest.approx([-6.0, -26.0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time_s,node\n0,0\n", "no 'gain_db'"),
        ("time_s,node,gain_db\n0,0,x\n", "line 2"),
        ("time_s,node,gain_db\n0,0,1\n1,0,nan\n", "line 3"),
        ("time_s,node,gain_db\n0,1,1\n", "counted from 0"),
        ("time_s,node,gain_db\n", "nodes are"),
        ("time_s,node,gain_db\n0,0,1\n0,0,2\n", "two readings"),
    ],
)
def test_what_is_wrong_with_a_log_is_said(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "log.csv"
    path.write_text(text)
    with pytest.raises(ChannelFileError, match=rf"log\.csv: .*{said}"):
        read_channel(path)


def test_phases_are_counted_through_by_the_carrier_offset() -> None:
    """A node at 37 Hz read every 0.25 s makes 9.25 turns between readings."""
    rng, cfo_hz = np.random.default_rng(2), 37.0
    at_s = 0.25 * np.arange(40)
    phases = (2 * np.pi * cfo_hz * at_s) % (2 * np.pi)
    offsets = cfo_hz + 0.3 * rng.standard_normal(40)  # a turn in 0.25 s would be 4 Hz
    readings = [Reading(*one) for one in zip(at_s, np.zeros(40), phases, offsets, strict=True)]
    channel = channel_of_readings([readings], held=1)
    assert channel.phase_rad is not None
    turned = channel.phase_rad[:, 0] - 2 * np.pi * cfo_hz * (channel.time_s - 0.25)
    np.testing.assert_allclose(turned, 0, atol=1e-6)
    assert channel.duration_s == pytest.approx(0.25 * 41)


def synthetic_run(folder: Path, **changes: object) -> sdr_ota.Run:
    common: dict[str, object] = {
        "clients.source": "synthetic", "clients.count": 3, "run.rounds": 8,
        "run.folder": str(folder), "link.scheme": "energy-difference",
    }  # fmt: skip
    return sdr_ota.run(set={**common, **changes})


def soundings(run: sdr_ota.Run) -> np.ndarray:
    """Return tick, level and phase, shape ``(3, n_nodes, n_soundings)``."""
    lines = map(json.loads, (run.folder / "soundings.jsonl").read_text().splitlines())
    names = ("measured_tick", "gain_db", "phase_rad")
    return np.array([[[one[n] for n in names] for one in line["nodes"]] for line in lines]).T


def test_a_run_is_repeated_over_its_own_soundings(tmp_path: Path) -> None:
    first = synthetic_run(tmp_path, **{"air.preset": "usrp-shared-clock"})
    file = str(first.folder / "soundings.jsonl")
    air = {"air.preset": "ideal", "air.snr_db": 60.0, "air.path_gain_db": -20.0}
    again = synthetic_run(tmp_path, **air, **{"air.channel": file, "run.seed": 9})
    then, now = soundings(first), soundings(again)
    assert now.shape == then.shape == (3, 3, 8)
    begins_tick = then[0].min() - 250_000  # a round before the first sounding
    for node in range(3):
        at = now[0, node] + begins_tick
        level_db = np.interp(at, then[0, node], then[1, node])
        phase_rad = np.interp(at, then[0, node], np.unwrap(then[2, node]))
        # Levels but for what brings all nodes to path_gain_db; a curve is not quite straight.
        assert np.std(now[1, node] - level_db) < 0.25
        turned = np.angle(np.exp(1j * (now[2, node] - phase_rad)))
        assert np.abs(turned).max() < 0.1
    offsets_db = [np.mean(now[1, n]) - np.mean(then[1, n]) for n in range(3)]
    assert np.ptp(offsets_db) < 0.5


GOOD = {"gain_db": 0, "phase_rad": 0, "delay_s": 0, "cfo_hz": 0, "measured_tick": 1000}


def write_soundings(folder: Path, *lines: object) -> Path:
    radio = {"sample_rate_hz": 1e6, "center_freq_hz": 915e6}
    (folder / "start.json").write_text(json.dumps({"config": {"radio": radio}}))
    path = folder / "soundings.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ({}, "line 2 holds a node without a number"),
        ({**GOOD, "measured_tick": 5}, "line 2 the clock goes back"),
        ("x", "line 2 holds a node"),
        ({**GOOD, "gain_db": float("inf")}, "not finite"),
    ],
)
def test_what_is_wrong_with_soundings_is_said(tmp_path: Path, nodes: object, said: str) -> None:
    path = write_soundings(tmp_path, {"nodes": [GOOD]}, {"nodes": [nodes]})
    with pytest.raises(ChannelFileError, match=said):
        read_channel(path)
    write_soundings(tmp_path, {"nodes": [GOOD]}, [])
    with pytest.raises(ChannelFileError, match="line 2 is no sounding"):
        read_channel(path)
    (tmp_path / "start.json").unlink()
    with pytest.raises(ChannelFileError, match=r"no start\.json"):
        read_channel(path)


def test_a_node_that_was_never_sounded_is_named(tmp_path: Path) -> None:
    with pytest.raises(ChannelFileError, match="no reading of node 1"):
        read_channel(write_soundings(tmp_path, {"nodes": [GOOD, None]}))
