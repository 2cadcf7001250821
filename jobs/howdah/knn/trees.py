"""Candidates from scikit-learn's trees, with what they may miss by rounding."""

from __future__ import annotations

from typing import Iterator

import numpy as np

from howdah.knn.search import Search

MOST_PAIRS = 1 << 20
UNIT = float(np.finfo(np.float64).eps)
# Below about this a tree's squares have lost digits, and below 1e-162 they are 0.
VANISHING = 1e-160


class Tree(Search):
    """A fitted NearestNeighbors whose method is kd_tree or ball_tree.

    A tree measures row by row in float64 and prunes by the distance of a query from a node, so it
    errs by a few units of the query's distance from the farthest point, no more.
    """

    def __init__(self, fitted):
        self.fitted = fitted
        self.tree = fitted._tree
        _, _, nodes, bounds = self.tree.get_arrays()
        bounds = np.asarray(bounds)
        self.centre = bounds[:, 0].mean(axis=0)
        self.radius = float(np.asarray(nodes)[0]["radius"])
        self.unit = 8 * (bounds.shape[2] + 16) * UNIT

    def nearest(self, Q, k: int):
        distances, positions = self.fitted.kneighbors(Q, k)
        reach = distances[:, -1]
        if k >= self.fitted.n_samples_fit_:
            reach = np.full(len(positions), np.inf)
        return positions, (Q, reach)

    def proves(self, reach, t: np.ndarray) -> np.ndarray:
        Q, lowest = reach
        return (lowest == np.inf) | (lowest > self._limit(Q, t))

    def within(self, Q, t: np.ndarray) -> Iterator[tuple]:
        radii = self._limit(Q, t)
        counts = self.tree.query_radius(Q, radii, count_only=True)
        piece = (np.cumsum(counts) - counts) // MOST_PAIRS
        for number in np.unique(piece):
            rows = np.flatnonzero(piece == number)
            found = self.tree.query_radius(Q[rows], radii[rows])
            lengths = [len(positions) for positions in found]
            yield np.repeat(rows, lengths), np.concatenate(list(found))

    def _limit(self, Q, t: np.ndarray) -> np.ndarray:
        extent = np.abs(Q - self.centre).sum(axis=1) + self.radius
        return t + self.unit * (t + extent) + VANISHING * np.sqrt(Q.shape[1])
