"""`sdr-ota presets`: the simulated airs beside each other."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sdr_ota.air.presets import AirPreset

HEADINGS = ("preset", "SNR", "path dB", "ppm", "jitter us", "fading", "phase")


def presets() -> None:
    """List the simulated airs: SNR in dB, clock errors of nodes / receiver, and more."""
    from sdr_ota.air.presets import loadable_presets
    from sdr_ota.cli.terminal import print_table

    print_table(HEADINGS, [_row(name, preset) for name, preset in loadable_presets()])


def _row(name: str, preset: "AirPreset") -> tuple[str, ...]:
    return (
        name,
        f"{preset.snr_db:g}",
        f"{preset.path_gain_db:g}+-{preset.path_gain_spread_db:g}",
        "shared" if preset.shared_clock else _clocks(preset),
        f"{preset.start_jitter_s * 1e6:g}",
        preset.fading if preset.fading == "none" else f"{preset.fading}/{preset.fading_spectrum}",
        preset.start_phase.removesuffix("-grid"),
    )


def _clocks(preset: "AirPreset") -> str:
    """Say how far off the nodes' clocks are, and the receiver's."""
    return f"{preset.clock_error_range_ppm:g}/{preset.receiver_clock_error_range_ppm:g}"
