"""The receiver flowgraph as a function: capture in, aligned payload or erasure out."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import zmq

from ota_flowgraphs.payload_fields import payload_of
from ota_flowgraphs.process import ChildProcess, socket_folder, start_flowgraph
from ota_flowgraphs.tagged_packet import tagged_packet
from sdr_ota.erasure import Erasure
from sdr_ota.radio.base import Capture
from sdr_ota.receiver.joint_frame import ReceivedPayload, refuse_clipped
from sdr_ota.signal.frame import FrameFormat

_POLL_MS = 50


class GnuRadioReceiver:
    """Hands captures to a running ``receiver`` flowgraph; `open_receiver` makes one.

    Args:
        flowgraph: The process.
        captures: Bound ZeroMQ PUSH socket from which the flowgraph takes samples.
        results: Bound PULL socket to which it sends.
        frame: Format for which it was started.
        patience_s: How long an answer may take before the flowgraph is said to hang.
    """

    def __init__(
        self,
        flowgraph: ChildProcess,
        captures: zmq.Socket[bytes],
        results: zmq.Socket[bytes],
        frame: FrameFormat,
        patience_s: float,
    ) -> None:
        self._flowgraph = flowgraph
        self._captures, self._results = captures, results
        self._frame, self._patience_s = frame, patience_s
        self._sent = 0

    def __call__(self, capture: Capture, frame: FrameFormat, max_cfo: float) -> ReceivedPayload:
        """Return what `receive_joint_frame` would; the flowgraph was started for the same limits.

        Raises:
            Erasure: ``saturated`` or ``not-found``.
            ChildFailed: If the flowgraph crashed, hangs, or a block in it failed.
            ValueError: For another frame than it was started for.
        """
        if frame != self._frame:
            raise ValueError("the receiver flowgraph was started for another frame")
        refuse_clipped(capture)
        first, self._sent = self._sent, self._sent + len(capture.samples)
        until_s = time.monotonic() + self._patience_s
        self._send(capture, until_s)
        answers = self._answers(until_s)
        searched = next(a for a in answers if a[0]["kind"] == "searched")[0]
        bursts = [answer for answer in answers if answer[0]["kind"] in {"payload", "erasure"}]
        if not bursts and searched["n_bursts"]:
            raise Erasure(
                "not-found",
                f"each of {searched['n_bursts']} preambles in {len(capture.samples)} samples "
                "belongs to a sounding burst, none to a joint frame",
            )
        if not bursts:
            raise Erasure(
                "not-found",
                f"no preamble in {len(capture.samples)} samples: best metric "
                f"{searched['best_metric']:.4f}, threshold {searched['threshold']:.4f}; check "
                "levels, gains and the start time",
            )
        meta, chips = max(bursts, key=lambda answer: answer[0]["power"])
        if meta["kind"] == "erasure":
            raise Erasure(meta["reason"], meta["detail"])
        return _payload(meta, chips, first)

    def _send(self, capture: Capture, until_s: float) -> None:
        """Hand samples over; with nobody at the other end a plain ``send`` would wait for ever."""
        while time.monotonic() < until_s:
            self._flowgraph.check()
            if self._captures.poll(_POLL_MS, zmq.POLLOUT):
                with suppress(zmq.Again):  # the flowgraph may have ended since
                    self._captures.send(tagged_packet(capture.samples), zmq.NOBLOCK)
                    return
        raise self._flowgraph.fail(f"took no samples within {self._patience_s:g} s")

    def _answers(self, until_s: float) -> list[tuple[dict[str, Any], bytes]]:
        """Collect all that the flowgraph says of the capture."""
        answers: list[tuple[dict[str, Any], bytes]] = []
        while time.monotonic() < until_s:
            self._flowgraph.check()
            if not self._results.poll(_POLL_MS):
                continue
            text, vector = self._results.recv_multipart()
            answers.append((json.loads(text), vector))
            counts = [m["n_bursts"] for m, _ in answers if m["kind"] == "searched"]
            n_bursts = sum(m["kind"] in {"payload", "erasure", "skipped"} for m, _ in answers)
            if counts and n_bursts == counts[0]:
                return answers
        raise self._flowgraph.fail(f"gave no answer to a capture within {self._patience_s:g} s")


@contextmanager
def receiver_ends(
    folder: Path,
) -> Iterator[tuple[zmq.Socket[bytes], zmq.Socket[bytes], dict[str, str]]]:
    """Bind where a ``receiver`` flowgraph takes captures and sends results.

    Args:
        folder: Of the sockets, with a short name.

    Yields:
        The PUSH socket of captures, the PULL socket of results, and the flowgraph's parameters that
        name them.
    """
    with ExitStack() as opened:
        context = opened.enter_context(zmq.Context())
        bound = []
        for kind, name in ((zmq.PUSH, "captures"), (zmq.PULL, "results")):
            socket = opened.enter_context(context.socket(kind))
            socket.setsockopt(zmq.LINGER, 0)
            socket.bind(f"ipc://{folder}/{name}")
            bound.append(socket)
        captures, results = bound
        source = f"driver=zmq,address=ipc://{folder}/captures,tags=yes"
        yield captures, results, {"source": source, "results": f"ipc://{folder}/results"}


@contextmanager
def open_receiver(
    frame: FrameFormat,
    max_cfo: float,
    scheme: str = "coherent",
    n_nodes: int = 1,
    patience_s: float = 5.0,
) -> Iterator[GnuRadioReceiver]:
    """Start the ``receiver`` flowgraph and end it with the block.

    Args:
        frame: Format of the frames that will come.
        max_cfo: Largest carrier offset, in cycles per sample.
        scheme: What the flowgraph's own decoder decodes.
        n_nodes: Nodes of the bench.
        patience_s: How long one capture may take.

    Raises:
        ChildFailed: If it does not start.
    """
    with ExitStack() as opened:
        folder = Path(opened.enter_context(socket_folder()))
        captures, results, ends = opened.enter_context(receiver_ends(folder))
        arguments = {
            **ends,
            "frame": frame,
            "max_cfo": max_cfo,
            "scheme": scheme,
            "n_nodes": n_nodes,
        }
        flowgraph = opened.enter_context(start_flowgraph("receiver", arguments, folder))
        yield GnuRadioReceiver(flowgraph, captures, results, frame, patience_s)


def _payload(meta: dict[str, Any], chips: bytes, first: int) -> ReceivedPayload:
    """Return an answer as the record that it was made from; indices count in the capture."""
    fields = {**meta, "burst_start": meta["stream_start"] - first}
    return payload_of(fields, np.frombuffer(chips, meta["dtype"]))
