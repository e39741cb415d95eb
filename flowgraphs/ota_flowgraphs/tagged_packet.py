"""Samples as a ZeroMQ message that GNU Radio's sources read as one tagged packet.

The form is that of gr-zeromq's ``pass_tags``: magic number, version, offset and number of
tags, then for each tag its offset and three serialised PMTs (key, value, source); then the
samples. Found by reading what ``zeromq.push_sink`` of GNU Radio 3.10 sends.
"""

import struct

import numpy as np

from sdr_ota.types import Samples

PACKET_TAG = "packet_len"
"""GNU Radio's usual name of the tag that says how long a packet is."""

_KEY = PACKET_TAG.encode()
_PMT_FALSE, _PMT_SYMBOL, _PMT_INT32 = b"\x01", b"\x02", b"\x03"


def tagged_packet(samples: Samples) -> bytes:
    """Return a message whose first sample bears the tag ``packet_len``.

    >>> len(tagged_packet(np.zeros(10, np.complex64))) - 10 * 8
    46
    """
    header = struct.pack("=HBQQ", 0x5FF0, 1, 0, 1)  # in the machine's own byte order
    key = _PMT_SYMBOL + struct.pack(">H", len(_KEY)) + _KEY  # PMTs go in network order
    value = _PMT_INT32 + struct.pack(">i", len(samples))
    tag = struct.pack("=Q", 0) + key + value + _PMT_FALSE
    return header + tag + np.asarray(samples, np.complex64).tobytes()
