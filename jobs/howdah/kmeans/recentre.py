"""The recentre step of Lloyd's algorithm: sum, count, divide; and what that says of a round.

S. Lloyd, Least squares quantization in PCM, 1982.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import numpy as np

from howdah.kmeans.bounds import longest_move
from howdah.kmeans.centroids import GridCentroids
from howdah.kmeans.grid import Space


@dataclass
class Recentred:
    """What a scan says of its centroids, and the centroids that follow from it.

    centroids  (k, d) raw units; an empty cluster keeps its old centroid
    weights    (k,) sums of sample weights; counts (k,) numbers of rows
    costs      (k,) inertia of every cluster about the scan's *input* centroids, user's units
    empty      labels of clusters without weight (or, for cosine, without direction)
    next       what a scan of the new centroids would say, where this one tells it
    """

    centroids: np.ndarray
    weights: np.ndarray
    counts: np.ndarray
    costs: np.ndarray
    empty: list
    next: Optional[Recentred] = None

    @property
    def cost(self) -> float:
        return float(np.sum(self.costs))


def recentre(sums, centroids: np.ndarray, space: Space, radius: float = 0.0) -> Recentred:
    """The recentre step: sum, count, divide; each mean is rounded once.

    sums       howdah.kmeans.sums.Sums of a scan with these centroids
    centroids  (k, d) raw units, the scan's input
    radius     how far centroids may move and all labels stay (see bounds), metric units

    An empty cluster moves to the farthest point that is not alone in its cluster, which leaves
    its old cluster, as in scikit-learn; without such a point it stays where it was.
    """
    old = GridCentroids.of(centroids, space)
    weights, counts, costs = sums.weights(), sums.counts.copy(), _costs(sums, old, space)
    empty = [label for label in range(len(old)) if sums.mean(label) is None]
    relocate(sums, empty)
    moved = np.array([centroid if mean is None else mean for mean, centroid in zip(
        map(sums.mean, range(len(centroids))), centroids)])
    result = Recentred(moved, weights, counts, costs, empty)
    if radius and not empty:
        new = GridCentroids.of(moved, space)
        if longest_move(old.metric, new.metric) <= radius:
            result.next = Recentred(moved, weights, counts, _costs(sums, new, space), [])
    return result


def relocate(sums, empty: list) -> None:
    """Give each empty cluster one of the farthest points of the others."""
    waiting = list(empty)
    for point in sums.farthest.points:
        if waiting and sums.counts[point["label"]] > 1 and point["label"] not in empty:
            sums.move_point(point, waiting.pop(0))


def _costs(sums, old: GridCentroids, space: Space) -> np.ndarray:
    """Inertia about `old`: sum of w ||x||**2 - 2 c.(sum of w x) + (sum of w) c.c, by cluster."""
    squares, linear = sums.squares(), sums.vectors() * space.scale
    weights = sums.weights()
    crossed = old.metric * (weights[:, None] * old.metric - 2 * linear)
    costs = squares + np.array([float(np.sum(row)) for row in crossed])
    return space.squared(np.maximum(costs, 0.0))


def shift(before: np.ndarray, after: np.ndarray, space: Optional[Space] = None) -> float:
    """Sum of the squared moves of all centroids, in raw or standardised units (cosine: raw)."""
    if space is None or space.cosine:
        return float(np.sum((after - before) ** 2))
    moves = (after - before) * space.rate * space.scale
    return float(np.sum(moves * moves)) * space.unit ** 2
