"""One round from the server's side, over any transport: asks homes, takes what is right, names what is not, goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from training.federated import masking, ring
from training.federated.home import BEGIN, MEMBERS, OVERHEAD, REFUSED, TRAIN, UNMASK, UPDATE
from training.federated.keys import KEY_BYTES, SIGNATURE_BYTES
from training.federated.layout import Layout
from training.federated.masking import decode_signed, framed_pairs, unframed_pairs
from training.federated.messages import Message, Rejected, encode, frames
from training.federated.optimisation import server_step
from training.federated.plan import MEDIAN, Plan
from training.federated.quantisation import largest, scales
from training.federated.steps import AT_MOST, Known, Step, digest
from training.federated.unmasking import Collector, TooFew

Exchange = Callable[[str, dict[str, bytes]], dict[str, bytes]]  # kind, message for each home -> the answers that came
DOWN, UP = "down", "up"


@dataclass
class State:
    """What the server knows after so many rounds."""

    parameters: np.ndarray
    control: np.ndarray
    ranges: np.ndarray
    round: int = 0  # the next one's number
    completed: list[int] = field(default_factory=list)  # rounds that counted
    steps: list[bytes] = field(default_factory=list)  # the last of those, for homes that know the model before

    @classmethod
    def new(cls, parameters: np.ndarray, layout: Layout, plan: Plan) -> State:
        """Before the first round."""
        ranges = plan.ranges(layout).astype(np.float32)
        return cls(parameters.astype(np.float32), np.zeros(layout.size, np.float32), ranges)

    @property
    def known(self) -> Known:
        """The model."""
        return Known(len(self.completed), self.parameters, self.control)


@dataclass
class Report:
    """What happened in a round. bytes: (direction, kind of message) -> bytes of all homes."""

    round: int
    asked: list[str]
    counted: list[str] = field(default_factory=list)  # homes whose updates are in the mean
    rejected: list[str] = field(default_factory=list)  # "home: why"
    failed: str = ""  # why nothing came of it
    bytes: Counter = field(default_factory=Counter)

    def per_home(self, direction: str) -> float:
        """Bytes of one home that was asked, on average."""
        return sum(n for (way, _), n in self.bytes.items() if way == direction) / max(1, len(self.asked))


class Round:
    """One round of a federation."""

    def __init__(
        self, plan: Plan, layout: Layout, fingerprint: str, run: str, roster: dict[str, bytes], exchange: Exchange
    ):
        self.plan, self.layout, self.fingerprint, self.run = plan, layout, fingerprint, run
        self.roster, self.exchange = roster, exchange

    def __call__(self, state: State, homes: Iterable[str]) -> tuple[State, Report]:
        """The state after a round with these homes, and what happened; where it fails, only the number goes up."""
        self.state, self.report = state, Report(state.round, sorted(homes))
        try:
            total, counted = self.masked_sum() if self.plan.masking else self.plain_sum()
        except TooFew as reason:
            self.report.failed = str(reason)
            return replace(state, round=state.round + 1), self.report
        self.report.counted = counted
        return self.stepped(total, len(counted)), self.report

    def stepped(self, total: np.ndarray, homes: int) -> State:
        """The state after the mean of the updates; total: their sum, of whole numbers with the votes behind it."""
        state, plan, share = self.state, self.plan, homes / len(self.roster)
        done = replace(state, round=state.round + 1, completed=[*state.completed, state.round])
        if not plan.is_quantised or plan.aggregate == MEDIAN:
            after, control = server_step(state.parameters, state.control, total / homes, share, plan.local)
            return replace(done, parameters=after.astype(np.float32), control=control.astype(np.float32))
        step = Step(total, state.ranges, homes, share)
        known = step.taken(state.known, self.layout, plan)
        steps = [*state.steps, step.encoded(plan)][-AT_MOST:] if plan.masking else []
        ranges = step.next_ranges(self.layout, plan)
        return replace(done, parameters=known.parameters, control=known.control, ranges=ranges, steps=steps)

    def ask(
        self, kind: str, reply_kind: str, contents: dict[str, tuple[dict, dict]], at_most: int
    ) -> dict[str, Message]:
        """Send each home its message; the answers of that kind that are right. All others are named and left out."""
        messages = {
            name: encode(Message(kind, self.run, self.state.round, values=values, blobs=blobs))
            for name, (values, blobs) in contents.items()
        }
        answers = self.exchange(kind, messages)
        self.report.bytes[DOWN, kind] += sum(map(len, messages.values()))
        found = {}
        for name, data in sorted(answers.items()):
            self.report.bytes[UP, kind] += len(data)
            try:
                if name not in messages:
                    raise Rejected("was not asked")
                found[name] = self.checked(name, data, reply_kind, at_most)
            except Rejected as reason:
                self.report.rejected.append(f"{name}: {reason}")
        return found

    def checked(self, name: str, data: bytes, kind: str, at_most: int) -> Message:
        """A home's answer. Raises Rejected."""
        message = decode_signed(data, self.roster, at_most + OVERHEAD)
        if message.sender != name:
            raise Rejected(f"speaks for {message.sender}")
        if message.kind == REFUSED:
            raise Rejected(f"refuses: {str(message.values.get('reason'))[:200]}")
        if message.run != self.run or message.round != self.state.round:
            raise Rejected(f"stale or replayed: of round {message.round}, this is round {self.state.round}")
        if message.kind != kind:
            raise Rejected(f"answers with {message.kind[:40]!r}, {kind} was asked for")
        return message

    def take(self, messages: dict[str, Message], taken: Callable[[Message], Any]) -> dict[str, Any]:
        """What can be taken of each message; those of which it cannot are named."""
        found = {}
        for name, message in messages.items():
            try:
                found[name] = taken(message)
            except Rejected as reason:
                self.report.rejected.append(f"{name}: {reason}")
        return found

    @property
    def known(self) -> dict[str, Any]:
        """What a home compares before it takes part."""
        return {"fingerprint": self.fingerprint, "completed": self.state.completed}

    def model(self, knows: int = -1) -> dict[str, bytes]:
        """What a home trains from; knows: the completed rounds after which it has the model, where it has one."""
        state, blobs = self.state, {}
        missed = len(state.completed) - knows
        if knows >= 0 and 0 <= missed <= len(state.steps):
            blobs["steps"] = frames(state.steps[len(state.steps) - missed :])
            blobs["digest"] = digest(state.known).encode()
        else:
            blobs["parameters"] = state.parameters.astype("<f4").tobytes()
            if self.plan.local.control_variates:
                blobs["control"] = state.control.astype("<f4").tobytes()
        if self.plan.is_quantised:
            blobs["ranges"] = state.ranges.astype("<f4").tobytes()
        return blobs

    def update_of(self, message: Message) -> np.ndarray:
        """A home's update: members of the ring, or float32. Raises Rejected."""
        if not self.plan.is_quantised:
            return message.numbers("update", self.layout.size)
        n, bits = self.layout.size + len(self.layout.sizes), self.plan.ring_bits
        return ring.unpack(message.blob("update", ring.packed_length(n, bits)), n, bits)

    def plain_sum(self) -> tuple[np.ndarray, list[str]]:
        """The sum of updates that the server sees one by one, and of whom; of a median, that times their number."""
        contents: dict[str, tuple[dict, dict]] = dict.fromkeys(self.report.asked, (self.known, self.model()))
        updates = self.take(self.ask(TRAIN, UPDATE, contents, 4 * self.layout.size), self.update_of)
        if len(updates) < self.plan.fewest_homes:
            raise TooFew(f"{len(updates)} updates came, {self.plan.fewest_homes} are needed")
        values = np.stack([updates[name] for name in sorted(updates)])
        if self.plan.is_quantised:
            values = ring.centred(values, self.plan.bits)
        if self.plan.aggregate == MEDIAN:
            middle = np.median(values, axis=0)[: self.layout.size] * len(values)
            scale = scales(self.layout, self.state.ranges, self.plan.bits) if self.plan.is_quantised else 1.0
            return middle * scale, sorted(updates)
        return values.sum(axis=0), sorted(updates)

    def masked_sum(self) -> tuple[np.ndarray, list[str]]:
        """The sum of updates of which the server sees none, and of whom. Raises TooFew."""
        plan = self.plan
        signed = self.signed_keys()
        if len(signed) < plan.fewest_homes:
            raise TooFew(f"{len(signed)} homes came, {plan.fewest_homes} are needed")
        knows = {name: message.value("knows", int) for name, (message, _) in signed.items()}
        members = {name: message.blob("mask_key", KEY_BYTES) for name, (message, _) in signed.items()}
        collector = Collector(self.run, self.state.round, members, plan.ring_bits)
        shares = self.shares(collector, frames(data for _, (_, data) in sorted(signed.items())))
        contents: dict[str, tuple[dict, dict]] = {
            name: ({}, {**self.model(knows[name]), "shares": framed_pairs({s: of[name] for s, of in shares.items()})})
            for name in collector.sharers
        }
        collector.updates = self.take(self.ask(TRAIN, UPDATE, contents, 4 * self.layout.size), self.update_of)
        collector.still_enough(len(collector.updates), "training")
        self.unmask(collector)
        total = collector.total()
        if np.abs(total).max() > len(collector.updates) * largest(plan.bits):
            raise TooFew("the sum is larger than honest updates can be: a home sent what is no update")
        return total, sorted(collector.updates)

    def signed_keys(self) -> dict[str, tuple[Message, bytes]]:
        """Keys of the homes that take part, and the bytes that they signed."""
        seen: dict[str, bytes] = {}
        exchange = self.exchange

        def kept(kind: str, messages: dict[str, bytes]) -> dict[str, bytes]:
            seen.update(exchange(kind, messages))
            return seen

        self.exchange = kept
        try:
            answers = self.ask(BEGIN, masking.KEYS, {name: (self.known, {}) for name in self.report.asked}, 0)
        finally:
            self.exchange = exchange

        def whole(message: Message) -> Message:
            for key in ("mask_key", "share_key"):
                message.blob(key, KEY_BYTES)
            message.value("knows", int)
            return message

        return {name: (message, seen[name]) for name, message in self.take(answers, whole).items()}

    def shares(self, collector: Collector, signed: bytes) -> dict[str, dict[str, bytes]]:
        """Sealed shares of each member that sent one for every member."""

        def for_all(message: Message) -> dict[str, bytes]:
            found = unframed_pairs(message.blob("shares"))
            if found.keys() != collector.members.keys():
                raise Rejected("shares for other homes than those of the round")
            return found

        contents: dict[str, tuple[dict, dict]] = {name: ({}, {"keys": signed}) for name in collector.names}
        shares = self.take(self.ask(MEMBERS, masking.SHARES, contents, 0), for_all)
        collector.still_enough(len(shares), "sharing")
        collector.sharers = sorted(shares)
        return shares

    def unmask(self, collector: Collector) -> None:
        """Let the survivors agree on who they are, and reveal what takes the masks off."""
        survivors = sorted(collector.updates)
        contents: dict[str, tuple[dict, dict]] = {name: ({"survivors": survivors}, {}) for name in survivors}
        agreed = self.ask(masking.SURVIVORS, masking.SURVIVORS, contents, 0)
        signatures = self.take(agreed, lambda message: message.blob("signature", SIGNATURE_BYTES))
        collector.still_enough(len(signatures), "agreeing on the survivors")
        contents = {name: ({}, {"signatures": framed_pairs(signatures)}) for name in signatures}
        revealed = self.ask(UNMASK, masking.REVEALED, contents, 0)
        shares = self.take(revealed, lambda message: unframed_pairs(message.blob("shares")))
        for name, of in shares.items():
            try:
                collector.take_revealed(name, of)
            except Rejected as reason:
                self.report.rejected.append(f"{name}: {reason}")
        collector.still_enough(len(collector.revealed), "revealing")
