"""Where everything lies in a frame: positions in samples from a few lengths.

Two kinds of frame share one format. In a **sounding frame** the nodes speak one
after the other, each in its own slot; in a **joint frame** one node sends the
preamble alone, then all nodes send their payload together and then fall silent::

    sounding   | guard | preamble pilot | guard | preamble pilot | guard | ...
                        node 0                   node 1

    joint      | guard | preamble | guard | node pilots payload node pilots | guard | idle |
                        lead node                    all nodes                      none

    payload    | symbol 0 | symbol 1 | ... | symbol q - 1 |      one after the other, q >= 1

All nodes send their node pilots at the same time, in codes that tell them apart; they prove
that every node sent, in this round and on this bench, and how its gain stood before and behind
the payload.

A preamble sent by all nodes at once could not tell their offsets apart and would
fade when their phases oppose; one sent by one node at a time can do neither.
"""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from sdr_ota.signal.node_pilots import bench_scramble, bench_turns, node_codes
from sdr_ota.signal.sequences import chirp_pair, spreading_chips
from sdr_ota.signal.waveform import Pulse
from sdr_ota.types import Chips, Samples

EDGE_CHIPS = 1
"""Silent chips between a node pilot and the payload: a late node mixes the two nowhere else."""


@dataclass(frozen=True)
class FrameFormat:
    """Lengths of the parts of a frame; knows nothing of schemes and of nodes' number.

    Attributes:
        n_chirp: Samples of one of the preamble's two chirps.
        n_pilot_chips: Chips of the pilot behind a sounding preamble.
        n_payload_chips: Chips of one symbol of the joint payload.
        n_node_pilot_chips: Chips of the node pilots before the payload, and as many behind it.
        n_idle_chips: Chip intervals of silence in which the noise is measured.
        guard_samples: Silence between two parts; longer than the spread of the
            nodes' arrival times.
        known_amplitude: Amplitude at which preamble and pilot are sent, full scale 1.0.
            Near that of the payload, so that an amplifier that compresses treats both
            alike; at most 0.9, because a delay by a fraction of a sample makes a
            chirp's ends ring.
        pulse: How chips become samples.
        bench: Number of the bench, 0 to 2^32 - 1: it makes its pilots and turns its payload, so
            that benches on one channel do not take each other's frames; 0 turns no payload.
        n_symbols: Symbols of a node in one payload, q: as many sums.
    """

    n_chirp: int = 384
    n_pilot_chips: int = 256
    n_payload_chips: int = 512
    n_node_pilot_chips: int = 64
    n_idle_chips: int = 512
    guard_samples: int = 64
    known_amplitude: float = 0.5
    pulse: Pulse = field(default_factory=Pulse)
    bench: int = 0
    n_symbols: int = 1

    @property
    def n_preamble(self) -> int:
        """Samples of the preamble."""
        return 2 * self.n_chirp

    @property
    def n_sounding_burst(self) -> int:
        """Samples of one node's sounding burst: preamble and pilot."""
        return self.n_preamble + self.pulse.n_samples(self.n_pilot_chips)

    def sounding_start(self, node: int) -> int:
        """Return the first sample of a node's sounding burst in a sounding frame."""
        return self.guard_samples + node * (self.n_sounding_burst + self.guard_samples)

    def n_sounding_frame(self, n_nodes: int) -> int:
        """Return the samples of a sounding frame for ``n_nodes`` nodes."""
        return self.sounding_start(n_nodes)

    @property
    def preamble_start(self) -> int:
        """First sample of the preamble in a joint frame."""
        return self.guard_samples

    @property
    def n_carried_chips(self) -> int:
        """Chips of the whole payload, of all its symbols."""
        return self.n_symbols * self.n_payload_chips

    @property
    def n_sent_chips(self) -> int:
        """Chips that a node sends: the payload, its node pilots, the silent chips between."""
        return self.n_carried_chips + 2 * (self.n_node_pilot_chips + EDGE_CHIPS)

    @property
    def n_payload(self) -> int:
        """Samples of the shaped payload with its node pilots."""
        return self.pulse.n_samples(self.n_sent_chips)

    @property
    def payload_start(self) -> int:
        """First sample of the payload with its node pilots in a joint frame."""
        return self.preamble_start + self.n_preamble + self.guard_samples

    @property
    def pilot_distance_chips(self) -> int:
        """Chips between the centres of the node pilots before and behind the payload."""
        return self.n_carried_chips + self.n_node_pilot_chips + 2 * EDGE_CHIPS

    @property
    def n_idle(self) -> int:
        """Samples of the idle slot."""
        return self.pulse.n_samples(self.n_idle_chips)

    @property
    def idle_start(self) -> int:
        """First sample of the idle slot in a joint frame."""
        return self.payload_start + self.n_payload + self.guard_samples

    @property
    def n_joint_frame(self) -> int:
        """Samples of a whole joint frame."""
        return self.idle_start + self.n_idle

    def node_codes(self, seed: int) -> Chips:
        """Return the codes of a round's node pilots, shape ``(2, n_codes, n_node_pilot_chips)``.

        First those before the payload, then those behind it; see `node_codes`.
        """
        return node_codes(self.n_node_pilot_chips, self.bench, seed)

    def sent_chips(self, payload: Chips, node: int, seed: int) -> Chips:
        """Return the chips of a node, shape ``(n_sent_chips,)``.

        Args:
            payload: Shape ``(n_carried_chips,)``, modulus at most 1.
            node: Its place among the nodes.
            seed: Of the round.
        """
        codes = self.node_codes(seed)
        before, behind = codes[:, node % codes.shape[1]]
        edge, turned = np.zeros(EDGE_CHIPS), payload * bench_turns(len(payload), self.bench)
        return np.concatenate([before, edge, turned, edge, behind])

    def parted(self, sent: Chips) -> tuple[Chips, Chips]:
        """Return payload and node pilots of what belongs to the chips that a node sends.

        Args:
            sent: Shape ``(n_sent_chips,)``.

        Returns:
            Payload, turned as the bench sent it, shape ``(n_carried_chips,)``, and pilots before
            and behind it, shape ``(2, n_node_pilot_chips)``.
        """
        n_pilot = self.n_node_pilot_chips
        first = n_pilot + EDGE_CHIPS
        payload = sent[first : first + self.n_carried_chips]
        return payload, np.stack([sent[:n_pilot], sent[-n_pilot:]])

    def undo_bench(self, payload: Chips) -> Chips:
        """Return a received payload without the phases of the bench.

        Args:
            payload: Shape ``(n_carried_chips,)``.
        """
        return payload * bench_turns(len(payload), self.bench).conj()

    def symbol_chips(self, payload: Chips) -> Chips:
        """Return a payload's chips symbol by symbol, shape ``(n_symbols, n_payload_chips)``.

        Args:
            payload: Shape ``(n_carried_chips,)``.
        """
        return payload.reshape(self.n_symbols, self.n_payload_chips)

    def symbol_place(self, symbol: int) -> float:
        """Return where a symbol's middle lies: 0 in the pilots before the payload, 1 behind it.

        Args:
            symbol: Its place in the payload, from 0.
        """
        off_chips = (symbol - (self.n_symbols - 1) / 2) * self.n_payload_chips
        return 0.5 + off_chips / self.pilot_distance_chips

    def sounding_burst(self) -> Samples:
        """Return the known burst that a node sends in its sounding slot; read-only samples."""
        return _sounding_burst(self)

    def sounding_pilot_chips(self) -> Chips:
        """Return the chips of a sounding burst's pilot, shape ``(n_pilot_chips,)``, modulus 1."""
        n_chips = self.n_pilot_chips
        return spreading_chips(n_chips) * bench_scramble(n_chips, self.bench)

    def preamble(self) -> Samples:
        """Return the known preamble of a joint frame."""
        return np.asarray(self.known_amplitude * chirp_pair(self.n_chirp), np.complex64)


@lru_cache(maxsize=32)
def _sounding_burst(frame: FrameFormat) -> Samples:
    pilot = frame.known_amplitude * frame.pulse.shape(frame.sounding_pilot_chips())
    burst = np.concatenate([frame.preamble(), pilot]).astype(np.complex64)
    burst.flags.writeable = False
    return burst
