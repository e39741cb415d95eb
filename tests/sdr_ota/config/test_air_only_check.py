"""What a run without cables cannot do yet is refused before anything is opened."""

from pathlib import Path

import pytest

from sdr_ota.config.load import ConfigError, load_config
from sdr_ota.config.parts import link_of
from sdr_ota.downlink.frames import message_cost, messages_of_a_round
from sdr_ota.signal.control_frame import ControlFormat

EXAMPLE = Path(__file__).parents[3] / "examples" / "no-cables.toml"
RECEIVER = "driver=soapy,device=otavirtual,port=30600,place=4"


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("radio.key_file=''", "needs radio.key_file"),
        ("link.scheme=coherent", 'link.scheme = "coherent".*energy-difference'),
        ("link.scheme=auto", 'link.scheme = "auto".*energy-difference'),
        ("link.scalar_limit=auto", r"scalar_limit = .*nodes do not say"),
        ("frame.symbols=2", r"frame.symbols = 2 .*use 1"),
        ("privacy.protect=client", r'privacy.protect = "client".*use "nothing"'),
        ('radio.nodes=["driver=soapy,device=a,host=b"]', "no network leads"),
        ('radio.nodes=["driver=pluto,uri=ip:1.2.3.4"]', "hardware time"),
        (f"radio.receiver='{RECEIVER[:-1]}0'", "cannot be a node's radio as well"),
        ('calibration.require=["phase"]', r'clients.location = "air": nodes on other'),
        ("clients.count=12", r"clients.count = 12 .*11 nodes"),
        ("radio.transmit_allowed=false", "transmit_allowed"),
        ("radio.center_freq_hz=2.4e9", r"no \[\[band\]\]"),
    ],
)
def test_what_control_frames_do_not_carry_is_refused(setting: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_config(EXAMPLE, [setting])


def test_a_lead_holds_the_longest_control_frame_and_both_hosts_leads() -> None:
    """Else a payload order ends a run, because nodes could not send in time."""
    config = load_config(EXAMPLE)
    longest = max(
        message_cost(message, ControlFormat()).n_samples for message in messages_of_a_round(4)
    )
    spare_s = link_of(config).lead_s - longest / 1e6 - 2 * config.radio.lead_s
    assert spare_s == pytest.approx(config.radio.lead_s / 2)
