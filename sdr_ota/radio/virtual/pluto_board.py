"""Virtual PlutoSDRs on one simulated air: what their attributes and buffers do to it.

The air is the one of the simulated back-end. Its time moves with the samples that the listening
board is asked for, and when a board is told that time passes. Approximations: one board listens
at a time, the one that opened a receive buffer last, and it stands where the receiving board
stands, so that a node's board receives itself too; a board that runs at another rate than the
listener, or is tuned elsewhere, is not received at all.
"""

import threading
from collections import deque
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sdr_ota.air.impairments import cfo_of_clock_error
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.radio.virtual.pluto_attributes import (
    DAC,
    DDS_TONES,
    EXTERNAL_SYNC,
    PASS_SAMPLES,
    PHY,
    RX,
    RX_LO,
    SWITCHES,
    TDD,
    TDD_RX,
    TDD_TX,
    TX,
    TX_LO,
    Key,
    first_values,
)
from sdr_ota.types import Samples
from sdr_ota.units import db_to_amplitude

XO_HZ = 40e6
"""Nominal frequency of the board's oscillator, which ``xo_correction`` corrects."""

DAC_FULL_SCALE = 2**15
ADC_FULL_SCALE = 2**11

_AGC_LEVEL = 0.25
"""Root mean square over full scale to which automatic gain control brings a capture."""

_RANGES = {
    (PHY, RX, "hardwaregain"): (-3.0, 71.0),
    (PHY, TX, "hardwaregain"): (-89.75, 0.0),
    (PHY, RX_LO, "frequency"): (325e6, 3.8e9),
    (PHY, TX_LO, "frequency"): (325e6, 3.8e9),
    (PHY, RX, "sampling_frequency"): (520834.0, 61.44e6),
    (PHY, RX, "rf_bandwidth"): (200e3, 56e6),
    (PHY, TX, "rf_bandwidth"): (200e3, 40e6),
    PASS_SAMPLES: (0.0, 1e12),
}
"""AD9363/AD9364 data sheets and the driver's limits."""


PULSE_SAMPLES = 2**20
"""Between two pulses at the trigger inputs: as many as `sdr_ota.radio.pluto_trigger` counts."""


class PlutoWorld:
    """Boards that share an air: one a node, and one that receives.

    Args:
        settings: What the air is made from; converters are the boards' own.

    Attributes:
        listener: Board that opened a receive buffer last.
        has_pulse: Whether pulses come to the boards' trigger inputs, one every 2^20 samples.
    """

    def __init__(self, settings: AirSettings) -> None:
        self.lock = threading.Lock()
        # A path's offset is counted from the listening device: it has the receiver's error in it.
        own = replace(settings.preset, adc_bits=None, receiver_clock_error_range_ppm=0.0)
        self.air = SimulatedAir(replace(settings, preset=own))
        self.has_pulse = True
        self._own_errors_ppm = [path.clock_error_ppm for path in self.air.paths]
        self.nodes = tuple(PlutoBoard(self, node) for node in range(settings.n_nodes))
        self.receiver = PlutoBoard(self, None)
        self.listener = self.receiver

    def _error_ppm(self, board: "PlutoBoard") -> float:
        """Return a board's clock error against the receiving board's uncorrected one."""
        own_ppm = 0.0 if board.node is None else self._own_errors_ppm[board.node]
        return own_ppm - board.correction_ppm

    def settle(self) -> None:
        """Let every board's settings act on the air."""
        listener = self.listener
        rate = listener.number((PHY, RX, "sampling_frequency"))
        center = listener.number((PHY, RX_LO, "frequency"))
        self.air.sample_rate_hz = rate
        for node, board in enumerate(self.nodes):
            path = self.air.paths[node]
            error_ppm = self._error_ppm(board) - self._error_ppm(listener)
            detuned = board.number((PHY, TX_LO, "frequency")) - center
            path.delay_samples *= rate / path.sample_rate_hz
            path.sample_rate_hz = rate
            path.clock_error_ppm = error_ppm
            path.cfo_hz = cfo_of_clock_error(error_ppm, center) + detuned
            radiated = board.radiated()
            if radiated is None:
                self.air.end_cyclic(node)
            else:
                self.air.change_cyclic(node, radiated)

    def pulse(self) -> None:
        """Let time pass until the next pulse, and every burst that waits for it leave."""
        self.air.pass_time(-self.air.now_tick % PULSE_SAMPLES)
        self.settle()
        for board in self.nodes:
            board.fire()


