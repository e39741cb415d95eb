"""What a lost round's text names first fits the scheme and the radios; no bad link is good."""

from typing import Any, get_args

import pytest

from sdr_ota.config.load import Config
from sdr_ota.erasure import Reason
from sdr_ota.report.erasure_words import Situation, first_check, situation_of, steadier_sum
from sdr_ota.runs.link_verdict import link_verdict

PLUTO, USRP = "driver=pluto,uri=ip:192.168.2.1", "driver=soapy,device=uhd,serial=1"
KINDS: dict[str, dict[str, object]] = {
    "simulated": {},
    "cyclic": {"receiver": PLUTO, "nodes": [PLUTO]},
    "timed": {"receiver": USRP, "nodes": [USRP]},
}


def situation(scheme: str, radios: str, lead_s: float = 0.05, **link: float) -> Situation:
    radio = {**Config().radio.model_dump(mode="json"), **KINDS[radios], "lead_s": lead_s}
    table = {**Config().link.model_dump(mode="json"), "scheme": scheme, **link}
    return situation_of({"config": {"link": table, "radio": radio}})


@pytest.mark.parametrize("reason", get_args(Reason))
@pytest.mark.parametrize("scheme", ["coherent", "tdma", "energy-difference", "fsk-vote"])
@pytest.mark.parametrize("radios", KINDS)
def test_every_reason_names_what_to_check_first(reason: str, scheme: str, radios: str) -> None:
    here = situation(scheme, radios)
    assert here.radios == radios
    words = first_check(reason, here)
    assert len(words) > 20
    if scheme != "coherent":  # the others need no phases already
        assert "energy-difference" not in words
    if radios == "simulated":
        assert not any(word in words for word in ("cable", "USB", "probe", "rx_gain_db"))
    else:
        assert "air." not in words
    if radios == "cyclic":
        assert "radio.lead_s" not in words  # they keep no start time


def test_what_is_advised_is_not_done_already() -> None:
    assert "energy-difference" in steadier_sum(situation("coherent", "timed"))
    assert "sounding_every" not in steadier_sum(situation("coherent", "timed"))
    seldom = steadier_sum(situation("energy-difference", "cyclic", sounding_every=4))
    assert seldom == "sound before every round: link.sounding_every = 1"
    assert "frame.payload_chips" in steadier_sum(situation("fsk-vote", "cyclic"))


def test_the_figures_in_force_are_named() -> None:
    assert "radio.lead_s = 0.002" in first_check(
        "late", situation("coherent", "timed", lead_s=2e-3)
    )
    assert "max_cfo_hz = 100" in first_check(
        "no-plan", situation("coherent", "timed", max_cfo_hz=100)
    )


@pytest.mark.parametrize(
    "start",
    [
        {},
        {"config": None},
        {"config": {"link": {"scheme": "a.b:C"}}},
        {"config": {"radio": {"of": 1}}},
    ],
)
def test_a_record_that_does_not_say_gets_advice_all_the_same(start: dict[str, Any]) -> None:
    assert first_check("gain-changed", situation_of(start))


@pytest.mark.parametrize(
    ("nmse_db", "erased_share", "verdict", "words"),
    [
        (-20.0, 0.2, "good", ""),
        (-20.0, 0.21, "bad", "21 % of the rounds erased, more than 20 %"),
        (0.1, 0.0, "bad", "above 0 dB: worse than answering 0"),
        (0.0, 0.0, "fair", "a quarter"),
        (3.0, 1.0, "bad", "100 % of the rounds"),
        (-3.0, 0.0, "fair", "a quarter"),
        (None, 0.0, "fair", "not known"),
        (float("nan"), 0.5, "bad", "50 %"),
        (float("nan"), None, "fair", "no round yet"),
    ],
)  # fmt: skip
def test_a_link_is_good_only_below_0_db_and_20_percent(
    nmse_db: float | None, erased_share: float | None, verdict: str, words: str
) -> None:
    said, why = link_verdict(nmse_db, erased_share)
    assert said == verdict
    assert words in why
