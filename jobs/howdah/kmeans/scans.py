"""The two scans of k-means over batches: what a map task does, and a run in memory."""

from __future__ import annotations

from typing import Iterable, Optional

import numpy as np

from howdah.kmeans.bounds import MoveBound
from howdah.kmeans.centroids import GridCentroids
from howdah.kmeans.classify import classify
from howdah.kmeans.coreset import Sampler
from howdah.kmeans.grid import Space
from howdah.kmeans.moments import row_hashes
from howdah.kmeans.points import on_grid
from howdah.kmeans.priority_sample import PrioritySample
from howdah.kmeans.profile import Profile
from howdah.kmeans.sums import Sums
from howdah.sparse import is_sparse


def sample_scan(batches: Iterable, sampler: Sampler,
                distinct: int) -> tuple[Optional[Profile], PrioritySample]:
    """The profile, None without rows, and the sample of batches with X (n, d) and weights.

    distinct  so many distinct rows are counted exactly
    """
    profile = None
    for batch in batches:
        # Packed blocks may hold float32; moments and samples are made in float64.
        X = batch.X if is_sparse(batch.X) else batch.X.astype(np.float64, copy=False)
        hashes = row_hashes(X)
        here = Profile.of(X, batch.weights, hashes, distinct)
        profile = here if profile is None else profile.merge(here)
        if sampler.sample.size:
            sampler.add(X, batch.weights, hashes)
    return profile, sampler.sample


def round_scan(batches: Iterable, space: Space, centroid_sets: list, move_bounds: list) -> list:
    """One round over several sets of raw centroids (k, d): (MoveBound, Sums) for each.

    move_bounds  how far each set is asked to be free to move
    """
    sets = [(GridCentroids.of(centroids, space), MoveBound(bound), Sums(len(centroids), space))
            for centroids, bound in zip(centroid_sets, move_bounds)]
    for batch in batches:
        points = on_grid(batch.X, space, weights=batch.weights)
        for centroids, move_bound, sums in sets:
            labels, distances = classify(points, centroids, move_bound)
            sums.add(labels, points, batch.weights)
            sums.farthest.offer(points, centroids, labels, distances, batch.weights)
    return [(move_bound, sums) for _, move_bound, sums in sets]
