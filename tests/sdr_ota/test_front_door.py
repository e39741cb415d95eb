"""The front door: what `import sdr_ota` offers, over simulated and virtual radios."""

import os
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import sdr_ota
from sdr_ota.air.presets import air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.radio.air_time_account import AirTimeAccount
from sdr_ota.radio.base import RadioLost
from sdr_ota.radio.virtual.pluto_board import PlutoWorld
from sdr_ota.radio.virtual.pluto_server import VirtualPlutos
from sdr_ota.rounds.round import RoundResult

NUMBERS = [0.3, -1.2, 0.7, 0.1, 0.9]
DEAF = {"air.path_gain_db": -120.0}
QUICK = {"clients.source": "synthetic", "run.rounds": 12}


def in_a_process(code: str) -> str:
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, **paths},
    )
    return done.stdout


def test_importing_it_loads_nothing_heavy() -> None:
    heavy = "'torch', 'pydantic', 'matplotlib', 'scipy', 'transformers', 'ray', 'numba', 'rich'"
    code = f"import sys, sdr_ota; print([m for m in ({heavy}) if m in sys.modules])"
    assert in_a_process(code) == "[]\n"


def test_a_bench_needs_no_learning_libraries() -> None:
    code = (
        "import sys, sdr_ota\n"
        f"with sdr_ota.open_bench() as bench: bench.mean({NUMBERS})\n"
        "print([m for m in ('torch', 'matplotlib', 'transformers', 'ray') if m in sys.modules])"
    )
    assert in_a_process(code) == "[]\n"


def test_it_shows_its_names() -> None:
    assert dir(sdr_ota) == sorted(sdr_ota.__all__)
    assert all(getattr(sdr_ota, name).__doc__ for name in sdr_ota.__all__)
    with pytest.raises(AttributeError, match="no attribute 'open_bnech'"):
        _ = sdr_ota.open_bnech  # type: ignore[attr-defined]


# ---- the mean of numbers


def test_one_round_gives_the_mean_of_the_numbers() -> None:
    with sdr_ota.open_bench() as bench:
        got = bench.mean(NUMBERS)
    assert got.erasure is None and got.value is not None and got.std is not None
    assert got.true_value == pytest.approx(np.mean(NUMBERS))
    assert abs(got.value - np.mean(NUMBERS)) < 6 * got.std
    assert (got.n_active, got.n_clipped, got.round) == (5, 0, 0)


@pytest.mark.parametrize("scheme", ["coherent", "energy-difference"])
def test_errors_are_those_of_theory(scheme: str) -> None:
    """150 rounds: the mean of the squared errors over their expectation spreads by 12 %."""
    rng, ratios, errors = np.random.default_rng(1), [], []
    with sdr_ota.open_bench(set={"link.scheme": scheme, "link.scalar_limit": 2.0}) as bench:
        for _ in range(150):
            got = bench.mean(rng.uniform(-2, 2, 5))
            assert got.value is not None and got.true_value is not None and got.theory_std
            errors.append((got.value - got.true_value) / got.theory_std)
            ratios.append(errors[-1] ** 2)
    assert 0.6 < np.mean(ratios) < 1.55
    assert abs(np.mean(errors)) < 4 / np.sqrt(150)


def test_what_is_too_large_is_clipped_and_counted() -> None:
    with sdr_ota.open_bench(set={"air.preset": "ideal"}) as bench:
        got = bench.mean([9.0, -9.0, 100.0, 0.0, 8.0])
        assert (got.n_clipped, got.true_value) == (3, pytest.approx((8 - 8 + 8 + 0 + 8) / 5))
        narrow = bench.mean(NUMBERS, scalar_limit=0.5)
    assert (narrow.n_clipped, narrow.true_value) == (3, pytest.approx(0.2 * (0.3 + 0.5 + 0.1)))
    assert narrow.value == pytest.approx(narrow.true_value, abs=0.01)


