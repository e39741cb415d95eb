"""Named airs: what the channel and the radios of a set-up do, in numbers.

Each number carries its source in a comment, by these tags:

    [ADI]       documentation of the ADALM-PLUTO by Analog Devices: the 40 MHz
                oscillator (Rakon RXO3225M) is stable to +-25 ppm over voltage,
                temperature, drift and initial accuracy; 12-bit converters; error
                vector <= -40 dB.
    [ADI-10]    a maintainer in Manawyrm/sdrsharp-plutosdr issue 2: the oscillator
                drifts by about 10 ppm with temperature.
    [FEEL]      arXiv 2209.09954 (five Plutos over air with FPGA trigger): start
                jitter about 1 us (standard deviation) after calibration.
    [Techtile]  public logs of techtile-by-dramco (AD9361, 920 MHz), recomputed:
                start phase on a pi/4 grid, residual phase 0.75 to 4.6 degrees.
    [UHD]       USRP manual, internal GPSDO of the B2x0: 10 MHz reference with
                -65 dBc/Hz at 1 Hz and -102 dBc/Hz at 10 Hz offset.
    [38.901]    3GPP TR 38.901, table 7.5-6, indoor office with line of sight:
                Rician K 7 dB, median delay spread 10^-7.69 s = 20 ns, shadow
                fading 3 dB.
    [choice]    ours: a plausible value without a source. Measure your own.

Derived once, for a 915 MHz carrier: Wiener noise of linewidth v has
v / (2 pi f^2) of the carrier's power per Hz at offset f; [UHD] times (915 / 10)^2
gives v = 0.017 Hz from the 1 Hz point and 0.0003 Hz from the 10 Hz point. A
linewidth of 0.02 Hz walks 2 degrees in 10 ms.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from types import MappingProxyType
from typing import Literal, TypeAlias

from sdr_ota.air.impairments import ProfileName
from sdr_ota.plugins import AIRS, PluginError, find_reference, load_reference, plugin_names

StartPhase: TypeAlias = Literal["zero", "uniform", "pi/4-grid"]
"""Carrier phase of a radio after it was opened."""

Fading: TypeAlias = Literal["none", "rayleigh", "rician"]
"""How a path's gain varies around its mean power."""

FadingSpectrum: TypeAlias = Literal["jakes", "gauss-markov"]
"""Doppler spectrum of the scattered part: bounded, or with an exponential correlation."""

ChannelEnd: TypeAlias = Literal["refuse", "mirror"]
"""What comes after the last time of a channel file: nothing, or the file backwards and so on."""


