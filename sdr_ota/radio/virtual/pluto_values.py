"""The attributes of a virtual PlutoSDR: what they are after power on, and what each may become.

Names and ranges are those that the drivers ad9361, cf_axi_adc, cf_axi_dds and xadc show on an
ADALM-PLUTO (the context description in pyadi-iio's test folder), and pyadi-iio's for the trigger
engine.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sdr_ota.radio.virtual.pluto_attributes import (
    ADC,
    DAC,
    DDS_TONES,
    EXTERNAL_SYNC,
    LOOPBACK,
    PASS_SAMPLES,
    PHY,
    REGISTERS,
    RX,
    RX_LO,
    SWITCHES,
    TDD,
    TDD_RX,
    TDD_TX,
    TEMPERATURE,
    TX,
    TX_LO,
    XADC,
    Key,
)
from sdr_ota.radio.virtual.pluto_chip import Chip, rx_gains_db
from sdr_ota.radio.virtual.pluto_rules import (
    SWITCH,
    Rule,
    fir_config,
    fraction,
    one_of,
    truncated,
    whole,
)

XO_HZ = 40_000_000
"""Nominal frequency of the board's oscillator, which ``xo_correction`` corrects."""

_XO_REACH_HZ = 8_000
"""By 200 ppm, as on a real board."""

RATES_HZ = (520_834, 61_440_000)
"""Lowest with a decimating filter, as pyadi-iio loads one; the device shows it without."""


class Attribute(NamedTuple):
    """One attribute.

    Attributes:
        value: What is read after power on; None where reading fails, as it does there.
        rule: What may be written; None if nothing may.
    """

    value: str | None
    rule: Rule | None = None


def attributes(chip: Chip) -> dict[Key, Attribute]:
    """Return all attributes of a board with a transceiver."""
    parts = (_phy(chip), _paths(), _tuning(chip), _converters(), _xadc(), _trigger())
    return {key: attribute for part in parts for key, attribute in part}


_Entries = Iterator[tuple[Key, Attribute]]


def _choice(device: str, channel: str, name: str, *words: str) -> _Entries:
    """Yield an attribute that is one of some words, the first one after power on."""
    yield (device, channel, name), Attribute(words[0], one_of(*words))
    yield (device, channel, f"{name}_available"), Attribute(" ".join(words))


def _phy(chip: Chip) -> _Entries:
    """Yield what belongs to the transceiver as a whole."""
    ratio = "BBPLL:768000000 {}:24000000 {}2:12000000 {}1:6000000 {}F:3000000 {}XSAMP:3000000"
    calibrations = ("manual", "manual_tx_quad", "tx_quad", "rf_dc_offs", "rssi_gain_step")
    yield from _choice(PHY, "", "calib_mode", "auto", *calibrations)
    states = ("fdd", "sleep", "wait", "alert", "pinctrl", "pinctrl_fdd_indep")
    yield from _choice(PHY, "", "ensm_mode", *states)
    yield from _choice(PHY, "", "trx_rate_governor", "nominal", "highest_osr")
    for name in ("dcxo_tune_coarse", "dcxo_tune_fine"):  # of boards with a crystal of their own
        yield (PHY, "", name), Attribute(None)
        yield (PHY, "", f"{name}_available"), Attribute("[0 0 0]")
    low, high = XO_HZ - _XO_REACH_HZ, XO_HZ + _XO_REACH_HZ
    steps = "lna_error: 0 0 0 0 mixer_error: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"
    single = {
        "filter_fir_config": Attribute("FIR Rx: 0,0 Tx: 0,0", fir_config),
        "gain_table_config": Attribute(None),
        "multichip_sync": Attribute(None),
        "rssi_gain_step_error": Attribute(f"{steps} gain_step_calib_reg_val: 0 0 0 0 0"),
        "rx_path_rates": Attribute(ratio.format("ADC", *"RRRR")),
        "tx_path_rates": Attribute(ratio.format("DAC", *"TTTT")),
        "xo_correction": Attribute(str(XO_HZ), whole(low, high)),
        "xo_correction_available": Attribute(f"[{low} 1 {high}]"),
    }
    yield from (((PHY, "", name), attribute) for name, attribute in single.items())
    yield (PHY, "input:out", "voltage_filter_fir_en"), Attribute("0", SWITCH)
    yield (PHY, TEMPERATURE, "input"), Attribute("38500")
    yield LOOPBACK, Attribute("0", whole(0, 2))
    yield (PHY, "debug", "initialize"), Attribute("0", SWITCH)
    yield PASS_SAMPLES, Attribute("0", whole(0, 10**12))


