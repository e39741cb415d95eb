"""The way down of a simulated world: what the server's radio sends arrives at the nodes."""

from collections.abc import Callable, Sequence

import numpy as np

from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.downlink.air_node import AirNode
from sdr_ota.downlink.frames import receive_message
from sdr_ota.downlink.messages import AirMessage
from sdr_ota.downlink.sealing import RunKey
from sdr_ota.radio.base import Capture
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.signal.control_frame import ControlFormat
from sdr_ota.types import Samples

IsLost = Callable[[int, AirMessage], bool]


class ServerRadio(SimulatedRadio):
    """The receiver of a simulated air, which also sends, in noise over the nodes' own paths.

    Args:
        air: The world; its ticks are those of all radios.
        key: Of the run.
        control: Format of control frames.
        chip_snr_db: At every node.
        is_lost: Whether a node loses a message.
    """

    def __init__(
        self,
        air: SimulatedAir,
        key: RunKey,
        control: ControlFormat,
        chip_snr_db: float,
        is_lost: IsLost,
    ) -> None:
        super().__init__(air, None)
        self.nodes: Sequence[AirNode] = ()
        self.said: list[AirMessage] = []
        self._world = air
        self._sealed_by = (key, control)
        self._noise_power = control.pulse.energy / 10 ** (chip_snr_db / 10)
        self._is_lost = is_lost
        self._rng = np.random.default_rng(1)

    def transmit(self, samples: Samples, start_tick: int | None = None) -> None:
        assert start_tick is not None
        assert start_tick >= self.now_tick()
        message = receive_message(np.pad(samples, 200), -1, *self._sealed_by, 0.01).message
        self.said.append(message)
        for place, node in enumerate(self.nodes):
            if not self._is_lost(place, message):
                node.take(self._arrived(place, samples, start_tick), 1.0)

    def _arrived(self, place: int, burst: Samples, start_tick: int) -> Capture:
        path, early = self._world.paths[place], int(self._rng.integers(200, 400))
        padded = np.pad(burst.astype(np.complex128), (early, 300))
        turns = np.fft.fftfreq(len(padded)) * path.delay_samples
        late = np.fft.ifft(np.fft.fft(padded) * np.exp(-2j * np.pi * turns))
        cfo = -path.cfo_hz / self._world.sample_rate_hz
        turn = np.exp(2j * np.pi * (cfo * np.arange(len(late)) + self._rng.random()))
        noise = self._rng.normal(size=(2, len(late))) * np.sqrt(self._noise_power / 2)
        samples = 0.1 * (late * turn + noise[0] + 1j * noise[1])
        return Capture(samples.astype(np.complex64), start_tick - early)
