"""A home's side of a masked round: what it sends is uniform noise to whoever does not see all of it summed.

Bonawitz et al., "Practical Secure Aggregation for Privacy-Preserving Machine Learning", 2017, the variant against a
server that lies. Five exchanges: keys, shares, update, agreement on who is in the sum, shares of what takes the masks
away. A home says of another either its own mask's share or its pairwise key's share, never both, and only for a list of
survivors that a quorum of homes has signed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from training.federated import keys, ring
from training.federated.messages import Message, Rejected, decode, frames, sender_of, unframed

KEYS, SHARES, SURVIVORS, REVEALED = "keys", "shares", "survivors", "revealed"
KEYS_AT_MOST = 4096  # bytes of a home's message
SELF, PAIR = b"S", b"P"  # of which secret a share is


def threshold(homes: int) -> int:
    """How many must sign and reveal: more than two thirds, so that no two lists of survivors can both be signed."""
    return 2 * homes // 3 + 1


@dataclass
class Member:
    """What a home knows of one masked round. Secrets live for the round."""

    name: str
    run: str
    round: int
    mask_secret: bytes = field(default_factory=keys.new_secret)  # masks in pairs
    share_secret: bytes = field(default_factory=keys.new_secret)  # seals shares
    self_secret: bytes = field(default_factory=keys.new_secret)  # this home's own mask
    public: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)  # of each member: mask key, share key
    digest: str = ""  # of the members' signed keys
    sealed: dict[str, bytes] = field(default_factory=dict)  # shares that others have sealed for this home
    survivors: list[str] = field(default_factory=list)
    has_revealed: bool = False

    @property
    def threshold(self) -> int:
        """Of this round."""
        return threshold(len(self.public))

    def keys(self) -> dict[str, bytes]:
        """Exchange 1: both public keys."""
        return {"mask_key": keys.public_key(self.mask_secret), "share_key": keys.public_key(self.share_secret)}

    def shares(self, signed_keys: list[bytes], roster: dict[str, bytes], fewest: int) -> dict[str, bytes]:
        """Exchange 2: for each other member, its shares of this home's two secrets, sealed.

        signed_keys: every member's message of exchange 1, as the server passed it on. roster: the homes that this one
        knows, with their keys; not from the server. Raises Rejected for strangers, forgeries and too few.
        """
        self.public = members(signed_keys, roster, self.run, self.round)
        if len(self.public) < fewest:
            raise Rejected(f"the round has {len(self.public)} homes, this one takes part among {fewest} at least")
        if self.public.get(self.name) != (keys.public_key(self.mask_secret), keys.public_key(self.share_secret)):
            raise Rejected("the server passes on other keys of this home, or none")
        self.digest = hashlib.sha256(frames(sorted(signed_keys))).hexdigest()
        names, of = sorted(self.public), {}
        for_self = keys.split_secret(self.self_secret, self.threshold, len(names))
        for_pair = keys.split_secret(self.mask_secret, self.threshold, len(names))
        for name, own, pair in zip(names, for_self, for_pair, strict=True):
            of[name] = keys.sealed(self.seal_key(self.name, name), own + pair, self.about(self.name, name))
        return of

    def seal_key(self, sender: str, receiver: str) -> bytes:
        """The key of the one text that sender seals for receiver in this round; this home is one of them."""
        other = self.public[receiver if sender == self.name else sender][1]
        return keys.agreed(self.share_secret, other, "shares", self.run, str(self.round), sender, receiver)

    def about(self, sender: str, receiver: str) -> bytes:
        """What sealed shares are bound to."""
        return json.dumps([self.run, self.round, self.digest, sender, receiver]).encode()

    def masked(self, values: np.ndarray, bits: int, sealed: dict[str, bytes]) -> np.ndarray:
        """Exchange 3: values (n,) in the ring under every mask; sealed: the shares from each home that sent some."""
        if not set(sealed) <= set(self.public) or len(sealed) < self.threshold or self.name not in sealed:
            raise Rejected(f"shares of {len(sealed)} of {len(self.public)} homes came, {self.threshold} are needed")
        self.sealed = dict(sealed)
        masked = ring.added(values, keys.mask(keys.derive(self.self_secret, "own mask"), len(values), bits), bits)
        for other in sorted(sealed):
            if other != self.name:
                key = pair_key(self.mask_secret, self.public[other][0], self.run, self.round, self.name, other)
                masked = with_pair_mask(masked, key, bits, self.name < other)
        return masked

    def agrees(self, survivors: Any) -> bytes:
        """Exchange 4: the text that this home signs, once: who is in the sum. Raises Rejected for what cannot be."""
        if self.survivors:
            raise Rejected("a second list of survivors in one round")
        names = survivors if isinstance(survivors, list) else []
        if any(not isinstance(name, str) or name not in self.sealed for name in names) or len(set(names)) < len(names):
            raise Rejected("the list of survivors names homes that are not in this round")
        if len(names) < self.threshold or self.name not in names:
            raise Rejected(f"{len(names)} survivors, {self.threshold} are needed and this home among them")
        self.survivors = sorted(names)
        return self.agreement()

    def agreement(self) -> bytes:
        """What is signed: this list of survivors of these members in this round."""
        return b"survivors\0" + json.dumps([self.run, self.round, self.digest, self.survivors]).encode()

    def revealed(self, signatures: dict[str, bytes], roster: dict[str, bytes]) -> dict[str, bytes]:
        """Exchange 5: of each survivor the share of its own mask, of each other the share of its pairwise secret.

        signatures: of the survivors' list by so many survivors. Raises Rejected without a quorum, and the second time.
        """
        if self.has_revealed or not self.survivors:
            raise Rejected("shares are revealed once in a round, after the survivors are agreed on")
        text = self.agreement()
        signed = [name for name in self.survivors if keys.is_signed(text, signatures.get(name, b""), roster[name])]
        if len(signed) < self.threshold:
            raise Rejected(f"{len(signed)} homes have signed this list of survivors, {self.threshold} must have")
        self.has_revealed = True
        found = {}
        for sender, text in self.sealed.items():
            try:
                both = keys.opened(self.seal_key(sender, self.name), text, self.about(sender, self.name))
            except ValueError:
                continue  # a home that sealed nonsense: the others' shares must do
            is_in = sender in self.survivors
            found[sender] = SELF + both[: keys.SECRET_BYTES] if is_in else PAIR + both[keys.SECRET_BYTES :]
        return found


def members(
    signed_keys: list[bytes], roster: dict[str, bytes], run: str, number: int
) -> dict[str, tuple[bytes, bytes]]:
    """Each member's two public keys, of their signed messages. Raises Rejected for whoever is not on the roster."""
    found: dict[str, tuple[bytes, bytes]] = {}
    for data in signed_keys:
        message = decode_signed(data, roster, KEYS_AT_MOST)
        if (message.kind, message.run, message.round) != (KEYS, run, number):
            raise Rejected(f"keys of {message.sender} are of another round: replayed")
        if message.sender in found:
            raise Rejected(f"keys of {message.sender} come twice")
        found[message.sender] = message.blob("mask_key", keys.KEY_BYTES), message.blob("share_key", keys.KEY_BYTES)
    if len(set(found.values())) < len(found):
        raise Rejected("two homes have the same keys")
    return found


