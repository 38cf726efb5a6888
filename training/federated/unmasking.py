"""The server's side of a masked round: it passes messages on, and takes the masks off the sum, never off an update."""

from __future__ import annotations

import numpy as np

from training.federated import keys, ring
from training.federated.masking import PAIR, SELF, pair_key, threshold, with_pair_mask
from training.federated.messages import Rejected


class TooFew(Exception):
    """A round that cannot be finished: too few homes are left, or what came does not fit together."""


class Collector:
    """What the server collects of one masked round. members: each one's public mask key."""

    def __init__(self, run: str, number: int, members: dict[str, bytes], bits: int):
        self.run, self.round, self.members, self.bits = run, number, members, bits
        self.names = sorted(members)
        self.sharers: list[str] = []
        self.updates: dict[str, np.ndarray] = {}
        self.revealed: dict[str, dict[str, bytes]] = {}

    @property
    def threshold(self) -> int:
        """How many homes must be left at every step."""
        return threshold(len(self.members))

    def still_enough(self, homes: int, doing: str) -> None:
        """Raise TooFew when too few homes came to here."""
        if homes < self.threshold:
            raise TooFew(f"{homes} of {len(self.members)} homes are left after {doing}, {self.threshold} are needed")

    def take_revealed(self, sender: str, shares: dict[str, bytes]) -> None:
        """Shares that a survivor reveals. Raises Rejected for a share of the wrong kind or length."""
        for owner, share in shares.items():
            wanted = SELF if owner in self.updates else PAIR
            if owner not in self.members or share[:1] != wanted or len(share) != 1 + keys.SECRET_BYTES:
                raise Rejected(f"a share of {owner[:40]!r} that is of no use")
        self.revealed[sender] = {owner: share[1:] for owner, share in shares.items()}

    def total(self) -> np.ndarray:
        """The sum of all updates that came, (n,) int32: exactly that of the whole numbers that were masked."""
        n = len(next(iter(self.updates.values())))
        total = np.zeros(n, np.uint16)
        for values in self.updates.values():
            total = ring.added(total, values, self.bits)
        for name in self.updates:
            own = keys.mask(keys.derive(self.secret_of(name), "own mask"), n, self.bits)
            total = ring.added(total, ring.to_ring(-own.astype(np.int32), self.bits), self.bits)
        for name in self.sharers:
            if name not in self.updates:
                total = self.without_masks_of(name, total)
        return ring.centred(total, self.bits)

    def without_masks_of(self, dropped: str, total: np.ndarray) -> np.ndarray:
        """Without what the others have masked their updates with for a home whose own did not come."""
        secret = self.secret_of(dropped)
        if keys.public_key(secret) != self.members[dropped]:
            raise TooFew(f"the shares of {dropped} do not fit its key; somebody revealed a wrong one")
        for name in self.updates:
            key = pair_key(secret, self.members[name], self.run, self.round, name, dropped)
            total = with_pair_mask(total, key, self.bits, not name < dropped)
        return total

    def secret_of(self, owner: str) -> bytes:
        """A secret of the first shares of it that came, as many as are needed."""
        shares = [
            (self.names.index(sender) + 1, of[owner]) for sender, of in sorted(self.revealed.items()) if owner in of
        ]
        if len(shares) < self.threshold:
            raise TooFew(f"{len(shares)} shares of a secret of {owner} came, {self.threshold} are needed")
        return keys.joined_secret(shares[: self.threshold])
