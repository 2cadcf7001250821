"""How many rounds the textbook's k-means takes, found in memory: the same rounds, without jobs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas

TOL = 1e-4
BATCH = 8192


def rounds_to(csv: Path, start: np.ndarray, enough: float, most: int = 100) -> tuple:
    """(rounds, cost) of Lloyd's rounds over a CSV file from `start` (k, d).

    They end at a cost of at most `enough`, or by scikit-learn's rule (the squared moves add up to
    1e-4 of a column's variance): from a poor start Lloyd's rounds never come to that cost. The
    round that would find that out is not counted.
    """
    X = pandas.read_csv(csv, header=None, dtype=np.float64).to_numpy()
    centroids, still = start, TOL * X.var(axis=0).mean()
    for rounds in range(most + 1):
        moved, cost = lloyd_round(X, centroids)
        if cost <= enough or ((moved - centroids) ** 2).sum() <= still:
            break
        centroids = moved
    return rounds, cost


def lloyd_round(X: np.ndarray, C: np.ndarray) -> tuple:
    """The means (k, d) of the points nearest to each centroid, empty ones kept, and C's cost."""
    sums, counts, cost = np.zeros(C.shape), np.zeros(len(C)), 0.0
    half_norms = np.einsum("ij,ij->i", C, C)[:, None] / 2
    for start in range(0, len(X), BATCH):
        part = X[start:start + BATCH]
        labels = (half_norms - C @ part.T).argmin(axis=0)
        rest = part - C[labels]
        cost += float(np.einsum("ij,ij->", rest, rest))
        counts += np.bincount(labels, minlength=len(C))
        sums += np.stack([np.bincount(labels, column, minlength=len(C)) for column in part.T], 1)
    return np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], C), cost
