"""What a virtual PlutoSDR shows of itself: devices, channels and attributes, as libiio names them.

Names are those of the Linux drivers ad9361 and cf_axi_adc/dds, as an ADALM-PLUTO shows
them to ``iio_info``. Clients find an attribute by its name or by the file it would have
in sysfs; both are written down here.
"""

from collections.abc import Collection, Mapping
from xml.sax.saxutils import quoteattr

Key = tuple[str, str, str]
"""Device id, channel (``input:voltage0``; ``debug``, ``buffer`` or empty for the device), name."""

NO_CHANNELS = {"": "attribute", "debug": "debug-attribute", "buffer": "buffer-attribute"}
"""What a device's own attributes are called in its description."""

PHY, XADC, DAC, ADC = "iio:device0", "iio:device1", "iio:device2", "iio:device3"
TDD, SWITCHES = "iio:device4", "iio:device5"
RX, TX = "input:voltage0", "output:voltage0"
RX_LO, TX_LO = "output:altvoltage0", "output:altvoltage1"
TEMPERATURE = "input:temp0"
RX_GAIN = (PHY, RX, "hardwaregain")
LOOPBACK = (PHY, "debug", "loopback")
REGISTERS = ("debug", "direct_reg_access")
"""Of both converter cores: an address, or an address and a value, is written; a value read."""

PASS_SAMPLES = (PHY, "debug", "pass_samples")
"""Of virtual boards only: so many samples of time pass in their world when it is written."""

DDS_TONES = tuple(f"output:altvoltage{k}" for k in range(4))

TDD_RX, TDD_TX = "output:voltage1", "output:voltage2"
EXTERNAL_SYNC = "output:voltage0"

_DEVICES = {
    PHY: "ad9361-phy",
    XADC: "xadc",
    DAC: "cf-ad9361-dds-core-lpc",
    ADC: "cf-ad9361-lpc",
    TDD: "iio-axi-tdd-0",
    SWITCHES: "one-bit-adc-dac",
}
SCANS = {
    (ADC, "input:voltage0"): (0, "le:S12/16>>0"),
    (ADC, "input:voltage1"): (1, "le:S12/16>>0"),
    (DAC, "output:voltage0"): (0, "le:S16/16>>0"),
    (DAC, "output:voltage1"): (1, "le:S16/16>>0"),
}
_CHANNEL_NAMES = {(PHY, RX_LO): "RX_LO", (PHY, TX_LO): "TX_LO"} | {
    (DAC, channel): f"TX1_{'IQ'[k // 2]}_F{k % 2 + 1}" for k, channel in enumerate(DDS_TONES)
}
_SUPPLIES = ("vccint", "vccaux", "vccbram", "vccpint", "vccpaux", "vccoddr", "vrefp", "vrefn")
_CHANNEL_NAMES |= {(XADC, f"input:voltage{k}"): name for k, name in enumerate(_SUPPLIES)}

_SHARED = {
    "bb_dc_offset_tracking_en",
    "filter_fir_en",
    "gain_control_mode_available",
    "quadrature_tracking_en",
    "rf_bandwidth",
    "rf_bandwidth_available",
    "rf_dc_offset_tracking_en",
    "rf_port_select_available",
    "samples_pps",
    "sampling_frequency",
    "sampling_frequency_available",
}
"""Attributes whose file names carry the channel's kind without its number or title."""


def context_xml(keys: Collection[Key], about: Mapping[str, str]) -> str:
    """Return the context description that libiio asks for.

    Args:
        keys: All attributes.
        about: What the board says of itself.
    """
    context = "".join(
        f"<context-attribute name={quoteattr(k)} value={quoteattr(v)} />" for k, v in about.items()
    )
    devices = "".join(_device(device, keys) for device in _DEVICES)
    return (
        f'<?xml version="1.0" encoding="utf-8"?>{_DTD}<context name="network" '
        f'description="virtual PlutoSDR {about["hw_serial"]}">{context}{devices}</context>'
    )


def _device(device: str, keys: Collection[Key]) -> str:
    channels = dict.fromkeys(c for d, c, _ in keys if d == device and c not in NO_CHANNELS)
    body = "".join(_channel(device, channel, keys) for channel in channels)
    for d, channel, name in keys:
        if d == device and channel in NO_CHANNELS:
            body += f"<{NO_CHANNELS[channel]} name={quoteattr(name)} />"
    return f"<device id={quoteattr(device)} name={quoteattr(_DEVICES[device])}>{body}</device>"


def _channel(device: str, channel: str, keys: Collection[Key]) -> str:
    way, name = channel.split(":")
    title = _CHANNEL_NAMES.get((device, channel))
    label = f" name={quoteattr(title)}" if title else ""
    body = ""
    if (device, channel) in SCANS:
        index, layout = SCANS[(device, channel)]
        body += f'<scan-element index="{index}" format={quoteattr(layout)} />'
    for d, c, attribute in keys:
        if (d, c) == (device, channel):
            file = _file_name(way, name, title, attribute)
            body += f"<attribute name={quoteattr(attribute)} filename={quoteattr(file)} />"
    return f'<channel id="{name}" type="{way}"{label}>{body}</channel>'


def _file_name(way: str, name: str, title: str | None, attribute: str) -> str:
    """Return the attribute's name in sysfs."""
    prefix = "in" if way == "input" else "out"
    if name == "out":
        return f"in_out_{attribute}"
    if attribute in _SHARED:
        return f"{prefix}_{name.rstrip('0123456789')}_{attribute}"
    return f"{prefix}_{name}_{title}_{attribute}" if title else f"{prefix}_{name}_{attribute}"


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
