"""Stream in, bursts out: finds preambles at any carrier offset."""

from itertools import pairwise

import numpy as np
import pmt
from gnuradio import gr

from ota_flowgraphs.activity import WORKING
from ota_flowgraphs.blocks.pdu import burst_pdu, make_pdu
from ota_flowgraphs.failure import ends_on_error
from ota_flowgraphs.tagged_packet import PACKET_TAG
from sdr_ota.receiver.burst_stream import BurstSearch, BurstStream
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import Samples


class BurstDetector(gr.sync_block):
    """Searches a stream for chirp-pair preambles and sends each burst's samples on.

    A stream with ``packet_len`` tags is a row of captures: each is searched by itself, as
    soon as it is complete, and ``searched`` says how many bursts there were.

    Args:
        frame: Format of the frames.
        max_cfo: Largest carrier offset, in cycles per sample.

    Message ports:
        bursts (out): PDU; vector: the samples around a burst; meta: ``first`` (index of the
            vector in the stream), ``start`` (of the preamble, in the vector, with fraction),
            ``cfo`` (cycles per sample), ``metric`` (0 to 1), ``power``.
        searched (out): PDU without a vector; meta: ``first`` and ``n_samples`` of the packet,
            ``n_bursts``, ``best_metric``, ``threshold``.
    """

    def __init__(self, frame: FrameFormat, max_cfo: float) -> None:
        gr.sync_block.__init__(self, name="OTA burst detector", in_sig=[np.complex64], out_sig=None)
        self._bursts, self._searched = pmt.intern("bursts"), pmt.intern("searched")
        self.message_port_register_out(self._bursts)
        self.message_port_register_out(self._searched)
        self._search = BurstSearch(frame, max_cfo)
        self._stream = BurstStream(self._search)
        self._packet: list[Samples] = []
        self._n_missing = 0

    @ends_on_error
    def work(self, input_items: list[Samples], output_items: list[Samples]) -> int:
        """Take in what there is."""
        with WORKING():
            self._take_all(input_items[0], self.nitems_read(0))
        return len(input_items[0])

    def _take_all(self, samples: Samples, read: int) -> None:
        """Take samples in, packets and what lies between them; the first has this index."""
        begins = {
            tag.offset - read: pmt.to_long(tag.value)
            for tag in self.get_tags_in_window(0, 0, len(samples), pmt.intern(PACKET_TAG))
        }
        edges = [*sorted({0, *begins}), len(samples)]
        for begin, end in pairwise(edges):
            if begin in begins:
                self._packet, self._n_missing = [], begins[begin]
            self._take(samples[begin:end], read + begin)

    def _take(self, samples: Samples, first: int) -> None:
        """Take samples in that belong together; the first of them has this index."""
        part = samples[: self._n_missing]
        if len(part):
            self._packet.append(part.copy())
            self._n_missing -= len(part)
            if not self._n_missing:
                self._search_packet(first + len(part))
        rest = samples[len(part) :]
        if len(rest):
            for burst in self._stream.push(rest):
                self.message_port_pub(self._bursts, burst_pdu(burst))

    def _search_packet(self, end: int) -> None:
        packet = np.concatenate(self._packet)
        first = end - len(packet)
        bursts, best = self._search.find(packet, first)
        for burst in bursts:
            self.message_port_pub(self._bursts, burst_pdu(burst))
        meta = {
            "kind": "searched",
            "first": first,
            "n_samples": len(packet),
            "n_bursts": len(bursts),
            "best_metric": best,
            "threshold": self._search.threshold,
        }
        self.message_port_pub(self._searched, make_pdu(meta))
