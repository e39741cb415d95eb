"""Which nodes a sounding may do without."""

from sdr_ota.erasure import Erasure
from sdr_ota.radio.base import Radio, RadioLost


class LostNodes:
    """Nodes that were lost in one sounding.

    Args:
        n_nodes: Nodes that there are.
        may_be_left_out: Whether a sounding goes on without one.
    """

    def __init__(self, n_nodes: int, may_be_left_out: bool) -> None:
        self._n_nodes, self._may_be_left_out = n_nodes, may_be_left_out
        self._serials: set[str] = set()

    def add(self, lost: RadioLost) -> None:
        """Leave a node out.

        Raises:
            RadioLost: If that may not be, or if it was the last one.
        """
        self._serials.add(lost.serial)
        if not self._may_be_left_out:
            raise lost
        if len(self._serials) == self._n_nodes:
            many = f"all {self._n_nodes} nodes are lost: " if self._n_nodes > 1 else ""
            raise RadioLost(f"{many}{lost}", lost.serial) from lost


def lost_sounding(lost: RadioLost, receiver: Radio, may_be_left_out: bool) -> Exception:
    """Return what a sounding that a lost radio has stopped is: an erasure, or the run's end."""
    if may_be_left_out or lost.serial == receiver.info.serial:
        return Erasure("radio", f"sounding failed: {lost}")
    return lost