def test_a_smaller_limit_means_less_noise() -> None:
    with sdr_ota.open_bench() as bench:
        wide, narrow = (bench.mean(NUMBERS, scalar_limit=limit) for limit in (8.0, 2.0))
    assert wide.std is not None and narrow.std is not None
    assert narrow.std < 0.5 * wide.std


def test_votes_have_a_sign_and_no_deviation() -> None:
    voting = {"link.scheme": "fsk-vote", "link.payload": "sign"}
    with sdr_ota.open_bench(set=voting) as bench:
        got = bench.mean(NUMBERS)
    assert (got.value, got.true_value) == (1.0, 1.0)
    assert (got.std, got.theory_std, got.n_clipped) == (None, None, 0)


def test_nodes_are_sounded_when_it_is_due_or_asked_for() -> None:
    with sdr_ota.open_bench(set={"link.sounding_every": 3}) as bench:
        sounded = [bench.mean(NUMBERS, sound=k == 4).result.sounding_s > 0 for k in range(7)]
    assert sounded == [True, False, False, True, True, False, True]


def test_the_same_seed_gives_the_same_bits() -> None:
    def values(seed: int) -> list[float | None]:
        with sdr_ota.open_bench(set={"run.seed": seed}) as bench:
            return [bench.mean(NUMBERS).value for _ in range(3)]

    assert values(7) == values(7) != values(8)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([1.0, 2.0], r"2 numbers of shape \(2,\).* this bench has 5 nodes"),
        (np.zeros((5, 2)), r"shape \(5, 2\).*one number each, so shape \(5,\).*frame.symbols"),
        (0.5, r"1 numbers of shape \(\)"),
        ([0.0, 0.0, np.nan, 0.0, np.inf], "number of node 2 is nan"),
    ],
)
def test_numbers_that_cannot_be_sent_are_refused(numbers: Any, words: str) -> None:
    with sdr_ota.open_bench() as bench, pytest.raises(ValueError, match=words):
        bench.mean(numbers)


VECTORS = {"frame.symbols": 3, "air.preset": "ideal"}


@pytest.mark.parametrize("scheme", ["coherent", "tdma"])
def test_vectors_have_a_mean_vector(scheme: str, tmp_path: Path) -> None:
    numbers = np.array([[0.5, -1.0, 9.0], [1.0, 0.25, 0.0]])
    with sdr_ota.open_bench(set={**VECTORS, "clients.count": 2, "link.scheme": scheme}) as bench:
        assert bench.n_symbols == 3
        got = bench.mean(numbers)
        again = sdr_ota.decode(bench.save_capture(tmp_path))
    assert isinstance(got.value, np.ndarray) and got.value.shape == (3,)
    assert isinstance(got.std, np.ndarray) and isinstance(got.theory_std, np.ndarray)
    np.testing.assert_allclose(got.true_value, np.clip(numbers, -8, 8).mean(axis=0))
    assert (np.abs(got.value - got.true_value) < 6 * got.std).all()
    assert (got.n_clipped, got.erasure) == (1, None)
    np.testing.assert_array_equal(np.multiply(again.value, 8 / 2), got.value)
    np.testing.assert_array_equal(np.multiply(again.std, 8 / 2), got.std)
    np.testing.assert_allclose(again.true_value, got.true_value * 2 / 8)
    with pytest.raises(sdr_ota.SdrOtaError, match="cannot be changed"):
        sdr_ota.decode(tmp_path / "round-000000.sigmf-meta", set={"frame.symbols": 2})


def test_a_vector_of_one_number_is_a_vector() -> None:
    with sdr_ota.open_bench() as bench:
        got = bench.mean(np.zeros((5, 1)))
    assert np.shape(got.value) == np.shape(got.std) == np.shape(got.true_value) == (1,)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (np.zeros(5), r"5 numbers of shape \(5,\).*sends 3 numbers each, so shape \(5, 3\)"),
        (np.full((5, 3), np.inf), "number of node 0 is inf"),
    ],
)
def test_vectors_that_cannot_be_sent_are_refused(numbers: Any, words: str) -> None:
    with sdr_ota.open_bench(set=VECTORS) as bench, pytest.raises(ValueError, match=words):
        bench.mean(numbers)


