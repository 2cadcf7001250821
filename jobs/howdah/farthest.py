"""The points farthest from their centroids: what empty clusters are moved to."""

from __future__ import annotations

from typing import Optional

import numpy as np

from howdah.grid import GridPoints, Space
from howdah.moments import row_hashes

MOST = 64
MOST_VALUES = 1 << 18


class Farthest:
    """The distinct points with the largest distances, at most min(k, 64), in a fixed order.

    Of rows with over 4,096 columns fewer are kept, for they ride in every task's record.

    Order: distance, then a hash of the coordinates, of copies the heaviest; so the same points are
    kept whatever the splits. Points are dicts with `distance` (squared, metric units, not weighted,
    as scikit-learn chooses them), `hash`, `label`, `weight`, `norm` and `steps` (d,).
    """

    def __init__(self, k: int, space: Space):
        self.size = max(1, min(k, MOST, MOST_VALUES // max(space.width, 1)))
        self.space = space
        self.points: list = []

    def offer(self, points: GridPoints, centroids, labels: np.ndarray, approximate: np.ndarray,
              weights: Optional[np.ndarray] = None) -> None:
        """Consider a batch; `approximate` are squared distances (n,) in metric units."""
        least = self._threshold()
        error = 8 * (centroids.steps.shape[1] + 8) * 2.0 ** -24
        longest = points.norms.max()
        if approximate.max() + error * (longest + centroids.reach(longest)) < least:
            return
        slack = error * (points.norms + centroids.reach(points.norms))
        possible = approximate + slack >= least
        if weights is not None:
            possible &= weights > 0
        rows = np.flatnonzero(possible)
        if weights is None:
            weights = np.ones(len(points))
        top = self._cut(approximate[rows] - slack[rows])
        far = rows[approximate[rows] + slack[rows] >= top]
        chosen = self._chosen(points, far, weights, centroids, labels, max(least, top))
        if len(chosen) < self.size and len(far) < len(rows):
            # Copies of a few rows filled the places.
            chosen = self._chosen(points, rows, weights, centroids, labels, least)
        self._keep(chosen)

    def _cut(self, lowest: np.ndarray) -> float:
        """At least this far are rows enough, unless many are copies."""
        enough = 4 * self.size
        return float(np.partition(lowest, -enough)[-enough]) if len(lowest) > enough else 0.0

    def _chosen(self, points: GridPoints, rows: np.ndarray, weights: np.ndarray, centroids,
                labels: np.ndarray, least: float) -> list:
        """The farthest distinct points among `rows` that are `least` away or farther."""
        from howdah.lloyd import pair_distances

        distances = pair_distances(points, rows, centroids, labels[rows])
        far = (distances > 0) & (distances >= least)
        rows, distances = rows[far], distances[far]
        hashes = row_hashes(_dense_rows(points, rows))
        order = np.lexsort((-weights[rows], hashes, -distances))
        # Copies have the same distance and hash, so they stand together, the heaviest first.
        distinct = np.flatnonzero(np.diff(hashes[order], prepend=~hashes[order[:1]]))
        order = order[distinct[:self.size]]
        steps = _dense_rows(points, rows[order])
        return [{"distance": float(distances[i]), "hash": int(hashes[i]),
                 "label": int(labels[rows[i]]), "weight": float(weights[rows[i]]),
                 "norm": float(points.norms[rows[i]]), "steps": steps[place]}
                for place, i in enumerate(order)]

    def _threshold(self) -> float:
        return self.points[-1]["distance"] if len(self.points) == self.size else 0.0

    def _keep(self, points: list) -> None:
        ordered = sorted(self.points + points,
                         key=lambda p: (-p["distance"], p["hash"], -p["weight"]))
        self.points = []
        seen = set()
        for point in ordered:
            if point["hash"] not in seen and len(self.points) < self.size:
                seen.add(point["hash"])
                self.points.append(point)

    def merge(self, other: Farthest) -> None:
        self._keep(other.points)

    def record(self) -> list:
        return self.points

    def put(self, record: list) -> None:
        self._keep(record)


def _dense_rows(points: GridPoints, rows: np.ndarray) -> np.ndarray:
    if points.sparse:
        return points.steps[rows].toarray()  # type: ignore
    return np.ascontiguousarray(points.steps[:, rows].T)  # type: ignore
