"""The points farthest from their centroids: what empty clusters are moved to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

import numpy as np

from howdah.kmeans.distances import pair_distances
from howdah.kmeans.grid import Space
from howdah.kmeans.moments import row_hashes
from howdah.kmeans.points import GridPoints

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
        self._points: list = []
        self._offers: list = []

    @property
    def points(self) -> list:
        self._settle()
        return self._points

    def offer(self, points: GridPoints, centroids, labels: np.ndarray, approximate: np.ndarray,
              weights: Optional[np.ndarray] = None) -> None:
        """Consider a batch; `approximate` are squared distances (n,) in metric units.

        Rows that may be far enough wait until there are enough to be measured at once.
        """
        least = self._points[-1]["distance"] if len(self._points) == self.size else 0.0
        error = 8 * (centroids.steps.shape[1] + 8) * 2.0 ** -24
        longest = points.norms.max()
        if approximate.max() + error * (longest + centroids.reach(longest)) < least:
            return
        slack = error * (points.norms + centroids.reach(points.norms))
        possible = approximate + slack >= least
        if weights is not None:
            possible &= weights > 0
        rows = np.flatnonzero(possible)
        if len(rows):
            own = np.ones(len(rows)) if weights is None else weights[rows]
            self._offers.append(_Offer(points.at(rows), centroids, labels[rows], own,
                                       approximate[rows], slack[rows]))
            if sum(map(len, self._offers)) >= 4 * self.size:
                self._settle()

    def _settle(self) -> None:
        """Measure the rows that wait, and keep the farthest."""
        if not self._offers:
            return
        offer = _Offer.joined(self._offers)
        self._offers = []
        lowest = offer.approximate - offer.slack
        enough = 4 * self.size
        # At least this far are rows enough, unless many are copies.
        top = (float(np.partition(lowest, -enough)[-enough]) if len(lowest) > enough else 0.0)
        far = np.flatnonzero(offer.approximate + offer.slack >= top)
        chosen = self._chosen(offer, far, top)
        if len(chosen) < self.size and len(far) < len(lowest):
            # Copies of a few rows filled the places.
            chosen = self._chosen(offer, np.arange(len(lowest)), 0.0)
        self._keep(chosen)

    def _chosen(self, offer: _Offer, rows: np.ndarray, least: float) -> list:
        """The farthest distinct points among `rows` that are `least` away or farther."""
        points, labels, weights = offer.points, offer.labels, offer.weights
        distances = pair_distances(points, rows, offer.centroids, labels[rows])
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

    def _keep(self, points: list) -> None:
        ordered = sorted(self._points + points,
                         key=lambda p: (-p["distance"], p["hash"], -p["weight"]))
        self._points = []
        seen = set()
        for point in ordered:
            if point["hash"] not in seen and len(self._points) < self.size:
                seen.add(point["hash"])
                self._points.append(point)

    def record(self) -> list:
        return self.points

    def put(self, record: list) -> None:
        self._keep(record)


@dataclass
class _Offer:
    """Rows of a batch that may be among the farthest, with what is known of each."""

    points: GridPoints
    centroids: Any
    labels: np.ndarray
    weights: np.ndarray
    approximate: np.ndarray
    slack: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def joined(cls, offers: list) -> _Offer:
        """All rows of offers with the same centroids."""
        if len(offers) == 1:
            return offers[0]
        arrays = [np.concatenate([getattr(offer, name) for offer in offers])
                  for name in ("labels", "weights", "approximate", "slack")]
        return cls(GridPoints.joined([offer.points for offer in offers]), offers[0].centroids,
                   *arrays)


def _dense_rows(points: GridPoints, rows: np.ndarray) -> np.ndarray:
    if points.sparse:
        return points.steps[rows].toarray()  # type: ignore
    return np.ascontiguousarray(points.steps[:, rows].T)  # type: ignore
