"""Lloyd's algorithm on NumPy arrays: classify, add up, recentre. No I/O, no MapReduce.

S. Lloyd, Least squares quantization in PCM, 1982. `classify` decides every label by the plain
row-wise sum of (x - c)**2 in float64, ties going to the lowest label, though nearly all rows need
one float32 matrix product only; `Sums` adds exactly, so no result depends on splits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import numpy as np

from howdah.grid import GridPoints, Space
from howdah.leeway import Leeway, longest_move

# Float32 products of numbers below 2**-100 or so are lost, and above 2**120 infinite.
LOST = 2.0 ** -100
FAR = 2.0 ** 60
# Products at a time, so that they stay in the processor's cache.
PRODUCT_VALUES = 1 << 19


@dataclass
class GridCentroids:
    """Centroids on the grid: steps (k, d) float64, not rounded, and what a scan needs of them.

    metric      (k, d) steps in metric units; half_norms (k,) half their squared lengths
    longest     the largest squared length; shortest the smallest
    factors     float32 (k, d + 1): times a point with a one at its end it gives |c|**2 / 2 - x.c
    labels      (k, 1) 0, 1, 2, ... as small integers
    """

    steps: np.ndarray
    metric: np.ndarray
    half_norms: np.ndarray
    longest: float
    shortest: float
    factors: np.ndarray
    labels: np.ndarray

    @classmethod
    def of(cls, centroids: np.ndarray, space: Space) -> GridCentroids:
        """From raw centroids (k, d)."""
        steps = space.centroid_steps(np.asarray(centroids, dtype=np.float64))
        metric = steps * space.scale
        norms = np.einsum("ij,ij->i", metric, metric)
        factors = np.column_stack([np.clip(-metric, -FAR, FAR), np.minimum(norms / 2, FAR * FAR)])
        labels = np.arange(len(steps))[:, None]
        return cls(steps, metric, norms / 2, float(norms.max()), float(norms.min()),
                   factors.astype(np.float32), labels.astype(np.min_scalar_type(len(steps) - 1)))

    def __len__(self) -> int:
        return len(self.steps)

    def reach(self, norms):
        """Above this squared length no centroid is near a point of squared length `norms`.

        One of |c|**2 > 32 (|x|**2 + shortest) is far from being the nearest, whatever its error.
        """
        return np.minimum(32 * (norms + (self.shortest + LOST)), self.longest + LOST)


def classify(points: GridPoints, centroids: GridCentroids,
             leeway: Optional[Leeway] = None) -> tuple[np.ndarray, np.ndarray]:
    """Label of every point's nearest centroid, intp (n,), and its distance; ties to the lowest.

    The distances (n,) are squared, in metric units, and approximate: exact ones are
    `pair_distances`. `leeway` learns whether the labels have the room that it asks for.

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
        near, least[part], open_pairs = _candidates(points, centroids, part, bound[part], leeway)
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
                leeway: Optional[Leeway]) -> tuple[np.ndarray, np.ndarray, int]:
    """Which centroids may be the nearest of some points: bool (k, n).

    Also the least products (n,), and how many candidates there are beyond one a point.
    """
    if not points.sparse:
        halves = centroids.factors @ points.metric[:, part]  # type: ignore
        least = halves.min(axis=0)
        error = bound * 2.0 ** -24
        if leeway and leeway.radius:
            # What half of the bound leaves is above the rounding of the distances after a move.
            near, more = _near_least(
                halves, least, error + leeway.margin(points.norms[part] + 2.0 * least + error))
            if not more:
                return near, least, 0
            leeway.radius = 0.0
        near, more = _near_least(halves, least, error)
        if more <= 0.25 * halves.shape[1]:
            return near, least, more
    elif leeway:
        leeway.radius = 0.0
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
    """
    space: Space = points.space  # type: ignore
    if points.sparse or space.cosine:
        squares = pair_distances(points, np.arange(len(points)), grid_centroids, labels)
        # Of sparse rows, a difference of sums: on a centroid it may be just below 0.
        squares = np.maximum(squares, 0.0)
        return squares / 2 if space.cosine else np.sqrt(squares) * space.unit
    factors = space.per_unit / space.unit
    total = np.zeros(len(points))
    for j in range(X.shape[1]):
        difference = X[:, j] - centroids[labels, j]
        difference *= factors[j]
        difference *= difference
        total += difference
    return np.sqrt(total) * space.unit


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

    sums       howdah.sums.Sums of a scan with these centroids
    centroids  (k, d) raw units, the scan's input
    radius     how far centroids may move and all labels stay (see howdah.leeway), metric units

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
