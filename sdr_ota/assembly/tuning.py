"""From a config to which carrier offsets go into the nodes' synthesisers."""

from collections.abc import Sequence
from functools import partial

from ota_calibration.paths.sounding import estimate_nodes

from sdr_ota.config.load import Config
from sdr_ota.config.parts import shares_reference
from sdr_ota.rounds.exchange import Link, ReceivedSounding
from sdr_ota.rounds.tuning import Tuning


def tuning_of(config: Config, link: Link) -> Tuning | None:
    """Return how nodes are tuned; None where one reference leaves no offset, or none is wanted."""
    above_hz = config.link.tune_above_hz
    if above_hz == "never" or shares_reference(config) or config.clients.location == "air":
        return None

    def offsets_hz(sounding: ReceivedSounding) -> Sequence[float | None]:
        found = estimate_nodes(sounding, link)
        return [None if estimate is None else estimate.cfo_hz for estimate in found]

    return Tuning(offsets_hz, above_hz, partial(stays_in_band, config))


def stays_in_band(config: Config, detuned_hz: float) -> bool:
    """Return whether a radio tuned so far away is still inside the band in use, if there is one."""
    band, half = config.band_in_use, config.radio.sample_rate_hz / 2
    if band is None:
        return config.radio.is_simulated
    center = config.radio.center_freq_hz + detuned_hz
    return band.low_hz <= center - half and center + half <= band.high_hz
