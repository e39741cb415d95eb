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
from typing import Protocol

import numpy as np

from sdr_ota.air.impairments import cfo_of_clock_error
from sdr_ota.air.node_path import NodePath
from sdr_ota.air.presets import air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
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
    RX_GAIN,
    RX_LO,
    SWITCHES,
    TDD,
    TDD_RX,
    TDD_TX,
    TX,
    TX_LO,
    Key,
)
from sdr_ota.radio.virtual.pluto_chip import CHIPS, rx_gains_db
from sdr_ota.radio.virtual.pluto_converters import (
    Codes,
    band_limited,
    codes_of,
    converted,
    looped,
    samples_of,
    tone,
)
from sdr_ota.radio.virtual.pluto_rules import fraction
from sdr_ota.radio.virtual.pluto_values import XO_HZ, attributes
from sdr_ota.types import Samples
from sdr_ota.units import db_to_amplitude

_AGC_LEVEL = 0.25
"""Root mean square over full scale to which automatic gain control brings a capture."""

STATUS, UNDERFLOW, OVERFLOW = 0x88, 1, 4
"""Status register of both converter cores; its bits are cleared by writing them."""

_MOST_AHEAD = 2**22
"""Samples that wait to be played; for more, time passes."""

PULSE_SAMPLES = 2**20
"""Between two pulses at the trigger inputs: as many as `sdr_ota.radio.pluto_trigger` counts."""


class OpenBuffer(Protocol):
    """A buffer that a client has open."""

    def check(self) -> None:
        """Mark in the status registers what the client was too slow for."""
        ...


class PlutoWorld:
    """Boards that share an air: one a node, and one that receives.

    The receiving board may send too: to itself, and to whoever listens, over a path without loss.

    Args:
        settings: What the air is made from; converters are the boards' own.
        chip: Name of the boards' transceiver, one of ``CHIPS``.
        is_paced: Whether samples come and go as fast as the clock on the wall says, or at once.

    Attributes:
        listener: Board that opened a receive buffer last.
        has_pulse: Whether pulses come to the boards' trigger inputs, one every 2^20 samples.

    Raises:
        ValueError: If there is no such transceiver.
    """

    def __init__(self, settings: AirSettings, chip: str = "ad9363", is_paced: bool = False) -> None:
        if chip not in CHIPS:
            raise ValueError(f"there is no transceiver {chip!r}; there are: {', '.join(CHIPS)}")
        self.chip, self.is_paced = CHIPS[chip], is_paced
        self.lock = threading.Lock()
        # A path's offset is counted from the listening device: it has the receiver's error in it.
        own = replace(settings.preset, adc_bits=None, receiver_clock_error_range_ppm=0.0)
        self.air = SimulatedAir(replace(settings, preset=own))
        self.air.paths.append(_own_path(settings))
        self.air.paths[-1].drift_hz_per_s = self.air.receiver.drift_hz_per_s
        self._own_drifts_hz_per_s = [path.drift_hz_per_s for path in self.air.paths]
        self.has_pulse = True
        self._own_errors_ppm = [path.clock_error_ppm for path in self.air.paths]
        names = [f"virtual-node-{node}" for node in range(settings.n_nodes)]
        *nodes, self.receiver = (
            PlutoBoard(self, place, name) for place, name in enumerate((*names, "virtual-receiver"))
        )
        self.nodes = tuple(nodes)
        self.listener = self.receiver

    @property
    def boards(self) -> tuple["PlutoBoard", ...]:
        """All boards, the receiving one last."""
        return (*self.nodes, self.receiver)

    def _error_ppm(self, board: "PlutoBoard") -> float:
        """Return a board's clock error against the receiving board's uncorrected one."""
        return self._own_errors_ppm[board.place] - board.correction_ppm

    def settle(self) -> None:
        """Let every board's settings act on the air."""
        listener = self.listener
        rate, center = listener.rate_hz(ADC), listener.number((PHY, RX_LO, "frequency"))
        self.air.sample_rate_hz = rate
        # The air takes the receiving board's drift from all; another that listens has its own.
        drift = self.air.receiver.drift_hz_per_s - self._own_drifts_hz_per_s[listener.place]
        for board in self.boards:
            path = self.air.paths[board.place]
            error_ppm = self._error_ppm(board) - self._error_ppm(listener)
            detuned = board.number((PHY, TX_LO, "frequency")) - center
            path.delay_samples *= rate / path.sample_rate_hz
            path.sample_rate_hz = rate
            path.clock_error_ppm = error_ppm
            path.drift_hz_per_s = self._own_drifts_hz_per_s[board.place] + drift
            path.cfo_hz = cfo_of_clock_error(error_ppm, center) + detuned
            radiated = board.radiated()
            if radiated is None:
                self.air.end_cyclic(board.place)
            else:
                self.air.change_cyclic(board.place, radiated)

    def pulse(self) -> None:
        """Let time pass until the next pulse, and every burst that waits for it leave."""
        self.air.pass_time(-self.air.now_tick % PULSE_SAMPLES)
        self.settle()
        for board in self.boards:
            board.fire()


