"""Recorded sequences by plain formulas: nothing here comes from the project's impairment models.

A burst b[n] is continued between its samples by Shannon's series, sum of b[n] sinc(t - n). A
node's clock runs faster by 1 + e, its carrier is f above the receiver's and drifts; I/Q image and
DC offset, level and start scatter from sequence to sequence.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from ota_calibration.measure.sounding_sequence import SequenceCapture, SoundingSequence

from sdr_ota.signal.frame import FrameFormat

RATE_HZ = 1e6
CENTER_HZ = 915e6
FRAME = FrameFormat(n_chirp=96, n_pilot_chips=64, guard_samples=64)
"""Short bursts: what is tested here does not depend on their length."""


@dataclass(frozen=True)
class Truth:
    """What is imposed on a node; amplitudes over full scale, times in samples."""

    gain_db: float = -20.0
    phase_rad: float = 0.0
    cfo_hz: float = 0.0
    drift_hz_per_s: float = 0.0
    delay_samples: float = 0.0
    clock_ppm: float = 0.0
    noise_power: float = 1e-5
    gain_scatter_db: float = 0.0
    cfo_scatter_hz: float = 0.0
    jitter_samples: float = 0.0
    phase_walk_rad2_per_s: float = 0.0
    image: complex = 0j
    rx_image: complex = 0j
    tx_dc: complex = 0j
    rx_dc: complex = 0j
    saturation: float = np.inf


def recorded_sequence(
    truth: Truth,
    sequence: SoundingSequence,
    tick: int,
    rng: np.random.Generator,
    is_timed: bool = True,
) -> SequenceCapture:
    """Return what a receiver would have recorded of one sequence that is due at a tick."""
    lead = FRAME.guard_samples
    n_samples = len(sequence.samples()) + 2 * lead
    time = np.arange(n_samples) - lead - truth.delay_samples
    time = (time - truth.jitter_samples * rng.standard_normal()) * (1 + truth.clock_ppm * 1e-6)
    burst = FRAME.sounding_burst().astype(complex) / FRAME.known_amplitude
    sent = np.zeros(n_samples, complex)
    for k, amplitude in enumerate(sequence.amplitudes):
        local = time - k * sequence.period
        near = np.flatnonzero((local > -48) & (local < len(burst) + 48))
        sent[near] += amplitude * _between_samples(burst, local[near])
    sent = sent + truth.image * sent.conj() + truth.tx_dc
    sent = sent / (1 + (np.abs(sent) / truth.saturation) ** 4) ** 0.25
    seconds = (tick - lead + np.arange(n_samples)) / RATE_HZ
    cfo_hz = truth.cfo_hz + truth.cfo_scatter_hz * rng.standard_normal()
    middle_s = (tick + len(sequence.samples()) / 2) / RATE_HZ
    turns = cfo_hz * seconds + truth.drift_hz_per_s * (
        middle_s * (seconds - middle_s) + (seconds - middle_s) ** 2 / 2
    )
    walk = np.cumsum(rng.standard_normal(n_samples)) * np.sqrt(
        truth.phase_walk_rad2_per_s / RATE_HZ
    )
    level_db = truth.gain_db + truth.gain_scatter_db * rng.standard_normal()
    gain = 10 ** (level_db / 20) * np.exp(1j * truth.phase_rad)
    received = gain * sent * np.exp(1j * (2 * np.pi * turns + walk))
    received = received + truth.rx_image * received.conj() + truth.rx_dc
    noise = rng.standard_normal((2, n_samples)) * np.sqrt(truth.noise_power / 2)
    samples = (received + noise[0] + 1j * noise[1]).astype(np.complex64)
    return SequenceCapture(samples, tick - lead, tick if is_timed else None)


def _between_samples(burst: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Sum Shannon's series: sin(pi (t - n)) is sin(pi t) with alternating signs."""
    number = np.arange(len(burst))
    times = times + 1e-9  # no pole on a sample
    off = times[:, None] - number
    signed = burst * (-1.0) ** number
    terms = 1 / off
    series = terms @ signed.real + 1j * (terms @ signed.imag)
    return np.sin(np.pi * times) / np.pi * series


def write_sigmf(
    folder: Path, name: str, capture: SequenceCapture, node: str, amplitudes: tuple[float, ...]
) -> None:
    """Write a pair of SigMF files, as another program would."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.sigmf-data").write_bytes(capture.samples.astype("<c8").tobytes())
    meta = {
        "global": {
            "core:datatype": "cf32_le",
            "core:sample_rate": RATE_HZ,
            "core:version": "1.0.0",
            "ota:calibration": "sequence",
            "ota:node": node,
            "ota:receiver": "recorder",
            "ota:amplitudes": amplitudes,
            "ota:sequence_tick": capture.sequence_tick,
        },
        "captures": [
            {
                "core:sample_start": 0,
                "core:frequency": CENTER_HZ,
                "core:global_index": capture.start_tick,
            }
        ],
        "annotations": [],
    }
    (folder / f"{name}.sigmf-meta").write_text(json.dumps(meta))


def random_truth(rng: np.random.Generator) -> Truth:
    """Draw a node of which everything that is estimated is different."""
    return replace(
        Truth(),
        gain_db=rng.uniform(-30, -10),
        phase_rad=rng.uniform(-3, 3),
        cfo_hz=rng.uniform(-20e3, 20e3),
        drift_hz_per_s=rng.uniform(-50, 50),
        delay_samples=rng.uniform(0, 5),
        clock_ppm=rng.uniform(-25, 25),
        noise_power=10 ** rng.uniform(-6, -5),
        gain_scatter_db=rng.uniform(0, 0.3),
        cfo_scatter_hz=rng.uniform(0, 1.0),
        jitter_samples=rng.uniform(0, 0.1),
    )
