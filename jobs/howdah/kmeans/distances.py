"""Distances of single pairs of a point and a centroid, whatever batch they are in."""

from __future__ import annotations

import numpy as np

from howdah.kmeans.centroids import GridCentroids
from howdah.kmeans.grid import Space
from howdah.kmeans.points import GridPoints
from howdah.lengths import extreme, lengths


def pair_distances(points: GridPoints, rows: np.ndarray, centroids: GridCentroids,
                   labels: np.ndarray) -> np.ndarray:
    """Squared distance of points[rows[i]] to centroid labels[i] in metric units, (len(rows),).

    Column by column in float64, so that a pair's distance never depends on its neighbours.
    """
    scale = points.space.scale  # type: ignore
    if points.sparse:
        return _sparse_pair_distances(points, rows, centroids, labels)
    total = np.zeros(len(rows))
    for j, column in enumerate(points.steps):  # type: ignore
        difference = column[rows] - centroids.steps[labels, j]
        difference *= scale[j]
        difference *= difference
        total += difference
    return total


def own_distances(X, points: GridPoints, centroids: np.ndarray, grid_centroids: GridCentroids,
                  labels: np.ndarray) -> np.ndarray:
    """Distance of every row of X (n, d) to the raw centroid of its label, for the user: (n,).

    Euclidean in raw (or standardised) units, or 1 - cosine. Dense Euclidean distances are taken
    from the raw values, so that a point half a unit away is at 0.5 exactly.

    Where a square is near the ends of float64 the row is measured again as `lengths` does.
    """
    space: Space = points.space  # type: ignore
    if points.sparse or space.cosine:
        squares = pair_distances(points, np.arange(len(points)), grid_centroids, labels)
        # Of sparse rows, a difference of sums: on a centroid it may be just below 0.
        squares = np.maximum(squares, 0.0)
        if space.cosine:
            return squares / 2
        # A row brought near was far beyond all centroids, so its length is its distance.
        return np.ldexp(np.sqrt(squares), space.top + (0 if points.nearer is None
                                                       else points.nearer))
    total = np.zeros(len(points))
    with np.errstate(over="ignore", invalid="ignore"):
        factors = np.ldexp(space.per_unit, -space.top)
        for j in range(X.shape[1]):
            difference = X[:, j] - centroids[labels, j]
            difference *= factors[j]
            difference *= difference
            total += difference
        found = np.ldexp(np.sqrt(total), space.top)
    odd = extreme(total)
    if len(odd):
        found[odd] = lengths((X[odd] - centroids[labels[odd]]) * space.per_unit)
    return found


def _sparse_pair_distances(points, rows, centroids, labels) -> np.ndarray:
    """The same over a row's entries: ||c||**2 + sum of x (x - 2c)."""
    K, scale = points.steps, points.space.scale
    lengths = np.diff(K.indptr)[rows]
    pair = np.repeat(np.arange(len(rows)), lengths)
    place = np.arange(len(pair)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    entry = np.repeat(K.indptr[rows], lengths) + place
    columns = K.indices[entry]
    x = K.data[entry] * scale[columns]
    c = centroids.metric[labels[pair], columns]
    return 2 * centroids.half_norms[labels] + np.bincount(pair, x * (x - 2 * c),
                                                          minlength=len(rows))
