"""Rounds of Lloyd's algorithm as jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterator, Optional

import numpy as np

from howdah.clustering.centroid_files import read_centroids
from howdah.clustering.memory_laws import refuse_large_round
from howdah.clustering.sampling import (
    PROFILE_ONLY,
    profile_and_sample,
    read_profile,
    sampling_plan,
    with_width,
)
from howdah.errors import UserError
from howdah.input.row_counts import RowCounts
from howdah.kmeans.bounds import wanted
from howdah.kmeans.centroids import GridCentroids
from howdah.kmeans.grid import Space
from howdah.kmeans.recentre import Cluster, Recentred
from howdah.launch.script import run_or_print
from howdah.spelling import json_text
from howdah.task.plans import RoundPlan


def round_plan(launch, centroid_sets: list, space: Space, metric: str, layout) -> RoundPlan:
    """What the tasks of a round need to know; UserError where that is too large for a task."""
    refuse_large_round(launch, sum(map(len, centroid_sets)), space.width)
    return RoundPlan(layout.without_texts(), metric, space,
                     [np.asarray(c, dtype=np.float64) for c in centroid_sets],
                     wanted_bounds(centroid_sets, space, layout.sparse))


def wanted_bounds(centroid_sets: list, space: Space, sparse: bool) -> list:
    """How far each set of centroids is asked to be free to move; of sparse rows none is."""
    return [0.0 if sparse else wanted(GridCentroids.of(centroids, space).metric)
            for centroids in centroid_sets]


def run_alone(launch) -> Optional[RowCounts]:
    """One round as a script of its own: prints a line for each cluster."""
    plan = plan_of_options(launch)

    def show(outcome) -> None:
        for cluster in readable(plan, outcome):
            print(json_text(cluster))

    return run_or_print(launch, plan, show=show)


def plan_of_options(launch) -> RoundPlan:
    """The plan of one round run by itself; without --profile a scan makes one first."""
    options = launch.options
    if not options.centroids:
        raise UserError("--centroids is missing; give centroids.csv, model.json or an output"
                        " folder.")
    if options.metric == "cosine" and options.standardize:
        raise UserError("--standardize cannot go with --metric cosine; leave one of them out.")
    layout = launch.inputs.layout
    centroids = read_centroids(options.centroids, launch.files, layout, options.metric)
    profile = (read_profile(options.profile, launch) if options.profile
               else profile_and_sample(launch.run(
                   launch.job.profile_job(), sampling_plan(launch, options, PROFILE_ONLY)))[0])
    launch.rows = profile.rows
    if layout.sparse and profile.width < centroids.shape[1]:
        layout = replace(layout, width=centroids.shape[1])
        profile.moments = profile.moments._widened(centroids.shape[1])
    layout = layout if layout.width else with_width(layout, profile)
    if layout.n_columns != centroids.shape[1]:
        raise UserError("The centroids of %s have %d columns, but the input has %d."
                        % (options.centroids, centroids.shape[1], layout.n_columns))
    space = profile.space(options.metric, options.standardize, layout.sparse)
    return round_plan(launch, [centroids], space, options.metric, layout)


def recentred(records: dict, centroids: np.ndarray, space: Space, number: int = 0) -> Recentred:
    """What a round's records say of one set of centroids."""
    clusters = {}
    for key, values in records.items():
        kind, _, label = key.partition(":")
        if kind == str(number):
            [record] = values
            clusters[int(label)] = Cluster.of_record(record)
    [farthest] = records.get("far:%d" % number, [[]])
    [radius] = records.get("move_bound:%d" % number, [0.0])
    return Recentred.of(clusters, centroids, space, farthest, radius)


def readable(plan: RoundPlan, outcome) -> Iterator[dict]:
    """One dict per cluster, for printing."""
    result = recentred(outcome.records, plan.centroids[0], plan.space)
    for label, centroid in enumerate(result.centroids):
        yield {"label": label, "weight": float(result.weights[label]),
               "count": int(result.counts[label]), "cost": float(result.costs[label]),
               "centroid": centroid.tolist()}
