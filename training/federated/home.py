"""A home: answers what the server sends, message by message. What it trains on never leaves it.

begin -> keys; members -> shares; train -> update; survivors -> signature; unmask -> shares. Without masking: train ->
update. Whatever cannot be answered is refused with a reason, which the server is told, and the home goes on.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from training.federated import masking, ring
from training.federated.keys import Identity
from training.federated.layout import Layout
from training.federated.masking import Member, framed_pairs, unframed_pairs
from training.federated.messages import Message, Rejected, decode, encode, unframed
from training.federated.optimisation import control_change, train_locally
from training.federated.plan import Plan
from training.federated.privacy import bounded, noised
from training.federated.quantisation import quantised, scales, votes
from training.federated.steps import Known, Step, digest

BEGIN, MEMBERS, TRAIN, UPDATE, UNMASK, REFUSED = "begin", "members", "train", "update", "unmask", "refused"
OVERHEAD = 1 << 20  # bytes that a message may have beside the numbers


class Learner(Protocol):
    """What a home can do: gradients on its own recordings."""

    layout: Layout
    fingerprint: str  # of the model, of the statistics it is normalised by, and of the plan

    def gradient(self, parameters: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Of the mean loss of a batch drawn by rng, at parameters (n,); (n,)."""


@dataclass
class Home:
    """One home. control: its variate, of its last round that counted."""

    name: str
    identity: Identity
    roster: dict[str, bytes]  # of all homes, and not from the server
    learner: Learner
    plan: Plan
    run: str
    control: np.ndarray = field(default=None)
    trained_in: int = -1  # the round of its last update
    completed: int = 0  # rounds, when the newest one began
    pending: np.ndarray | None = None  # what the variate changes by, once that round is known to count
    member: Member | None = None
    known: Known | None = None  # the model that this home had last, where steps from there are sent

    def __post_init__(self) -> None:
        if self.control is None:
            self.control = np.zeros(self.learner.layout.size, np.float32)

    def answer(self, data: bytes) -> bytes:
        """The answer to a server's message, signed."""
        number = -1
        try:
            message = decode(data, OVERHEAD + 64 * self.learner.layout.size)
            number = message.round
            reply = self.handle(message)
        except Rejected as reason:
            reply = Message(REFUSED, self.run, number, self.name, {"reason": str(reason)})
        return encode(reply, self.identity)

    def handle(self, message: Message) -> Message:
        """The answer. Raises Rejected."""
        handlers: dict[str, Callable[[Message], tuple[dict, dict]]] = {
            BEGIN: self.begin,
            MEMBERS: self.share,
            TRAIN: self.train,
            masking.SURVIVORS: self.agree,
            UNMASK: self.reveal,
        }
        if message.kind not in handlers:
            raise Rejected(f"a message of no known kind, {message.kind[:40]!r}")
        if message.run != self.run:
            raise Rejected(f"of another federation, {message.run[:40]!r}")
        is_new = message.kind in (BEGIN, TRAIN) and (message.kind == BEGIN or not self.plan.masking)
        if message.round <= self.trained_in and is_new or message.round < self.trained_in:
            raise Rejected(f"stale: of round {message.round}, this home has trained in {self.trained_in}")
        if not is_new and (self.member is None or self.member.round != message.round):
            raise Rejected(f"a {message.kind} message of round {message.round}, which was not begun here")
        values, blobs = handlers[message.kind](message)
        kinds = {BEGIN: masking.KEYS, MEMBERS: masking.SHARES, TRAIN: UPDATE, UNMASK: masking.REVEALED}
        return Message(kinds.get(message.kind, message.kind), self.run, message.round, self.name, values, blobs)

    def begin(self, message: Message) -> tuple[dict, dict]:
        """A round begins: keys for it."""
        self.compare(message)
        self.member = Member(self.name, self.run, message.round)
        return {"knows": self.known.number if self.known else -1}, self.member.keys()

    def compare(self, message: Message) -> None:
        """Raise Rejected for another model; settle whether the last update counted."""
        if message.value("fingerprint", str) != self.learner.fingerprint:
            raise Rejected("another model, other statistics of normalisation or another plan than this home's")
        completed = message.value("completed", list)
        self.completed = len(completed)
        if self.pending is not None and self.trained_in in completed:
            self.control = self.control + self.pending
        self.pending = None

    def share(self, message: Message) -> tuple[dict, dict]:
        """Who is in the round: shares for them."""
        of = self.member.shares(unframed(message.blob("keys")), self.roster, self.plan.fewest_homes)
        return {}, {"shares": framed_pairs(of)}

    def train(self, message: Message) -> tuple[dict, dict]:
        """The update, hidden or not."""
        if message.round <= self.trained_in:
            raise Rejected("asked to train twice in one round")
        if not self.plan.masking:
            self.compare(message)
        start, server_control = self.model_of(message)
        rng = np.random.default_rng([self.plan.seed, message.round, zlib.crc32(self.name.encode())])
        after = train_locally(
            start, lambda y, _: self.learner.gradient(y, rng), self.plan.local, server_control, self.control
        )
        update = after - start
        if not np.isfinite(update).all():
            raise Rejected("training here ended in values that are no numbers")
        blob, sent = self.on_the_wire(update, message, rng)
        self.trained_in = message.round
        if self.plan.local.control_variates:
            self.pending = control_change(sent, server_control, self.plan.local).astype(np.float32)
        return {}, {"update": blob}

    def model_of(self, message: Message) -> tuple[np.ndarray, np.ndarray]:
        """Parameters and the server's control variate: sent, or by steps from those that this home had."""
        layout, known = self.learner.layout, self.known
        if "steps" in message.blobs and known is not None:
            for data in unframed(message.blob("steps")):
                known = Step.decoded(data, layout, self.plan).taken(known, layout, self.plan)
            self.known = None
            if digest(known).encode() != message.blob("digest"):
                raise Rejected("the steps lead to another model than the server's; the next round sends all of it")
        else:
            control = np.zeros(layout.size, np.float32)
            if self.plan.local.control_variates:
                control = message.numbers("control", layout.size)
            known = Known(self.completed, message.numbers("parameters", layout.size), control)
        if self.plan.masking:
            self.known = known
        return known.parameters, known.control

    def on_the_wire(self, update: np.ndarray, message: Message, rng: np.random.Generator) -> tuple[bytes, np.ndarray]:
        """The update as bytes, and what they are worth."""
        if not self.plan.is_quantised:
            return update.astype("<f4").tobytes(), update
        layout, bits = self.learner.layout, self.plan.ring_bits
        ranges = message.numbers("ranges", len(layout.sizes)).astype(float)
        if not (ranges > 0).all():
            raise Rejected("ranges must be above 0")
        scale = scales(layout, ranges, self.plan.bits)
        if self.plan.privacy.noise_multiplier:
            homes = len(self.member.public) if self.plan.masking else self.plan.homes_per_round
            rounded = noised(bounded(update, scale, self.plan, rng), scale, self.plan, homes)
            opinions = np.zeros(len(ranges), np.int32)
        else:
            rounded = quantised(update, scale, self.plan.bits, rng)
            opinions = votes(layout, update, ranges)
        values = ring.to_ring(np.concatenate([rounded, opinions]), bits)
        if self.plan.masking:
            values = self.member.masked(values, bits, unframed_pairs(message.blob("shares")))
        return ring.pack(values, bits), rounded * scale

    def agree(self, message: Message) -> tuple[dict, dict]:
        """Who is in the sum, signed."""
        return {}, {"signature": self.identity.sign(self.member.agrees(message.value("survivors", list)))}

    def reveal(self, message: Message) -> tuple[dict, dict]:
        """Shares of what takes the masks off the sum; the round's secrets are forgotten."""
        shares = self.member.revealed(unframed_pairs(message.blob("signatures")), self.roster)
        self.member = None
        return {}, {"shares": framed_pairs(shares)}
