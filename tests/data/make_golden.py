"""Make the golden captures: joint frames of four nodes, as SigMF, with what was decoded of them.

Run it only when the frame format changes on purpose; the expected values come from the
receiver in this repository at that time, the true sums from what was sent.
"""

from pathlib import Path

import numpy as np
import sigmf

from sdr_ota.air.presets import air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.radio.base import Capture
from sdr_ota.receiver.joint_frame import receive_joint_frame
from sdr_ota.rounds.transmitter import lead_burst, payload_burst
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import Precoder

HOME = Path(__file__).parent / "golden"
FRAME = FrameFormat()
RATE_HZ, FREQ_HZ, N_NODES, MAX_CFO = 1e6, 915e6, 4, 0.06
CASES = (
    ("lab-wired", "energy-difference", 3),
    ("free-running-pluto", "energy-difference", 5),
    ("ideal", "coherent", 7),
)


def make(preset: str, scheme: str, seed: int) -> None:
    """Write one capture."""
    air = SimulatedAir(AirSettings(air_preset(preset), N_NODES, RATE_HZ, FREQ_HZ, seed))
    rng = np.random.default_rng(seed)
    frame_tick, symbols = 1000, rng.uniform(-1, 1, N_NODES)
    levels = [0.05 / abs(path.gain) for path in air.paths]  # power control by the true gains
    for node, symbol in enumerate(symbols):
        payload = load_scheme(scheme).encode(symbol, node, N_NODES, FRAME.n_payload_chips, rng)
        chips = FRAME.sent_chips(payload, node, seed)
        make_burst = payload_burst if node else lead_burst
        burst = make_burst(chips, FRAME, Precoder(complex(levels[node])), frame_tick, RATE_HZ)
        air.send(node, burst.samples, burst.start_tick)
    start = frame_tick - 2 * FRAME.guard_samples
    samples, n_clipped = air.receive(start, FRAME.n_joint_frame + 4 * FRAME.guard_samples)
    assert not n_clipped
    received = receive_joint_frame(Capture(samples, start), FRAME, MAX_CFO)
    total = load_scheme(scheme).decode(received.chips, N_NODES, 0.05)
    path = HOME / f"{preset}-{scheme}"
    samples.astype("<c8").tofile(path.with_suffix(".sigmf-data"))
    described = sigmf.SigMFFile(
        data_file=str(path.with_suffix(".sigmf-data")),
        global_info={
            sigmf.DATATYPE_KEY: "cf32_le",
            sigmf.SAMPLE_RATE_KEY: RATE_HZ,
            sigmf.DESCRIPTION_KEY: "a joint frame of four nodes over a simulated air",
            "core:extensions": [{"name": "ota", "version": "0.1.0", "optional": True}],
            "ota:scheme": scheme,
            "ota:seed": seed,
            "ota:rx_amplitude": 0.05,
            "ota:true_sum": float(symbols.sum()),
            "ota:decoded_sum": total.value,
            "ota:decoded_std": total.std,
        },
    )
    described.add_capture(0, metadata={sigmf.FREQUENCY_KEY: FREQ_HZ})
    described.tofile(str(path), overwrite=True)


if __name__ == "__main__":
    HOME.mkdir(exist_ok=True)
    for case in CASES:
        make(*case)
