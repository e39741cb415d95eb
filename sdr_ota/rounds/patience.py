"""How long a run goes on when radios or machines have gone."""

import time
from collections.abc import Callable, Iterable, Iterator

from sdr_ota.radio.base import RadioLost
from sdr_ota.rounds.round import RoundResult

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 5.0
"""20 lost rounds last 75 s: a board that starts again takes half a minute."""


def patiently(results: Iterable[RoundResult], give_up_after: int) -> Iterator[RoundResult]:
    """Yield results; after a lost one, once it has been dealt with, wait a little.

    Raises:
        RadioLost: After ``give_up_after`` lost rounds in a row.
    """
    patience = Patience(give_up_after)
    for result in results:
        yield result
        patience.after(result)


class Patience:
    """Counts rounds in a row that were lost with a radio or a machine, and waits between them.

    Args:
        give_up_after: So many of them end the run.
        wait: Lets time pass.
    """

    def __init__(self, give_up_after: int, wait: Callable[[float], None] = time.sleep) -> None:
        self._give_up_after, self._wait = give_up_after, wait
        self._n_lost = 0

    def after(self, result: RoundResult) -> None:
        """Take note of a round and wait a little if it was lost, longer each time.

        Raises:
            RadioLost: If it was one too many.
        """
        if result.erasure not in {"radio", "host"}:
            self._n_lost = 0
            return
        self._n_lost += 1
        if self._n_lost >= self._give_up_after:
            raise RadioLost(
                f"the bench is gone: {self._n_lost} rounds in a row were lost, this one because: "
                f"{result.detail}",
                "",
            )
        self._wait(min(_FIRST_WAIT_S * 2 ** (self._n_lost - 1), _LONGEST_WAIT_S))
