"""Silence gets through, whatever hangs; a transmission that nobody ends is ended."""

import threading
from collections.abc import Iterator

import pytest

from sdr_ota.radio.base import RadioError
from sdr_ota.remote.air_watch import AirWatch

FOREVER_S = 1e9
IN_TIME_S = 60.0


class Antenna:
    def __init__(self) -> None:
        self.is_on = False
        self.fell_silent = threading.Semaphore(0)
        self.n_failures = 0
        self.error: Exception = RadioError("it does not answer")

    def silence(self) -> None:
        if self.n_failures:
            self.n_failures -= 1
            raise self.error
        self.is_on = False
        self.fell_silent.release()

    def begin(self) -> None:
        self.is_on = True


@pytest.fixture
def antenna() -> Antenna:
    return Antenna()


@pytest.fixture
def watches() -> Iterator[list[AirWatch]]:
    made: list[AirWatch] = []
    yield made
    for watch in made:
        watch.close()


def test_silence_does_not_wait_for_a_call_that_hangs(
    antenna: Antenna, watches: list[AirWatch]
) -> None:
    watch = AirWatch(antenna.silence, lambda: FOREVER_S, patience_s=0.01)
    watches.append(watch)
    goes_on, hangs = threading.Event(), threading.Event()

    def slow_begin() -> None:
        hangs.set()
        assert goes_on.wait(IN_TIME_S)
        antenna.begin()

    sending = threading.Thread(target=watch.send, args=(slow_begin,))
    sending.start()
    assert hangs.wait(IN_TIME_S)
    watch.silence()  # comes back though `begin` hangs
    assert antenna.fell_silent.acquire(timeout=IN_TIME_S)
    goes_on.set()
    sending.join(IN_TIME_S)
    assert not antenna.is_on  # what began after the order to be silent was ended again


@pytest.mark.parametrize("error", [RadioError("no answer"), OSError("of somebody's driver")])
def test_what_nobody_ends_is_ended_even_if_that_fails_at_first(
    antenna: Antenna, watches: list[AirWatch], error: Exception
) -> None:
    antenna.n_failures, antenna.error = 2, error
    watch = AirWatch(antenna.silence, lambda: 0.0)
    watches.append(watch)
    watch.send(antenna.begin)
    assert antenna.fell_silent.acquire(timeout=IN_TIME_S)
    assert not antenna.is_on


def test_silence_lets_the_next_transmission_pass(antenna: Antenna, watches: list[AirWatch]) -> None:
    watch = AirWatch(antenna.silence, lambda: FOREVER_S)
    watches.append(watch)
    watch.send(antenna.begin)
    watch.silence()
    assert not antenna.is_on
    watch.send(antenna.begin)
    assert antenna.is_on
