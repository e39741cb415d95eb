"""Flat gains as a SigMF recording: one channel a node, a sample a time."""

import json
from pathlib import Path

import numpy as np

from sdr_ota.air.channels.channel import Channel, ChannelFileError
from sdr_ota.signal.iq_file import DATA, META
from sdr_ota.signal.iq_words import word_format


def read_gain_recording(path: Path) -> Channel:
    """Read complex gains, interleaved as SigMF writes ``core:num_channels``.

    ``core:sample_rate`` says how far they are apart; ``core:frequency`` of the first capture, if
    there is one, the carrier.

    Raises:
        ChannelFileError, ValueError: If a field is missing or the samples do not fit.
        OSError: If it cannot be read.
    """
    try:
        described = json.loads(path.with_suffix(META).read_text(encoding="utf-8"))
        fields = described["global"]
        rate_hz, n_nodes = (
            float(fields["core:sample_rate"]),
            int(fields.get("core:num_channels", 1)),
        )
        form = word_format(str(fields["core:datatype"]))
    except (KeyError, TypeError) as missing:
        raise ChannelFileError(f"its metadata have no {missing}") from None
    if not 0 < rate_hz < np.inf or n_nodes < 1:
        raise ChannelFileError(f"it says {n_nodes} channels at {rate_hz:g} samples a second")
    words = np.fromfile(path.with_suffix(DATA), form.dtype)
    if not words.size or words.size % (2 * n_nodes):
        raise ChannelFileError(f"its {words.size} words are no samples of {n_nodes} channels")
    gains = form.samples(words.reshape(-1, 2)).reshape(-1, n_nodes, 1).astype(np.complex128)
    frequency_hz = [one.get("core:frequency") for one in described.get("captures", [])][:1]
    return Channel(
        gains,
        np.zeros((n_nodes, 1)),
        np.arange(len(gains)) / rate_hz,
        carrier_hz=float(frequency_hz[0]) if any(frequency_hz) else None,
        name=str(fields.get("core:description", "")),
    )
