"""`link.scheme = "auto"`: sound the nodes a few times and take the scheme with the least error."""

import logging
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from ota_calibration.measure.verdict import predicted_nmse_db

from sdr_ota.assembly.bench import open_bench
from sdr_ota.assembly.planner import planner_of
from sdr_ota.config.air_time import planned_gap_s
from sdr_ota.config.load import Config, changed_config
from sdr_ota.config.parts import link_of, link_with, simulated_air
from sdr_ota.erasure import Erasure
from sdr_ota.failure import INTERRUPTED, CommandFailed
from sdr_ota.process.interruption import Interruption
from sdr_ota.rounds.exchange import Link
from sdr_ota.rounds.gain_forecast import forecast_gains
from sdr_ota.rounds.given_symbols import sound_bench
from sdr_ota.schemes import LinkQuality, load_scheme
from sdr_ota.types import TransmitPlan

N_SOUNDINGS = 12
"""The first shows the paths, the others how they vary."""

CANDIDATES: Mapping[str, tuple[str, ...]] = {
    "analog": ("coherent", "energy-difference"),
    "sign": ("coherent", "energy-difference", "fsk-vote"),
}
"""Schemes that add in the air, by payload; tdma does not."""

_log = logging.getLogger(__name__)


def with_chosen_scheme(config: Config) -> Config:
    """Return a config with a scheme instead of ``auto``; any other comes back as it is.

    Opens the bench, sounds it, and closes it again.

    Raises:
        CommandFailed: If no node was received.
    """
    if not config.link.is_auto:
        return config
    with Interruption():
        try:
            errors = predicted_errors(config)
        except KeyboardInterrupt:
            raise CommandFailed("interrupted before the run began", INTERRUPTED) from None
    best = min(errors, key=lambda name: errors[name])
    told = ", ".join(f"{name} {error:.1f} dB" for name, error in errors.items())
    _log.warning("link.scheme = auto: %s chosen; predicted error of the sum: %s", best, told)
    return changed_config(config, [f"link.scheme={best}"])


def predicted_errors(config: Config) -> Mapping[str, float]:
    """Return the error that theory expects of each scheme that suits the radios, in dB."""
    # Any scheme that every radio takes will do to open the bench: soundings are the same.
    asked = changed_config(config, ["link.scheme=energy-difference"])
    link = link_of(asked)
    planner, plan, lost = planner_of(asked, link), None, ""
    with open_bench(asked, simulated_air(asked)) as bench:
        is_timed = bench.has_hardware_time
        for _ in range(N_SOUNDINGS):
            try:
                plan = planner(sound_bench(bench, link))
            except Erasure as erased:
                lost = str(erased)
    if plan is None:
        raise CommandFailed(f"link.scheme = auto: no sounding succeeded: {lost}")
    names = [name for name in CANDIDATES[config.link.payload] if is_timed or name != "coherent"]
    return {name: _predicted_error(name, plan, link, config) for name in names}


def _predicted_error(name: str, plan: TransmitPlan, sounded: Link, config: Config) -> float:
    """Return the error that theory expects of a scheme, sent in the frame that it would choose.

    Args:
        name: Of the scheme.
        plan: From soundings over another link, whose chips may have another length.
        sounded: That link.
        config: Of the run.
    """
    link = link_with(config, load_scheme(name))
    fewer = sounded.frame.pulse.energy / link.frame.pulse.energy  # noise of a longer chip
    quality = _quality(replace(plan, noise_power=fewer * plan.noise_power), link, config)
    return predicted_nmse_db(link.scheme, quality, max(len(plan.active_nodes), 1))


def _quality(plan: TransmitPlan, link: Link, config: Config) -> LinkQuality:
    """Return what theory needs at the last payload before the next sounding."""
    rate = config.radio.sample_rate_hz
    gap_s = planned_gap_s(config, link, config.clients.count)
    round_s = link.frame.n_joint_frame / rate + link.lead_s
    gap_s += (config.link.sounding_every - 1) * max(round_s, config.air.round_s)
    pulse = link.frame.pulse
    after_s = np.full(len(plan.active_nodes), gap_s)
    return LinkQuality(
        n_chips=link.frame.n_payload_chips,
        rx_amplitude=plan.rx_amplitude,
        noise_power=plan.noise_power,
        gains=forecast_gains(plan.active_errors, after_s, pulse.samples_per_chip / rate),
        rolloff=pulse.rolloff,
        n_absent=len(plan.precoders) - len(plan.active_nodes),
    )
