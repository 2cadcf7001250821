"""The scans of a run over arrays in memory: no process, no file, no job."""

from __future__ import annotations

from typing import Iterator, NamedTuple, Optional

import numpy as np

from howdah.clustering.rounds import wanted_bounds
from howdah.clustering.sampling import dense_sample, distinct_rows, refuse_weights, wanted_rows
from howdah.clustering.scans import Sample, Scans
from howdah.errors import UserError
from howdah.input.batches import rows_per_batch
from howdah.kmeans.coreset import Sampler, chunk_rows
from howdah.kmeans.grid import Space
from howdah.kmeans.priority_sample import PrioritySample
from howdah.kmeans.profile import Profile
from howdah.kmeans.recentre import Recentred, recentre
from howdah.kmeans.scans import round_scan, sample_scan
from howdah.sparse import is_sparse


class Rows(NamedTuple):
    """Some rows of the arrays, and their sample weights (n,) or None."""

    X: object
    weights: Optional[np.ndarray]


class ArrayScans(Scans):
    """Scans of X (n, d), float ndarray or CSR, with sample weights (n,) or None.

    A run over them has the bits of a run by one map task over the same rows.
    """

    def __init__(self, X, weights: Optional[np.ndarray] = None, names: Optional[list] = None):
        self.X, self.weights, self.names = X, weights, names
        self.sparse = is_sparse(X)

    def sample(self, settings) -> Sample:
        k = max(settings.clusters)
        sampler = Sampler(k, wanted_rows(settings, self.X.shape[1]), settings.seed,
                          settings.metric == "cosine", settings.standardize)
        rows = chunk_rows(None if self.sparse else self.X.shape[1])
        profile, sample = sample_scan(self._weighing()._batches(rows), sampler, distinct_rows(k))
        if profile is None:
            raise UserError("No row has a weight above 0.")
        profile.weightless = self.X.shape[0] - profile.rows
        refuse_weights(profile)
        # Through its records, as a task's, which join what it holds.
        return Sample(profile, *dense_sample(
            profile, PrioritySample.of_records(sample.records()), k))

    def round(self, centroid_sets: list, space: Space, number: int) -> list:
        found = round_scan(self._batches(rows_per_batch(self.X.shape[1])), space, centroid_sets,
                           wanted_bounds(centroid_sets, space, self.sparse))
        return [Recentred.of(recentre(dict(sums.records()), centroids, space), centroids, space,
                             sums.farthest.record(), move_bound.radius)
                for centroids, (move_bound, sums) in zip(centroid_sets, found)]

    def columns(self, profile: Profile) -> list:
        return self.names or [str(i) for i in range(profile.width)]

    def _weighing(self) -> ArrayScans:
        """Without rows of weight 0."""
        if self.weights is None or self.weights.all():
            return self
        rows = np.flatnonzero(self.weights > 0)
        return ArrayScans(self.X[rows], self.weights[rows], self.names)

    def _batches(self, rows: int) -> Iterator[Rows]:
        for start in range(0, self.X.shape[0], rows):
            X = self.X[start:start + rows]
            # By columns, as batches of files lie: sums over rows depend on it.
            yield Rows(X if self.sparse else np.asfortranarray(X, dtype=np.float64),
                       None if self.weights is None else self.weights[start:start + rows])
