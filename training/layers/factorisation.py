"""Matrices as tensor trains: into which factors their sides are split, and the cores of a given matrix.

A matrix W (N, M) with N = n_1 ... n_d, M = m_1 ... m_d is held as d cores G_k (r_{k-1}, n_k, m_k, r_k), r_0 = r_d = 1:

    W[(i_1 ... i_d), (j_1 ... j_d)] = G_1[:, i_1, j_1, :] ... G_d[:, i_d, j_d, :]

with the first factor the slowest in both indices. Oseledets, "Tensor-Train Decomposition", 2011; Novikov et al.,
"Tensorizing Neural Networks", 2015.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edge.errors import UserError

NAMED = 3  # nearest factorisations in an error


@dataclass(frozen=True)
class TensorTrain:
    """The shape of a matrix as a tensor train. ranks: r_0 ... r_d, each no larger than can be needed."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    ranks: tuple[int, ...]

    @property
    def cores(self) -> list[tuple[int, int, int, int]]:
        """The shape of each core."""
        return list(zip(self.ranks, self.rows, self.columns, self.ranks[1:], strict=False))

    @property
    def parameters(self) -> int:
        """Numbers in all cores."""
        return sum(math.prod(core) for core in self.cores)

    @property
    def multiply_adds(self) -> int:
        """Of one vector's product with the matrix, core by core from the left, which never makes the matrix."""
        done, rest, total = 1, math.prod(self.rows), 0
        for left, n, m, right in self.cores:
            rest //= n
            total += done * rest * left * n * m * right
            done *= m
        return total


def tensor_train(
    n_rows: int,
    n_columns: int,
    cores: int,
    rank: int | Sequence[int],
    rows: Sequence[int] = (),
    columns: Sequence[int] = (),
) -> TensorTrain:
    """The tensor train of a matrix (n_rows, n_columns) of so many cores.

    rank: of every bond between cores, or one for each of them; what is more than a bond can need is cut to that.
    rows, columns: the factors; none given: the most even ones. Raises UserError for what cannot be.
    """
    rows = checked_factors("rows", n_rows, rows, cores)
    columns = checked_factors("columns", n_columns, columns, cores)
    wanted = [rank] * (cores - 1) if isinstance(rank, int) else list(rank)
    if len(wanted) != cores - 1:
        raise UserError(f"rank is {wanted}: {cores} cores have {cores - 1} ranks between them, give as many, or one")
    if min([1, *wanted]) < 1:
        raise UserError(f"rank is {min(wanted)}, it must be at least 1")
    sizes = [n * m for n, m in zip(rows, columns, strict=True)]
    most = [min(math.prod(sizes[:k]), math.prod(sizes[k:])) for k in range(1, cores)]
    return TensorTrain(rows, columns, (1, *(min(pair) for pair in zip(wanted, most, strict=True)), 1))


def checked_factors(name: str, size: int, factors: Sequence[int], cores: int) -> tuple[int, ...]:
    """The factors given, or the most even ones. Raises UserError that names the nearest when they do not multiply."""
    if cores < 1:
        raise UserError(f"cores is {cores}, it must be at least 1")
    if not factors:
        return factorise(size, cores)
    factors = tuple(factors)
    if math.prod(factors) == size and len(factors) == cores:
        return factors
    near = " or ".join(" x ".join(map(str, f)) for f in nearest_factorisations(size, cores, factors))
    given = " x ".join(map(str, factors))
    if len(factors) != cores:
        raise UserError(f"{name} is {given}: {len(factors)} factors for {cores} cores; {size} is {near}")
    raise UserError(f"{name} is {given}, which is {math.prod(factors)} and not {size}: {near} would be")


def factorise(size: int, n: int) -> tuple[int, ...]:
    """The n factors of a size, ascending, whose shares of their sum have the largest entropy: 3072 is 6 x 8 x 8 x 8."""
    return max(factorisations(size, n), key=lambda factors: (entropy(factors), factors))


def entropy(factors: Sequence[int]) -> float:
    """Of the factors' shares of their sum, in nats."""
    shares = np.array(factors) / sum(factors)
    return round(float(-(shares * np.log(shares)).sum()), 12)


def factorisations(size: int, n: int, least: int = 1) -> Iterator[tuple[int, ...]]:
    """Every way to write a size as a product of n factors, ascending."""
    if n == 1:
        if size >= least:
            yield (size,)
        return
    for factor in range(least, int(round(size ** (1 / n))) + 2):
        if size % factor == 0:
            for others in factorisations(size // factor, n - 1, factor):
                yield (factor, *others)


def nearest_factorisations(size: int, n: int, given: Sequence[int]) -> list[tuple[int, ...]]:
    """The few factorisations whose logarithms are nearest to those given; the most even ones for another number."""
    every = list(factorisations(size, n))
    if len(given) != n or min(given) < 1:
        return sorted(every, key=entropy, reverse=True)[:NAMED]
    target = np.log(sorted(given))
    return sorted(every, key=lambda factors: float(np.abs(np.log(factors) - target).sum()))[:NAMED]


def tt_svd(matrix: np.ndarray, shape: TensorTrain) -> list[np.ndarray]:
    """The cores (r, n, m, r') nearest to a matrix, bond by bond, by singular values; float64. Exact at full ranks.

    (Oseledets, 2011, algorithm 1.)
    """
    d = len(shape.rows)
    tensor = np.asarray(matrix, np.float64).reshape(shape.rows + shape.columns)
    order = [axis for k in range(d) for axis in (k, d + k)]
    rest = tensor.transpose(order)
    cores = []
    for left, n, m, right in shape.cores[:-1]:
        u, s, vt = np.linalg.svd(rest.reshape(left * n * m, -1), full_matrices=False)
        cores.append(u[:, :right].reshape(left, n, m, right))
        rest = s[:right, None] * vt[:right]
    left, n, m, _ = shape.cores[-1]
    return [*cores, rest.reshape(left, n, m, 1)]


def dense_of(cores: Sequence[np.ndarray]) -> np.ndarray:
    """The matrix (N, M) of its cores."""
    whole = cores[0][0]  # (n, m, r)
    for core in cores[1:]:
        whole = np.einsum("abr,rnms->anbms", whole, core)
        a, n, b, m, s = whole.shape
        whole = whole.reshape(a * n, b * m, s)
    return whole[..., 0]


def initial_deviation(n_rows: int, n_columns: int, shape: TensorTrain) -> float:
    """Standard deviation of every core's entries that gives the matrix that of Glorot, sqrt(2 / (N + M))."""
    d = len(shape.rows)
    whole = math.sqrt(2 / (n_rows + n_columns))
    return whole ** (1 / d) * math.prod(shape.ranks) ** (-1 / (2 * d))
