"""The duty limit of a band: a round begins once there is time on the air for all of it."""

from sdr_ota.radio.air_time_account import AirTimeAccount


class DutyLimit:
    """Rests between rounds, not in the middle of one, where paths change meanwhile.

    Args:
        account: Of the bench.
    """

    def __init__(self, account: AirTimeAccount) -> None:
        self._account, self._before_s, self._costliest_s = account, account.used_s, 0.0

    def count(self, elsewhere_s: float = 0.0) -> None:
        """Note what the round cost that has just ended.

        Args:
            elsewhere_s: Seconds of it in which radios of other machines may have sent.
        """
        if elsewhere_s:
            self._account.count(elsewhere_s)
        spent_s = self._account.used_s - self._before_s
        self._costliest_s = max(self._costliest_s, spent_s)

    def rest(self) -> None:
        """Sleep until there is time for a round as costly as the costliest; it begins now."""
        self._account.wait(self._costliest_s)
        self._before_s = self._account.used_s