def test_wrong_use_of_a_bench_is_said() -> None:
    bench = sdr_ota.open_bench()
    for limit in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match=r"scalar_limit = .* above 0"):
            bench.mean(NUMBERS, scalar_limit=limit)
    with pytest.raises(ValueError, match="no capture to keep"):
        bench.save_capture()
    bench.close()
    bench.close()
    with pytest.raises(ValueError, match="the bench is closed"):
        bench.mean(NUMBERS)


@pytest.mark.parametrize(
    ("source", "changes", "words"),
    [
        ("absent.toml", {}, "cannot read absent.toml: No such file"),
        (None, {"link.shceme": "tdma"}, "unknown key 'link.shceme': did you mean 'scheme'"),
        ({"lnk": {}}, {}, "unknown table 'lnk'"),
        (None, {"rounds": 3}, "cannot set 'rounds'.*table.key"),
        (None, {"clients.count": 0}, "clients.count = 0.*at least 1"),
        (None, {"privacy.protect": "client"}, "privacy.protect = .client.*without noise"),
        (None, {"radio.receiver": "driver=pluto,uri=ip:1"}, "needs radio.receiver and as many"),
        (
            {"radio": {"receiver": "driver=pluto,uri=ip:1", "nodes": ["driver=pluto,uri=ip:2"]}},
            {"clients.count": 1, "link.scheme": "tdma"},
            "transmit_allowed is false",
        ),
    ],
)
def test_what_cannot_be_opened_is_said_in_one_sentence(
    source: Any, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(sdr_ota.SdrOtaError, match=words) as refused:
        sdr_ota.open_bench(source, set=changes)
    assert refused.value.exit_code == 2


def test_values_may_be_those_of_numpy_and_pathlib(tmp_path: Path) -> None:
    changes = {"clients.count": np.int64(3), "air.snr_db": np.float32(20), "run.folder": tmp_path}
    with sdr_ota.open_bench(set=changes) as bench:
        assert bench.n_nodes == 3
        assert bench.config.run.folder == str(tmp_path)


def test_tables_that_are_given_are_not_changed() -> None:
    tables = {"link": {"scheme": "tdma"}}
    sdr_ota.open_bench(tables, set={"link.scalar_limit": 2.0}).close()
    assert tables == {"link": {"scheme": "tdma"}}


# ---- an erasure is a value


def test_a_lost_round_is_a_value_with_its_reason() -> None:
    with sdr_ota.open_bench(set=DEAF) as bench:
        got = [bench.mean(NUMBERS) for _ in range(3)]
    for one in got:
        assert one.value is None and one.std is None and one.true_value is None
        assert one.erasure in ("not-found", "no-plan") and one.detail
    assert [one.round for one in got] == [0, 1, 2]


def test_a_radio_that_has_gone_is_a_value_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise RadioLost("the receiver does not answer", "simulated")

    with sdr_ota.open_bench() as bench:
        with monkeypatch.context() as broken:
            broken.setattr("sdr_ota.radio.simulated.SimulatedRadio.begin_receive", gone)
            lost = bench.mean(NUMBERS)
        back = bench.mean(NUMBERS)
    assert (lost.value, lost.erasure) == (None, "radio")
    assert "the receiver does not answer" in lost.detail
    assert back.erasure is None and back.round == 1


def test_an_error_of_the_reader_passes_through_and_closes_the_bench() -> None:
    with pytest.raises(ZeroDivisionError), sdr_ota.open_bench() as bench:
        raise ZeroDivisionError
    with pytest.raises(ValueError, match="closed"):
        bench.mean(NUMBERS)


# ---- an optimisation of one's own


def descend(bench: sdr_ota.MeanBench, n_rounds: int, rate: float) -> float:
    """Each node knows one row of a quadratic; all walk to the minimum of the mean."""
    rng = np.random.default_rng(5)
    targets = rng.standard_normal((bench.n_nodes, 8))
    x = np.zeros(8)
    for _ in range(n_rounds):
        direction = rng.choice([-1.0, 1.0], 8)
        slopes = [float((x - target) @ direction) for target in targets]
        got = bench.mean(slopes)
        if got.value is not None:
            x -= rate * got.value * direction
    start = float(np.sum(targets.mean(axis=0) ** 2))
    return float(np.sum((x - targets.mean(axis=0)) ** 2)) / start


def test_an_optimisation_over_simulated_radios_converges() -> None:
    with sdr_ota.open_bench() as bench:
        assert descend(bench, 80, 0.1) < 0.01


def bench_of(served: VirtualPlutos) -> dict[str, object]:
    return {
        "clients": {"count": len(served.node_uris)},
        "link": {"scheme": "energy-difference"},
        "radio": {
            "receiver": f"driver=pluto,uri={served.receiver_uri}",
            "nodes": [f"driver=pluto,uri={uri}" for uri in served.node_uris],
            "transmit_allowed": True,
        },
        "band": [{"name": "virtual", "low_hz": 914e6, "high_hz": 916e6}],
    }


@pytest.fixture
def plutos() -> Iterator[dict[str, object]]:
    world = PlutoWorld(AirSettings(air_preset("free-running-pluto"), 2, 1e6, 915e6, seed=1))
    with VirtualPlutos(world) as served:
        yield bench_of(served)


def test_the_same_calls_work_over_virtual_plutos(plutos: dict[str, object], tmp_path: Path) -> None:
    with sdr_ota.open_bench(plutos, set={"link.scalar_limit": 2.0}) as bench:
        assert [radio.driver for radio in bench.radios] == ["pluto"] * 3
        means = [bench.mean([1.0, 0.5]) for _ in range(6)]
        good = [got for got in means if got.value is not None and got.theory_std is not None]
        while bench.mean([1.0, 0.5]).value is None:
            pass
        recording = bench.save_capture(tmp_path)
    assert len(good) >= 3
    errors = [abs((got.value or 0.0) - 0.75) / (got.theory_std or 1.0) for got in good]
    assert np.median(errors) < 3
    assert sdr_ota.decode(recording).value is not None


def test_the_duty_cycle_of_the_band_is_kept(
    plutos: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    plutos["band"][0]["max_duty_cycle"] = 0.01
    waits: list[float] = []
    with sdr_ota.open_bench(plutos) as bench, monkeypatch.context() as fast:
        fast.setattr(AirTimeAccount, "wait", lambda _, seconds: waits.append(seconds))
        bench.mean([1.0, 0.5])
        assert waits[0] == 0.0  # what a round costs is not known yet
        n_first = len(waits)
        bench.mean([1.0, 0.5])
    assert waits[n_first] > 0  # room for all of the round, before anything of it is sent


def test_boards_that_have_gone_are_a_value_too() -> None:
    world = PlutoWorld(AirSettings(air_preset("free-running-pluto"), 1, 1e6, 915e6, seed=1))
    with VirtualPlutos(world) as served:
        bench = sdr_ota.open_bench(bench_of(served))
        bench.mean([1.0])
    with bench:
        lost = [bench.mean([1.0]) for _ in range(2)]
    assert all(got.value is None and got.detail for got in lost)
    assert {got.erasure for got in lost} <= {"radio", "no-plan"}


def test_vectors_travel_over_virtual_plutos(plutos: dict[str, object]) -> None:
    numbers = np.array([[1.0, -0.5, 0.25, 0.0], [0.5, -1.0, 0.25, 0.75]])
    with sdr_ota.open_bench(plutos, set={"frame.symbols": 4, "link.scalar_limit": 1.0}) as bench:
        got = next(
            m for m in (bench.mean(numbers[: bench.n_nodes]) for _ in range(6)) if not m.erasure
        )
    assert isinstance(got.value, np.ndarray) and isinstance(got.std, np.ndarray)
    assert got.value.shape == (4,)
    assert (np.abs(got.value - got.true_value) < 5 * got.std).all()


@pytest.mark.slow
def test_an_optimisation_over_virtual_plutos_converges(plutos: dict[str, object]) -> None:
    with sdr_ota.open_bench(plutos) as bench:
        assert descend(bench, 150, 0.05) < 0.3


def test_a_pluto_that_is_not_there_is_said(plutos: dict[str, object]) -> None:
    absent = {"radio.receiver": "driver=pluto,uri=ip:127.0.0.1:9"}
    with pytest.raises(sdr_ota.SdrOtaError, match=r"127\.0\.0\.1:9") as missing:
        sdr_ota.open_bench(plutos, set=absent)
    assert missing.value.exit_code == 3


# ---- runs


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> sdr_ota.Run:
    folder = tmp_path_factory.mktemp("runs")
    return sdr_ota.run(set={**QUICK, "run.folder": folder, "captures.every": 4})


def test_a_run_gives_columns(run: sdr_ota.Run) -> None:
    rounds = run.rounds
    assert len(rounds) == 12 and run.ending == "success"
    np.testing.assert_array_equal(rounds.round, np.arange(12))
    assert rounds.seed.dtype == np.uint64 and rounds.decoded_sum.dtype == np.float64
    assert np.isnan(rounds.loss).all()
    assert rounds.active_nodes[0] == (0, 1, 2, 3, 4)
    assert list(rounds.erasure) == [None] * 12
    assert np.mean((rounds.decoded_sum - rounds.true_sum) ** 2 / rounds.theory_error) < 5
    assert {"decoded_sum", "erasure"} <= set(dir(rounds))
    assert isinstance(rounds[0], RoundResult) and [r.round for r in rounds] == list(range(12))
    with pytest.raises(AttributeError, match="no column 'sum'; there are round, seed"):
        _ = rounds.sum
    assert run.summary.rounds == 12 and run.start["payload"] == "analog"


def test_a_run_is_shown_round_by_round_and_silently(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    seen: list[RoundResult] = []
    run = sdr_ota.run(set={**QUICK, "run.folder": tmp_path}, on_round=seen.append)
    assert seen == list(run.rounds)
    assert capfd.readouterr() == ("", "")
    sdr_ota.run(set={**QUICK, "run.folder": tmp_path}, progress=True)
    assert "round 12 of 12" in capfd.readouterr().err


def test_a_run_writes_its_report(run: sdr_ota.Run, tmp_path: Path) -> None:
    page = run.report(tmp_path / "page.html")
    assert "<html" in page.read_text()
    assert list(sdr_ota.read_run(run.folder).rounds) == list(run.rounds)


def test_what_a_reader_raises_ends_the_run_which_can_go_on(tmp_path: Path) -> None:
    def stop(result: RoundResult) -> None:
        if result.round == 4:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        sdr_ota.run(set={**QUICK, "run.folder": tmp_path}, on_round=stop)
    (folder,) = tmp_path.iterdir()
    assert sdr_ota.read_run(folder).ending == "fail"
    resumed = sdr_ota.run(resume=folder)
    assert list(resumed.rounds.round) == list(range(12)) and resumed.ending == "success"


def test_ctrl_c_is_ctrl_c(tmp_path: Path) -> None:
    def interrupt(result: RoundResult) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="go on with"):
        sdr_ota.run(set={**QUICK, "run.folder": tmp_path}, on_round=interrupt)


def test_a_run_of_erasures_is_returned(tmp_path: Path) -> None:
    run = sdr_ota.run(set={**QUICK, **DEAF, "run.folder": tmp_path})
    assert run.ending == "fail" and "every round was erased" in run.why
    assert set(run.rounds.erasure) <= {"not-found", "no-plan"}
    assert np.isnan(run.rounds.decoded_sum).all()


def test_a_run_may_go_on_in_a_thread(tmp_path: Path) -> None:
    endings: list[str] = []
    thread = threading.Thread(
        target=lambda: endings.append(sdr_ota.run(set={**QUICK, "run.folder": tmp_path}).ending)
    )
    thread.start()
    thread.join(60)
    assert endings == ["success"]


def test_wrong_use_of_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="leave out config, set"):
        sdr_ota.run(set={"run.rounds": 3}, resume=tmp_path)
    for call in (lambda: sdr_ota.run(resume=tmp_path), lambda: sdr_ota.read_run(tmp_path)):
        with pytest.raises(sdr_ota.SdrOtaError, match="is no run folder"):
            call()
    with pytest.raises(sdr_ota.SdrOtaError, match=r"run\.rounds = 0.*at least 1"):
        sdr_ota.run(set={"run.rounds": 0})


def test_pandas_is_used_where_it_is(run: sdr_ota.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=dict))
    assert tuple(run.rounds.to_pandas()) == run.rounds.names
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        run.rounds.to_pandas()


