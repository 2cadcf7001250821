"""Centroids on the grid, and what a scan needs of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from howdah.errors import OutOfRange
from howdah.kmeans.grid import Space
from howdah.lengths import squared_lengths

# Float32 products of numbers below 2**-100 or so are lost, and above 2**120 infinite.
LOST = 2.0 ** -100
FAR = 2.0 ** 60
# A centroid beyond this stands there instead: it gets no point either, and squares stay finite.
OUT_OF_SIGHT = 2.0 ** 250


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
        with np.errstate(over="ignore"):
            metric = steps * space.scale
        beyond = np.abs(metric) > OUT_OF_SIGHT
        if beyond.any():
            if beyond.any(axis=1).all():
                raise OutOfRange("All centroids lie more than 1e75 ranges of the data away from"
                                 " it; start from others.")
            metric = np.clip(metric, -OUT_OF_SIGHT, OUT_OF_SIGHT)
            steps = np.where(beyond, metric / space.scale, steps)
        norms = squared_lengths(metric)
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
