"""What a virtual PlutoSDR shows of itself: devices, channels and attributes, as libiio names them.

Names are those of the Linux drivers ad9361 and cf_axi_adc/dds, as an ADALM-PLUTO shows
them to ``iio_info``. Clients find an attribute by its name or by the file it would have
in sysfs; both are written down here.
"""

from collections.abc import Mapping
from xml.sax.saxutils import quoteattr

Key = tuple[str, str, str]
"""Device id, channel (``input:voltage0``, ``debug`` or empty for the device), attribute."""

PHY, DAC, ADC = "iio:device0", "iio:device2", "iio:device3"
TDD, SWITCHES = "iio:device4", "iio:device5"
RX, TX = "input:voltage0", "output:voltage0"
RX_LO, TX_LO = "output:altvoltage0", "output:altvoltage1"
TEMPERATURE = "input:temp0"
PASS_SAMPLES = (PHY, "debug", "pass_samples")
"""Of virtual boards only: so many samples of time pass in their world when it is written."""

DDS_TONES = tuple(f"output:altvoltage{k}" for k in range(4))

TDD_RX, TDD_TX = "output:voltage1", "output:voltage2"
EXTERNAL_SYNC = "output:voltage0"

_DEVICES = {
    PHY: "ad9361-phy",
    DAC: "cf-ad9361-dds-core-lpc",
    ADC: "cf-ad9361-lpc",
    TDD: "iio-axi-tdd-0",
    SWITCHES: "one-bit-adc-dac",
}
_SCANS = {
    (ADC, "input:voltage0"): (0, "le:S12/16>>0"),
    (ADC, "input:voltage1"): (1, "le:S12/16>>0"),
    (DAC, "output:voltage0"): (0, "le:S16/16>>0"),
    (DAC, "output:voltage1"): (1, "le:S16/16>>0"),
}
_CHANNEL_NAMES = {(PHY, RX_LO): "RX_LO", (PHY, TX_LO): "TX_LO"} | {
    (DAC, channel): f"TX1_{'IQ'[k // 2]}_F{k % 2 + 1}" for k, channel in enumerate(DDS_TONES)
}
_SHARED = {"sampling_frequency", "rf_bandwidth", "filter_fir_en"}
"""Attributes whose file names carry the channel's kind without its number."""

_PATH_RATES = "BBPLL:768000000 ADC:24000000 R2:12000000 R1:6000000 RF:3000000 RXSAMP:3000000"
_TX_RATES = "BBPLL:768000000 DAC:24000000 T2:12000000 T1:6000000 TF:3000000 TXSAMP:3000000"


_SINGLE_VALUES: Mapping[Key, str] = {
    (PHY, "", "filter_fir_config"): "FIR Rx: 0,0 Tx: 0,0",
    (PHY, "", "rx_path_rates"): _PATH_RATES,
    (PHY, "", "tx_path_rates"): _TX_RATES,
    (PHY, "", "xo_correction"): "40000000",
    (PHY, "", "ensm_mode"): "fdd",
    (PHY, "", "calib_mode"): "auto",
    (PHY, "debug", "loopback"): "0",
    (PHY, "debug", "initialize"): "0",
    PASS_SAMPLES: "0",
    (PHY, RX, "gain_control_mode"): "slow_attack",
    (PHY, RX, "gain_control_mode_available"): "manual fast_attack slow_attack hybrid",
    (PHY, RX, "hardwaregain"): "71.000000 dB",
    (PHY, RX, "hardwaregain_available"): "[-3 1 71]",
    (PHY, RX, "rssi"): "100.00 dB",
    (PHY, TX, "hardwaregain"): "-10.000000 dB",
    (PHY, TX, "hardwaregain_available"): "[-89.75 0.25 0]",
    (PHY, "input:out", "voltage_filter_fir_en"): "0",
    (PHY, TEMPERATURE, "input"): "38500",
    (PHY, RX_LO, "frequency"): "2400000000",
    (PHY, TX_LO, "frequency"): "2450000000",
    (PHY, RX_LO, "powerdown"): "0",
    (PHY, TX_LO, "powerdown"): "0",
    (ADC, "input:voltage0", "sampling_frequency"): "30720000",
    (ADC, "input:voltage1", "sampling_frequency"): "30720000",
    (ADC, "debug", "direct_reg_access"): "0x0",
    (DAC, "debug", "direct_reg_access"): "0x0",
    (DAC, "output:voltage0", "sampling_frequency"): "30720000",
    (DAC, "output:voltage1", "sampling_frequency"): "30720000",
}
"""Attributes that stand alone; those of several channels alike are added to them."""


def first_values() -> dict[Key, str]:
    """Return all attributes with the values they have after power on."""
    values = dict(_SINGLE_VALUES)
    for channel in (RX, TX):
        values[(PHY, channel, "sampling_frequency")] = "30720000"
        values[(PHY, channel, "sampling_frequency_available")] = "[2083333 1 61440000]"
        values[(PHY, channel, "rf_bandwidth")] = "18000000"
        values[(PHY, channel, "filter_fir_en")] = "0"
        values[(PHY, channel, "rf_port_select")] = "A"
    for channel in DDS_TONES:
        values |= {
            (DAC, channel, "frequency"): "1000000",
            (DAC, channel, "phase"): "0",
            (DAC, channel, "raw"): "0",
            (DAC, channel, "scale"): "0.000000",
            (DAC, channel, "sampling_frequency"): "30720000",
        }
    return values | _trigger_values()


