"""Weighted k-means on a sample, to a better optimum than the best of ten starts.

k-means++ may leave two small clusters under one centroid while a large cluster holds two, and
Lloyd's rounds never mend that. So clusters that gain most by a split are split, and those that are
missed least are dissolved, as long as the cost falls: the idea of H. Ismkhan, I-k-means-+, Pattern
Recognition 79, 2018.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from howdah.arithmetic import libraries
from howdah.lengths import squared_distances, squared_lengths

SPLITS = 3
SPLIT_ROUNDS = 6
LEAST_GAIN = 1e-4
# Rounds after a swap gain more than the move itself, so it may look like a loss at first.
HOPE = 0.3
PIECE_VALUES = 1 << 20


def lloyd(points: np.ndarray, weights: np.ndarray, start, n_init: int = 1, seed: int = 0):
    """A fitted scikit-learn KMeans from a start (k, d), or from `n_init` k-means++ starts of k."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    init = start if isinstance(start, np.ndarray) else "k-means++"
    k = len(start) if isinstance(start, np.ndarray) else start
    with warnings.catch_warnings(), libraries():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return KMeans(k, init=init, n_init=n_init, random_state=seed).fit(
            points, sample_weight=weights)


def improved(points: np.ndarray, weights: np.ndarray, fitted, seed: int):
    """The fitted KMeans, or one of lower cost that swaps lead to.

    points (n, d), weights (n,). Where a set of swaps fails, half as many are tried.
    """
    rng = np.random.default_rng(seed)
    most = len(fitted.cluster_centers_) // 2
    moves = Moves.of(points, weights, fitted.cluster_centers_, rng) if most else None
    while moves:
        start, made = moves.swapped(most)
        if not made:
            break
        found = lloyd(points, weights, start)
        if found.inertia_ < (1 - LEAST_GAIN) * fitted.inertia_:
            fitted = found
            moves = Moves.of(points, weights, fitted.cluster_centers_, rng)
        else:
            most = made // 2
    return fitted


@dataclass
class Moves:
    """What single moves would do to the cost of centroids (k, d).

    losses (k,) and gains (k,) of dissolving and of splitting each; `halves` holds the two means of
    each split, `neighbours` (k,) who would inherit.
    """

    centroids: np.ndarray
    losses: np.ndarray
    gains: np.ndarray
    halves: list
    neighbours: np.ndarray

    @classmethod
    def of(cls, points: np.ndarray, weights: np.ndarray, centroids: np.ndarray,
           rng: np.random.Generator) -> Moves:
        labels, losses = losses_of(points, weights, centroids)
        gains, halves = gains_of(points, weights, labels, len(centroids), rng)
        return cls(centroids, losses, gains, halves, nearest_other(centroids))

    def swapped(self, most: int) -> tuple[np.ndarray, int]:
        """Centroids (k, d) after at most so many swaps that may pay, and how many were made.

        A swap splits cluster i and dissolves cluster j into its neighbour; no cluster takes part
        in two, for gains and losses are those of single moves.
        """
        moved, made = self.centroids.copy(), 0
        taken: set = set()
        by_loss = np.argsort(self.losses, kind="stable").tolist()
        for i in np.argsort(-self.gains, kind="stable").tolist():
            if made == most or self.gains[i] <= 0:
                break
            if i in taken:
                continue
            j = next((j for j in by_loss
                      if j != i and j not in taken and self.neighbours[j] != i), None)
            if j is None or self.gains[i] <= HOPE * self.losses[j]:
                break
            moved[i], moved[j] = self.halves[i]
            taken.update((i, j, int(self.neighbours[j])))
            made += 1
        return moved, made


def losses_of(points: np.ndarray, weights: np.ndarray,
              centroids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels (n,), and by how much the cost rises without each centroid (k,)."""
    labels = np.empty(len(points), dtype=np.intp)
    risen = np.empty(len(points))
    constants = squared_lengths(centroids)
    step = max(1, PIECE_VALUES // len(centroids))
    for start in range(0, len(points), step):
        part = slice(start, start + step)
        distances = constants - 2.0 * (points[part] @ centroids.T)
        labels[part] = distances.argmin(axis=1)
        least = np.partition(distances, 1, axis=1)[:, :2]
        risen[part] = least[:, 1] - least[:, 0]
    return labels, np.bincount(labels, weights * risen, minlength=len(centroids))


def gains_of(points: np.ndarray, weights: np.ndarray, labels: np.ndarray, k: int,
             rng: np.random.Generator) -> tuple[np.ndarray, list]:
    """By how much a split in two would lower the cost of each cluster (k,), and the two means."""
    order = np.argsort(labels, kind="stable")
    bounds = np.searchsorted(labels[order], np.arange(k + 1))
    splits = [best_split(points[order[a:b]], weights[order[a:b]], rng)
              for a, b in zip(bounds, bounds[1:])]
    return np.array([gain for gain, _ in splits]), [halves for _, halves in splits]


def best_split(points: np.ndarray, weights: np.ndarray,
               rng: np.random.Generator) -> tuple[float, np.ndarray]:
    """The best of a few 2-means of one cluster: what it gains and its means (2, d)."""
    best = (0.0, np.empty((2, points.shape[1])))
    if len(points) > 1:
        for _ in range(SPLITS):
            found = split(points, weights, rng)
            if found[0] > best[0]:
                best = found
    return best


def split(points: np.ndarray, weights: np.ndarray,
          rng: np.random.Generator) -> tuple[float, np.ndarray]:
    """2-means of one cluster by k-means++ and a few rounds; gain 0 where it cannot be split."""
    mean = weights @ points / weights.sum()
    halves = np.empty((2, points.shape[1]))
    reference = mean
    for i in range(2):
        mass = weights * ((points - reference) ** 2).sum(axis=1)
        if not mass.sum() > 0:
            return 0.0, halves
        reference = halves[i] = points[rng.choice(len(points), p=mass / mass.sum())]
    for _ in range(SPLIT_ROUNDS):
        border = (halves[1] @ halves[1] - halves[0] @ halves[0]) / 2
        right = points @ (halves[1] - halves[0]) > border
        parts = np.stack([np.where(right, 0.0, weights), np.where(right, weights, 0.0)])
        shares = parts.sum(axis=1)
        if not shares.all():
            return 0.0, halves
        halves = parts @ points / shares[:, None]
    return float(shares @ ((halves - mean) ** 2).sum(axis=1)), halves


def nearest_other(centroids: np.ndarray) -> np.ndarray:
    """The label of every centroid's nearest other centroid (k,)."""
    distances = squared_distances(centroids, centroids)
    np.fill_diagonal(distances, np.inf)
    return distances.argmin(axis=1)
