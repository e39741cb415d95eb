"""What of a private run may be shown to anybody, under the trust model that it states.

Everything in the folder of a private run follows from what the receiver got: neither what a client
computed nor what it sent is written down. What follows from protected values is protected too.
"""

from collections.abc import Mapping

_ALL = "this report, model, journal, records and captures"

_BECAUSE: Mapping[str, str] = {
    "local": "every node hid its own number before it sent it",
    "server-sees-sum": "they hold sums that are protected, if no node gave its noise away and the "
    "server kept nothing beside this folder",
    "channel-noise-trusted": "they hold what was received, if the receiver's noise was at least as "
    "strong as it was measured to be",
}


def publishable(start: Mapping[str, object]) -> str | None:
    """Return what of a run may be published, in one sentence; None where no promise was made.

    Args:
        start: The run's start record.
    """
    config = start.get("config")
    privacy = config.get("privacy") if isinstance(config, Mapping) else None
    if not isinstance(privacy, Mapping) or privacy.get("protect", "nothing") == "nothing":
        return None
    trust = str(privacy.get("trust"))
    return f"{_ALL}: {_BECAUSE.get(trust, f'trust {trust} is unknown here')}"
