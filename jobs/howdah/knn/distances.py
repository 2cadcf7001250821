"""Distances of single pairs of rows in float64, always added up in the order of the columns.

A matrix product rounds differently for another shape of batch. These distances depend on nothing
but the two rows, dense or sparse, so whatever is ordered by them is ordered the same everywhere.
"""

from __future__ import annotations

from typing import Optional

import numpy as np

from howdah.errors import UserError
from howdah.lengths import LARGEST_SQUARE, LEAST_SQUARE, extreme, scaled
from howdah.sparse import is_sparse

METRICS = ("euclidean", "manhattan", "chebyshev", "cosine")
SPARSE_METRICS = ("euclidean", "manhattan", "cosine")
LARGEST = 1e150
# The product of two squared lengths must neither overflow nor lose digits.
SHORT_SQUARE, LONG_SQUARE = 1e-140, 1e140
BLOCK_VALUES = 1 << 15


def largest_value(metric: str) -> Optional[float]:
    """The magnitude up to which rows can be measured, None where any can."""
    return None if metric == "cosine" else LARGEST


def refuse_extremes(X, metric: str, what: str) -> None:
    """UserError where float64 distances would overflow; for cosine no length does."""
    if largest_value(metric) is None:
        return
    values = X.data if is_sparse(X) else X
    largest = max(values.max(initial=0), -values.min(initial=0))
    if not largest <= LARGEST:
        raise UserError("%s holds the value %r; distances need values of at most %g: scale the"
                        " columns." % (what, float(largest), LARGEST))


def pair_distances(Q, X, rows: np.ndarray, positions: np.ndarray, metric: str) -> np.ndarray:
    """Distance (K,) of query `rows[i]` of Q (m, d) from point `positions[i]` of X (n, d).

    Q and X are both dense or both CSR with sorted columns. Cosine is 1 - cosine of the angle,
    exactly 0 for equal rows, exactly 1 for rows without a common column and for a row of zeros.

    Pairs whose squares come near the ends of float64 are measured again times powers of two, which
    round nothing: distances are right from 5e-324 on.
    """
    pairwise = _sparse_block if is_sparse(X) else _dense_block
    step = max(1, BLOCK_VALUES // max(1, _values_per_row(Q, X)))
    out = np.empty(len(rows))
    for start in range(0, len(rows), step):
        block = slice(start, start + step)
        out[block] = pairwise(Q[rows[block]], X[positions[block]], metric)
    return out


def _values_per_row(Q, X) -> int:
    if not is_sparse(X):
        return X.shape[1]
    return (Q.nnz // max(1, Q.shape[0])) + (X.nnz // max(1, X.shape[0]))


def _dense_block(A: np.ndarray, B: np.ndarray, metric: str) -> np.ndarray:
    A = np.asarray(A, dtype=np.float64)
    B = np.asarray(B, dtype=np.float64)
    if metric == "cosine":
        return _cosine_block(A, B, lambda A, B: _in_order(A * B))
    difference = A - B
    if metric == "euclidean":
        return _euclidean(difference, lambda D: _in_order(np.multiply(D, D, out=D)),
                          lambda odd: A[odd] - B[odd])
    difference = np.abs(difference, out=difference)
    return _in_order(difference) if metric == "manhattan" else difference.max(axis=1)


def _sparse_block(A, B, metric: str) -> np.ndarray:
    if metric == "cosine":
        return _cosine_block(A, B, lambda A, B: _row_sums(A.multiply(B).tocsr()))
    difference = (A - B).tocsr()
    if metric == "euclidean":
        return _euclidean(difference, lambda D: _row_sums(D.multiply(D).tocsr()),
                          lambda odd: difference[odd])
    difference.data = np.abs(difference.data)
    return _row_sums(difference)


def _euclidean(difference, squares_of, some_again) -> np.ndarray:
    """Lengths of differences; `some_again` gives those of some pairs once more."""
    squares = squares_of(difference)
    found = np.sqrt(squares)
    odd = extreme(squares, LEAST_SQUARE, LARGEST_SQUARE)
    if len(odd):
        near, exponents = scaled(some_again(odd))
        found[odd] = np.ldexp(np.sqrt(squares_of(near)), exponents)
    return found


def _cosine_block(A, B, products) -> np.ndarray:
    """1 - cosine of pairs of rows, by the function that sums up their products."""
    with np.errstate(over="ignore", invalid="ignore"):
        squares, others = products(A, A), products(B, B)
        found = products(A, B)
    odd = np.union1d(extreme(squares, SHORT_SQUARE, LONG_SQUARE),
                     extreme(others, SHORT_SQUARE, LONG_SQUARE))
    if len(odd):
        near, other = scaled(A[odd])[0], scaled(B[odd])[0]
        found[odd] = products(near, other)
        squares[odd], others[odd] = products(near, near), products(other, other)
    return _cosine(found, squares, others)


def _in_order(values: np.ndarray) -> np.ndarray:
    """Row sums from the first column to the last: numpy's sum would add in pairs."""
    if values.shape[1] == 0:
        return np.zeros(len(values))
    return np.add.accumulate(values, axis=1)[:, -1]


def _row_sums(A) -> np.ndarray:
    """The same for CSR: bincount adds one after the other."""
    if not A.nnz:
        return np.zeros(A.shape[0])
    A.sort_indices()
    rows = np.repeat(np.arange(A.shape[0]), np.diff(A.indptr))
    return np.bincount(rows, A.data, minlength=A.shape[0])


def _cosine(products: np.ndarray, squares: np.ndarray, other_squares: np.ndarray) -> np.ndarray:
    # sqrt(a * a) is a in IEEE arithmetic, so equal rows come out at exactly 0.
    lengths = np.sqrt(squares * other_squares)
    similarity = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
    return np.clip(1 - similarity, 0.0, 2.0)
