"""A kept round holds all that decoding needs, and any SigMF program can open it."""

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import sigmf
from ota_calibration.paths.sounding import make_plan

from sdr_ota.air.presets import air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.config.tables import CapturesTable
from sdr_ota.radio.base import Capture
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.rounds.decoding import decode
from sdr_ota.rounds.exchange import Bench, Link, Reception
from sdr_ota.rounds.given_symbols import receive_symbols
from sdr_ota.rounds.round import FurtherSum, RoundResult
from sdr_ota.runs.capture_folder import CaptureFolder
from sdr_ota.runs.captures import (
    CAPTURES,
    CaptureError,
    frame_parts,
    read_capture,
    stored_captures,
    write_capture,
)
from sdr_ota.runs.replay import replay_capture, summarise_replay
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.signal.waveform import Pulse
from sdr_ota.types import PathErrors, Precoder, RadioSettings, TransmitPlan
from tests.sounded_nodes import sound_nodes

RATE_HZ = 1e6
SYMBOLS = np.array([0.9, -0.4, 0.25, 0.0])


@pytest.fixture
def bench() -> Iterator[Bench]:
    air = SimulatedAir(AirSettings(air_preset("lab-wired"), len(SYMBOLS), RATE_HZ, 915e6, seed=1))
    settings = RadioSettings(915e6, RATE_HZ, 0.8 * RATE_HZ)
    nodes = tuple(SimulatedRadio(air, node) for node in range(len(SYMBOLS)))
    with Bench(SimulatedRadio(air, None), nodes, RATE_HZ, (settings,) * 5) as opened:
        yield opened


def _link(scheme: str = "coherent", **parameters: float) -> Link:
    return Link(FrameFormat(), load_scheme(scheme, parameters), max_cfo_hz=1e3)


def _received(bench: Bench, link: Link, seed: int = 2**64 - 1) -> Reception:
    plan = make_plan(sound_nodes(bench, link), 0.5, 20.0)
    return receive_symbols(SYMBOLS, plan, bench, link, seed)


