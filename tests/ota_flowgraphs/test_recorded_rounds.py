"""A run's recording decodes in the receiver flowgraph as `replay` decodes it, told by itself."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from ota_flowgraphs.compile import companion_environment
from ota_flowgraphs.plain_records import record_of
from ota_flowgraphs.recorded_round import recorded_round
from ota_flowgraphs.sent import Asked, sent_as

import sdr_ota
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.signal.iq_words import IqFileError
from sdr_ota.types import PathErrors, Samples, TransmitPlan

Meta: TypeAlias = dict[str, Any]

GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "ideal-coherent.sigmf-meta"

RUNS = {
    "coherent": (),
    "energy-difference": ("link.scheme=energy-difference", "air.preset=free-running-pluto"),
    "tdma": ("link.scheme=tdma", "frame.symbols=2", "radio.sample_rate_hz=2e6"),
}


def run_of(folder: Path, *settings: str) -> Path:
    """Return the first recording of a new run."""
    more = [word for setting in settings for word in ("--set", setting)]
    subprocess.run(
        [sys.executable, "-m", "sdr_ota.cli", "run", "--demo", *more, "--set", "captures.every=1",
         "--set", "clients.source=synthetic", "--set", "run.rounds=1"],
        cwd=folder, capture_output=True, timeout=100, check=True,
    )  # fmt: skip
    (path,) = folder.glob("runs/*/captures/*.sigmf-meta")
    return path


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_of(tmp_path_factory.mktemp("run"))


def received(
    python: str, folder: Path, path: Path, *more: str
) -> tuple[subprocess.CompletedProcess[str], list[Meta]]:
    done = subprocess.run(
        [python, "-s", "-m", "ota_flowgraphs.generated.receiver",
         "--source", f"driver=file,path={path}", *more],
        env=companion_environment(folder), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return done, [line for line in lines if line["kind"] in {"sum", "refused", "erasure"}]


@pytest.mark.gnuradio
@pytest.mark.parametrize("scheme", RUNS)
def test_the_sum_is_that_of_replay(gnuradio: str, tmp_path: Path, scheme: str) -> None:
    path = run_of(tmp_path, *RUNS[scheme])
    again = sdr_ota.decode(path)
    done, (said,) = received(gnuradio, tmp_path, path)
    assert done.returncode == 0, done.stderr
    assert again.value is not None
    assert said["sums"] == pytest.approx(np.atleast_1d(again.value), abs=1e-9)
    assert said["stds"] == pytest.approx(np.atleast_1d(again.std), rel=1e-6)


def changed(
    recording: Path, folder: Path, samples: Callable[[Samples], Samples], **fields: object
) -> Path:
    """Write a recording with other samples, or other fields, and a checksum that fits."""
    new = samples(np.fromfile(recording.with_suffix(".sigmf-data"), np.complex64))
    data = new.astype(np.complex64).tobytes()
    meta = json.loads(recording.read_text())
    own = {name.replace("_", ":", 1): value for name, value in fields.items()}
    meta["global"] |= {"core:sha512": hashlib.sha512(data).hexdigest(), **own}
    path = folder / "changed.sigmf-meta"
    path.with_suffix(".sigmf-data").write_bytes(data)
    path.write_text(json.dumps(meta))
    return path


def with_nan(samples: Samples) -> Samples:
    return np.where(np.arange(len(samples)) == 1000, np.nan, samples)


def as_it_is(samples: Samples) -> Samples:
    return samples


CHANGES: Mapping[str, tuple[Callable[[Samples], Samples], dict[str, object]]] = {
    "doubled": (lambda samples: 2 * samples, {}),
    "ten times": (lambda samples: 10 * samples, {}),
    "inverted": (lambda samples: -samples, {}),
    "spectrum inverted": (np.conj, {}),
    "cut": (lambda samples: samples[: len(samples) // 2], {}),
    "zeros": (np.zeros_like, {}),
    "clipped": (as_it_is, {"ota_clipped": 3}),
    "not a number": (with_nan, {}),
    "two channels": (as_it_is, {"core_num_channels": 2}),
    "another version": (as_it_is, {"core_extensions": [{"name": "ota", "version": "1.0.0"}]}),
    "cyclic": (as_it_is, {"ota_cyclic": True}),
    "no plan": (as_it_is, {"ota_plan": {}}),
}


@pytest.mark.gnuradio
@pytest.mark.parametrize("name", CHANGES)
def test_what_replay_cannot_trust_is_no_sum_and_never_silence(
    gnuradio: str, tmp_path: Path, recording: Path, name: str
) -> None:
    samples, fields = CHANGES[name]
    path = changed(recording, tmp_path, samples, **fields)
    done, said = received(gnuradio, tmp_path, path)
    try:
        again = sdr_ota.decode(path)
    except sdr_ota.SdrOtaError:
        again = None
    if again is not None and again.value is not None:
        assert said[0]["sum"] == pytest.approx(again.value, abs=1e-6)
    elif said:
        assert again is not None
        assert said[0]["reason"] == again.erasure
    else:
        (sentence,) = [line for line in done.stderr.splitlines() if str(path) in line]
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert sentence


@pytest.mark.gnuradio
def test_a_foreign_recording_is_never_silence(gnuradio: str, tmp_path: Path) -> None:
    golden = np.fromfile(GOLDEN.with_suffix(".sigmf-data"), np.complex64)
    path = tmp_path / "foreign.npy"
    for samples, words in ((with_nan(golden), "number 1000"), (0 * golden, "no frame was found")):
        np.save(path, samples.astype(np.complex64))
        done, said = received(gnuradio, tmp_path, path)
        assert done.returncode == 1
        assert not said
        assert words in done.stderr
        assert "Traceback" not in done.stderr


CONTRADICTIONS = {
    "sample_rate_hz": 2e6,
    "frame": FrameFormat(n_chirp=500),
    "scheme": "energy-difference",
    "n_nodes": 4,
    "rx_amplitude": 0.5,
    "seed": 1,
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_parameter_that_contradicts_the_recording_is_an_error(recording: Path, name: str) -> None:
    source, asked = f"driver=file,path={recording}", {name: CONTRADICTIONS[name]}
    with pytest.raises(IqFileError, match=f"asked was {name} = .* says .*{name} = "):
        sent_as(source, Asked(**asked))  # type: ignore[arg-type]
    found = sent_as(source, Asked())
    repeated = sent_as(source, Asked(**{name: getattr(found, name)}))
    assert replace(repeated, recorded=None) == replace(found, recorded=None)


@pytest.mark.gnuradio
def test_a_contradiction_is_one_sentence(gnuradio: str, tmp_path: Path, recording: Path) -> None:
    done, said = received(gnuradio, tmp_path, recording, "--scheme", "energy-difference")
    assert (done.returncode, said) == (1, [])
    assert done.stderr.strip() == (
        f"asked was scheme = energy-difference, but {recording} says that it was sent with "
        "scheme = coherent: leave the parameter out"
    )


def test_another_recording_says_its_rate_alone(tmp_path: Path) -> None:
    found = sent_as(f"driver=file,path={GOLDEN}", Asked(n_nodes=3))
    assert (found.sample_rate_hz, found.n_nodes, found.recorded) == (1e6, 3, None)
    missing = sent_as(f"driver=file,path={tmp_path}/none.sigmf-meta", Asked())
    assert (missing.scheme, missing.n_nodes, missing.rx_amplitude) == ("coherent", 4, 0.05)


def test_what_another_interpreter_reads_is_what_replay_reads(recording: Path) -> None:
    from sdr_ota.runs.captures import read_capture  # noqa: PLC0415

    theirs, ours = recorded_round(recording), read_capture(recording)
    assert theirs is not None
    assert theirs.link.frame == ours.link.frame
    assert theirs.link.scheme == ours.link.scheme
    assert theirs.reception.plan == ours.reception.plan
    assert theirs.reception.seed == ours.reception.seed
    assert theirs.reception.capture.start_tick == ours.reception.capture.start_tick


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        (FrameFormat, {"n_chirp": 3.5}, "n_chirp is 3.5, not int"),
        (FrameFormat, {"n_chirp": True}, "n_chirp is True, not int"),
        (FrameFormat, {"pulse": {"rolloff": "0.3"}}, "rolloff is '0.3', not a number"),
        (FrameFormat, {"n_chrip": 3}, "FrameFormat has no n_chrip"),
        (FrameFormat, [], "FrameFormat is "),
        (PathErrors, {"amplitude_std": float("inf")}, "amplitude_std is inf, not finite"),
        (TransmitPlan, {"precoders": 3}, "precoders is 3, not tuple"),
        (TransmitPlan, {"precoders": [{"gain": 1.0}]}, "gain is 1.0, not complex"),
        (TransmitPlan, {}, "missing"),
    ],
)
def test_a_value_of_another_type_is_refused(kind: type[object], values: object, words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        record_of(kind, values)


SLOW = """
import sys, time
from ota_flowgraphs.blocks import scheme_decoder
decode = scheme_decoder.decode_unplanned
def slowly(*arguments):
    time.sleep(2.0)
    return decode(*arguments)
