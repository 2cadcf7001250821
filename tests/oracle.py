"""What the jobs are checked against: the same numerics over arrays, and plain NumPy beside them.

    memory = InMemory(X)                                  # profile and grid of X
    result = iterate(memory.run_round, {"it": [start]}, Rules(), memory.shift)["it"]

`InMemory.run_round` is the callable that howdah.clustering.converge.iterate takes, with no job, no
file and no process behind it. The plain functions know nothing of the grid.
"""

from __future__ import annotations

from typing import Iterator, Optional

import numpy as np
from howdah.clustering.converge import Result, Rules, iterate
from howdah.clustering.seeds import starts_of_sample
from howdah.input.batches import MOST_ROWS
from howdah.kmeans import recentre as recentring
from howdah.kmeans.bounds import MoveBound, wanted
from howdah.kmeans.centroids import GridCentroids
from howdah.kmeans.classify import classify
from howdah.kmeans.coreset import CHUNK_ROWS, Sampler, sample_size
from howdah.kmeans.moments import SKETCH, row_hashes
from howdah.kmeans.points import on_grid
from howdah.kmeans.priority_sample import PrioritySample
from howdah.kmeans.profile import Profile
from howdah.kmeans.recentre import Recentred, recentre
from howdah.kmeans.sums import Sums


class InMemory:
    """Dense X (n, d) or CSR, with sample weights (n,) or None, in batches of `batch` rows.

    `profile` stands in for that of X where a part of the data is to be put on the grid of all.
    """

    def __init__(self, X, weights: Optional[np.ndarray] = None, metric: str = "euclidean",
                 standardize: bool = False, batch: int = MOST_ROWS,
                 profile: Optional[Profile] = None):
        self.X, self.weights, self.metric, self.standardize = X, weights, metric, standardize
        self.batch = batch
        self.sparse = not isinstance(X, np.ndarray)
        self.profile = profile or profile_of(X, weights)
        self.space = self.profile.space(metric, standardize, self.sparse)

    def batches(self, rows: int) -> Iterator[tuple]:
        for start in range(0, self.X.shape[0], rows):
            weights = None if self.weights is None else self.weights[start:start + rows]
            yield self.X[start:start + rows], weights

    def sums(self, centroids: np.ndarray) -> Sums:
        """One scan: the sums of all points about these centroids."""
        grid_centroids = GridCentroids.of(centroids, self.space)
        sums = Sums(len(centroids), self.space)
        for X, weights in self.batches(self.batch):
            points = on_grid(X, self.space)
            labels, distances = classify(points, grid_centroids)
            sums.add(labels, points, weights)
            sums.farthest.offer(points, grid_centroids, labels, distances, weights)
        return sums

    def labels(self, centroids: np.ndarray) -> np.ndarray:
        grid_centroids = GridCentroids.of(centroids, self.space)
        return np.concatenate([classify(on_grid(X, self.space), grid_centroids)[0]
                               for X, _ in self.batches(self.batch)])

    def move_bound(self, centroids: np.ndarray) -> float:
        """How far these centroids may move, in metric units, and no label changes."""
        grid_centroids = GridCentroids.of(centroids, self.space)
        move_bound = MoveBound(wanted(grid_centroids.metric))
        for X, _ in self.batches(self.batch):
            classify(on_grid(X, self.space), grid_centroids, move_bound)
        return move_bound.radius

    def run_round(self, centroid_sets: list) -> list:
        return [self.measure(centroids) for centroids in centroid_sets]

    def measure(self, centroids: np.ndarray, told: bool = False) -> Recentred:
        """A scan; if it is to be `told`, also of what the next one would say."""
        return recentred(self.sums(centroids), centroids,
                         self.move_bound(centroids) if told else 0.0)

    def shift(self, before: np.ndarray, after: np.ndarray) -> float:
        return recentring.shift(before, after, self.space)

    def sample(self, k: int, size: Optional[int] = None, seed: int = 0,
               tasks: int = 1) -> PrioritySample:
        """The sample scan, by so many map tasks with splits of equal length."""
        size = size or sample_size(k, self.X.shape[1])
        samplers = [Sampler(k, size, seed, self.metric == "cosine", self.standardize)
                    for _ in range(tasks)]
        share = -(-self.X.shape[0] // tasks)
        for task, sampler in enumerate(samplers):
            split = slice(task * share, (task + 1) * share)
            part = InMemory(self.X[split], None if self.weights is None else self.weights[split],
                            profile=self.profile)
            for X, weights in part.batches(CHUNK_ROWS):
                sampler.add(X, weights, row_hashes(X))
        merged = PrioritySample.of_records(
            record for sampler in samplers for record in sampler.sample.records())
        assert merged is not None
        return merged

    def seeds(self, k: int, size: Optional[int] = None, seed: int = 0,
              tasks: int = 1) -> list:
        """The driver's starts: the sample, solved once or several times."""
        rows, weights = self.sample(k, size, seed, tasks).weighted()
        rows = rows if isinstance(rows, np.ndarray) else rows.toarray()
        return starts_of_sample(rows, weights, k, seed, self.profile, self.metric, self.standardize)

    def run(self, *starts: np.ndarray, **rules) -> Result:
        """Rounds from rival starts until one of the rules (see Rules) stops them."""
        rivals = [np.asarray(start, dtype=np.float64) for start in starts]
        return iterate(self.run_round, {"it": rivals}, Rules(**rules), self.shift)["it"]


def recentred(sums: Sums, centroids: np.ndarray, radius: float = 0.0) -> Recentred:
    """What one reducer and the launcher make of the sums of a scan."""
    clusters = recentre(dict(sums.records()), centroids, sums.space)
    return Recentred.of(clusters, centroids, sums.space, sums.farthest.points, radius)


def profile_of(X, weights: Optional[np.ndarray] = None, rows: int = CHUNK_ROWS) -> Profile:
    """What the sample scan says of X, in chunks of `rows`."""
    return Profile.merged(
        Profile.of(X[start:start + rows], None if weights is None else weights[start:start + rows],
                   row_hashes(X[start:start + rows]), SKETCH)
        for start in range(0, X.shape[0], rows))


def plain_distances(X: np.ndarray, C: np.ndarray) -> np.ndarray:
    """Squared distances (n, k), sums of (x - c)**2 without any product of matrices."""
    return np.stack([((X - c) ** 2).sum(axis=1) for c in C], axis=1)


def plain_labels(X: np.ndarray, C: np.ndarray) -> np.ndarray:
    """Labels (n,) by plain_distances, ties to the lowest."""
    return plain_distances(X, C).argmin(axis=1)


def plain_round(X: np.ndarray, C: np.ndarray,
                weights: Optional[np.ndarray] = None) -> tuple[np.ndarray, float]:
    """One round by the textbook: the new centroids (empty clusters stay) and the cost of C."""
    w = np.ones(len(X)) if weights is None else weights
    distances = plain_distances(X, C)
    labels = distances.argmin(axis=1)
    moved = np.array(C, dtype=np.float64)
    for label in np.unique(labels):
        own = labels == label
        if w[own].sum() > 0:
            moved[label] = w[own] @ X[own] / w[own].sum()
    return moved, float(w @ distances.min(axis=1))


def noisy_rows(X: np.ndarray, k: int, seed: int) -> np.ndarray:
    """A start without ties: k distinct rows plus noise of 1e-3 standard deviations."""
    rng = np.random.default_rng(seed)
    distinct = np.unique(X, axis=0)
    rows = distinct[rng.choice(len(distinct), k, replace=False)].astype(np.float64)
    return rows + 1e-3 * X.std(axis=0) * rng.normal(size=rows.shape)
