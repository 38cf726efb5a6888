"""Whole numbers in a ring of 2^bits, packed without a gap: (n,) uint16 <-> ceil(n bits / 8) bytes."""

from __future__ import annotations

import numpy as np

WIDEST = 16  # bits


def ring_bits(largest: int, homes: int) -> int:
    """The fewest bits in which a sum of so many numbers from -largest to largest can be told from any other."""
    return int(homes * largest).bit_length() + 1


def to_ring(values: np.ndarray, bits: int) -> np.ndarray:
    """Signed whole numbers as members of the ring, uint16."""
    return (np.asarray(values).astype(np.int64) & ((1 << bits) - 1)).astype(np.uint16)


def centred(values: np.ndarray, bits: int) -> np.ndarray:
    """Members of the ring as whole numbers from -2^(bits - 1) on, int32."""
    signed = values.astype(np.int32)
    return np.where(signed >= 1 << (bits - 1), signed - (1 << bits), signed)


def added(one: np.ndarray, other: np.ndarray, bits: int) -> np.ndarray:
    """The sum in the ring; uint16 overflows into multiples of 2^bits, which the mask takes away."""
    return (one + other) & np.uint16((1 << bits) - 1)


def packed_length(n: int, bits: int) -> int:
    """Bytes of n numbers."""
    return -(-n * bits // 8)


def pack(values: np.ndarray, bits: int) -> bytes:
    """Members of the ring, most significant bit first."""
    as_bits = np.unpackbits(values.astype(">u2").view(np.uint8).reshape(-1, 2), axis=1)
    return np.packbits(as_bits[:, WIDEST - bits :]).tobytes()


def unpack(packed: bytes, n: int, bits: int) -> np.ndarray:
    """What pack() packed; len(packed) must be packed_length(n, bits)."""
    as_bits = np.zeros((n, WIDEST), np.uint8)
    as_bits[:, WIDEST - bits :] = np.unpackbits(np.frombuffer(packed, np.uint8), count=n * bits).reshape(n, bits)
    return np.packbits(as_bits, axis=1).view(">u2").ravel().astype(np.uint16)
