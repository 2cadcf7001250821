"""The recentre step of Lloyd's algorithm: sum, count, divide; and what that says of a round.

S. Lloyd, Least squares quantization in PCM, 1982.

The reducer recentres the clusters that it was given (`recentre`); of the clusters of all reducers
the launcher sees which are empty, and gives those a point (`Recentred.of`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence

import numpy as np

from howdah.kmeans.bounds import longest_move
from howdah.kmeans.centroids import GridCentroids
from howdah.kmeans.grid import Space
from howdah.kmeans.sums import Sums
from howdah.lengths import squared_lengths

# Coordinates whose sums are divided at a time: as Python's integers they take 100 bytes and more.
PIECE_VALUES = 1 << 17
LEAST_SHIFT = 5e-324


@dataclass
class Cluster:
    """The record of a cluster, from the reducer to the launcher.

    count, weight  number of rows, sum of their sample weights
    cost           inertia about the scan's *input* centroid, in the user's units
    centroid       the mean of its points, raw units (d,); None without weight (or, for cosine,
                   without direction)
    sums           the exact sums behind these, as `Sums.put` takes them
    """

    count: int
    weight: float
    cost: float
    centroid: Optional[np.ndarray]
    sums: np.ndarray

    def record(self) -> dict:
        return vars(self)

    @classmethod
    def of_record(cls, record: dict) -> Cluster:
        return cls(**record)


def recentre(records: dict, centroids: np.ndarray, space: Space) -> dict:
    """The recentre step: sum, count, divide; each mean is rounded once. Clusters by label.

    records    of `Sums` by label, from a scan with these centroids; of some or all labels
    centroids  (k, d) raw units, the scan's input
    """
    clusters: dict = {}
    labels = sorted(records)
    step = max(1, PIECE_VALUES // max(space.width, 1))
    for start in range(0, len(labels), step):
        part = labels[start:start + step]
        sums = sums_of([records[label] for label in part], space)
        costs = _costs(sums, _metric(centroids[part], space), space)
        clusters.update(zip(part, map(Cluster, sums.counts.tolist(), sums.weights().tolist(),
                                      costs.tolist(), sums.means(),
                                      [records[label]["sums"] for label in part])))
    return clusters


def sums_of(records: Sequence, space: Space) -> Sums:
    """The sums of these clusters, in their order."""
    sums = Sums(len(records), space)
    for place, record in enumerate(records):
        sums.put(place, record)
    return sums


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

    @classmethod
    def of(cls, clusters: dict, centroids: np.ndarray, space: Space, farthest: Sequence = (),
           radius: float = 0.0) -> Recentred:
        """Of a scan's clusters by label; those without rows may be missing.

        centroids  (k, d) raw units, the scan's input
        farthest   the farthest points of all (see Farthest)
        radius     how far centroids may move and all labels stay (see bounds), metric units

        An empty cluster moves to the farthest point that leaves its old cluster some weight, as in
        scikit-learn; without such a point it stays where it was.
        """
        k = len(centroids)
        moved, weights, costs = np.array(centroids, dtype=np.float64), np.zeros(k), np.zeros(k)
        counts = np.zeros(k, dtype=np.int64)
        empty = set(range(k))
        for label, cluster in clusters.items():
            counts[label], weights[label] = cluster.count, cluster.weight
            costs[label] = cluster.cost
            if cluster.centroid is not None:
                moved[label] = cluster.centroid
                empty.discard(label)
        result = cls(moved, weights, counts, costs, sorted(empty))
        for label, mean in _relocated(clusters, result.empty, farthest, space).items():
            moved[label] = centroids[label] if mean is None else mean
        result.next = _spared(clusters, result, centroids, space, radius)
        return result


def _relocated(clusters: dict, empty: list, farthest: Sequence, space: Space) -> dict:
    """The means of empty clusters, each of which is given one of the points, and of the donors."""
    waiting = empty[:len(farthest)]
    if not waiting:
        return {}
    labels = sorted({*waiting, *(point["label"] for point in farthest)})
    nothing = Sums(1, space).record(0)
    sums = sums_of([clusters[label].record() if label in clusters else nothing
                    for label in labels], space)
    place = {label: i for i, label in enumerate(labels)}
    for point in farthest:
        old = place[point["label"]]
        if waiting and point["label"] not in empty and sums.outweighs(old, point):
            sums.move_point(point, old, place[waiting.pop(0)])
    return dict(zip(labels, sums.means()))


def _spared(clusters: dict, result: Recentred, centroids: np.ndarray, space: Space,
            radius: float) -> Optional[Recentred]:
    """What the next scan would say, if no centroid has moved farther than the radius."""
    if not radius or result.empty:
        return None
    metric = _metric(result.centroids, space)
    if longest_move(_metric(centroids, space), metric) > radius:
        return None
    sums = sums_of([clusters[label].record() for label in range(len(centroids))], space)
    return Recentred(result.centroids, result.weights, result.counts,
                     _costs(sums, metric, space), [])


def _metric(centroids: np.ndarray, space: Space) -> np.ndarray:
    return GridCentroids.of(centroids, space).metric


def _costs(sums: Sums, metric: np.ndarray, space: Space) -> np.ndarray:
    """Inertia about centroids: sum of w ||x||**2 - 2 c.(sum of w x) + (sum of w) c.c, by cluster.

    metric (k, d), the centroids in metric units. A cost below what the rounding of these sums may
    leave of nothing is nothing.
    """
    weights, squares, vectors = sums.shares()
    linear = vectors * space.scale
    crossed = metric * (weights[:, None] * metric - 2 * linear)
    costs = squares + np.array([float(np.sum(row)) for row in crossed])
    rounding = (8 + np.log2(max(space.width, 1))) * 2.0 ** -52 * (
        squares + weights * squared_lengths(metric))
    return space.squared(np.where(costs > rounding, costs, 0.0), space.weight_exponent)


def shift(before: np.ndarray, after: np.ndarray, space: Optional[Space] = None) -> float:
    """Sum of the squared moves of all centroids, in raw or standardised units (cosine: raw)."""
    if space is None or space.cosine:
        return float(np.sum((after - before) ** 2))
    moves = (after - before) * space.rate
    if space.lift is not None:
        moves = np.ldexp(moves, space.lift)
    moves *= space.scale
    total = float(np.sum(moves * moves))
    # What a move leaves of itself in the user's units, though all digits be lost, is no standstill.
    least = 0.0 if (moves == 0).all() else LEAST_SHIFT
    return max(float(np.ldexp(total, 2 * space.top)), least)
