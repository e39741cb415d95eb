"""An air that does nothing but fade."""

from sdr_ota.air.presets import AirPreset

FADING = AirPreset(
    "fading",
    shared_clock=True,
    fading="rayleigh",
    coherence_time_s=2.0,
    multipath_profile="TDL-A",
    delay_spread_s=20e-9,
    path_gain_db=-20.0,
)
