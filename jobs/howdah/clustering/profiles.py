"""Profiles in files: profile.json, model.json, what kmeans_sample prints."""

from __future__ import annotations

from howdah.kmeans.profile import Profile
from howdah.task.records import dump_json, load_json


def readable(profile: Profile) -> dict:
    """For people and other programs: lists of floats, and the exact form under `exact`."""
    moments, distinct = profile.moments, profile.distinct
    return {"rows": profile.rows, "columns": profile.width, "distinct_rows": distinct.count,
            "distinct_is_exact": distinct.exact, "mean": moments.means.tolist(),
            "std": moments.std.tolist(), "min": moments.low.tolist(),
            "max": moments.high.tolist(), "total_weight": profile.total_weight,
            "exact": dump_json(profile.to_dict()).decode("ascii")}


def from_readable(value: dict) -> Profile:
    """The profile behind `readable`."""
    return Profile.from_dict(load_json(value["exact"]))