def _round(index: int = 7, **more: object) -> RoundResult:
    return RoundResult(round=index, seed=2**64 - 1, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("scheme", ["coherent", "energy-difference", "fsk-vote", "tdma"])
def test_a_capture_read_back_decodes_to_the_same_bits(
    tmp_path: Path, bench: Bench, scheme: str
) -> None:
    link = _link(scheme)
    reception = _received(bench, link)
    write_capture(tmp_path, reception, _round(), link, bench)
    stored = read_capture(tmp_path / "round-000007.sigmf-meta")
    assert np.array_equal(stored.reception.capture.samples, reception.capture.samples)
    assert stored.reception.capture.start_tick == reception.capture.start_tick
    assert stored.reception.plan == reception.plan
    assert stored.reception.seed == reception.seed
    assert stored.link == link
    assert stored.result == _round()
    assert decode(stored.reception, stored.link) == decode(reception, link)


@pytest.mark.parametrize("samples", [2, 7, 16, 64])
def test_chips_of_every_length_come_back(tmp_path: Path, bench: Bench, samples: int) -> None:
    frame = FrameFormat(n_pilot_chips=32, n_payload_chips=64, n_idle_chips=32, pulse=Pulse(samples))
    link = replace(_link(), frame=frame)
    reception = _received(bench, link)
    write_capture(tmp_path, reception, _round(), link, bench)
    stored = read_capture(tmp_path / "round-000007.sigmf-meta")
    assert stored.link == link
    decoded = decode(stored.reception, stored.link)
    assert decoded == decode(reception, link)
    assert decoded.total.value == pytest.approx(SYMBOLS.sum(), abs=0.1)


@pytest.mark.parametrize("is_timed", [True, False], ids=["timed", "cyclic"])
def test_captures_of_several_symbols_decode_to_the_same_bits(
    tmp_path: Path, is_timed: bool
) -> None:
    preset = air_preset("lab-wired" if is_timed else "free-running-pluto")
    air = SimulatedAir(AirSettings(preset, 4, RATE_HZ, 915e6, seed=1))
    radios = [SimulatedRadio(air, k, has_hardware_time=is_timed) for k in (None, 0, 1, 2, 3)]
    symbols = np.linspace(-1, 1, 12).reshape(4, 3)
    link = Link(FrameFormat(n_symbols=3), load_scheme("energy-difference"), max_cfo_hz=60e3)
    with Bench(radios[0], tuple(radios[1:]), RATE_HZ) as bench:
        plan = make_plan(sound_nodes(bench, link), 0.5, 20.0)
        reception = receive_symbols(symbols, plan, bench, link, 3)
        exchange = decode(reception, link)
        sums = [FurtherSum(7 + k, 0.0, s.value, s.std) for k, s in enumerate(exchange.sums)]
        first = replace(_round(), decoded_sum=sums[0].decoded_sum, decoded_std=sums[0].decoded_std)
        result = replace(first, further_sums=tuple(sums[1:]))
        write_capture(tmp_path, reception, result, link, bench)
    stored = read_capture(tmp_path / "round-000007.sigmf-meta")
    assert stored.link == link and stored.result == result
    np.testing.assert_array_equal(stored.reception.symbols, symbols)
    assert decode(stored.reception, stored.link) == exchange
    replayed = replay_capture(stored, link)
    assert [(r.symbol, r.new.decoded_sum) for r in replayed] == [
        (k, s.value) for k, s in enumerate(exchange.sums)
    ]
    summary = summarise_replay(replayed)
    assert (summary.rounds, summary.both_decoded, summary.largest_change) == (1, 1, 0.0)
    erased = replace(stored, result=_round(erasure="late"))
    one = summarise_replay(replay_capture(erased, link))
    assert (one.rounds, one.old_erased, one.new_erased, one.both_decoded) == (1, 1, 0, 0)


@pytest.mark.parametrize(("n_symbols", "why"), [(2, "not 4x2"), (0, "not 4x0"), (257, "not 4x257")])
def test_symbols_that_are_not_those_of_the_frame_are_refused(
    tmp_path: Path, bench: Bench, n_symbols: int, why: str
) -> None:
    path = _with_frame(tmp_path, bench, {"n_symbols": n_symbols})
    with pytest.raises(CaptureError, match=why):
        read_capture(path)


PULSE = asdict(Pulse())


def _with_frame(folder: Path, bench: Bench, changed: dict[str, object]) -> Path:
    """Write a capture whose record states another frame than was sent; return the record."""
    link, path = _link(), folder / "round-000007.sigmf-meta"
    write_capture(folder, _received(bench, link), _round(), link, bench)
    record = json.loads(path.read_text())
    record["global"]["ota:link"]["frame"].update(changed)
    path.write_text(json.dumps(record))
    return path


@pytest.mark.parametrize("samples", [0, 1, 65, "auto"])
def test_chips_of_a_length_that_no_frame_has_are_refused(
    tmp_path: Path, bench: Bench, samples: object
) -> None:
    path = _with_frame(tmp_path, bench, {"pulse": {**PULSE, "samples_per_chip": samples}})
    with pytest.raises(CaptureError, match="samples_per_chip"):
        read_capture(path)


@pytest.mark.parametrize("samples", [2, 7, 64])
def test_a_cyclic_capture_decodes_to_the_same_bits(tmp_path: Path, samples: int) -> None:
    air = SimulatedAir(AirSettings(air_preset("free-running-pluto"), 4, RATE_HZ, 915e6, seed=1))
    nodes = tuple(SimulatedRadio(air, node, has_hardware_time=False) for node in range(4))
    receiver = SimulatedRadio(air, None, has_hardware_time=False)
    frame = FrameFormat(n_pilot_chips=max(512 // samples, 16), pulse=Pulse(samples))
    link = Link(frame, load_scheme("energy-difference"), max_cfo_hz=60e3)
    with Bench(receiver, nodes, RATE_HZ) as bench:
        plan = make_plan(sound_nodes(bench, link), 0.5, 20.0)
        reception = receive_symbols(SYMBOLS, plan, bench, link, 3)
        write_capture(tmp_path, reception, _round(), link, bench)
    stored = read_capture(tmp_path / "round-000007.sigmf-meta")
    assert decode(stored.reception, stored.link) == decode(reception, link)


def test_a_capture_of_an_older_format_is_refused_in_a_sentence(
    tmp_path: Path, bench: Bench
) -> None:
    link = _link()
    write_capture(tmp_path, _received(bench, link), _round(), link, bench)
    path = tmp_path / "round-000007.sigmf-meta"
    path.write_text(path.read_text().replace('"version": "2.0.0"', '"version": "1.0.0"'))
    with pytest.raises(CaptureError, match=r"format 1\.0\.0, .* reads 2\.0\.0: decode it with"):
        read_capture(path)


def test_plans_and_parameters_survive_the_file(tmp_path: Path, bench: Bench) -> None:
    link = _link("fsk-vote", look_chips=32)
    plan = TransmitPlan(
        precoders=(Precoder(0.3 - 0.1j, 1e-7, -12.5, 991), Precoder(0j)),
        rx_amplitude=0.1,
        noise_power=1e-4,
        path_errors=(PathErrors(phase_walk_rad2_per_s=0.25, timing_std_s=1e-9), PathErrors()),
        symbol_mean_square=0.125,
        arriving_level=1.003,
        left_out=("node 1 was not found",),
    )
    samples = np.arange(4000, dtype=np.complex64) * (0.1 + 0.2j)
    reception = Reception(Capture(samples, 12345, 3), RATE_HZ, plan, 5)
    write_capture(tmp_path, reception, _round(erasure="late", detail="too late"), link, bench)
    stored = read_capture(tmp_path / "round-000007.sigmf-meta")
    assert stored.reception.plan == plan
    assert stored.reception.capture.n_clipped == 3
    assert stored.link.scheme == link.scheme
    assert stored.result.erasure == "late"
    assert stored.radios[0]["serial"] == "receiver"


def test_sigmf_validate_accepts_a_capture_and_annotations_hold_the_parts(
    tmp_path: Path, bench: Bench
) -> None:
    link = _link()
    reception = _received(bench, link)
    write_capture(tmp_path, reception, _round(), link, bench)
    meta = tmp_path / "round-000007.sigmf-meta"
    tool = Path(sys.executable).with_name("sigmf_validate")
    done = subprocess.run(
        [tool, meta], capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    recording = sigmf.fromfile(meta)
    power = {
        a["core:label"]: np.mean(
            np.abs(recording.read_samples(a["core:sample_start"], a["core:sample_count"])) ** 2
        )
        for a in recording.get_annotations()
    }
    assert set(power) == {"preamble", "payload", "idle"}
    assert power["preamble"] > 10 * power["idle"]
    assert power["payload"] > 2 * power["idle"]
    assert recording.get_captures()[0]["core:frequency"] == 915e6


def test_parts_of_a_frame_follow_each_other_inside_the_capture(bench: Bench) -> None:
    reception = _received(bench, _link())
    parts = frame_parts(reception, FrameFormat())
    ends = [part.start_sample + part.n_samples for part in parts]
    assert all(end <= next_.start_sample for end, next_ in zip(ends, parts[1:], strict=False))
    assert ends[-1] <= len(reception.capture.samples)


def test_a_damaged_capture_is_refused(tmp_path: Path, bench: Bench) -> None:
    link = _link()
    write_capture(tmp_path, _received(bench, link), _round(), link, bench)
    meta, data = (tmp_path / f"round-000007.sigmf-{kind}" for kind in ("meta", "data"))
    whole = data.read_bytes()
    data.write_bytes(b"\1" + whole[1:])
    with pytest.raises(CaptureError, match="checksum"):
        read_capture(meta)
    data.write_bytes(whole)
    record = json.loads(meta.read_text())
    del record["global"]["ota:plan"]
    meta.write_text(json.dumps(record))
    with pytest.raises(CaptureError, match="ota:plan"):
        read_capture(meta)
    meta.unlink()
    with pytest.raises(CaptureError):
        read_capture(meta)


def _folder(run: Path, bench: Bench, **rule: object) -> CaptureFolder:
    return CaptureFolder(run, CapturesTable(**rule), _link(), bench)  # type: ignore[arg-type]


def _names(run: Path) -> list[int]:
    return [int(path.name[6:12]) for path in stored_captures(run)]


def test_every_nth_and_the_erased_rounds_are_kept(tmp_path: Path, bench: Bench) -> None:
    reception = _received(bench, _link())
    lost = {2, 7}
    results = [_round(k, erasure="late" if k in lost else None) for k in range(9)]
    for every, erased in itertools.product((0, 1, 3), (False, True)):
        run = tmp_path / f"{every}-{erased}"
        run.mkdir()
        folder = _folder(run, bench, every=every, erased=erased)
        for result in results:
            folder.observe(reception, result)
        regular = set(range(0, 9, every)) if every else set()
        assert _names(run) == sorted(regular | (lost if erased else set()))


def test_the_oldest_make_room(tmp_path: Path, bench: Bench) -> None:
    reception = _received(bench, _link())
    size = write_capture(tmp_path, reception, _round(0), _link(), bench)
    folder = _folder(tmp_path, bench, every=1, max_megabytes=3.5 * size / 1e6)
    for index in range(6):
        folder.observe(reception, _round(index))
    assert _names(tmp_path) == [3, 4, 5]
    again = _folder(tmp_path, bench, every=1, max_megabytes=3.5 * size / 1e6)
    again.observe(reception, _round(6))  # a resumed run counts what is there
    assert _names(tmp_path) == [4, 5, 6]
    assert sum(1 for _ in (tmp_path / CAPTURES).iterdir()) == 6


def test_rounds_that_are_done_again_lose_their_captures(tmp_path: Path, bench: Bench) -> None:
    folder = _folder(tmp_path, bench, every=1)
    for index in range(4):
        folder.observe(_received(bench, _link()), _round(index))
    torn = tmp_path / CAPTURES / "round-000004.sigmf-data"
    torn.write_bytes(b"half of a capt")
    (tmp_path / CAPTURES / "round-000005.sigmf-data.draft").write_bytes(b"half")
    _folder(tmp_path, bench, every=1).keep_before(2)
    assert _names(tmp_path) == [0, 1]
    assert sum(1 for _ in (tmp_path / CAPTURES).iterdir()) == 4


@pytest.mark.parametrize("n_chirp", [-1, 0, 1, 2, 95, 65537])
def test_a_preamble_that_no_config_may_ask_for_is_refused(
    tmp_path: Path, bench: Bench, n_chirp: int
) -> None:
    path = _with_frame(tmp_path, bench, {"n_chirp": n_chirp})
    with pytest.raises(CaptureError, match="chirp"):
        read_capture(path)
