"""Cryptography of masked rounds, all of it of libraries: `cryptography` and pycryptodome.

Ed25519 says who a home is; X25519 agrees on secrets in pairs; HKDF-SHA-256 derives from them; ChaCha20's key stream is
what masks are made of; ChaCha20-Poly1305 seals shares on their way; Shamir's scheme makes the shares. Secrets are of 16
bytes, as the shares are: 128 bits, the strength of X25519.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import numpy as np
from Crypto.Protocol.SecretSharing import Shamir
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SECRET_BYTES = 16
KEY_BYTES = 32
SIGNATURE_BYTES = 64
NO_NONCE = bytes(16)  # every key masks once
Share = tuple[int, bytes]


class Identity:
    """A home's signing key, for as long as it takes part. Its public part is on the roster that every home has."""

    def __init__(self, private: bytes | None = None):
        """private: 32 bytes, default new ones."""
        self._key = Ed25519PrivateKey.from_private_bytes(private) if private else Ed25519PrivateKey.generate()
        self.public: bytes = self._key.public_key().public_bytes_raw()

    @property
    def private(self) -> bytes:
        """To be kept where only the home can read it."""
        return self._key.private_bytes_raw()

    def sign(self, text: bytes) -> bytes:
        """64 bytes."""
        return self._key.sign(text)


def is_signed(text: bytes, signature: bytes, public: bytes) -> bool:
    """Whether the signature is of this text, by the owner of the public key."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True


def new_secret() -> bytes:
    """16 bytes from the system's source."""
    return secrets.token_bytes(SECRET_BYTES)


def derive(secret: bytes, *purpose: str) -> bytes:
    """A 32-byte key of a secret, another for each purpose."""
    info = "\0".join(("cry-monitor federation", *purpose)).encode()
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=info).derive(secret)


def public_key(secret: bytes) -> bytes:
    """The X25519 public key of a 16-byte secret."""
    return agreement_key(secret).public_key().public_bytes_raw()


def agreement_key(secret: bytes) -> X25519PrivateKey:
    """The X25519 private key of a 16-byte secret."""
    return X25519PrivateKey.from_private_bytes(derive(secret, "X25519"))


def agreed(secret: bytes, public: bytes, *purpose: str) -> bytes:
    """The 32-byte key that the owner of the secret and the owner of the public key share. Raises ValueError."""
    return derive(agreement_key(secret).exchange(X25519PublicKey.from_public_bytes(public)), *purpose)


def mask(key: bytes, n: int, bits: int) -> np.ndarray:
    """n members of the ring of 2^bits, (n,) uint16, uniform: as many bits of the key's stream."""
    stream = Cipher(algorithms.ChaCha20(key, NO_NONCE), mode=None).encryptor().update(bytes(2 * n))
    return np.frombuffer(stream, "<u2") & np.uint16((1 << bits) - 1)


def sealed(key: bytes, text: bytes, about: bytes) -> bytes:
    """Encrypted and authenticated together with what it is about; the key must be for this text alone."""
    return ChaCha20Poly1305(key).encrypt(bytes(12), text, about)


def opened(key: bytes, text: bytes, about: bytes) -> bytes:
    """What sealed() sealed. Raises ValueError when it is not of this key or not about this."""
    try:
        return ChaCha20Poly1305(key).decrypt(bytes(12), text, about)
    except InvalidTag as error:
        raise ValueError("a sealed share was changed on its way") from error


def split_secret(secret: bytes, threshold: int, homes: int) -> list[bytes]:
    """Shares of a 16-byte secret, the k-th for place k + 1; `threshold` of them give it back."""
    return [share for _, share in Shamir.split(threshold, homes, secret)]


def joined_secret(shares: Sequence[Share]) -> bytes:
    """The secret of (place, share) pairs, as many as the threshold was."""
    return Shamir.combine(list(shares))
