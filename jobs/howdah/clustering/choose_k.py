"""Several numbers of clusters from the same scans: which one to take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import numpy as np

from howdah.lengths import squared_lengths

RULE = "the largest simplified silhouette"


@dataclass
class Choice:
    """One line of the table that compares numbers of clusters."""

    k: int
    cost: float
    rounds: int
    smallest: int
    largest: int
    silhouette: float

    def line(self, before: Optional[Choice]) -> str:
        drop = "" if before is None or not before.cost else "%.1f %%" % (
            100 * (before.cost - self.cost) / before.cost)
        return "%6d  %-14.8g  %6d  %8d  %8d  %10.4f  %8s" % (
            self.k, self.cost, self.rounds, self.smallest, self.largest, self.silhouette, drop)


HEADER = "     k  cost            rounds  smallest   largest  silhouette  cost fell by"


def choice_of(result, rows: np.ndarray, weights: np.ndarray, centroids: np.ndarray) -> Choice:
    """The line of a result.

    rows (m, d), weights (m,): the sample as the metric sees it; centroids (k, d) likewise.
    """
    counts = result.measured.counts
    return Choice(len(centroids), result.measured.cost, len(result.history), int(counts.min()),
                  int(counts.max()), simplified_silhouette(rows, weights, centroids))


def simplified_silhouette(rows: np.ndarray, weights: np.ndarray, centroids: np.ndarray) -> float:
    """Weighted mean of (b - a) / max(a, b), a and b the distances to the two nearest centroids.

    Hruschka, de Castro, Campello 2004. On the weighted sample it is an estimate of that of all
    rows, and costs no scan. 0 for one cluster.
    """
    if len(centroids) < 2 or not len(rows):
        return 0.0
    total = 0.0
    # As `squared_distances`, but added in another order, which the last bits of the mean keep.
    norms = squared_lengths(centroids)
    for start in range(0, len(rows), 4096):
        part = rows[start:start + 4096]
        squares = norms - 2.0 * (part @ centroids.T)
        squares += squared_lengths(part)[:, None]
        a, b = np.sqrt(np.maximum(np.partition(squares, 1, axis=1)[:, :2].T, 0.0))
        with np.errstate(invalid="ignore"):
            values = np.where(b > 0, (b - a) / b, 0.0)
        total += float(weights[start:start + 4096] @ values)
    return total / float(weights.sum())


def best(choices: list) -> Choice:
    """By the rule; of equals the smallest k."""
    return max(choices, key=lambda choice: (choice.silhouette, -choice.k))