# ---- recordings


def test_a_recording_decodes_to_what_its_round_got(run: sdr_ota.Run) -> None:
    recordings = sorted((run.folder / "captures").glob("*.sigmf-meta"))
    assert [path.name for path in recordings] == [f"round-00000{k}.sigmf-meta" for k in (0, 4, 8)]
    for path in recordings:
        for file in (path, str(path.with_suffix(".sigmf-data"))):
            got = sdr_ota.decode(file)
            assert got.value == got.result.decoded_sum and got.std == got.result.decoded_std
            assert got.true_value == got.result.true_sum and got.erasure is None
    assert got.theory_std == pytest.approx(got.result.theory_error**0.5)
    assert len(got.samples) > 1000 and got.n_active == 5


def test_a_recording_decodes_with_other_parameters(run: sdr_ota.Run) -> None:
    path = run.folder / "captures" / "round-000004.sigmf-meta"
    same = sdr_ota.decode(path, set={"link.max_cfo_hz": 60e3})
    assert same.value == same.result.decoded_sum
    other = sdr_ota.decode(path, set={"frame.payload_chips": 256})
    assert other.value != same.value
    longer = sdr_ota.decode(path, set={"frame.samples_per_chip": 3})
    assert longer.link.frame.pulse.samples_per_chip == 3 and longer.value != same.value
    wrong = sdr_ota.decode(path, set={"frame.chirp_samples": 4000})
    assert (wrong.value, wrong.erasure) == (None, "not-found") and wrong.detail
    assert wrong.n_active == 5


