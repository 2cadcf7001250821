"""The sample scan: its plan, and what its records say."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Optional

import numpy as np

from howdah.clustering.memory_laws import refuse_large_sample
from howdah.clustering.profiles import from_readable, readable
from howdah.commands import called
from howdah.errors import UserError
from howdah.input.columns import places_of
from howdah.input.row_counts import RowCounts
from howdah.kmeans.coreset import sample_size
from howdah.kmeans.moments import SKETCH
from howdah.kmeans.priority_sample import PrioritySample
from howdah.kmeans.profile import Profile
from howdah.kmeans.sums import refuse_ratio
from howdah.launch.script import run_or_print
from howdah.sparse import is_sparse
from howdah.spelling import json_text
from howdah.task.plans import SamplePlan

PROFILE_ONLY = 0
# What the sample may take once it is dense: 512 MB.
DENSE_VALUES = 1 << 26


def run_alone(launch) -> Optional[RowCounts]:
    """The sample scan as a script of its own: prints the profile, then the rows."""
    def show(outcome) -> None:
        profile, rows, weights = profile_and_sample(outcome)
        layout = with_width(launch.inputs.layout, profile)
        print(json_text({"profile": readable(profile), "columns": layout.column_names()}))
        for row, weight in zip(rows, weights.tolist()):
            print(json_text({"row": row.tolist(), "weight": weight}))

    return run_or_print(launch, plan_of_options(launch), show=show)


def plan_of_options(launch) -> SamplePlan:
    """The plan of a sample scan run by itself."""
    return sampling_plan(launch, launch.options)


def sampling_plan(launch, options, size: Optional[int] = None) -> SamplePlan:
    """The plan of a sample scan; `size` PROFILE_ONLY draws no sample.

    UserError for a sample that is too small for the clusters, or too large for a task.
    """
    clusters = getattr(options, "clusters", None)
    k = max(clusters) if clusters else 1
    if size is None:
        check_clusters(clusters)
        size = wanted_rows(options, launch.inputs.layout.n_columns)
        if size < k:
            raise UserError("--sample-size is %d, but -k %d clusters need a sample of at least as"
                            " many rows." % (size, k))
    if size:
        refuse_large_sample(launch, launch.inputs, size)
    return SamplePlan(launch.inputs.layout.without_texts(), options.metric, options.standardize,
                      k, size, getattr(options, "seed", 0), distinct_rows(k))


def with_width(layout, profile: Profile):
    """The layout with the number of columns, which sparse input does not tell by its head."""
    return replace(layout, width=profile.width) if layout.sparse else layout


def wanted_rows(options, n_columns: Optional[int]) -> int:
    """Rows to sample: what the user says, or what the clusters and columns ask for."""
    if options.sample_size is not None:
        return options.sample_size
    return sample_size(max(options.clusters), n_columns or 1)


def distinct_rows(k: int) -> int:
    """How many distinct rows are counted exactly: more than clusters."""
    return max(SKETCH, k + 1)


def check_clusters(counts) -> None:
    if not counts:
        raise UserError("-k is missing; say how many clusters with -k K.")
    for k in counts:
        if k < 1:
            raise UserError("-k is %d; it must be at least 1." % k)


def profile_and_sample(outcome, fewest: int = 1) -> tuple[Profile, np.ndarray, np.ndarray]:
    """Profile, sampled rows (m, d) and their weights (m,) from a scan's records.

    UserError if less than `fewest` rows can be held, or for weights that sums cannot hold.
    """
    profiles = outcome.records.get("profile")
    if not profiles:
        raise UserError("No row has a weight above 0.")
    profile = Profile.merged(map(Profile.from_dict, profiles))
    profile.weightless = outcome.row_counts.used - profile.rows
    refuse_weights(profile)
    sample = PrioritySample.of_records(outcome.records.get("sample", []))
    return (profile, *dense_sample(profile, sample, fewest))


def dense_sample(profile: Profile, sample: Optional[PrioritySample],
                 fewest: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows (m, d) and weights (m,) of a sample; UserError if less than `fewest` can be held."""
    if sample is None:
        return np.empty((0, profile.width)), np.empty(0)
    affordable = DENSE_VALUES // max(profile.width, 1)
    if affordable < min(fewest, len(sample)):
        raise UserError("-k is %d, but of rows of %d columns only %d fit into the sample; hash the"
                        " features to fewer columns, or give a smaller -k."
                        % (fewest, profile.width, affordable))
    sample.shrink(affordable)
    rows, weights = sample.weighted()
    rows = rows.toarray() if is_sparse(rows) else rows
    missing = profile.width - rows.shape[1]
    return np.pad(rows, ((0, 0), (0, missing))), weights


def read_profile(path: str, launch) -> Profile:
    """A profile that kmeans_sample printed or a driver saved: JSON with the key "profile".

    Its columns are put in the order of the input's.
    """
    if not launch.files.exists(path):
        raise UserError("The profile %s does not exist." % path)
    try:
        first = json.loads(launch.files.read(path).split(b"\n", 1)[0])
        profile, names = from_readable(first["profile"]), first.get("columns")
    except (ValueError, KeyError, TypeError):
        raise UserError("%s is no profile; make one with: %s INPUT -k K > FILE."
                        % (path, called("sample"))) from None
    layout = launch.inputs.layout
    places = places_of(names, layout, "those of the profile %s" % path)
    if layout.n_columns not in (None, profile.width):
        raise UserError("The profile %s has %d columns, but the input has %d."
                        % (path, profile.width, layout.n_columns))
    if places is not None:
        profile.moments = profile.moments.of_columns(np.argsort(places))
    return profile


def refuse_weights(profile: Profile) -> None:
    """UserError for weights whose sum, or ratio, no sums can hold."""
    if not profile.heaviest:
        return
    if not math.isfinite(profile.total_weight or 0.0):
        raise UserError("The weights add up to more than 1.8e308; scale them.")
    if profile.lightest:
        refuse_ratio(profile.lightest, profile.heaviest)


def refuse_too_few_points(k: int, profile: Profile, rows: np.ndarray) -> None:
    """UserError when k clusters cannot be; `rows` is the sample, which had room for k rows."""
    if profile.distinct.exact and profile.distinct.count < k:
        raise UserError("-k is %d, but the input has only %d distinct points; give a smaller -k."
                        % (k, profile.distinct.count))
    if len(rows) < k:
        raise UserError("-k is %d, but only %d rows have a weight above 0; give a smaller -k."
                        % (k, len(rows)))
