"""Soundings on a bench of which radios have gone, timed and cyclic."""

from collections.abc import Iterable

import pytest
from ota_calibration.paths.sounding import estimate_nodes

from sdr_ota.air.presets import AirPreset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.erasure import Erasure
from sdr_ota.radio.base import PendingCapture, RadioLost
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.rounds.given_symbols import sound_bench
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import ChannelEstimate, Samples

LINK = Link(FrameFormat(), load_scheme("energy-difference"), max_cfo_hz=60e3)


class Gone(SimulatedRadio):
    """A radio that nobody reaches any more."""

    def _lost(self) -> RadioLost:
        return RadioLost(f"{self.info.serial}: Broken pipe", self.info.serial)

    def transmit(self, samples: Samples, start_tick: int | None = None) -> None:
        raise self._lost()

    def begin_cyclic(self, samples: Samples) -> None:
        raise self._lost()

    def begin_receive(self, n_samples: int, start_tick: int | None = None) -> PendingCapture:
        raise self._lost()


def bench_without(gone: Iterable[int | None], is_timed: bool) -> Bench:
    air = SimulatedAir(AirSettings(AirPreset("quiet", snr_db=30.0), 3, 1e6, 915e6, seed=1))

    def radio(place: int | None) -> SimulatedRadio:
        return (Gone if place in gone else SimulatedRadio)(air, place, is_timed)

    return Bench(radio(None), tuple(radio(node) for node in range(3)), 1e6)


def sound(bench: Bench, leaves_out_lost: bool) -> tuple[ChannelEstimate | None, ...]:
    return estimate_nodes(sound_bench(bench, LINK, leaves_out_lost), LINK)


BOTH = pytest.mark.parametrize("is_timed", [True, False], ids=["timed", "cyclic"])


@BOTH
@pytest.mark.parametrize("gone", [(0,), (1, 2)])
def test_nodes_that_are_lost_are_left_out(is_timed: bool, gone: tuple[int, ...]) -> None:
    estimates = sound(bench_without(gone, is_timed), True)
    assert tuple(node for node, found in enumerate(estimates) if found is None) == gone


@BOTH
def test_a_lost_node_ends_the_sounding_if_it_shall(is_timed: bool) -> None:
    with pytest.raises(RadioLost, match="node-1: Broken pipe") as lost:
        sound(bench_without((1,), is_timed), False)
    assert lost.value.serial == "node-1"


@BOTH
def test_without_any_node_there_is_no_sounding(is_timed: bool) -> None:
    with pytest.raises(Erasure, match="radio: sounding failed: all 3 nodes are lost"):
        sound(bench_without((0, 1, 2), is_timed), True)


@BOTH
@pytest.mark.parametrize("leaves_out_lost", [True, False])
def test_a_lost_receiver_costs_the_round_and_not_the_run(
    is_timed: bool, leaves_out_lost: bool
) -> None:
    with pytest.raises(Erasure, match="radio: sounding failed: receiver: Broken pipe"):
        sound(bench_without((None,), is_timed), leaves_out_lost)
