"""The classify step of Lloyd's algorithm: the label of every point's nearest centroid.

S. Lloyd, Least squares quantization in PCM, 1982. Every label is decided by the plain row-wise sum
of (x - c)**2 in float64, ties going to the lowest label, though nearly all rows need one float32
matrix product only.
"""

from __future__ import annotations

from typing import Optional

import numpy as np

from howdah.kmeans.bounds import MoveBound
from howdah.kmeans.centroids import GridCentroids
from howdah.kmeans.distances import pair_distances
from howdah.kmeans.points import GridPoints

# Products at a time, so that they stay in the processor's cache.
PRODUCT_VALUES = 1 << 19


def classify(points: GridPoints, centroids: GridCentroids,
             move_bound: Optional[MoveBound] = None) -> tuple[np.ndarray, np.ndarray]:
    """Label of every point's nearest centroid, intp (n,), and its distance; ties to the lowest.

    The distances (n,) are squared, in metric units, and approximate: exact ones are
    `pair_distances`. `move_bound` learns whether the labels have the room that it asks for.

    A product gives ||c||**2 / 2 - x.c with a known error bound. The centroids within twice the
    bound of the least are candidates; a point with one candidate is settled, the others are
    decided by their distances in float64. Distances that differ by no more than their rounding
    are ties, or the order of the columns would decide between equal ones.
    """
    labels, least = np.empty(len(points), dtype=np.intp), np.empty(len(points))
    bound = _bound(points, centroids)
    width = len(points) if points.sparse else max(256, PRODUCT_VALUES // len(centroids))
    for start in range(0, len(points), width):
        part = slice(start, start + width)
        near, least[part], open_pairs = _candidates(points, centroids, part, bound[part],
                                                    move_bound)
        if not open_pairs:
            labels[part] = (near.view(np.uint8) * centroids.labels).max(axis=0)
        else:
            labels[part] = _decided(points, centroids, near, start)
    return labels, points.norms + 2.0 * least


def _bound(points: GridPoints, centroids: GridCentroids) -> np.ndarray:
    """What two products of a row may differ by though neither is less, over the unit rounding.

    A dot product of length m errs by at most m u |x||c|, and |x||c| + |c|**2 / 2 is at most
    |x|**2 + |c|**2. Twice that bound separates two values; twice again leaves room for the
    rounding of the distances themselves, so the decision does not depend on the batch.
    """
    bound = centroids.reach(points.norms)
    bound += points.norms
    bound *= 4 * (centroids.steps.shape[1] + 8)
    return bound


def _candidates(points: GridPoints, centroids: GridCentroids, part: slice, bound: np.ndarray,
                move_bound: Optional[MoveBound]) -> tuple[np.ndarray, np.ndarray, int]:
    """Which centroids may be the nearest of some points: bool (k, n).

    Also the least products (n,), and how many candidates there are beyond one a point.
    """
    if not points.sparse:
        halves = centroids.factors @ points.metric[:, part]  # type: ignore
        least = halves.min(axis=0)
        error = bound * 2.0 ** -24
        if move_bound and move_bound.radius:
            # What half of the bound leaves is above the rounding of the distances after a move.
            near, more = _near_least(
                halves, least, error + move_bound.margin(points.norms[part] + 2.0 * least + error))
            if not more:
                return near, least, 0
            move_bound.radius = 0.0
        near, more = _near_least(halves, least, error)
        if more <= 0.25 * halves.shape[1]:
            return near, least, more
    elif move_bound:
        move_bound.radius = 0.0
    halves = _products64(points, centroids, part)
    least = halves.min(axis=0)
    near, more = _near_least(halves, least, bound * 2.0 ** -52)
    return near, least, more


def _near_least(halves: np.ndarray, least: np.ndarray,
                bound: np.ndarray) -> tuple[np.ndarray, int]:
    """Which products are within the bound of the least (k, n), and how many more than one each."""
    near = halves <= least + bound.astype(halves.dtype)
    return near, np.count_nonzero(near) - near.shape[1]


def _products64(points: GridPoints, centroids: GridCentroids, part: slice) -> np.ndarray:
    """||c||**2 / 2 - x.c, float64 (k, n)."""
    scale = points.space.scale  # type: ignore
    if points.sparse:
        product = points.steps @ np.ascontiguousarray((centroids.metric * scale).T)
        return np.ascontiguousarray((centroids.half_norms - product).T)
    steps = points.steps[:, part]  # type: ignore
    return centroids.half_norms[:, None] - (centroids.metric * scale) @ steps


def _decided(points: GridPoints, centroids: GridCentroids, near: np.ndarray,
             start: int) -> np.ndarray:
    """The lowest label among those of each row's candidates whose float64 distance is least.

    `near` (k, n) is of the rows from `start` on.
    """
    labels, rows = np.divmod(np.flatnonzero(near), near.shape[1])
    settled = np.zeros(near.shape[1], dtype=np.intp)
    settled[rows] = labels
    many = np.bincount(rows, minlength=len(settled)) > 1
    open_pairs = np.flatnonzero(many[rows])
    # Pairs come label by label, so the labels of a row stay in order.
    open_pairs = open_pairs[np.argsort(rows[open_pairs], kind="stable")]
    rows, labels = rows[open_pairs], labels[open_pairs]
    distances = pair_distances(points, start + rows, centroids, labels)
    rounding = _pair_rounding(points, start + rows, centroids, labels, distances)
    firsts = np.flatnonzero(np.diff(rows, prepend=-1))
    least = np.minimum.reduceat(distances + rounding, firsts)
    tied = np.flatnonzero(distances <= np.repeat(least, np.diff(firsts, append=len(rows))))
    rows, labels = rows[tied], labels[tied]
    settled[rows[::-1]] = labels[::-1]
    return settled


def _pair_rounding(points, rows, centroids, labels, distances) -> np.ndarray:
    """What two computed distances may differ by though they are equal."""
    if points.sparse:
        entries = np.diff(points.steps.indptr)[rows] + 32
        return entries * 2.0 ** -52 * (points.norms[rows] + 2 * centroids.half_norms[labels])
    return (centroids.steps.shape[1] + 8) * 2.0 ** -52 * distances
