"""A round that a run of ours has recorded, decoded in a flowgraph as `sdr-ota replay` does."""

from dataclasses import dataclass, replace
from pathlib import Path

from ota_flowgraphs.plain_records import record_of
from sdr_ota.radio.base import Capture
from sdr_ota.receiver.joint_frame import ReceivedPayload, refuse_clipped
from sdr_ota.rounds.absent_nodes import decoded_present
from sdr_ota.rounds.exchange import Link, Reception
from sdr_ota.rounds.timed_decoding import decode_timed
from sdr_ota.runs.namespace import check_version
from sdr_ota.runs.reception_check import check_reception
from sdr_ota.schemes import load_recorded_scheme
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.signal.iq_file import IqFile, read_iq_file
from sdr_ota.signal.iq_words import IqFileError
from sdr_ota.types import DecodedSum, TransmitPlan

_DAMAGE = (KeyError, TypeError, ValueError, IndexError, ArithmeticError, AttributeError)


@dataclass(frozen=True)
class RecordedRound:
    """What a recording says of a round; docs/captures.md describes its fields.

    Attributes:
        scheme: Name of the scheme.
        reception: Samples, plan and seed.
        link: Frame, scheme and search range.
    """

    scheme: str
    reception: Reception
    link: Link

    def decode(self, received: ReceivedPayload) -> tuple[DecodedSum, ...]:
        """Return the sums of a payload that was found in the recording, one a symbol.

        Raises:
            Erasure: If it cannot be trusted.
        """
        refuse_clipped(self.reception.capture)
        link = replace(self.link, receive=lambda *_: received)
        _, exchange = decoded_present(self.reception, lambda present: decode_timed(present, link))
        return exchange.sums


def is_round(file: IqFile) -> bool:
    """Return whether a recording says of itself that it is a round of ours."""
    return "ota:link" in file.described


def recorded_round(path: Path) -> RecordedRound | None:
    """Return the round that a file holds; None if it is a recording of something else.

    Raises:
        IqFileError: With one sentence, if the file cannot be read, or is a round that cannot be
            decoded here.
    """
    file = read_iq_file(path)
    if not is_round(file):
        return None
    if file.described.get("ota:cyclic"):
        raise IqFileError(
            f"{path} holds a cyclic frame, which has no preamble that a flowgraph could find; "
            f"decode it with: sdr-ota decode {path}"
        )
    try:
        return _round(file)
    except _DAMAGE as wrong:
        reason = f"it has no {wrong}" if isinstance(wrong, KeyError) else wrong
        raise IqFileError(f"{path} is no capture that can be decoded again: {reason}") from wrong


def _round(file: IqFile) -> RecordedRound:
    fields, sent = file.described, file.described["ota:link"]
    check_version(fields)
    fields["core:sha512"]  # whatever wrote ours left one, and it was compared
    start_tick, n_clipped = file.segments[0]["core:global_index"], fields["ota:clipped"]
    reception = Reception(
        capture=Capture(file.samples(), int(start_tick), int(n_clipped)),
        sample_rate_hz=float(fields["core:sample_rate"]),
        plan=record_of(TransmitPlan, fields["ota:plan"]),
        seed=int(fields["ota:seed"]),
    )
    link = Link(
        frame=record_of(FrameFormat, sent["frame"]),
        scheme=load_recorded_scheme(sent["scheme"], sent["scheme_parameters"]),
        max_cfo_hz=float(sent["max_cfo_hz"]),
        decode=sent["decode"],
    )
    check_reception(reception, link)
    return RecordedRound(sent["scheme"], reception, link)
