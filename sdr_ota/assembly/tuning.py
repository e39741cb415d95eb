"""From a config to which carrier offsets go into the nodes' synthesisers."""

from collections.abc import Sequence

from ota_calibration.paths.sounding import estimate_nodes

from sdr_ota.config.load import Config
from sdr_ota.config.parts import shares_reference
from sdr_ota.rounds.exchange import Link, ReceivedSounding
from sdr_ota.rounds.tuning import Tuning


def tuning_of(config: Config, link: Link) -> Tuning | None:
    """Return how nodes are tuned; None where one reference leaves no offset, or none is wanted."""
    above_hz = config.link.tune_above_hz
    if above_hz == "never" or shares_reference(config):
        return None

    def offsets_hz(sounding: ReceivedSounding) -> Sequence[float | None]:
        found = estimate_nodes(sounding, link)
        return [None if estimate is None else estimate.cfo_hz for estimate in found]

    return Tuning(offsets_hz, above_hz, config.may_be_tuned)
