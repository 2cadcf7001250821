"""Profiles in files: profile.json, model.json, what kmeans_sample prints."""

from __future__ import annotations

import numpy as np

from howdah.input.rows import LARGEST
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
    """The profile behind `readable`; ValueError for what it did not write."""
    try:
        profile = Profile.from_dict(load_json(value["exact"]))
        _refuse_impossible(profile)
        told = readable(profile)
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError("no profile (%s)" % error) from None
    if any(value.get(name) != told[name] for name in told if name != "exact"):
        raise ValueError("what people read of the profile is not what it is")
    return profile


def _refuse_impossible(profile: Profile) -> None:
    """ValueError unless these can be moments of at least one row, distinct rows and weights."""
    moments, distinct = profile.moments, profile.distinct
    columns = (moments.exponent, moments.mean, moments.m2, moments.low, moments.high)
    weights = [weight for weight in (profile.total_weight, profile.heaviest) if weight is not None]
    held = (
        all(isinstance(each, np.ndarray) and each.ndim == 1 for each in columns)
        and len({each.shape for each in columns}) == 1
        and moments.exponent.dtype.kind == "i" and (np.abs(moments.exponent) < 1100).all()
        and all((np.abs(each) <= LARGEST).all() for each in columns[1:])
        and (moments.m2 >= 0).all() and (moments.low <= moments.high).all()
        and type(moments.n) is int and 1 <= moments.n < 2 ** 63
        and type(distinct.size) is int and 1 <= len(distinct.smallest) <= distinct.size
        and distinct.smallest.ndim == 1 and (distinct.smallest[:-1] < distinct.smallest[1:]).all()
        and len(weights) in (0, 2) and all(0 <= weight < np.inf for weight in weights))
    if not held:
        raise ValueError("its numbers cannot be those of a profile")