@dataclass(frozen=True, slots=True)
class AirPreset:
    """The numbers of one simulated air; the defaults are an ideal one.

    Levels: a node that sends at full scale (amplitude 1.0) through a path of
    0 dB arrives at full scale of the receiver. ``snr_db`` and
    ``interference_power_db`` are counted from there, so one node's own signal
    to noise ratio is ``snr_db + path_gain_db``.

    Attributes:
        name: Name for configurations and reports.
        path_gain_db: Mean power gain of a node's path.
        path_gain_spread_db: Standard deviation over nodes, Gaussian in dB.
        delay_range_s: Fixed delay of a node, uniform from 0 to this.
        start_jitter_s: Standard deviation of a burst's start, new for each.
        start_latency_s: Time after which a radio without hardware time starts to send: 0.2 to
            1.2 of this, new for each start.
        clock_error_range_ppm: Error of a node's oscillator (carrier and sample
            clock alike), uniform within plus and minus this.
        shared_clock: All radios run from one reference: clock errors and drift, the receiver's
            too, are zero whatever their fields say; phase noise and start phase stay.
        phase_noise_linewidth_hz: Wiener phase noise, full width at half power.
        frequency_drift_hz_per_s: Drift of a node's carrier, uniform within plus
            and minus this.
        receiver_clock_error_range_ppm: Error of the receiver's carrier, common to all nodes,
            uniform within plus and minus this; its sample clock counts the ticks and has none.
        receiver_phase_noise_linewidth_hz: The receiver's own, as the nodes'.
        receiver_frequency_drift_hz_per_s: Drift of the receiver's carrier, as the nodes'.
        start_phase: Carrier phase after opening.
        fading: Distribution of the path gain around its mean power.
        rician_k_db: Power of the fixed part over the scattered part; used with
            ``rician`` only.
        coherence_time_s: Time in which the scattered part's correlation falls to 1/e.
        fading_spectrum: How it falls: ``jakes`` as J0 (waves from all around, Clarke 1968),
            ``gauss-markov`` exponentially.
        multipath_profile: Power-delay profile of every path.
        delay_spread_s: RMS delay spread to which the profile is scaled; that of
            the scattered part where fading is ``rician``.
        iq_gain_imbalance_db: Gain of Q over I at each transmitter.
        iq_phase_imbalance_deg: Phase error between the branches there.
        dc_offset_dbfs: Leakage at zero frequency, at each transmitter and at the
            receiver, over full scale; ``-inf`` is none.
        pa_saturation_dbfs: Saturated amplitude of the transmitters' amplifiers
            over full scale; ``None`` is linear.
        dac_bits: Bits of one branch at the transmitters; ``None`` is unquantised.
        adc_bits: The same at the receiver.
        interference_probability: Chance that a capture meets a burst of interference.
        interference_power_db: Its power, counted as ``snr_db`` is.
        interference_duration_s: Its length.
        interferer: A recording that plays on the air all the time, from a place that is drawn;
            empty for none.
        interferer_db: Its mean power, counted as ``snr_db`` is.
        channel: A file with the nodes' paths, in place of spread, fixed delay, fading and
            multipath; their mean power becomes ``path_gain_db``. Empty for none.
        channel_end: What comes after its last time.
        channel_antenna: Which of its receive antennas, from 0.
        gain_step_probability: Chance that the receiver's gain steps by 1 dB, and the
            phase by 177 degrees, before a capture; it stays so until the next step.
        burst_loss_probability: Chance that a node's burst never leaves.
        late_probability: Chance that a node's burst misses its start time.
        snr_db: Full-scale node through a 0 dB path over total noise power.
    """

    name: str
    path_gain_db: float = 0.0
    path_gain_spread_db: float = 0.0
    delay_range_s: float = 0.0
    start_jitter_s: float = 0.0
    start_latency_s: float = 2e-3
    clock_error_range_ppm: float = 0.0
    shared_clock: bool = False
    phase_noise_linewidth_hz: float = 0.0
    frequency_drift_hz_per_s: float = 0.0
    receiver_clock_error_range_ppm: float = 0.0
    receiver_phase_noise_linewidth_hz: float = 0.0
    receiver_frequency_drift_hz_per_s: float = 0.0
    start_phase: StartPhase = "zero"
    fading: Fading = "none"
    rician_k_db: float = inf
    coherence_time_s: float = inf
    fading_spectrum: FadingSpectrum = "jakes"
    multipath_profile: ProfileName = "flat"
    delay_spread_s: float = 0.0
    iq_gain_imbalance_db: float = 0.0
    iq_phase_imbalance_deg: float = 0.0
    dc_offset_dbfs: float = -inf
    pa_saturation_dbfs: float | None = None
    dac_bits: int | None = None
    adc_bits: int | None = None
    interference_probability: float = 0.0
    interference_power_db: float = -inf
    interference_duration_s: float = 0.0
    interferer: str = ""
    interferer_db: float = -20.0
    channel: str = ""
    channel_end: ChannelEnd = "refuse"
    channel_antenna: int = 0
    gain_step_probability: float = 0.0
    burst_loss_probability: float = 0.0
    late_probability: float = 0.0
    snr_db: float = 30.0


_IDEAL = AirPreset(name="ideal", shared_clock=True)

_LAB_WIRED = AirPreset(
    name="lab-wired",
    path_gain_db=-20.0,  # [choice] attenuators and combiner: ten coherent nodes just fill the ADC
    path_gain_spread_db=0.5,  # [choice] tolerance of cables, combiner ports and gains
    delay_range_s=10e-9,  # 2 m of cable at 0.66 of the speed of light
    start_jitter_s=0.0,  # timed commands
    shared_clock=True,
    phase_noise_linewidth_hz=0.001,  # [choice] between the two [UHD] points, common part removed
    receiver_phase_noise_linewidth_hz=0.0,  # the nodes' number is that between two radios
    start_phase="pi/4-grid",  # [Techtile]
    iq_gain_imbalance_db=0.1,  # with 1 degree: image at -39.6 dB, the -40 dB error vector of [ADI]
    iq_phase_imbalance_deg=1.0,
    dc_offset_dbfs=-50.0,  # [choice]
    dac_bits=12,  # [ADI]
    adc_bits=12,  # [ADI]
    snr_db=40.0,  # [choice] 20 dB for one node
)

