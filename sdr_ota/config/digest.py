"""A short name of a configuration, to tell whether a run goes on with the one it began with."""

import json
from hashlib import sha256

from sdr_ota.config.load import Config


def why_rounds_are_fixed(config: Config) -> str:
    """Say what follows from the number of rounds, so that it cannot be changed; or nothing."""
    rounds = config.run.rounds
    if config.privacy.protect != "nothing":
        return (
            f"its noise was chosen for {rounds} rounds: more would break the promise of epsilon = "
            f"{config.privacy.epsilon:g}"
        )
    if config.zo.decay != "constant":
        return f'its step size falls to 0 at round {rounds} (zo.decay = "{config.zo.decay}")'
    return ""


def config_digest(config: Config) -> str:
    """Return SHA-256 of what differs from the defaults, as 64 hexadecimal digits.

    The folder of the results is left out. The number of rounds counts only where something else
    follows from it: otherwise a run may go on for more.
    """
    tables = config.model_dump(mode="json", exclude_defaults=True)
    tables.get("run", {}).pop("folder", None)
    if not why_rounds_are_fixed(config):
        tables.get("run", {}).pop("rounds", None)
    said = {name: table for name, table in tables.items() if table}
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