def _paths() -> _Entries:
    """Yield what the receiving and the transmitting path have; 2 and 3 are auxiliary converters."""
    for channel in (RX, "input:voltage2"):
        for name in ("bb_dc_offset_tracking_en", "rf_dc_offset_tracking_en"):
            yield (PHY, channel, name), Attribute("1", SWITCH)
        yield (PHY, channel, "quadrature_tracking_en"), Attribute("1", SWITCH)
        yield from _band(channel, 56_000_000)
    modes = ("slow_attack", "manual", "fast_attack", "hybrid")
    ports = ("A_BALANCED", "B_BALANCED", "C_BALANCED", "A_N", "A_P", "B_N", "B_P", "C_N", "C_P")
    monitors = ("TX_MONITOR1", "TX_MONITOR2", "TX_MONITOR1_2")
    yield from _choice(PHY, RX, "gain_control_mode", *modes)
    yield from _choice(PHY, RX, "rf_port_select", *ports, *monitors)
    for name in ("gain_control_mode", "rf_port_select"):  # shown there, without what they offer
        words = modes if name == "gain_control_mode" else (*ports, *monitors)
        yield (PHY, "input:voltage2", f"{name}_available"), Attribute(" ".join(words))
    for channel in (TX, "output:voltage2", "output:voltage3"):
        yield from _band(channel, 40_000_000)
        yield (PHY, channel, "rf_port_select_available"), Attribute("A B")
    yield (PHY, TX, "rf_port_select"), Attribute("A", one_of("A", "B"))
    decibels = fraction(-89.75, 0.0, 0.25, " dB")
    yield (PHY, TX, "hardwaregain"), Attribute("-10.000000 dB", decibels)
    step = "[-89.750000 0.250000 0.000000]"
    yield (PHY, TX, "hardwaregain_available"), Attribute(step)
    for channel, rssi in ((RX, "100.00 dB"), (TX, "0.00 dB")):
        yield (PHY, channel, "rssi"), Attribute(rssi)
    low, high = rx_gains_db(2.4e9)
    yield (PHY, RX, "hardwaregain"), Attribute(f"{high}.000000 dB", fraction(low, high, 1, " dB"))
    yield (PHY, RX, "hardwaregain_available"), Attribute(f"[{low} 1 {high}]")
    yield (PHY, "input:voltage2", "offset"), Attribute("57")
    yield (PHY, "input:voltage2", "raw"), Attribute("975")
    yield (PHY, "input:voltage2", "scale"), Attribute("0.305250")
    for channel in ("output:voltage2", "output:voltage3"):
        yield (PHY, channel, "raw"), Attribute("306", whole(0, 1023))
        yield (PHY, channel, "scale"), Attribute("1.000000")


def _band(channel: str, widest_hz: int) -> _Entries:
    """Yield rate, filters and their ranges, which all channels of a direction have."""
    yield (PHY, channel, "sampling_frequency"), Attribute("30720000", truncated(*RATES_HZ))
    yield (PHY, channel, "sampling_frequency_available"), Attribute("[2083333 1 61440000]")
    yield (PHY, channel, "rf_bandwidth"), Attribute("18000000", whole(200_000, widest_hz))
    yield (PHY, channel, "rf_bandwidth_available"), Attribute(f"[200000 1 {widest_hz}]")
    yield (PHY, channel, "filter_fir_en"), Attribute("0", SWITCH)


