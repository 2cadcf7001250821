"""Rounds of Lloyd's algorithm as jobs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from howdah.errors import UserError
from howdah.kmeans.grid import Space
from howdah.clustering.centroid_files import read_centroids
from howdah.clustering.sampling import PROFILE_ONLY, profile_and_sample, read_profile, sampling_plan
from howdah.kmeans.bounds import wanted
from howdah.kmeans.centroids import GridCentroids
from howdah.kmeans.recentre import Recentred, recentre
from howdah.kmeans.profile import Profile
from howdah.kmeans.sums import Sums


def round_plan(centroid_sets: list, space: Space, metric: str, layout) -> dict:
    """What the tasks of a round need to know."""
    return {"centroids": [np.asarray(c, dtype=np.float64) for c in centroid_sets],
            "move_bounds": [0.0 if layout.sparse else wanted(GridCentroids.of(c, space).metric)
                            for c in centroid_sets],
            "space": space.to_dict(), "metric": metric, "layout": layout.without_texts().to_dict()}


def scan_profile(launch, options) -> tuple[Profile, object]:
    """Profile of the inputs by a scan of its own, and its outcome."""
    from kmeans_sample import KMeansSample

    outcome = launch.run(KMeansSample, sampling_plan(launch, options, PROFILE_ONLY))
    return profile_and_sample(outcome)[0], outcome


def with_width(layout, profile: Profile):
    """The layout with the number of columns, which sparse input does not tell by its head."""
    return replace(layout, width=profile.width) if layout.sparse else layout


def plan_of_options(launch, options) -> dict:
    """The plan of one round run by itself."""
    if not options.centroids:
        raise UserError("--centroids is missing; give centroids.csv, model.json or an output"
                        " folder.")
    if options.metric == "cosine" and options.standardize:
        raise UserError("--standardize cannot go with --metric cosine; leave one of them out.")
    layout = launch.inputs.layout
    centroids = read_centroids(options.centroids, launch.files, layout, options.metric)
    options.clusters = None
    profile = (read_profile(options.profile, launch) if options.profile
               else scan_profile(launch, options)[0])
    launch.rows = profile.rows
    if layout.sparse and profile.width < centroids.shape[1]:
        layout = replace(layout, width=centroids.shape[1])
        profile.moments = profile.moments._widened(centroids.shape[1])
    layout = layout if layout.width else with_width(layout, profile)
    if layout.n_columns != centroids.shape[1]:
        raise UserError("The centroids of %s have %d columns, but the input has %d."
                        % (options.centroids, centroids.shape[1], layout.n_columns))
    space = profile.space(options.metric, options.standardize, layout.sparse)
    return round_plan([centroids], space, options.metric, layout)


def collected(records: dict, number: int, k: int, space: Space) -> Sums:
    """The sums of one set of centroids from a round's records."""
    sums = Sums(k, space)
    for key, values in records.items():
        kind, _, label = key.partition(":")
        for value in values:
            if kind == str(number):
                sums.put(int(label), value)
            elif key == "far:%d" % number:
                sums.farthest.put(value)
    return sums


def recentred(records: dict, centroids: np.ndarray, space: Space, number: int = 0) -> Recentred:
    """What a round's records say of one set of centroids."""
    return recentre(collected(records, number, len(centroids), space), centroids, space,
                    min(records.get("move_bound:%d" % number, [0.0])))


def readable(launch, outcome):
    """One dict per cluster, for printing."""
    plan = launch.last_plan
    centroids = plan["centroids"][0]
    result = recentred(outcome.records, centroids, Space.from_dict(plan["space"]))
    for label, centroid in enumerate(result.centroids):
        yield {"label": label, "weight": float(result.weights[label]),
               "count": int(result.counts[label]), "cost": float(result.costs[label]),
               "centroid": centroid.tolist()}
