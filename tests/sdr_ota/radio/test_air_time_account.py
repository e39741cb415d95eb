"""The time on the air belongs to the bench: radios, commands and processes count together."""

import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from threading import Barrier, Thread

import numpy as np
import pytest

from sdr_ota.air.presets import AirPreset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.radio.accounted import AccountedRadio
from sdr_ota.radio.air_time_account import AirTimeAccount, BandLimit
from sdr_ota.radio.air_time_log import SLOT_S, AirTimeLog, Span
from sdr_ota.radio.base import TransmitRefused
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.types import RadioSettings

SETTINGS = RadioSettings(915e6, 1e6, 0.8e6)
BAND = (914e6, 916e6)
BLOCK = np.full(1000, 0.5, np.complex64)


class Clock:
    """Time that passes when somebody sleeps, or is told to."""

    def __init__(self) -> None:
        self.now_s, self.slept_s = 1.7e9, 0.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.slept_s += seconds


@contextmanager
def nodes(
    folder: Path, clock: Clock, limit: BandLimit | None, has_time: bool = False
) -> Iterator[tuple[AccountedRadio, AccountedRadio]]:
    """What one process opens: two nodes."""
    account = AirTimeAccount(limit, 10.0, AirTimeLog(folder, clock), clock, clock.sleep, clock)
    air = SimulatedAir(AirSettings(AirPreset("quiet"), 2, 1e6, 915e6, 1))
    radios = [AccountedRadio(SimulatedRadio(air, node, has_time), account) for node in (0, 1)]
    for radio in radios:
        radio.configure(SETTINGS)
    with radios[0] as one, radios[1] as two:
        yield one, two


def send(radio: AccountedRadio, clock: Clock, seconds: float) -> tuple[float, float]:
    """Repeat for a while; return from when to when."""
    radio.begin_cyclic(BLOCK)
    began_s = clock.now_s
    clock.now_s += seconds
    radio.end_cyclic()
    return began_s, clock.now_s


def share_of_worst_window(sent: list[tuple[float, float]], window_s: float) -> float:
    """Return the largest share of any window: one of them begins or ends with a transmission."""
    starts = [a for a, _ in sent] + [b - window_s for _, b in sent]
    return max(
        sum(max(min(b, start + window_s) - max(a, start), 0.0) for a, b in sent) / window_s
        for start in starts
    )


@pytest.mark.parametrize("window_s", [60.0, 600.0, 3600.0])
def test_no_window_has_more_than_the_share_over_processes(tmp_path: Path, window_s: float) -> None:
    clock, rng, sent = Clock(), np.random.default_rng(1), []
    limit = BandLimit(*BAND, max_duty_cycle=0.05, window_s=window_s)
    for _ in range(8):  # one process after the other
        with nodes(tmp_path, clock, limit) as (one, two):
            for radio in (one, two) * 15:
                clock.now_s += rng.exponential(0.1)
                sent.append(send(radio, clock, rng.uniform(0.1, 0.5)))
    share = share_of_worst_window(sent, window_s)
    assert share <= 0.05 + 1e-9
    if window_s < 3600:  # most of it is used
        assert share > 0.04
        assert clock.slept_s > 0


def test_nodes_that_send_at_the_same_time_count_once(tmp_path: Path) -> None:
    clock = Clock()
    with nodes(tmp_path, clock, None) as (one, two):
        one.begin_cyclic(BLOCK)
        clock.now_s += 1.0
        two.begin_cyclic(BLOCK)
        clock.now_s += 1.0
        one.end_cyclic()
        clock.now_s += 1.0
        two.end_cyclic()
        two.end_cyclic()
    assert used(tmp_path, clock) == pytest.approx(3.0)


def used(folder: Path, clock: Clock, low_hz: float = BAND[0], high_hz: float = BAND[1]) -> float:
    log = AirTimeLog(folder, clock)
    return sum(seconds for _, seconds in log.used(Span(low_hz, high_hz), 3600.0))


def test_bursts_at_the_same_ticks_count_once_whoever_leads(tmp_path: Path) -> None:
    clock = Clock()
    with nodes(tmp_path, clock, None, has_time=True) as (one, two):
        one.transmit(BLOCK, 10_000)
        two.transmit(np.concatenate([BLOCK, BLOCK]), 9_000)  # begins before it
        two.transmit(BLOCK, 50_000)
    assert used(tmp_path, clock) == pytest.approx(3e-3)


def test_an_earlier_burst_apart_from_the_last_one_counts_itself_alone(tmp_path: Path) -> None:
    clock = Clock()
    with nodes(tmp_path, clock, None, has_time=True) as (one, two):
        one.transmit(BLOCK, 50_000)
        two.transmit(BLOCK, 10_000)
    assert used(tmp_path, clock) == pytest.approx(2e-3)


def test_a_process_that_is_killed_has_used_the_longest_burst(tmp_path: Path) -> None:
    clock = Clock()
    with nodes(tmp_path, clock, None) as (one, _):
        one.begin_cyclic(BLOCK)
        assert used(tmp_path, clock) == pytest.approx(10.0)  # as others see it
        clock.now_s += 0.5
    assert used(tmp_path, clock) == pytest.approx(0.5)


