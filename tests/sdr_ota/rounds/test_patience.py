"""A bench that is gone: how often it is tried, how long is waited."""

import pytest

from sdr_ota.erasure import Reason
from sdr_ota.radio.base import RadioLost
from sdr_ota.rounds.patience import Patience
from sdr_ota.rounds.round import RoundResult


def lost(reason: Reason | None = "radio") -> RoundResult:
    return RoundResult(0, 0, erasure=reason, detail="node-0: Broken pipe")


def test_it_gives_up_after_so_many_rounds_in_a_row_and_says_why() -> None:
    patience = Patience(3, wait=lambda _: None)
    patience.after(lost())
    patience.after(lost("host"))
    with pytest.raises(RadioLost, match=r"3 rounds in a row were lost.*node-0: Broken pipe"):
        patience.after(lost())


@pytest.mark.parametrize("between", [None, "not-found", "saturated", "no-plan"])
def test_only_rounds_in_a_row_count(between: Reason | None) -> None:
    patience = Patience(2, wait=lambda _: None)
    for _ in range(5):
        patience.after(lost())
        patience.after(lost(between))


def test_it_waits_longer_each_time_and_a_board_has_time_to_start() -> None:
    waits: list[float] = []
    patience = Patience(20, wait=waits.append)
    for _ in range(19):
        patience.after(lost())
    assert waits[:4] == pytest.approx([0.1, 0.2, 0.4, 0.8])
    assert max(waits) == 5.0
    assert 60 < sum(waits) < 90
    patience.after(lost(None))
    patience.after(lost())
    assert waits[-1] == pytest.approx(0.1)
