"""Fresh records decide how long chips are, and say which lead would do; stale ones do not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ota_calibration.measure.measurement import Measurement
from ota_calibration.measure.record import CalibrationRecord, RecordKey
from ota_calibration.measure.store import FILE, RecordStore
from ota_calibration.paths.motion import Likely
from ota_calibration.paths.path_start import PathStart

from sdr_ota.assembly.calibrated import lead_told, path_start, with_calibrated_chips
from sdr_ota.assembly.plan import plan_run
from sdr_ota.config.load import Config, ConfigError, changed_config, load_config

BENCH = """
[clients]
count = 2
source = "synthetic"
[radio]
receiver = "driver=soapy,device=uhd,serial=1"
nodes = ["driver=soapy,device=uhd,serial=2", "driver=soapy,device=uhd,serial=3"]
transmit_allowed = true
[[band]]
low_hz = 914e6
high_hz = 916e6
"""


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    path = tmp_path / "bench.toml"
    path.write_text(BENCH)
    return path


def record(
    quantity: str,
    value: float,
    node: str = "2",
    age_s: float = 60.0,
    rate_hz: float = 1e6,
    *,
    kind: str = "timing",
    std: float = 0.0,
) -> CalibrationRecord:
    measured_at = datetime.now(UTC) - timedelta(seconds=age_s)
    key = RecordKey(node, "1", "x", "y", 915e6, rate_hz, 0.0, 0.0)
    measurement = Measurement(quantity, value, std, "s", "", 8)
    until = measured_at + timedelta(hours=1)
    return CalibrationRecord(kind, measurement, key, measured_at, until)


def written(bench: Path, *records: CalibrationRecord) -> Config:
    RecordStore(bench.parent / "calibration").append(records)
    return load_config(bench, ())


def test_the_worst_fresh_jitter_makes_the_chips(bench: Path) -> None:
    jitters = (record("start_jitter_s", 2e-7), record("start_jitter_s", 5e-7, "3"))
    config, why = with_calibrated_chips(written(bench, *jitters), bench.parent)
    assert config.frame.samples_per_chip == config.chip_length.samples == 8  # 16 x 0.5 us
    assert "3 of 2 calibrated nodes: start jitter 0.5 us: a chip of at least 8 us" in why


@pytest.mark.parametrize(
    "unfit",
    [
        record("start_jitter_s", 5e-7, age_s=7200.0),
        record("start_jitter_s", 5e-7, age_s=-7200.0),
        record("start_jitter_s", 5e-7, rate_hz=2e6),
        record("delay_samples", 5e-7),
    ],
)
def test_other_records_make_none(bench: Path, unfit: CalibrationRecord) -> None:
    config = written(bench, unfit)
    assert with_calibrated_chips(config, bench.parent) == (config, "")


@pytest.mark.parametrize("setting", ["frame.samples_per_chip=4", "link.scheme=energy-difference"])
def test_a_length_that_is_given_or_not_needed_stays(bench: Path, setting: str) -> None:
    config = changed_config(written(bench, record("start_jitter_s", 5e-7)), [setting])
    assert with_calibrated_chips(config, bench.parent) == (config, "")


def test_simulated_radios_have_the_preset(tmp_path: Path) -> None:
    RecordStore(tmp_path / "calibration").append([record("start_jitter_s", 5e-7)])
    config = load_config(None, ())
    assert with_calibrated_chips(config, tmp_path) == (config, "")


def test_a_plan_says_both_and_why(bench: Path) -> None:
    before = dict(plan_run(bench, ()).rows)
    assert "calibrate timing` measures start_jitter_s" in before["chips"]
    assert "calibrate latency measures" in before["lead"]
    needed = record("command_to_antenna_high_s", 3e-3)
    written(bench, record("start_jitter_s", 5e-7), needed)
    after = dict(plan_run(bench, ()).rows)
    assert after["chips"].startswith("8 us, 8 samples")
    assert "start jitter 0.5 us" in after["chips"]
    assert "needed 3 ms at most: radio.lead_s = 0.006 is twice that" in after["lead"]
    assert lead_told(load_config(None, ()), bench.parent).startswith("50 ms")


def test_fresh_records_begin_the_tracker(bench: Path) -> None:
    config = written(
        bench,
        record("cfo_drift_hz_per_s", 3.0, kind="cfo"),
        record("cfo_drift_hz_per_s", -1.0, "3", kind="cfo"),
        record("start_jitter_s", 5e-7),
        record("phase_walk_rad2_per_s", 0.02, kind="phase", std=0.005),
        record("gain_change_per_s", 0.3, kind="gain", std=0.1),
        record("gain_change_per_s", 0.1, "3", kind="gain", std=0.1),
    )
    start, told = path_start(config, bench.parent)
    assert start == PathStart(
        pytest.approx(5**0.5),  # root of the mean of 9 and 1
        (Likely(pytest.approx(2.5e-13)),),
        (Likely(0.02, pytest.approx(0.005 + 0.25 * 0.05)),),  # beside fades of 0.05 on average
        tuple(Likely(pytest.approx(v), pytest.approx(s)) for v, s in ((0.09, 0.07), (0.01, 0.03))),
    )
    assert told == (
        "begins with drifts of 2.2 Hz/s (2 nodes), start jitter of 5e-07 s (1 nodes), phases that "
        "walk by 0.02 rad^2/s (1 nodes), levels that change by 22 % a second (2 nodes)"
    )
    assert dict(plan_run(bench, ()).rows)["tracker"] == told


def test_records_without_a_rate_are_read_and_named(bench: Path) -> None:
    older = record("phase_wander_rad", 0.1, kind="phase"), record("gain_db", -20.0, kind="gain")
    start, told = path_start(written(bench, *older), bench.parent)
    assert start == PathStart()
    assert "without fresh records of cfo, timing," in told
    assert (
        "what is usual in place of phase_walk_rad2_per_s, which older records of phase do not have "
        "(sdr-ota calibrate phase)"
    ) in told
    assert "in place of gain_change_per_s, which older records of gain do not have" in told


def test_walks_of_phases_count_only_where_fades_are_known(bench: Path) -> None:
    config = written(bench, record("phase_walk_rad2_per_s", 0.02, kind="phase"))
    start, told = path_start(config, bench.parent)
    assert start == PathStart()
    assert told == "begins with what is usual, without fresh records of cfo, timing, gain"


def test_stale_records_begin_nothing(bench: Path) -> None:
    quantities = ("cfo_drift_hz_per_s", "phase_walk_rad2_per_s", "gain_change_per_s")
    config = written(bench, *(record(quantity, 3.0, age_s=7200.0) for quantity in quantities))
    start, told = path_start(config, bench.parent)
    assert start == PathStart()
    assert told == ("begins with what is usual, without fresh records of cfo, timing, phase, gain")
    assert path_start(load_config(None, ()), bench.parent)[0] == PathStart()


def test_damaged_records_are_named(bench: Path) -> None:
    config = written(bench, record("start_jitter_s", 5e-7))
    (bench.parent / "calibration" / FILE).write_text("{}\n{}\n")
    with pytest.raises(ConfigError, match="no calibration record"):
        with_calibrated_chips(config, bench.parent)