def decode_signed(data: bytes, roster: dict[str, bytes], at_most: int) -> Message:
    """A message that a home of the roster has signed. Raises Rejected."""
    if len(data) > at_most:
        raise Rejected(f"oversized: {len(data)} bytes, at most {at_most} are expected")
    sender = sender_of(data[: -keys.SIGNATURE_BYTES])
    if sender not in roster:
        raise Rejected(f"{sender[:40]!r} is not on the roster of homes")
    return decode(data, at_most, roster[sender])


def pair_key(secret: bytes, public: bytes, run: str, number: int, one: str, other: str) -> bytes:
    """The key of the mask that two homes share in a round; the same from either side."""
    return keys.agreed(secret, public, "mask", run, str(number), *sorted((one, other)))


def with_pair_mask(values: np.ndarray, key: bytes, bits: int, is_first: bool) -> np.ndarray:
    """The first of a pair adds their mask, the other takes it away."""
    mask = keys.mask(key, len(values), bits)
    return ring.added(values, mask if is_first else ring.to_ring(-mask.astype(np.int32), bits), bits)


def framed_pairs(of: dict[str, bytes]) -> bytes:
    """Names and byte strings as one byte string."""
    return frames(part for name in sorted(of) for part in (name.encode(), of[name]))


def unframed_pairs(data: bytes) -> dict[str, bytes]:
    """What framed_pairs() made. Raises Rejected."""
    parts = unframed(data)
    if len(parts) % 2:
        raise Rejected("malformed: a name without its bytes")
    return {name.decode(errors="replace"): value for name, value in zip(parts[::2], parts[1::2], strict=True)}