_LAB_INDOOR = AirPreset(
    name="lab-indoor",
    path_gain_db=-20.0,  # [choice]
    path_gain_spread_db=3.0,  # [38.901]
    delay_range_s=50e-9,  # paths up to 15 m
    start_jitter_s=100e-9,  # [choice] hardware triggers or timestamps, sample accurate
    clock_error_range_ppm=2.0,  # [choice] temperature-compensated oscillators
    phase_noise_linewidth_hz=0.02,  # [UHD], 1 Hz point
    frequency_drift_hz_per_s=1.0,  # [choice] 0.001 ppm a second at 915 MHz
    receiver_clock_error_range_ppm=2.0,  # the receiver is a radio as the nodes are
    receiver_phase_noise_linewidth_hz=0.02,
    receiver_frequency_drift_hz_per_s=1.0,
    start_phase="pi/4-grid",  # [Techtile]
    fading="rician",
    rician_k_db=7.0,  # [38.901]
    coherence_time_s=1.0,  # [choice] nobody walks through the paths
    multipath_profile="TDL-A",  # [choice] for the scattered part
    delay_spread_s=20e-9,  # [38.901]
    iq_gain_imbalance_db=0.1,  # as lab-wired
    iq_phase_imbalance_deg=1.0,
    dc_offset_dbfs=-50.0,  # [choice]
    pa_saturation_dbfs=3.0,  # [choice] full scale 1.8 dB below the 1 dB compression point
    dac_bits=12,  # [ADI]
    adc_bits=12,  # [ADI]
    interference_probability=0.01,  # [choice]
    interference_power_db=-20.0,  # [choice] as strong as one node
    interference_duration_s=1e-3,  # [choice] a wireless-LAN frame
    snr_db=45.0,  # [choice] 25 dB for one node
)

_FREE_RUNNING_PLUTO = AirPreset(
    name="free-running-pluto",
    path_gain_db=-20.0,  # [choice]
    path_gain_spread_db=3.0,  # [38.901]
    delay_range_s=50e-9,  # paths up to 15 m
    start_jitter_s=1e-6,  # [FEEL]; without trigger or timestamps it is milliseconds
    clock_error_range_ppm=25.0,  # [ADI]
    phase_noise_linewidth_hz=0.02,  # [UHD], 1 Hz point: a plain crystal is no better
    frequency_drift_hz_per_s=15.0,  # 10 ppm [ADI-10] over 10 min of warming [choice] at 915 MHz
    receiver_clock_error_range_ppm=25.0,  # the receiver is a Pluto too
    receiver_phase_noise_linewidth_hz=0.02,
    receiver_frequency_drift_hz_per_s=15.0,
    start_phase="pi/4-grid",  # [Techtile]
    fading="rician",
    rician_k_db=7.0,  # [38.901]
    coherence_time_s=1.0,  # [choice]
    multipath_profile="TDL-A",  # [choice] for the scattered part
    delay_spread_s=20e-9,  # [38.901]
    iq_gain_imbalance_db=0.1,  # as lab-wired
    iq_phase_imbalance_deg=1.0,
    dc_offset_dbfs=-45.0,  # [choice]
    pa_saturation_dbfs=3.0,  # [choice]
    dac_bits=12,  # [ADI]
    adc_bits=12,  # [ADI]
    interference_probability=0.02,  # [choice]
    interference_power_db=-20.0,  # [choice]
    interference_duration_s=1e-3,  # [choice]
    burst_loss_probability=0.005,  # [choice] a buffer that did not reach the radio in time
    late_probability=0.005,  # [choice]
    snr_db=40.0,  # [choice] 20 dB for one node
)

