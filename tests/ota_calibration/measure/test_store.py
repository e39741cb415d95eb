"""Records come back as they were; a stale one is refused with its reason and its remedy."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path

import pytest
from ota_calibration.measure.measurement import Measurement
from ota_calibration.measure.record import CalibrationRecord, RecordKey
from ota_calibration.measure.store import DamagedRecords, RecordStore, StaleRecord

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
KEY = RecordKey("node-a", "receiver", "n1", "r1", 915e6, 1e6, -10.0, 33.0, 40.0)


def record(quantity: str = "gain_db", kind: str = "gain", **changes: object) -> CalibrationRecord:
    measured = Measurement(quantity, -20.0, 0.1, "dB", "by hand", 8, 7)
    made = CalibrationRecord(kind, measured, KEY, NOW, NOW + timedelta(hours=1))
    return replace(made, **changes)  # type: ignore[arg-type]


def test_records_come_back_and_the_newest_counts(tmp_path: Path) -> None:
    store = RecordStore(tmp_path / "new" / "folder")
    newer = record(measurement=Measurement("gain_db", -21.0, 0.1, "dB", "again", 9, inf))
    store.append([record(), record("cfo_hz", "cfo")])
    store.append([newer])
    found = store.newest()
    assert found["gain_db", "node-a", "receiver"] == newer
    assert found["cfo_hz", "node-a", "receiver"] == record("cfo_hz", "cfo")


def test_a_fresh_record_is_given(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    store.append([record()])
    assert store.fresh(["gain"], KEY, NOW + timedelta(minutes=59), "b.toml") == [record()]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"center_freq_hz": 915.1e6}, "center_freq_hz was 915000000 and is 915100000"),
        ({"sample_rate_hz": 2e6}, "sample_rate_hz was 1000000 and is 2000000"),
        ({"tx_gain_db": -9.0}, "tx_gain_db was -10 and is -9"),
        ({"rx_gain_db": 34.0}, "rx_gain_db was 33 and is 34"),
        ({"temperature_c": 47.0}, "temperature was 40.0 C and is 47.0 C"),
    ],
)
def test_whatever_changed_is_named(tmp_path: Path, changes: dict[str, float], words: str) -> None:
    store = RecordStore(tmp_path)
    store.append([record()])
    with pytest.raises(StaleRecord, match=r"sdr-ota calibrate gain b\.toml") as refused:
        store.fresh(["gain"], replace(KEY, **changes), NOW, "b.toml")  # type: ignore[arg-type]
    assert words in str(refused.value)


@pytest.mark.parametrize("device", ["node_init_id", "receiver_init_id"])
@pytest.mark.parametrize(
    ("quantity", "is_bound"),
    [("delay_samples", True), ("start_phase_rad", True), ("gain_db", False)],
)
def test_a_new_start_matters_to_what_it_draws_anew(
    device: str, quantity: str, is_bound: bool
) -> None:
    changed = replace(KEY, **{device: "later"})  # type: ignore[arg-type]
    why = record(quantity).why_stale(changed, NOW)
    assert (why is not None) == is_bound
    assert why is None or "was started anew" in why


@pytest.mark.parametrize("age", [timedelta(hours=1), timedelta(days=3)])
def test_an_old_record_is_refused(tmp_path: Path, age: timedelta) -> None:
    store = RecordStore(tmp_path)
    store.append([record()])
    with pytest.raises(StaleRecord, match=r"old and expired at 2026-05-01 13:00"):
        store.fresh(["gain"], KEY, NOW + age, "b.toml")


def test_what_was_not_measured_again_does_not_stay_in_the_way(tmp_path: Path) -> None:
    later = NOW + timedelta(hours=2)
    renewed = record(measured_at=later, expires_at=later + timedelta(hours=1))
    store = RecordStore(tmp_path)
    store.append([record(), record("rx_image_db"), record("cfo_hz", "cfo")])
    store.append([renewed])
    assert store.fresh(["gain"], KEY, later, "b.toml") == [renewed]
    with pytest.raises(StaleRecord, match="sdr-ota calibrate cfo"):
        store.fresh(["gain", "cfo"], KEY, later, "b.toml")


def test_small_changes_and_missing_sensors_are_none() -> None:
    near = replace(KEY, center_freq_hz=915e6 + 5, temperature_c=44.0)
    assert record().why_stale(near, NOW) is None
    assert record().why_stale(replace(KEY, temperature_c=None), NOW) is None


def test_a_missing_record_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(
        StaleRecord, match=r"no cfo record of node-a.*sdr-ota calibrate cfo b\.toml"
    ):
        RecordStore(tmp_path).fresh(["cfo"], KEY, NOW, "b.toml")


def test_a_torn_last_line_is_skipped_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    store.append([record()])
    with store.path.open("a") as file:
        file.write('{"kind": "ga')
    assert len(store.newest()) == 1
    store.path.write_text('{"kind": 1}\n')
    with pytest.raises(DamagedRecords, match=r"line 1 is damaged: kind: .*no calibration record"):
        store.newest()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"quantity": "', '"quantity": {"a": 1}, "was": "'),
        ('"value": ', '"value": NaN, "was": '),
        ('"value": ', f'"value": {"9" * 400}, "was": '),
        ('"std": ', '"std": -1, "was": '),
        ('"measured_at": "', '"measured_at": "2026-01-01T00:00:00", "was": "'),
        ('"expires_at": "', '"expires_at": 7, "was": "'),
        ('"node": "', '"node": null, "was": "'),
        ("{", "[" * 5000),
        ("{", "\xff"),
    ],
)
def test_a_damaged_line_is_named_with_its_field(tmp_path: Path, old: str, new: str) -> None:
    store = RecordStore(tmp_path)
    store.append([record()])
    line = store.path.read_text()
    assert old in line
    store.path.write_bytes((line + line.replace(old, new, 1)).encode("latin-1"))
    with pytest.raises(DamagedRecords, match=r"records\.jsonl, line 2 is damaged"):
        store.newest()


def test_what_was_looked_for_and_not_seen_comes_back_as_infinite(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    seen = record()
    unseen = replace(seen, measurement=replace(seen.measurement, value=inf))
    store.append([unseen])
    assert "Infinity" not in store.path.read_text()
    assert list(store.newest().values()) == [unseen]
