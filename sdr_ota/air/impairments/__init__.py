"""What a real channel and real radios do to samples: pure models, one idea each.

Every function takes complex64 baseband with full scale 1.0, leaves it untouched
and returns a new array; whatever is random takes its generator as an argument.
Units stand in the names. A parameter at its neutral value (zero offset, zero
delay) still costs a pass: callers with many bursts leave the call out.
"""

from sdr_ota.air.impairments.delay import (
    DELAY_ERROR,
    MAX_CLOCK_ERROR_PPM,
    RESAMPLING_ERROR,
    PlacedSamples,
    convolve_moving_paths,
    convolve_paths,
    fractional_delay,
    resample_by_ppm,
)
from sdr_ota.air.impairments.fading import (
    Gains,
    PlaneWaves,
    advance_scatter,
    clarke_gains,
    doppler_of_coherence,
    draw_scatter,
    draw_waves,
    rician_gains,
)
from sdr_ota.air.impairments.frontend import (
    apply_dc_offset,
    apply_iq_imbalance,
    apply_pa_compression,
    compression_point_dbfs,
    image_rejection_db,
    quantise,
    saturated_fraction,
)
from sdr_ota.air.impairments.gain import apply_gain, apply_gain_step
from sdr_ota.air.impairments.multipath import (
    DelayProfile,
    ProfileName,
    apply_multipath,
    delay_profile,
    path_gains,
)
from sdr_ota.air.impairments.noise import (
    NoiseBurst,
    ToneBurst,
    add_awgn,
    add_noise_burst,
    add_tone_burst,
    awgn,
)
from sdr_ota.air.impairments.oscillator import (
    advance_phase_noise,
    apply_cfo,
    apply_frequency_drift,
    apply_phase_noise,
    cfo_of_clock_error,
    draw_grid_phase,
    draw_uniform_phase,
)

__all__ = [
    "DELAY_ERROR",
    "MAX_CLOCK_ERROR_PPM",
    "RESAMPLING_ERROR",
    "DelayProfile",
    "Gains",
    "NoiseBurst",
    "PlacedSamples",
    "PlaneWaves",
    "ProfileName",
    "ToneBurst",
    "add_awgn",
    "add_noise_burst",
    "add_tone_burst",
    "advance_phase_noise",
    "advance_scatter",
    "apply_cfo",
    "apply_dc_offset",
    "apply_frequency_drift",
    "apply_gain",
    "apply_gain_step",
    "apply_iq_imbalance",
    "apply_multipath",
    "apply_pa_compression",
    "apply_phase_noise",
    "awgn",
    "cfo_of_clock_error",
    "clarke_gains",
    "compression_point_dbfs",
    "convolve_moving_paths",
    "convolve_paths",
    "delay_profile",
    "doppler_of_coherence",
    "draw_grid_phase",
    "draw_scatter",
    "draw_uniform_phase",
    "draw_waves",
    "fractional_delay",
    "image_rejection_db",
    "path_gains",
    "quantise",
    "resample_by_ppm",
    "rician_gains",
    "saturated_fraction",
]