scheme_decoder.decode_unplanned = slowly
from ota_flowgraphs.generated.receiver import receiver
receiver(source=f"driver=file,path={sys.argv[1]}", seed=int(sys.argv[2])).run()
"""


@pytest.mark.gnuradio
def test_a_slow_decoder_loses_no_frame_of_a_file(gnuradio: str, tmp_path: Path) -> None:
    samples = np.fromfile(GOLDEN.with_suffix(".sigmf-data"), np.complex64)
    path, seed = tmp_path / "three.npy", json.loads(GOLDEN.read_text())["global"]["ota:seed"]
    np.save(path, np.tile(samples, 3))
    done = subprocess.run(
        [gnuradio, "-s", "-c", SLOW, str(path), str(seed)], env=companion_environment(tmp_path),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"kind": "sum"') == 3


@pytest.mark.gnuradio
def test_a_block_that_fails_ends_every_flowgraph_with_1(gnuradio: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.npy"
    np.save(path, np.full(1000, np.nan, np.complex64))
    inputs = [f"--input-0=driver=file,path={path}", f"--input-1=driver=file,path={path}",
              "--input-2=driver=none", "--input-3=driver=none"]  # fmt: skip
    done = subprocess.run(
        [gnuradio, "-s", "-m", "ota_flowgraphs.generated.air", *inputs,
         f"--output=driver=file,path={tmp_path}/out.sigmf-meta"],
        env=companion_environment(tmp_path), capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert f"{path}: its samples are not all finite: the first is number 0" in done.stderr
