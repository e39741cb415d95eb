"""`sdr-ota presets`: the simulated airs beside each other."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from sdr_ota.air.presets import loadable_presets


def presets_command() -> None:
    """Print the simulated airs."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("preset", "SNR dB", "path dB", "clock ppm", "jitter us", "fading", "phase"):
        table.add_column(heading, no_wrap=True)
    for name, preset in loadable_presets():
        clock = "shared" if preset.shared_clock else f"+-{preset.clock_error_range_ppm:g}"
        table.add_row(
            name,
            f"{preset.snr_db:g}",
            f"{preset.path_gain_db:g}+-{preset.path_gain_spread_db:g}",
            clock,
            f"{preset.start_jitter_s * 1e6:g}",
            preset.fading,
            preset.start_phase.removesuffix("-grid"),
        )
    Console(highlight=False, markup=False).print(table)
