"""Lengths of rows and distances between them in plain float64: seeds, bounds, constants.

What is measured of a point for its label and cost is added in an order of its own (`grid`,
`distances`), so that it does not depend on the batch.

A square leaves float64 where its root is well inside: rows whose squares come out near the ends of
the range are measured again, times a power of two, which rounds nothing. So a length is right for
rows of any magnitude, and the others keep their bits and their speed.
"""

from __future__ import annotations

import numpy as np

from howdah.sparse import is_sparse, with_values

# Sums of squares between these have lost nothing of note to underflow, and are far from overflow.
LEAST_SQUARE, LARGEST_SQUARE = 1e-200, 1e200


def squared_lengths(X) -> np.ndarray:
    """Of the rows of X (n, d), dense or CSR: float64 (n,), not added in a fixed order."""
    if is_sparse(X):
        return np.asarray(X.multiply(X).sum(axis=1), dtype=np.float64).ravel()
    return np.einsum("ij,ij->i", X, X, dtype=np.float64)


def lengths(X) -> np.ndarray:
    """Of the rows of X (n, d), dense or CSR, of any magnitude: float64 (n,)."""
    with np.errstate(over="ignore", invalid="ignore"):
        squares = squared_lengths(X)
        found = np.sqrt(squares)
    odd = extreme(squares)
    if len(odd):
        Y, exponents = scaled(X[odd])
        found[odd] = np.ldexp(np.sqrt(squared_lengths(Y)), exponents)
    return found


def unit_rows(X):
    """The rows of X (n, d), dense or CSR, at length 1, whatever theirs is; rows of zeros stay."""
    with np.errstate(over="ignore", invalid="ignore"):
        squares = squared_lengths(X)
    odd = extreme(squares)
    if len(odd):
        exponents = np.zeros(len(squares), dtype=np.int64)
        exponents[odd] = row_exponents(X[odd])
        X = by_powers(X, -exponents)
        squares = squared_lengths(X)
    divisors = np.sqrt(squares)
    divisors[divisors == 0] = 1.0
    if is_sparse(X):
        return with_values(X, X.data / np.repeat(divisors, np.diff(X.indptr)))
    return X / divisors[:, None]


def extreme(squares: np.ndarray, least: float = LEAST_SQUARE,
            largest: float = LARGEST_SQUARE) -> np.ndarray:
    """Which of these squared lengths (n,) are too near to the ends of float64 to be trusted."""
    return np.flatnonzero(~((squares > least) & (squares < largest)))


def scaled(X) -> tuple:
    """Rows times powers of two that bring their largest value to [0.5, 1), and its exponents."""
    exponents = row_exponents(X)
    return by_powers(X, -exponents), exponents


def row_exponents(X) -> np.ndarray:
    """The smallest powers of two above the magnitudes of rows, dense or CSR: int (n,)."""
    if not is_sparse(X):
        return np.frexp(np.abs(X).max(axis=1, initial=0.0))[1]
    top = np.zeros(X.shape[0])
    np.maximum.at(top, np.repeat(np.arange(X.shape[0]), np.diff(X.indptr)), np.abs(X.data))
    return np.frexp(top)[1]


def by_powers(X, exponents: np.ndarray):
    """Rows of X times 2**exponents (n,), float64."""
    if not is_sparse(X):
        return np.ldexp(np.asarray(X, dtype=np.float64), exponents[:, None])
    return with_values(X, np.ldexp(np.asarray(X.data, dtype=np.float64),
                                   np.repeat(exponents, np.diff(X.indptr))))


def squared_distances(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Of every row of A (m, d) to every one of B (n, d), by a product: (m, n), not below 0 by
    more than rounding."""
    return squared_lengths(A)[:, None] + squared_lengths(B) - 2.0 * (A @ B.T)
