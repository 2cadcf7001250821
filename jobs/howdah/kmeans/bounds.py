"""How far centroids may move before any label can change: what saves a scan that finds nothing.

A point whose second nearest centroid is more than twice as far beyond its nearest one as any
centroid moves keeps its label, by the triangle inequality (as in G. Hamerly, Making k-means even
faster, SDM 2010). Where all points have that much room, a scan has measured its new centroids too:
the same labels, hence the same sums, hence centroids that move no more. Of dense points only.
"""

from __future__ import annotations

import numpy as np

from howdah.lengths import squared_distances, squared_lengths

# Of the least distance between two centroids: where clusters stand apart, seeds from a sample move
# less, and no point is so near to the middle between two.
SHARE = 1 / 16
# Columns of the data have a range of at most 1; of centroids beyond this the squares overflow.
FAR = 2.0 ** 50
# Squared distances at a time.
PIECE_VALUES = 1 << 19


class MoveBound:
    """The moves of centroids that leave the labels of all points seen as they are.

    `radius` is in metric units: up to it every centroid may move. It falls to 0 with the first
    point that does not have that room, and the others are no longer asked, so data whose clusters
    touch hardly pay.
    """

    def __init__(self, radius: float):
        """The room to ask for, 0 for none: `wanted`."""
        self.radius = radius

    def margin(self, squares: np.ndarray) -> np.ndarray:
        """By how much half of another centroid's squared distance must exceed half the least one.

        squares (n,), the squared distances s**2 to the nearest centroid: (s + 2 radius)**2 / 2 -
        s**2 / 2.
        """
        return 2.0 * self.radius * (np.sqrt(np.maximum(squares, 0.0)) + self.radius)


def wanted(metric: np.ndarray) -> float:
    """The radius that is worth asking for, of centroids (k, d) in metric units."""
    return SHARE * least_gap(metric)


def least_gap(centroids: np.ndarray) -> float:
    """About the least distance between two of the centroids (k, d), or less; FAR for one."""
    # To clip brings no two of them farther apart.
    centroids = np.clip(centroids, -FAR, FAR)
    # Not infinity: records are JSON, which has none.
    gap, step = FAR ** 2, max(1, PIECE_VALUES // len(centroids))
    for start in range(0, len(centroids), step):
        part = np.arange(start, min(start + step, len(centroids)))
        squares = squared_distances(centroids[part], centroids)
        squares[part - start, part] = np.inf
        gap = min(gap, float(squares.min()))
    return float(np.sqrt(max(gap, 0.0)))


def longest_move(before: np.ndarray, after: np.ndarray) -> float:
    """The longest way of a centroid, from and to (k, d)."""
    moves = after - before
    return float(np.sqrt(squared_lengths(moves).max()))