_USRP_SHARED_CLOCK = AirPreset(
    name="usrp-shared-clock",
    path_gain_db=-20.0,  # [choice]
    path_gain_spread_db=3.0,  # [38.901]
    delay_range_s=50e-9,  # paths up to 15 m
    start_jitter_s=5e-9,  # 5 ns with a clock shared over the air (RFClock, abstract)
    shared_clock=True,
    phase_noise_linewidth_hz=0.001,  # [choice] as lab-wired
    receiver_phase_noise_linewidth_hz=0.0,  # as lab-wired
    start_phase="pi/4-grid",  # [Techtile]
    fading="rician",
    rician_k_db=7.0,  # [38.901]
    coherence_time_s=1.0,  # [choice]
    multipath_profile="TDL-A",  # [choice] for the scattered part
    delay_spread_s=20e-9,  # [38.901]
    iq_gain_imbalance_db=0.1,  # as lab-wired
    iq_phase_imbalance_deg=1.0,
    dc_offset_dbfs=-50.0,  # [choice]
    pa_saturation_dbfs=3.0,  # [choice]
    dac_bits=12,  # AD9361 data sheet: integrated 12-bit converters
    adc_bits=12,
    late_probability=0.001,  # [choice] a timed command that came too late
    snr_db=50.0,  # [choice] 30 dB for one node
)

_HARSH = AirPreset(
    name="harsh",  # [choice] throughout, beyond the others in every respect
    path_gain_db=-20.0,
    path_gain_spread_db=6.0,
    delay_range_s=500e-9,
    start_jitter_s=5e-6,
    clock_error_range_ppm=25.0,  # [ADI]
    phase_noise_linewidth_hz=1.0,
    frequency_drift_hz_per_s=100.0,
    receiver_clock_error_range_ppm=25.0,  # [ADI]
    receiver_phase_noise_linewidth_hz=1.0,
    receiver_frequency_drift_hz_per_s=100.0,
    start_phase="uniform",
    fading="rayleigh",
    coherence_time_s=0.05,
    multipath_profile="EVA",
    delay_spread_s=357e-9,  # the profile's own, TS 36.104 table B.2-2
    iq_gain_imbalance_db=0.5,  # with 3 degrees: image at -28 dB
    iq_phase_imbalance_deg=3.0,
    dc_offset_dbfs=-30.0,
    pa_saturation_dbfs=0.0,
    dac_bits=10,
    adc_bits=8,
    interference_probability=0.1,
    interference_power_db=-10.0,
    interference_duration_s=2e-3,
    gain_step_probability=0.02,
    burst_loss_probability=0.03,
    late_probability=0.03,
    snr_db=30.0,
)

PRESETS: Mapping[str, AirPreset] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            _IDEAL,
            _LAB_WIRED,
            _LAB_INDOOR,
            _FREE_RUNNING_PLUTO,
            _USRP_SHARED_CLOCK,
            _HARSH,
        )
    }
)
"""The presets that come with the package, by name."""


def preset_names() -> tuple[str, ...]:
    """Return the names of all presets, the built-in ones first; nothing is imported.

    >>> preset_names()[:2]
    ('ideal', 'lab-wired')
    """
    return tuple(dict.fromkeys((*PRESETS, *plugin_names(AIRS))))


def loadable_presets() -> tuple[tuple[str, AirPreset], ...]:
    """Return all presets with their names; plug-ins that cannot be loaded are left out.

    `sdr-ota doctor` says why one was.
    """
    found = []
    for name in preset_names():
        with suppress(PluginError):
            found.append((name, air_preset(name)))
    return tuple(found)


def air_preset(name: str) -> AirPreset:
    """Return the preset of that name.

    Args:
        name: One of ``preset_names()``, or ``package.module:NAME`` of an `AirPreset` or of a
            function without arguments that returns one.

    Raises:
        ValueError: If there is none, with the names there are, or a plug-in gives none.

    >>> air_preset("free-running-pluto").clock_error_range_ppm
    25.0
    """
    if name in PRESETS:
        return PRESETS[name]
    reference = find_reference(AIRS, name)
    if reference is None:
        raise ValueError(f"air preset {name!r} is unknown; use one of {', '.join(preset_names())}")
    return _foreign_preset(name, load_reference(reference))


def _foreign_preset(name: str, found: object) -> AirPreset:
    """Return the preset that a plug-in is, or makes."""
    if callable(found):
        try:
            found = found()
        except Exception as failed:
            raise PluginError(
                f"air {name!r} cannot be made: {type(failed).__name__}: {failed}"
            ) from failed
    if not isinstance(found, AirPreset):
        raise PluginError(
            f"{name!r} is no air: it should be an AirPreset (sdr_ota.air.presets), or a function "
            f"without arguments that returns one, not {found!r}"
        )
    return found
