"""A bench sounded once, as a run does before every round."""

from ota_calibration.paths.sounding import estimate_nodes

from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.rounds.given_symbols import sound_bench
from sdr_ota.types import ChannelEstimate


def sound_nodes(bench: Bench, link: Link) -> tuple[ChannelEstimate | None, ...]:
    """Let every node of a bench send its sounding burst and estimate its path."""
    return estimate_nodes(sound_bench(bench, link), link)
