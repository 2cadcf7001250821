"""The k-NN oracle: plain loops over columns in float64, and a sort. Slow, and obviously right."""

from __future__ import annotations

from typing import Optional

import numpy as np


def distances(q: np.ndarray, X: np.ndarray, metric: str) -> np.ndarray:
    """Distance (n,) of one query (d,) from every row of X (n, d), columns added in their order."""
    total, squares, square = np.zeros(len(X)), np.zeros(len(X)), 0.0
    for j in range(X.shape[1]):
        difference = np.abs(q[j] - X[:, j])
        if metric == "euclidean":
            total += difference * difference
        elif metric == "manhattan":
            total += difference
        elif metric == "chebyshev":
            total = np.maximum(total, difference)
        else:
            total += q[j] * X[:, j]
            squares += X[:, j] * X[:, j]
            square += q[j] * q[j]
    if metric == "cosine":
        lengths = np.sqrt(square * squares)
        cosines = np.divide(total, lengths, out=np.zeros(len(X)), where=lengths > 0)
        return np.clip(1 - cosines, 0, 2)
    return np.sqrt(total) if metric == "euclidean" else total


def neighbours(q: np.ndarray, X: np.ndarray, metric: str, n: Optional[int] = None,
               radius: float = np.inf, excluded=()) -> tuple:
    """(positions, distances) of the n nearest within the radius, equal ones by position."""
    far = distances(q, X, metric)
    order = np.lexsort((np.arange(len(X)), far))
    order = order[(far[order] <= radius) & ~np.isin(order, np.asarray(excluded, dtype=int))][:n]
    return order, far[order]
