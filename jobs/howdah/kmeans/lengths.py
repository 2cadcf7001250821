"""Lengths of rows and distances between them in plain float64: seeds, bounds, constants.

What is measured of a point for its label and cost is added in an order of its own (`grid`,
`distances`), so that it does not depend on the batch.
"""

from __future__ import annotations

import numpy as np


def squared_lengths(X: np.ndarray) -> np.ndarray:
    """Of the rows of X (n, d): (n,)."""
    return np.einsum("ij,ij->i", X, X)


def unit_rows(X: np.ndarray) -> np.ndarray:
    """The rows of X (n, d) at length 1; rows of zeros stay."""
    lengths = np.sqrt(squared_lengths(X))
    return X / np.where(lengths > 0, lengths, 1.0)[:, None]


def squared_distances(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Of every row of A (m, d) to every one of B (n, d), by a product: (m, n), not below 0 by
    more than rounding."""
    return squared_lengths(A)[:, None] + squared_lengths(B) - 2.0 * (A @ B.T)