class PlutoBoard:
    """One board: its attributes, its transmit buffer and its receive queue.

    Attributes:
        node: Its path of the air; None for the receiving board.
        values: Attributes as text.
    """

    def __init__(self, world: PlutoWorld, node: int | None) -> None:
        self.node = node
        self.values: dict[Key, str] = first_values()
        self.serial = "virtual-receiver" if node is None else f"virtual-node-{node}"
        self.n_kernel_buffers = 4
        self._world = world
        self._sent: Samples | None = None
        self._waiting: Samples | None = None
        self._queue: deque[NDArray[np.int16]] = deque()

    def number(self, key: Key) -> float:
        """Return an attribute's number, without its unit."""
        return float(self.values[key].split()[0])

    @property
    def correction_ppm(self) -> float:
        """What ``xo_correction`` takes from the oscillator's error."""
        return (self.number((PHY, "", "xo_correction")) / XO_HZ - 1) * 1e6

    def write(self, key: Key, text: str) -> bool:
        """Set an attribute; False, and nothing changes, if it is not a value it can have."""
        if key not in self.values:
            return False
        value = text.rstrip("\0\n")
        if key in _RANGES:
            low, high = _RANGES[key]
            try:
                number = float(value.split()[0])
            except (ValueError, IndexError):
                return False
            if not low <= number <= high:
                return False
            value = f"{number:.6f} dB" if key[2] == "hardwaregain" else f"{number:.0f}"
        self.values[key] = value
        self._follow(key, value)
        self._world.settle()
        return True

    def _follow(self, key: Key, value: str) -> None:
        """Let attributes that are one register in the chip move together, and time pass."""
        if key == PASS_SAMPLES:
            self._world.air.pass_time(int(value))
        if key[2] != "sampling_frequency":
            return
        for other in self.values:
            if other[2] == "sampling_frequency":
                self.values[other] = value
        # The driver's rate change calibrates anew and puts the attenuator back.
        self.values[(PHY, TX, "hardwaregain")] = "-10.000000 dB"

    def send(self, codes: NDArray[np.int16], is_cyclic: bool) -> None:
        """Put a buffer of interleaved I and Q codes on the air."""
        iq = codes.astype(np.float32).reshape(-1, 2) / DAC_FULL_SCALE
        samples = np.asarray(iq[:, 0] + 1j * iq[:, 1], np.complex64)
        if is_cyclic:
            self._sent = samples
            if self.node is not None:
                self._world.air.begin_cyclic(self.node, samples)
            self._world.settle()
        else:
            self._waiting = samples
            if not self._waits_for_pulse(TDD_TX):
                self._world.settle()
                self.fire()

    def _waits_for_pulse(self, channel: str) -> bool:
        """Return whether a buffer of this direction starts on the trigger only."""
        keys = ((TDD, "", "enable"), (TDD, "", "sync_external"), (TDD, channel, "enable"))
        return all(self.number(key) for key in (*keys, (SWITCHES, EXTERNAL_SYNC, "raw")))

    def fire(self) -> None:
        """Send the burst that waits, if there is one."""
        burst, self._waiting = self._waiting, None
        if burst is not None and self.node is not None:
            radiated = self._through_transmitter(burst)
            if radiated is not None:
                self._world.air.send(self.node, radiated, self._world.air.now_tick)

    def stop_sending(self) -> None:
        """Give the converter back to the tone generator, as when a buffer is destroyed."""
        self._sent = self._waiting = None
        self._world.settle()

    @property
    def _tx_gain(self) -> np.float32:
        return np.float32(db_to_amplitude(self.number((PHY, TX, "hardwaregain"))))

    @property
    def _is_radiating(self) -> bool:
        down = self.number((PHY, TX_LO, "powerdown"))
        return not down and not self.number((PHY, "debug", "loopback"))

    def radiated(self) -> Samples | None:
        """Return one period of what leaves the antenna; None for silence."""
        source = self._tone() if self._sent is None else self._sent
        return None if source is None else self._through_transmitter(source)

    def _through_transmitter(self, source: Samples) -> Samples | None:
        """Return what filter and attenuator leave; None if the receiver cannot receive it."""
        listener = self._world.listener
        rate_hz = listener.number((PHY, RX, "sampling_frequency"))
        detuned_hz = self.number((PHY, TX_LO, "frequency")) - listener.number(
            (PHY, RX_LO, "frequency")
        )
        has_its_rate = self.number((PHY, TX, "sampling_frequency")) == rate_hz
        if not has_its_rate or abs(detuned_hz) >= rate_hz / 2 or not self._is_radiating:
            return None
        share = min(self.number((PHY, TX, "rf_bandwidth")) / rate_hz, 1.0)
        return np.asarray(_band_limited(source, share) * self._tx_gain, np.complex64)

    def _tone(self) -> Samples | None:
        """Return what the tone generator makes; None where all its tones are off."""
        n, rate_hz = np.arange(4096), self.number((PHY, TX, "sampling_frequency"))
        tone = np.zeros(len(n), np.complex64)
        for k, channel in enumerate(DDS_TONES):
            if self.number((DAC, channel, "raw")):
                scale = self.number((DAC, channel, "scale"))
                turns = round(self.number((DAC, channel, "frequency")) / rate_hz * len(n)) / len(n)
                degrees = self.number((DAC, channel, "phase")) / 1000
                branch = 1.0 if k < 2 else 1j
                tone += branch * scale * np.cos(2 * np.pi * turns * n + np.radians(degrees))
        return tone if np.any(tone) else None

    def open_receiver(self) -> None:
        """Forget what was received: a new buffer begins."""
        self._queue.clear()
        self._world.listener = self
        self._world.settle()

    def receive(self, n_samples: int) -> NDArray[np.int16] | None:
        """Return the oldest kernel buffer; as many newer ones as there are wait behind it.

        None if the buffer waits for a pulse and none comes.
        """
        if self._waits_for_pulse(TDD_RX):
            if not self._world.has_pulse:
                return None
            self._world.pulse()
        while len(self._queue) < max(self.n_kernel_buffers, 1):
            self._queue.append(self._captured(n_samples))
        return self._queue.popleft()

    def _captured(self, n_samples: int) -> NDArray[np.int16]:
        received = np.zeros(n_samples, np.complex64)
        looped = self.number((PHY, "debug", "loopback"))
        if looped and self._sent is not None:
            received = self._sent[np.arange(n_samples) % len(self._sent)]
        elif not self.number((PHY, RX_LO, "powerdown")):
            received, _ = self._world.air.receive(self._world.air.now_tick, n_samples)
            received = received * self._rx_gain(received)
        share = min(
            self.number((PHY, RX, "rf_bandwidth")) / self.number((PHY, RX, "sampling_frequency")),
            1.0,
        )
        iq = _band_limited(received, share).astype(np.complex64).view(np.float32)
        codes = np.clip(np.rint(iq * ADC_FULL_SCALE), -ADC_FULL_SCALE, ADC_FULL_SCALE - 1)
        return np.asarray(codes, np.int16)

    def _rx_gain(self, received: Samples) -> np.float32:
        if self.values[(PHY, RX, "gain_control_mode")] == "manual":
            return np.float32(db_to_amplitude(self.number((PHY, RX, "hardwaregain"))))
        level = float(np.sqrt(np.mean(np.abs(received) ** 2)))
        return np.float32(_AGC_LEVEL / max(level, 1e-9))


def _band_limited(samples: Samples, share: float) -> Samples:
    """Return what an ideal analog filter leaves of the band."""
    if share >= 1.0:
        return samples
    lines = np.fft.fft(samples)
    lines[np.abs(np.fft.fftfreq(len(samples))) > share / 2] = 0
    return np.asarray(np.fft.ifft(lines), np.complex64)
