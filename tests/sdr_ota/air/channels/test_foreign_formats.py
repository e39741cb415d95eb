"""Files of other tools, made here as those tools describe them, are read as what they mean."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from sdr_ota.air.channels.channel import Channel, ChannelFileError
from sdr_ota.air.channels.read import read_channel

RNG = np.random.default_rng(8)


def complex_noise(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape) + 1j * RNG.standard_normal(shape)


def response(channel: Channel, node: int, f_hz: float, time: int = 0) -> complex:
    """Return the sum over the taps at a frequency: what any description of paths must give."""
    turned = np.exp(-2j * np.pi * f_hz * channel.delays_s[node])
    return complex(channel.taps[time, node] @ turned)


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("with_antennas", [False, True])
def test_impulse_responses_of_sionna(tmp_path: Path, batch: bool, with_antennas: bool) -> None:
    """a: (rx, rx antenna, tx, tx antenna, path, time); tau: (rx, tx, path), -1 for no path."""
    a = complex_noise(2, 3, 4, 1, 5, 6)
    tau = RNG.uniform(0, 1e-6, (2, 3, 4, 1, 5) if with_antennas else (2, 4, 5))
    a[1, ..., 3, 0, 4, :] = 0
    tau[1, ..., 4] = -1
    a[1, :, :, :, 4] = 0
    path = tmp_path / "scene.npz"
    np.savez(path, a=a[None] if batch else a, tau=tau[None] if batch else tau,
             sampling_frequency=100.0, carrier_hz=3.5e9)  # fmt: skip
    channel = read_channel(path, antenna=4)  # the second antenna of the second receiver
    assert channel.carrier_hz == 3.5e9 and channel.n_nodes == 4
    np.testing.assert_allclose(channel.time_s, 0.01 * np.arange(6))
    for node in range(4):
        own = tau[1, 1, node, 0] if with_antennas else tau[1, node]
        for f_hz in (-3e5, 0.0, 4e5):
            expected = a[1, 1, node, 0, :4, 2] @ np.exp(-2j * np.pi * f_hz * own[:4])
            assert response(channel, node, f_hz, time=2) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"a": np.ones((1, 1, 2, 1, 3, 1))}, "out_type"),
        ({"a": np.ones((1, 1, 2, 2, 3, 1), complex)}, "2 antennas; a node has one"),
        ({"a": np.ones((2, 1, 1, 2, 1, 3, 1), complex)}, "one example"),
        ({"a": np.ones((1, 1, 2, 1, 3, 4), complex)}, "sampling_frequency"),
        ({"a": np.ones((1, 1, 2, 1, 4, 1), complex)}, "tau of shape"),
        ({"a": np.ones((1, 1, 2, 1, 3, 1), complex), "fs": 1}, "'fs'"),
    ],
)
def test_what_is_wrong_with_impulse_responses_is_said(
    tmp_path: Path, arrays: dict[str, np.ndarray], said: str
) -> None:
    np.savez(tmp_path / "scene.npz", tau=np.zeros((1, 2, 3)), **arrays)
    with pytest.raises(ChannelFileError, match=said):
        read_channel(tmp_path / "scene.npz")


@pytest.mark.parametrize("ending", ["mat", "npz"])
@pytest.mark.parametrize("delay", ["delay", "toa"])
def test_a_scenario_of_deepmimo(tmp_path: Path, ending: str, delay: str) -> None:
    """Power in dBW, phase in degrees, delay in s, (user, path), NaN for no path."""
    power_db = np.array([[-90.0, np.nan], [np.nan, np.nan], [-80.0, -86.0]], np.float32)
    phase_deg = np.where(np.isnan(power_db), np.nan, [[90.0, 0], [0, 0], [0.0, 180.0]])
    delay_s = np.where(np.isnan(power_db), np.nan, [[1e-7, 0], [0, 0], [2e-7, 3e-7]])
    matrices = {"power": power_db, "phase": phase_deg, delay: delay_s}
    for name, values in matrices.items():
        path = tmp_path / f"{name}_t001_tx000_r000.{ending}"
        if ending == "mat":
            savemat(path, {name: values})
        else:
            np.savez_compressed(path, **{name: values})
    (tmp_path / "params.json").write_text(json.dumps({"rt_params": {"frequency": 3.5e9}}))
    channel = read_channel(tmp_path / f"power_t001_tx000_r000.{ending}")
    assert channel.carrier_hz == 3.5e9 and channel.n_nodes == 2 and channel.name == tmp_path.name
    for f_hz in (0.0, 1e6):
        first = 10**-4.5 * 1j * np.exp(-2j * np.pi * f_hz * 1e-7)
        second = 1e-4 * np.exp(-2j * np.pi * f_hz * 2e-7)
        second -= 10**-4.3 * np.exp(-2j * np.pi * f_hz * 3e-7)
        assert response(channel, 0, f_hz) == pytest.approx(first, rel=1e-5)
        assert response(channel, 1, f_hz) == pytest.approx(second, rel=1e-5)
    (tmp_path / f"phase_t001_tx000_r000.{ending}").unlink()
    with pytest.raises(ChannelFileError, match=r"beside it lies no phase_t001"):
        read_channel(tmp_path / f"power_t001_tx000_r000.{ending}")


def scenario(form: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a chMatrix of 3 nodes and 2 times, with its delays and amplitudes."""
    delay_s = RNG.integers(0, 5, (3, 3, 2, 4)) * 1e-6
    iq = complex_noise(3, 3, 2, 4) / 4
    cells = np.empty((3, 3, 2), object)
    for place in np.ndindex(3, 3, 2):
        pair = {"delay": delay_s[place][None], "iq": iq[place][None]}
        both = np.stack([delay_s[place], iq[place]], axis=1)
        cells[place] = {"structure": pair, "columns": both, "rows": both.T}[form]
    return cells, delay_s, iq