def test_only_what_overlaps_the_band_counts_and_only_what_is_radiated(tmp_path: Path) -> None:
    clock = Clock()
    log = AirTimeLog(tmp_path, clock)
    for low_hz, virtual in ((913e6, False), (915.9e6, False), (868e6, False), (914e6, True)):
        log.add(Span(low_hz, low_hz + 0.95e6, virtual), 1.0, clock.now_s)
    assert used(tmp_path, clock) == 1.0  # the second: the first ends below the band
    assert used(tmp_path, clock, 0.0, math.inf) == 3.0
    clock.now_s += 3600.0 + SLOT_S
    assert used(tmp_path, clock) == 0.0


def test_threads_lose_nothing(tmp_path: Path) -> None:
    def add() -> None:
        for _ in range(50):
            AirTimeLog(tmp_path, clock).add(Span(*BAND), 0.01, clock.now_s)

    clock = Clock()
    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert used(tmp_path, clock) == pytest.approx(2.0)


def test_a_burst_that_never_fits_is_refused(tmp_path: Path) -> None:
    limit = BandLimit(*BAND, max_duty_cycle=1e-6, window_s=60.0)
    with (
        nodes(tmp_path, Clock(), limit, has_time=True) as (one, _),
        pytest.raises(TransmitRefused, match="allows 6e-05 s in 60 s"),
    ):
        one.transmit(BLOCK, 10_000)


def test_what_cannot_be_written_down_is_not_sent(tmp_path: Path) -> None:
    with (
        nodes(tmp_path / "nowhere", Clock(), None) as (one, _),
        pytest.raises(TransmitRefused, match="cannot be written down"),
    ):
        one.begin_cyclic(BLOCK)


def test_a_damaged_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    clock = Clock()
    log = AirTimeLog(tmp_path, clock)
    log.add(Span(*BAND), 1.0, clock.now_s)
    (file,) = tmp_path.glob("*.slots")
    file.write_bytes(file.read_bytes() + b"\x07")
    log.add(Span(*BAND), 1.0, clock.now_s)
    assert used(tmp_path, clock) == 2.0


def test_slots_of_an_hour_are_all_there(tmp_path: Path) -> None:
    clock = Clock()
    log, ends = AirTimeLog(tmp_path, clock), []
    for _ in range(1000):
        log.add(Span(*BAND), 0.5, clock.now_s)
        clock.now_s += SLOT_S
    ends = [end_s for end_s, _ in log.used(Span(*BAND), 3600.0)]
    assert len(ends) in {600, 601}
    assert all(b - a == SLOT_S for a, b in pairwise(ends))


def test_counting_costs_less_than_a_millisecond(tmp_path: Path) -> None:
    log, began_s = AirTimeLog(tmp_path), time.process_time()
    for _ in range(200):
        log.add(Span(*BAND), 0.01, 1.7e9)
    assert (time.process_time() - began_s) / 200 < 1e-3


def test_commands_that_ask_at_the_same_time_do_not_find_the_same_room(tmp_path: Path) -> None:
    def refuse(seconds: float) -> None:
        raise TransmitRefused("no room")

    n_commands, limit = 16, BandLimit(*BAND, max_duty_cycle=0.1, window_s=100.0)
    together, sent = Barrier(n_commands), []

    class SlowLog(AirTimeLog):
        def used(self, band: Span, window_s: float) -> Iterator[tuple[float, float]]:
            found = list(super().used(band, window_s))
            time.sleep(0.01)
            yield from found

    def command() -> None:
        account = AirTimeAccount(limit, 10.0, SlowLog(tmp_path), sleep=refuse)
        together.wait()
        with suppress(TransmitRefused):
            account.burst(Span(*BAND), 3_000_000, 1e6, None)
            sent.append(1)

    threads = [Thread(target=command) for _ in range(n_commands)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sent) == 3  # of 3 s each in 10 s


def test_a_clock_that_is_set_back_gives_no_time_back(tmp_path: Path) -> None:
    clock, steady = Clock(), Clock()
    log = AirTimeLog(tmp_path, clock)
    account = AirTimeAccount(BandLimit(*BAND), 10.0, log, clock, clock.sleep, steady)
    account.begins(account, Span(*BAND))
    clock.now_s, steady.now_s = clock.now_s - 600.0, steady.now_s + 2.0
    account.ends(account)
    assert account.used_s == 2.0


def test_a_folder_that_cannot_be_listed_is_not_one_without_bursts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of mode 0300: what others have sent cannot be known."""
    log = AirTimeLog(tmp_path)
    log.add(Span(*BAND), 1.0, time.time())

    def denied(path: object = ".") -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", denied)
    monkeypatch.setattr(os, "listdir", denied)
    with pytest.raises(PermissionError):
        list(log.used(Span(*BAND), 3600.0))
