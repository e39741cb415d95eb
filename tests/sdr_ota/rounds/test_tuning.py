"""Carrier offsets go into the nodes' synthesisers before the first round, where that is allowed."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from sdr_ota.assembly.bench import open_bench
from sdr_ota.assembly.planner import planner_of
from sdr_ota.assembly.server import nodes_here, server_of
from sdr_ota.assembly.tuning import stays_in_band
from sdr_ota.config.load import ConfigError, load_config
from sdr_ota.config.parts import link_of, payload_of, simulated_air
from sdr_ota.erasure import Erasure
from sdr_ota.radio.base import RadioInfo, SettingNotTaken
from sdr_ota.rounds.exchange import ReceivedSounding
from sdr_ota.rounds.messages import TuneOrder
from sdr_ota.rounds.node import Node
from sdr_ota.rounds.round import Position, Schedule, run_rounds
from sdr_ota.rounds.server import admit_all
from sdr_ota.rounds.synthetic import SyntheticClient
from sdr_ota.rounds.tuning import Tuning, tune_nodes


@dataclass
class FakeNode:
    """A node that notes what it is tuned to, or refuses."""

    step_hz: float | None = 2.0
    refuses: bool = False
    tuned_hz: list[float] = field(default_factory=list)

    @property
    def info(self) -> RadioInfo:
        return RadioInfo("fake", "fake", True, center_freq_step_hz=self.step_hz)

    def tune(self, order: TuneOrder) -> None:
        self.tuned_hz.append(order.detuned_hz)

    def sent(self, timeout_s: float) -> None:
        if self.refuses:
            raise SettingNotTaken("out of range")


class Sounded:
    """A sounding in which nothing needs to be seen."""

    def __init__(self, lost: bool = False) -> None:
        self.lost = lost

    def sound(self, nodes: Sequence[Node], round_index: int = 0) -> ReceivedSounding:
        if self.lost:
            raise Erasure("radio", "no samples")
        return ReceivedSounding((), 1e6)


def needed(offsets: Sequence[float | None], nodes: Sequence[FakeNode], **kwargs: object):  # type: ignore[no-untyped-def]
    tuning = Tuning(lambda _: offsets, 100.0, lambda hz: abs(hz) < 5e4)
    return tuning.needed_hz(Sounded(**kwargs), nodes)  # type: ignore[arg-type]


def test_offsets_above_the_limit_are_undone_in_whole_steps() -> None:
    nodes = [FakeNode() for _ in range(4)]
    assert needed([101.0, -20001.1, 99.0, None], nodes) == (-100.0, 20002.0, 0.0, 0.0)


def test_a_radio_that_cannot_be_tuned_stays_where_it_is() -> None:
    assert needed([3e3], [FakeNode(step_hz=None)]) == (0.0,)


def test_no_node_is_tuned_out_of_its_band(caplog: pytest.LogCaptureFixture) -> None:
    assert needed([6e4], [FakeNode()]) == (0.0,)
    assert "60000 Hz off" in caplog.text and "[[band]]" in caplog.text


def test_a_lost_sounding_tunes_nobody_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    assert needed([3e3, 3e3], [FakeNode(), FakeNode()], lost=True) == (0.0, 0.0)
    assert "no samples" in caplog.text


def test_a_refused_order_is_told_and_the_others_are_tuned(caplog: pytest.LogCaptureFixture) -> None:
    nodes = [FakeNode(refuses=True), FakeNode(), FakeNode()]
    with caplog.at_level(logging.INFO):
        assert tune_nodes(nodes, [10.0, -20.0, 0.0]) == (0.0, -20.0, 0.0)  # type: ignore[arg-type]
    assert [node.tuned_hz for node in nodes] == [[10.0], [-20.0], []]
    assert "out of range" in caplog.text and "-20 Hz" in caplog.text


@pytest.mark.parametrize("preset", ["free-running-pluto", "harsh"])
def test_simulated_nodes_meet_the_receivers_carrier(preset: str) -> None:
    """What is left is what one burst cannot tell, and two rounds' drift."""
    offsets = offsets_after(preset, "100")
    assert max(abs(hz) for hz in offsets) < 200.0
    assert max(abs(hz) for hz in offsets_after(preset, '"never"')) > 500.0


def offsets_after(preset: str, above_hz: str) -> list[float]:
    """Return the nodes' true carrier offsets after two rounds."""
    config = load_config(None, (f"air.preset={preset}", f"link.tune_above_hz={above_hz}"))
    link, air = link_of(config), simulated_air(config)
    clients = [SyntheticClient(k, 1.0) for k in range(config.clients.count)]
    with open_bench(config, air) as bench:
        admit = admit_all(partial(payload_of, config), 2.0)
        nodes = nodes_here(config, bench, link, clients)
        server = server_of(config, bench, link, nodes, planner_of(config, link), admit, air)
        position = Position()
        assert len(list(run_rounds(server, Schedule(2, seed=1), position))) == 2
        assert (position.detuned_hz is None) == (above_hz == '"never"')
        return [path.cfo_hz - air.receiver.cfo_hz for path in air.paths]


@pytest.mark.parametrize("value", ["-1", "0", "inf", "nan", '"always"', "true"])
def test_what_is_no_offset_is_refused_in_one_sentence(value: str) -> None:
    with pytest.raises(ConfigError, match='use a number above 0, or "never"') as refused:
        load_config(None, (f"link.tune_above_hz={value}",))
    assert "\n" not in str(refused.value)


def test_the_band_bounds_how_far_real_radios_are_tuned(tmp_path: Path) -> None:
    written = tmp_path / "bench.toml"
    written.write_text(
        """
        clients.count = 1
        link.scheme = "energy-difference"
        [radio]
        receiver = "driver=pluto,uri=ip:127.0.0.1:1"
        nodes = ["driver=pluto,uri=ip:127.0.0.1:2"]
        transmit_allowed = true
        center_freq_hz = 2400.6e6
        sample_rate_hz = 1e6
        [[band]]
        name = "ISM"
        low_hz = 2400e6
        high_hz = 2483.5e6
        """
    )
    real = load_config(written, ())
    assert stays_in_band(real, 60e3)
    assert stays_in_band(real, -100e3)
    assert not stays_in_band(real, -101e3)
    assert stays_in_band(load_config(None, ()), -101e3)