@pytest.mark.parametrize("form", ["structure", "columns"])
def test_a_scenario_of_colosseum(tmp_path: Path, form: str) -> None:
    """Rows transmit, columns receive; times in ms."""
    cells, delay_s, iq = scenario(form)
    savemat(tmp_path / "scenario.mat", {"chMatrix": cells, "time": [[0.0, 1000.0]]})
    channel = read_channel(tmp_path / "scenario.mat", antenna=1)
    assert channel.n_nodes == 2 and channel.duration_s == 1.0
    for node, row in enumerate([0, 2]):
        for time in range(2):
            turned = np.exp(-2j * np.pi * 3e5 * delay_s[row, 1, time])
            expected = iq[row, 1, time] @ turned
            assert response(channel, node, 3e5, time) == pytest.approx(expected)


def test_what_is_wrong_with_a_scenario_of_colosseum_is_said(tmp_path: Path) -> None:
    cells, _, _ = scenario("columns")
    path = tmp_path / "scenario.mat"
    savemat(path, {"chMatrix": cells})
    with pytest.raises(ChannelFileError, match="2 times and no time"):
        read_channel(path)
    cells[0, 1, 0] = np.array([[6e-6, 1.0]])
    savemat(path, {"chMatrix": cells, "time": [[0.0, 1000.0]]})
    with pytest.raises(ChannelFileError, match="within 0 and"):
        read_channel(path, antenna=1)
    cells[0, 1, 0] = np.ones((4, 3))
    savemat(path, {"chMatrix": cells, "time": [[0.0, 1000.0]]})
    with pytest.raises(ChannelFileError, match="neither a structure"):
        read_channel(path, antenna=1)


def test_a_static_scenario_of_colosseum_is_a_matrix_of_path_gains(tmp_path: Path) -> None:
    savemat(tmp_path / "scenario.mat", {"chMatrix": [[0.0, -3.0, -6.0]] * 2 + [[-20.0, 0, 0]]})
    channel = read_channel(tmp_path / "scenario.mat")
    assert [abs(response(channel, node, 0)) for node in range(2)] == pytest.approx([1.0, 0.1])
    with pytest.raises(ChannelFileError, match="3 nodes"):
        read_channel(tmp_path / "scenario.mat", antenna=3)


def test_a_recording_of_gains(tmp_path: Path) -> None:
    gains = complex_noise(50, 2)
    meta = tmp_path / "gains.sigmf-meta"
    gains.astype("<c8").tofile(meta.with_suffix(".sigmf-data"))
    fields = {"core:datatype": "cf32_le", "core:sample_rate": 200.0, "core:num_channels": 2}
    meta.write_text(json.dumps({"global": fields, "captures": [{"core:frequency": 915e6}]}))
    channel = read_channel(meta)
    np.testing.assert_allclose(channel.taps[:, :, 0], gains, rtol=1e-6)
    assert channel.carrier_hz == 915e6 and channel.duration_s == pytest.approx(49 / 200)
    meta.write_text(json.dumps({"global": {**fields, "core:num_channels": 3}}))
    with pytest.raises(ChannelFileError, match="200 words"):
        read_channel(meta)
    meta.write_text(json.dumps({"global": {"core:datatype": "cf32_le"}}))
    with pytest.raises(ChannelFileError, match="core:sample_rate"):
        read_channel(meta)


def test_our_own_names_in_a_mat_file(tmp_path: Path) -> None:
    """MATLAB has no vectors and drops axes of length 1 at the end."""
    taps = complex_noise(4, 3)
    savemat(tmp_path / "own.mat", {"taps": taps, "interval_s": 0.5, "name": "hall"})
    channel = read_channel(tmp_path / "own.mat")
    np.testing.assert_allclose(channel.taps[:, :, 0], taps)
    assert channel.name == "hall" and channel.duration_s == 1.5
    (tmp_path / "own.mat").write_bytes(
        b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(64)
    )
    with pytest.raises(ChannelFileError, match=r"-v7'"):
        read_channel(tmp_path / "own.mat")
    (tmp_path / "own.mat").write_bytes(b"nothing")
    with pytest.raises(ChannelFileError, match=r"own\.mat"):
        read_channel(tmp_path / "own.mat")


def test_our_own_names_in_hdf5(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    taps = complex_noise(4, 3, 2)
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file["taps"], file["delays_s"], file["time_s"] = taps, [0.0, 1e-7], np.arange(4.0)
        file["name"] = "hall"
    channel = read_channel(tmp_path / "own.h5")
    np.testing.assert_allclose(channel.taps, taps)
    assert channel.name == "hall"
    (tmp_path / "own.h5").write_bytes(b"nothing")
    with pytest.raises(ChannelFileError, match=r"own\.h5"):
        read_channel(tmp_path / "own.h5")


def test_hdf5_without_its_package_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(ChannelFileError, match=r"sdr-ota\[hdf5\]"):
        read_channel(tmp_path / "own.h5")
