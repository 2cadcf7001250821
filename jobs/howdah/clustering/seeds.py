"""Seeds from the sample: where rounds start."""

from __future__ import annotations

import numpy as np

from howdah.clustering.split_merge import improved, lloyd
from howdah.errors import UserError
from howdah.lengths import unit_rows
from howdah.kmeans.profile import Profile

INITS = 5
#: Ways to seed by name; whatever else --init says is where to go on from.
CORESET, RANDOM = SEEDINGS = ("coreset", "random")
MOST_STARTS = 16
ROWS_PER_CLUSTER = 160
WORTH_THREADS = 10_000_000


def comparable(rows: np.ndarray, profile: Profile, metric: str, standardize: bool) -> np.ndarray:
    """Sampled rows as the metric sees them."""
    if metric == "cosine":
        return unit_rows(rows)
    return (rows - profile.moments.means) / spread(profile, standardize)


def spread(profile: Profile, standardize: bool) -> np.ndarray:
    std = profile.moments.std
    return np.where(standardize & (std > 0), std, 1.0)


def solve(rows: np.ndarray, weights: np.ndarray, k: int, seed: int, profile: Profile,
          metric: str, standardize: bool) -> np.ndarray:
    """Seeds (k, d) in raw units: the best of five weighted KMeans on the sample, made better."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    points = comparable(rows, profile, metric, standardize)
    top = np.abs(points).max() or 1.0
    points = points / top
    # On little work threads wait for each other longer than they compute.
    with threadpool_limits(1 if points.size * k < WORTH_THREADS else None):
        fitted = improved(points, weights, lloyd(points, weights, k, INITS, seed), seed)
    centres = fitted.cluster_centers_ * top
    if metric == "cosine":
        return comparable(centres, profile, metric, False)
    return centres * spread(profile, standardize) + profile.moments.means


def starts_of_sample(rows: np.ndarray, weights: np.ndarray, k: int, seed: int,
                     profile: Profile, metric: str, standardize: bool) -> list:
    """Seeds to race against each other on all rows: one, or several if the sample is small.

    A cluster's mean over m sampled rows is 1/m of its variance off, so solutions of a small sample
    differ by more than the sample can tell.
    """
    count = start_count(k, len(rows), profile.moments.n)
    seeds = [seed, *np.random.SeedSequence(seed).generate_state(count - 1).tolist()]
    return [solve(rows, weights, k, s, profile, metric, standardize) for s in seeds]


def start_count(k: int, sampled: int, rows: int) -> int:
    """How many sets of seeds of k clusters race, with so many of all rows sampled."""
    return 1 if sampled >= rows else min(MOST_STARTS, -(-ROWS_PER_CLUSTER * k // sampled))


def first_sets(options, sampled: int, rows: int) -> list:
    """The numbers of centroids of all sets that the first round measures."""
    return [k for k in options.clusters * options.restarts for _ in range(
        start_count(k, sampled, rows) if options.init == CORESET else 1)]


def random_rows(rows: np.ndarray, weights: np.ndarray, k: int, seed: int) -> np.ndarray:
    """k distinct rows of the sample, drawn by weight: about uniform over the data's rows."""
    rng = np.random.default_rng(seed)
    distinct, inverse = np.unique(rows, axis=0, return_inverse=True)
    if len(distinct) < k:
        raise UserError("-k is %d, but the sample of %d rows has only %d distinct ones; give a"
                        " larger --sample-size or a smaller -k." % (k, len(rows), len(distinct)))
    mass = np.bincount(inverse.ravel(), weights, minlength=len(distinct))
    return distinct[rng.choice(len(distinct), k, replace=False, p=mass / mass.sum())]