def _own_path(settings: AirSettings) -> NodePath:
    """Return the path from the receiving board's transmitter to its own receiver."""
    rng = np.random.default_rng([settings.seed, settings.n_nodes])
    return NodePath.draw(air_preset("ideal"), settings.sample_rate_hz, settings.center_freq_hz, rng)


class PlutoBoard:
    """One board: its attributes, its registers, its transmitter and its receiver.

    Attributes:
        place: Its path of the air.
        serial: Its name.
        values: Attributes that can be read, as text.
        rules: All attributes, and what may be written to them; None for nothing.
        n_kernel_buffers: Receive and transmit buffers that the kernel keeps.
    """

    def __init__(self, world: PlutoWorld, place: int, serial: str) -> None:
        self.place, self.serial = place, serial
        there = attributes(world.chip)
        self.values = {key: one.value for key, one in there.items() if one.value is not None}
        self.rules = {key: one.rule for key, one in there.items()}
        self.n_kernel_buffers = 4
        self._world = world
        self._status = {ADC: 0, DAC: 0}
        self._open: list[OpenBuffer] = []
        self._plays: OpenBuffer | None = None
        self._repeated: Codes | None = None
        self._played: deque[tuple[int, Codes]] = deque(maxlen=8)
        self._waiting: Codes | None = None

    @property
    def is_paced(self) -> bool:
        """Whether samples come and go as fast as the clock on the wall says."""
        return self._world.is_paced

    def number(self, key: Key) -> float:
        """Return an attribute's number, without its unit."""
        return float(self.values[key].split()[0])

    def rate_hz(self, device: str) -> float:
        """Return the rate of a converter."""
        return self.number((PHY, RX if device == ADC else TX, "sampling_frequency"))

    @property
    def correction_ppm(self) -> float:
        """What ``xo_correction`` takes from the oscillator's error."""
        return (self.number((PHY, "", "xo_correction")) / XO_HZ - 1) * 1e6

    def about(self) -> dict[str, str]:
        """Return what the board says of itself."""
        return self._world.chip.about | {
            "hw_serial": self.serial,
            "ad9361-phy,xo_correction": str(XO_HZ),
        }

    def read(self, key: Key) -> str | None:
        """Return an attribute's text; None where it cannot be read."""
        if key[1:] == REGISTERS:
            for buffer in self._open:
                buffer.check()
            device, address = key[0], int(self.values.get(key, "0x0"), 16)
            return f"0x{self._status[device] if address & 0xFFFF == STATUS else 0:x}"
        return self.values.get(key)

    def write(self, key: Key, text: str) -> bool:
        """Set an attribute; False, and nothing changes, if it is not a value it can have."""
        text = text.rstrip("\0\n")
        if key[1:] == REGISTERS:
            return self._access_register(key, text.split())
        rule = self.rules.get(key)
        value = rule(text) if rule else None
        if value is None:
            return False
        self.values[key] = value
        self._follow(key, value)
        self._world.settle()
        return True

    def _access_register(self, key: Key, words: list[str]) -> bool:
        """Choose a register to be read, or write one: of those only the status is there."""
        try:
            address, *value = (int(word, 0) for word in words)
        except ValueError:
            return False
        if len(value) > 1 or not all(0 <= number < 2**32 for number in (address, *value)):
            return False
        if not value:
            self.values[key] = f"0x{address:x}"
        elif address & 0xFFFF == STATUS:
            self._status[key[0]] &= ~value[0]
        return True

    def mark(self, device: str, bit: int, lost_s: float) -> None:
        """Set a bit of a core's status; time of lost samples has passed."""
        self._status[device] |= bit
        self._world.air.pass_time(round(lost_s * self._world.air.sample_rate_hz))

    def _follow(self, key: Key, value: str) -> None:
        """Let attributes that are one register in the chip move together, and time pass."""
        if key == PASS_SAMPLES:
            self._world.air.pass_time(int(value))
        elif key == (PHY, RX_LO, "frequency"):
            self._follow_band(int(value))
        elif key[2] == "sampling_frequency":
            for other in self.values:
                if other[2] == "sampling_frequency" and other[0] in {PHY, ADC, DAC}:
                    self.values[other] = value
            for device, way in ((ADC, "input"), (DAC, "output")):
                for k in range(2):
                    rates = (device, f"{way}:voltage{k}", "sampling_frequency_available")
                    self.values[rates] = f"{value} "
            # The driver's rate change calibrates anew and puts the attenuator back.
            self.values[(PHY, TX, "hardwaregain")] = "-10.000000 dB"

    def _follow_band(self, center_freq_hz: int) -> None:
        """Take the table of receive gains of a band."""
        low, high = rx_gains_db(center_freq_hz)
        self.rules[RX_GAIN] = fraction(low, high, 1, " dB")
        self.values[(PHY, RX, "hardwaregain_available")] = f"[{low} 1 {high}]"
        self.values[RX_GAIN] = f"{min(max(self.number(RX_GAIN), low), high):.6f} dB"

    def open_transmitter(self, buffer: OpenBuffer) -> None:
        """Let a new buffer play instead of the one before."""
        self.stop_sending()
        self._plays = buffer
        self._open.append(buffer)

    def send(self, codes: Codes, is_cyclic: bool) -> None:
        """Put I and Q codes, shape ``(n_samples, 2)``, on the air."""
        if is_cyclic:
            self._repeated = codes
            self._world.air.begin_cyclic(self.place, samples_of(codes))
            self._world.settle()
        else:
            self._waiting = codes
            if not self._waits_for_pulse(TDD_TX):
                self._world.settle()
                self.fire()

    def _waits_for_pulse(self, channel: str) -> bool:
        """Return whether a buffer of this direction starts on the trigger only."""
        keys = ((TDD, "", "enable"), (TDD, "", "sync_external"), (TDD, channel, "enable"))
        return all(self.number(key) for key in (*keys, (SWITCHES, EXTERNAL_SYNC, "raw")))

    def fire(self) -> None:
        """Send the burst that waits, if there is one, behind those that are still played."""
        codes, self._waiting = self._waiting, None
        if codes is None:
            return
        air, start = self._world.air, self._world.air.now_tick
        if self._played:
            last, before = self._played[-1]
            start = max(start, last + len(before))
        self._played.append((start, codes))
        radiated = self._through_transmitter(samples_of(codes))
        if radiated is not None:
            air.send(self.place, radiated, start)
        air.pass_time(max(start + len(codes) - air.now_tick - _MOST_AHEAD, 0))

    def stop_sending(self) -> None:
        """Give the converter back to the tone generator, as when a buffer is destroyed."""
        self._plays = self._repeated = self._waiting = None
        self._played.clear()
        self._world.settle()

    def forget(self, buffer: OpenBuffer) -> None:
        """Let go of a buffer that was closed; one that another has replaced plays no more."""
        self._open = [other for other in self._open if other is not buffer]
        if self._plays is buffer:
            self.stop_sending()

    @property
    def _tx_gain(self) -> np.float32:
        return np.float32(db_to_amplitude(self.number((PHY, TX, "hardwaregain"))))

    @property
    def _is_radiating(self) -> bool:
        return not self.number((PHY, TX_LO, "powerdown")) and not self.number(LOOPBACK)

    def radiated(self) -> Samples | None:
        """Return one period of what leaves the antenna; None for silence."""
        source = self._tone() if self._repeated is None else samples_of(self._repeated)
        return None if source is None else self._through_transmitter(source)

    def _through_transmitter(self, source: Samples) -> Samples | None:
        """Return what filter and attenuator leave; None if the receiver cannot receive it."""
        listener = self._world.listener
        rate_hz = listener.rate_hz(ADC)
        center_freq_hz = listener.number((PHY, RX_LO, "frequency"))
        detuned_hz = self.number((PHY, TX_LO, "frequency")) - center_freq_hz
        has_its_rate = self.rate_hz(DAC) == rate_hz
        if not has_its_rate or abs(detuned_hz) >= rate_hz / 2 or not self._is_radiating:
            return None
        share = min(self.number((PHY, TX, "rf_bandwidth")) / rate_hz, 1.0)
        return np.asarray(band_limited(source, share) * self._tx_gain, np.complex64)

    def _tone(self) -> Samples | None:
        """Return what the tone generator makes; None where all its tones are off."""
        names = ("frequency", "phase", "scale", "raw")
        tones = [[self.number((DAC, channel, name)) for name in names] for channel in DDS_TONES]
        return tone(tones, self.rate_hz(DAC))

    def open_receiver(self, buffer: OpenBuffer) -> None:
        """Let this board be the one that listens."""
        self._open.append(buffer)
        self._world.listener = self
        self._world.settle()

    def await_pulse(self) -> bool:
        """Let the pulse come that starts a receive buffer, if one must; False if none comes."""
        if self._waits_for_pulse(TDD_RX):
            if not self._world.has_pulse:
                return False
            self._world.pulse()
        return True

    def captured(self, n_samples: int) -> Codes:
        """Return what the receiver's converter gives next, shape ``(n_samples, 2)``."""
        if self.number(LOOPBACK) == 1:
            return self._looped(n_samples)
        received = np.zeros(n_samples, np.complex64)
        if not self.number((PHY, RX_LO, "powerdown")):
            received, _ = self._world.air.receive(self._world.air.now_tick, n_samples)
            received = received * self._rx_gain(received)
        share = min(self.number((PHY, RX, "rf_bandwidth")) / self.rate_hz(ADC), 1.0)
        return converted(band_limited(received, share))

    def _looped(self, n_samples: int) -> Codes:
        """Return what the transmitter's core gives the receiver's inside the chip."""
        first = self._world.air.now_tick
        self._world.air.pass_time(n_samples)
        repeated, tones = self._repeated, self._tone()
        if repeated is None and tones is not None and self._plays is None:
            repeated = codes_of(tones)
        return looped(first, n_samples, repeated, self._played)

    def _rx_gain(self, received: Samples) -> np.float32:
        """Return the receiver's gain; automatic control shows which one it has chosen."""
        if self.values[(PHY, RX, "gain_control_mode")] == "manual":
            return np.float32(db_to_amplitude(self.number(RX_GAIN)))
        level = float(np.sqrt(np.mean(np.abs(received) ** 2)))
        low, high = rx_gains_db(self.number((PHY, RX_LO, "frequency")))
        gain_db = min(max(round(20 * np.log10(_AGC_LEVEL / max(level, 1e-9))), low), high)
        self.values[RX_GAIN] = f"{gain_db:.6f} dB"
        return np.float32(db_to_amplitude(gain_db))