def _trigger_values() -> dict[Key, str]:
    """Return those of the engine that starts buffers on a pulse, and of its switches."""
    syncs = ("sync_external", "sync_internal", "sync_soft", "sync_reset")
    times = ("frame_length_ms", "startup_delay_ms", "internal_sync_period_ms")
    values = {(TDD, "", name): "0" for name in ("enable", "state", "burst_count", *syncs, *times)}
    for channel in ("output:voltage0", TDD_RX, TDD_TX):
        for name in ("enable", "polarity", "on_raw", "off_raw", "on_ms", "off_ms"):
            values[(TDD, channel, name)] = "0"
    for channel, label in ((EXTERNAL_SYNC, "tdd_ext_sync"), ("output:voltage1", "phaser_enable")):
        values |= {(SWITCHES, channel, "label"): label, (SWITCHES, channel, "raw"): "0"}
    return values


def context_xml(values: Mapping[Key, str], serial: str) -> str:
    """Return the context description that libiio asks for."""
    about = {
        "hw_model": "virtual PlutoSDR (no hardware)",
        "hw_serial": serial,
        "fw_version": "virtual",
        "ad9361-phy,model": "ad9364",
    }
    context = "".join(
        f"<context-attribute name={quoteattr(k)} value={quoteattr(v)} />" for k, v in about.items()
    )
    devices = "".join(_device(device, values) for device in _DEVICES)
    return (
        f'<?xml version="1.0" encoding="utf-8"?>{_DTD}<context name="network" '
        f'description="virtual PlutoSDR {serial}">{context}{devices}</context>'
    )


def _device(device: str, values: Mapping[Key, str]) -> str:
    channels = dict.fromkeys(c for d, c, _ in values if d == device and c not in {"", "debug"})
    body = "".join(_channel(device, channel, values) for channel in channels)
    for key in values:
        if key[0] == device and key[1] in {"", "debug"}:
            body += f"<{'debug-' if key[1] else ''}attribute name={quoteattr(key[2])} />"
    return f"<device id={quoteattr(device)} name={quoteattr(_DEVICES[device])}>{body}</device>"


def _channel(device: str, channel: str, values: Mapping[Key, str]) -> str:
    way, name = channel.split(":")
    title = _CHANNEL_NAMES.get((device, channel))
    label = f" name={quoteattr(title)}" if title else ""
    body = ""
    if (device, channel) in _SCANS:
        index, layout = _SCANS[(device, channel)]
        body += f'<scan-element index="{index}" format={quoteattr(layout)} />'
    for d, c, attribute in values:
        if (d, c) == (device, channel):
            file = _file_name(way, name, title, attribute)
            body += f"<attribute name={quoteattr(attribute)} filename={quoteattr(file)} />"
    return f'<channel id="{name}" type="{way}"{label}>{body}</channel>'


def _file_name(way: str, name: str, title: str | None, attribute: str) -> str:
    """Return the attribute's name in sysfs."""
    prefix = "in" if way == "input" else "out"
    if name == "out":
        return f"in_out_{attribute}"
    if title:
        return f"{prefix}_{name}_{title}_{attribute}"
    shared = attribute.removesuffix("_available") in _SHARED
    return f"{prefix}_{name.rstrip('0123456789') if shared else name}_{attribute}"


_DTD = (
    "<!DOCTYPE context [<!ELEMENT context (device | context-attribute)*>"
    "<!ELEMENT context-attribute EMPTY>"
    "<!ELEMENT device (channel | attribute | debug-attribute | buffer-attribute)*>"
    "<!ELEMENT channel (scan-element?, attribute*)><!ELEMENT attribute EMPTY>"
    "<!ELEMENT scan-element EMPTY><!ELEMENT debug-attribute EMPTY>"
    "<!ELEMENT buffer-attribute EMPTY>"
    "<!ATTLIST context name CDATA #REQUIRED description CDATA #IMPLIED>"
    "<!ATTLIST context-attribute name CDATA #REQUIRED value CDATA #REQUIRED>"
    "<!ATTLIST device id CDATA #REQUIRED name CDATA #IMPLIED>"
    "<!ATTLIST channel id CDATA #REQUIRED type (input|output) #REQUIRED name CDATA #IMPLIED>"
    "<!ATTLIST scan-element index CDATA #REQUIRED format CDATA #REQUIRED scale CDATA #IMPLIED>"
    "<!ATTLIST attribute name CDATA #REQUIRED filename CDATA #IMPLIED>"
    "<!ATTLIST debug-attribute name CDATA #REQUIRED>"
    "<!ATTLIST buffer-attribute name CDATA #REQUIRED>]>"
)