def test_what_was_sent_cannot_be_changed(run: sdr_ota.Run, tmp_path: Path) -> None:
    path = run.folder / "captures" / "round-000000.sigmf-meta"
    with pytest.raises(sdr_ota.SdrOtaError, match=r"air\.snr_db: what was sent cannot be changed"):
        sdr_ota.decode(path, set={"air.snr_db": 3.0})
    with pytest.raises(sdr_ota.SdrOtaError, match=r"unknown key 'link\.cfo'"):
        sdr_ota.decode(path, set={"link.cfo": 3.0})
    for wrong in (tmp_path / "absent.sigmf-meta", tmp_path, run.folder / "start.json"):
        with pytest.raises(sdr_ota.SdrOtaError, match="no capture that can be decoded again"):
            sdr_ota.decode(wrong)


# ---- schemes


def test_schemes_are_compared_as_on_the_command_line() -> None:
    got = sdr_ota.compare(["coherent", "tdma"], snrs_db=[0, 20], phase_errors_rad=[0.1, 1.0])
    assert list(got.over_snr.scheme) == ["coherent", "coherent", "tdma", "tdma"]
    difference = got.over_snr.nmse_db - got.over_snr.theory_nmse_db
    assert np.abs(difference).max() < 1.0
    assert list(got.over_phase.phase_error_std_rad) == [0.1, 1.0] * 2
    with pytest.raises(ValueError, match="unknown scheme 'semaphore'"):
        sdr_ota.compare(["semaphore"])


def test_every_example_over_simulated_radios_opens() -> None:
    for name in ("demo.toml", "link.toml"):
        path = Path(__file__).parents[2] / "examples" / name
        with sdr_ota.open_bench(path) as bench:
            tables = tomllib.loads(path.read_text())
            assert bench.config.link.scalar_limit == tables["link"]["scalar_limit"]
