"""The sample scan and the seeds that follow from it."""

from __future__ import annotations

import json

import numpy as np

from howdah.columns import places_of
from howdah.errors import UserError
from howdah.launcher.swaps import improved, lloyd
from howdah.moments import SKETCH
from howdah.profile import Profile
from howdah.seeding import PrioritySample, sample_size

PROFILE_ONLY = 0
# What the sample may take once it is dense: 512 MB.
DENSE_VALUES = 1 << 26
INITS = 5
MOST_RIVALS = 16
ROWS_PER_CLUSTER = 160
WORTH_THREADS = 10_000_000


def sampling_plan(launch, options, size=None) -> dict:
    """The plan of a sample scan; `size` PROFILE_ONLY draws no sample."""
    k = max(options.clusters) if options.clusters else 1
    if size is None:
        check_clusters(options.clusters)
        size = wanted_rows(options, launch.inputs.layout)
        if size < k:
            raise UserError("--sample-size is %d, but -k %d clusters need a sample of at least as"
                            " many rows." % (size, k))
    return {"k": k, "size": size, "seed": getattr(options, "seed", 0),
            "metric": options.metric, "standardize": options.standardize,
            "layout": launch.inputs.layout.without_texts().to_dict(),
            "distinct": max(SKETCH, k + 1)}


def wanted_rows(options, layout) -> int:
    """Rows to sample: what the user says, or what the clusters and columns ask for."""
    if options.sample_size is not None:
        return options.sample_size
    return sample_size(max(options.clusters), layout.n_columns or 1)


def check_clusters(counts) -> None:
    if not counts:
        raise UserError("-k is missing; say how many clusters with -k K.")
    for k in counts:
        if k < 1:
            raise UserError("-k is %d; it must be at least 1." % k)


def profile_and_sample(outcome, fewest: int = 1) -> tuple[Profile, np.ndarray, np.ndarray]:
    """Profile, sampled rows (m, d) and their weights (m,) from a scan's records.

    UserError if less than `fewest` rows can be held.
    """
    profile = Profile.merged(map(Profile.from_dict, outcome.records["profile"]))
    sample = PrioritySample.of_records(outcome.records.get("sample", []))
    if sample is None:
        return profile, np.empty((0, profile.width)), np.empty(0)
    affordable = DENSE_VALUES // max(profile.width, 1)
    if affordable < min(fewest, len(sample)):
        raise UserError("-k is %d, but of rows of %d columns only %d fit into the sample; hash the"
                        " features to fewer columns, or give a smaller -k."
                        % (fewest, profile.width, affordable))
    sample.shrink(affordable)
    rows, weights = sample.weighted()
    rows = rows if isinstance(rows, np.ndarray) else rows.toarray()
    missing = profile.width - rows.shape[1]
    return profile, np.pad(rows, ((0, 0), (0, missing))), weights


def read_profile(path: str, launch) -> Profile:
    """A profile that kmeans_sample printed or a driver saved: JSON with the key "profile".

    Its columns are put in the order of the input's.
    """
    if not launch.files.exists(path):
        raise UserError("The profile %s does not exist." % path)
    try:
        first = json.loads(launch.files.read(path).split(b"\n", 1)[0])
        profile, names = Profile.from_readable(first["profile"]), first.get("columns")
    except (ValueError, KeyError, TypeError):
        raise UserError("%s is no profile; make one with: python jobs/kmeans_sample.py INPUT -k K >"
                        " FILE." % path) from None
    layout = launch.inputs.layout
    places = places_of(names, layout, "those of the profile %s" % path)
    if layout.n_columns not in (None, profile.width):
        raise UserError("The profile %s has %d columns, but the input has %d."
                        % (path, profile.width, layout.n_columns))
    if places is not None:
        profile.moments = profile.moments.of_columns(np.argsort(places))
    return profile


def comparable(rows: np.ndarray, profile: Profile, metric: str, standardize: bool) -> np.ndarray:
    """Sampled rows as the metric sees them."""
    if metric == "cosine":
        lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        return rows / np.where(lengths > 0, lengths, 1.0)[:, None]
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


def rivals(rows: np.ndarray, weights: np.ndarray, k: int, seed: int, profile: Profile,
           metric: str, standardize: bool) -> list:
    """Seeds to race against each other on all rows: one, or several if the sample is small.

    A cluster's mean over m sampled rows is 1/m of its variance off, so solutions of a small sample
    differ by more than the sample can tell.
    """
    count = rival_count(k, len(rows), profile.rows)
    seeds = [seed, *np.random.SeedSequence(seed).generate_state(count - 1).tolist()]
    return [solve(rows, weights, k, s, profile, metric, standardize) for s in seeds]


def rival_count(k: int, sampled: int, rows: int) -> int:
    """How many sets of seeds of k clusters race, with so many of all rows sampled."""
    return 1 if sampled >= rows else min(MOST_RIVALS, -(-ROWS_PER_CLUSTER * k // sampled))


def first_sets(options, sampled: int, rows: int) -> list:
    """The numbers of centroids of all sets that the first round measures."""
    return [k for k in options.clusters * options.restarts for _ in range(
        rival_count(k, sampled, rows) if options.init == "coreset" else 1)]


def random_rows(rows: np.ndarray, weights: np.ndarray, k: int, seed: int) -> np.ndarray:
    """k distinct rows of the sample, drawn by weight: about uniform over the data's rows."""
    rng = np.random.default_rng(seed)
    distinct, inverse = np.unique(rows, axis=0, return_inverse=True)
    if len(distinct) < k:
        raise UserError("-k is %d, but the sample of %d rows has only %d distinct ones; give a"
                        " larger --sample-size or a smaller -k." % (k, len(rows), len(distinct)))
    mass = np.bincount(inverse.ravel(), weights, minlength=len(distinct))
    return distinct[rng.choice(len(distinct), k, replace=False, p=mass / mass.sum())]


def refuse_too_few_points(k: int, profile: Profile, rows: np.ndarray) -> None:
    """UserError when k clusters cannot be; `rows` is the sample, which had room for k rows."""
    if profile.distinct.exact and profile.distinct.count < k:
        raise UserError("-k is %d, but the input has only %d distinct points; give a smaller -k."
                        % (k, profile.distinct.count))
    if len(rows) < k:
        raise UserError("-k is %d, but only %d rows have a weight above 0; give a smaller -k."
                        % (k, len(rows)))
