"""How far a node's model has come, and what it does about a step that it missed.

Every step is hashed into a chain: what a node has applied is known by eight bytes, and every
announcement carries the server's. A node with another hash has another model; its scalar would be
of that one, so it takes no part. It asks, when its turn comes: node k in the rounds whose index is
k modulo the number of nodes, so no two ask at once. The server repeats the steps behind the hash
that it was asked with, to all, and a node takes one of them only where its own journal ends.
Nothing here has state: a progress goes in, another comes out.
"""

import hashlib
from dataclasses import dataclass, replace

import msgspec

from sdr_ota.downlink.messages import (
    JOURNAL_BYTES,
    AirAnnouncement,
    AirOutcome,
    AirRequest,
    AirStep,
)

KEPT_STEPS = 256
"""That a server repeats; a node farther behind stays out."""


def first_hash(identity: bytes) -> bytes:
    """Return the hash of a journal without a step.

    Args:
        identity: Of the run: its configuration's digest and its weights' checksum.
    """
    return hashlib.sha256(identity).digest()[:JOURNAL_BYTES]


def next_hash(step: AirStep) -> bytes:
    """Return the hash of a journal that ends with a step."""
    return hashlib.sha256(msgspec.msgpack.encode(step)).digest()[:JOURNAL_BYTES]


@dataclass(frozen=True)
class Progress:
    """A node's place in the run.

    Attributes:
        journal: Hash of the steps that its model has taken.
        announced: The round in which it takes part; None between rounds, and where it is behind.
    """

    journal: bytes
    announced: AirAnnouncement | None = None

    def with_announcement(self, announced: AirAnnouncement) -> "Progress":
        """Return the progress in a round; the node takes part if its model is the server's."""
        return replace(self, announced=announced if announced.journal == self.journal else None)

    def with_outcome(self, outcome: AirOutcome) -> tuple["Progress", AirStep | None]:
        """Return the progress behind a round, and the step to take, if there is one.

        An outcome of a round in which the node does not take part changes nothing: without the
        announcement it has no seeds, and behind it a model that the means are not for.
        """
        announced = self.announced
        if announced is None or announced.round != outcome.round:
            return self, None
        if not outcome.means:
            return replace(self, announced=None), None
        return self._taken(AirStep(self.journal, outcome.round, announced.seeds, outcome.means))

    def with_repeated(self, step: AirStep) -> tuple["Progress", AirStep | None]:
        """Return the progress behind a repeated step, and the step, if it is this node's next."""
        return self._taken(step) if step.journal == self.journal else (self, None)

    def request(self, node: int, n_nodes: int, announced: AirAnnouncement) -> AirRequest | None:
        """Return what a node asks for behind an announcement.

        Args:
            node: Its place on the bench.
            n_nodes: Nodes of the bench.
            announced: What it has received.

        Returns:
            None if its model is the server's, or if it is another node's turn.
        """
        if announced.journal == self.journal or announced.round % n_nodes != node:
            return None
        return AirRequest(announced.round, node, self.journal)

    def _taken(self, step: AirStep) -> tuple["Progress", AirStep]:
        return Progress(next_hash(step)), step


@dataclass(frozen=True)
class StepLog:
    """The server's last steps, for nodes that missed some.

    Attributes:
        journal: Hash of all its steps.
        steps: The last ones, oldest first.
    """

    journal: bytes
    steps: tuple[AirStep, ...] = ()

    def with_step(self, announced: AirAnnouncement, means: tuple[float, ...]) -> "StepLog":
        """Return the log behind a round that was good."""
        step = AirStep(self.journal, announced.round, announced.seeds, means)
        return StepLog(next_hash(step), (*self.steps, step)[-KEPT_STEPS:])

    def missing(self, journal: bytes, most: int) -> tuple[AirStep, ...]:
        """Return the first steps behind those that a node has taken.

        Args:
            journal: The node's hash.
            most: So many at most; more than are added until it is the node's turn again, or it
                comes no nearer.

        Returns:
            None of them where the node is not behind, or where its hash is none of this log's: it
            took another step, or is too far behind, and stays out.
        """
        for index, step in enumerate(self.steps):
            if step.journal == journal:
                return self.steps[index : index + most]
        return ()