def _tuning(chip: Chip) -> _Entries:
    """Yield the two synthesisers."""
    for channel, (low, high), first_hz in (
        (RX_LO, chip.rx_hz, 2_400_000_000),
        (TX_LO, chip.tx_hz, 2_450_000_000),
    ):
        yield (PHY, channel, "external"), Attribute("0", one_of("0"))  # no input for one
        slot = whole(0, 7)
        yield (PHY, channel, "fastlock_load"), Attribute("0", slot)
        yield (PHY, channel, "fastlock_recall"), Attribute(None)
        yield (PHY, channel, "fastlock_save"), Attribute("0 " + ",".join(["0"] * 16))
        yield (PHY, channel, "fastlock_store"), Attribute("0", slot)
        yield (PHY, channel, "frequency"), Attribute(str(first_hz), whole(low, high))
        yield (PHY, channel, "frequency_available"), Attribute(f"[{low} 1 {high}]")
        yield (PHY, channel, "powerdown"), Attribute("0", SWITCH)


def _converters() -> _Entries:
    """Yield the cores between transceiver and memory, and their tone generators."""
    for device, way in ((ADC, "input"), (DAC, "output")):
        for channel in (f"{way}:voltage0", f"{way}:voltage1"):
            yield (device, channel, "calibphase"), Attribute("0.000000", fraction(-1, 1))
            yield (device, channel, "calibscale"), Attribute("1.000000", fraction(0, 2))
            rate = Attribute("30720000", truncated(*RATES_HZ))
            yield (device, channel, "sampling_frequency"), rate
            yield (device, channel, "sampling_frequency_available"), Attribute("30720000 ")
            if device == ADC:
                yield (device, channel, "calibbias"), Attribute("0", whole(-32768, 32767))
                yield (device, channel, "samples_pps"), Attribute(None)
        for name, value in (("data_available", "0"), ("length_align_bytes", "8")):
            yield (device, "buffer", name), Attribute(value)
        yield (device, "buffer", "watermark"), Attribute("2048", whole(1, 2**26))
        yield (device, *REGISTERS), Attribute("0x0")
    for channel in DDS_TONES:
        yield (DAC, channel, "frequency"), Attribute("1000000", truncated(0, RATES_HZ[1] // 2))
        yield (DAC, channel, "phase"), Attribute("0", truncated(0, 360_000))
        yield (DAC, channel, "raw"), Attribute("0", SWITCH)
        yield (DAC, channel, "scale"), Attribute("0.000000", fraction(0, 1))
        yield (DAC, channel, "sampling_frequency"), Attribute("30720000")


def _xadc() -> _Entries:
    """Yield the supply voltages and the temperature that the processor's chip measures itself."""
    yield (XADC, "", "sampling_frequency"), Attribute("961538")
    supplies = (1387, 2455, 1383, 1387, 2453, 1856, 1721, 14, 3296)
    for k, raw in enumerate(supplies):
        yield (XADC, f"input:voltage{k}", "raw"), Attribute(str(raw))
        scale = "0.244140625" if k == 8 else "0.732421875"
        yield (XADC, f"input:voltage{k}", "scale"), Attribute(scale)
    for name, value in (("offset", "-2219"), ("raw", "2700"), ("scale", "123.040771484")):
        yield (XADC, TEMPERATURE, name), Attribute(value)


_MILLISECONDS = fraction(0, 1e6)


def _trigger() -> _Entries:
    """Yield the engine that starts buffers on a pulse, and its switches."""
    syncs = ("enable", "sync_external", "sync_internal", "sync_soft", "sync_reset")
    for name in syncs:
        yield (TDD, "", name), Attribute("0", SWITCH)
    for name in ("frame_length_ms", "startup_delay_ms", "internal_sync_period_ms"):
        yield (TDD, "", name), Attribute("0.000000", _MILLISECONDS)
    yield (TDD, "", "burst_count"), Attribute("0", whole(0, 10**9))
    yield (TDD, "", "state"), Attribute("0")
    for channel in ("output:voltage0", TDD_RX, TDD_TX):
        for name in ("enable", "polarity"):
            yield (TDD, channel, name), Attribute("0", SWITCH)
        for name in ("on_raw", "off_raw"):
            yield (TDD, channel, name), Attribute("0", whole(0, 10**9))
        for name in ("on_ms", "off_ms"):
            yield (TDD, channel, name), Attribute("0.000000", _MILLISECONDS)
    for channel, label in ((EXTERNAL_SYNC, "tdd_ext_sync"), ("output:voltage1", "phaser_enable")):
        yield (SWITCHES, channel, "label"), Attribute(label)
        yield (SWITCHES, channel, "raw"), Attribute("0", SWITCH)
