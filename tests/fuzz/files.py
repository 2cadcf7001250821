"""Small files that the launcher reads: centroids, models, profiles, ids, exclusions."""

from __future__ import annotations

import json
import re
from random import Random
from types import SimpleNamespace

import numpy as np
from howdah.clustering.centroid_files import parse_centroids
from howdah.clustering.models import Model
from howdah.clustering.sampling import read_profile
from howdah.input.layout import Layout
from howdah.knn.exclusions import read_exclusions
from howdah.task.plans import AssignPlan
from scripts import REPOSITORY

from fuzz.mutation import damaged, damaged_json, damaged_value
from fuzz.reader import Reader, Wrong
from fuzz.scratch import written_file

RUN = REPOSITORY / "tests/stored/iris-run"
CENTROIDS, MODEL, PROFILE = ((RUN / name).read_bytes() for name in (
    "centroids.csv", "model.json", "profile.json"))
NUMBERS = ["1", "2.5", "-3", "1e300", ".5", "+1", " 1 "]
ODD_NUMBERS = ["nan", "", "x", "1e400", "\u0661", "1_0", "0x1", "1e301", "\ufeff1", "inf", '"1"',
               '"1']
IDS = ["a", "b1", "q 1", "\u00e9", "", "1", "#", '"a"', "x\u0085y", "\u2028", "\ufeffa", "a\x0bb",
       "\x1c", "9" * 20]


class OneFile:
    """Files, all of one content."""

    def __init__(self, data: bytes):
        self.data = data

    def exists(self, path: str) -> bool:
        return True

    def read(self, path: str) -> bytes:
        return self.data


def make_centroids(rng: Random) -> bytes:
    if rng.random() < .4:
        return damaged(rng, CENTROIDS)
    odd, width = rng.choice((0, .05, .3)), rng.randint(1, 4)
    rows = [",".join(rng.choice(ODD_NUMBERS if rng.random() < odd else NUMBERS)
                     for _ in range(width)) for _ in range(rng.randrange(6))]
    if rng.random() < .4:
        rows.insert(0, ",".join("c%d" % i for i in range(width)))
    return rng.choice(("\n", "\r\n")).join(rows).encode() + b"\n" * rng.randrange(3)


def read_centroids(data: bytes) -> bool:
    names, centroids = parse_centroids(data, "the file")
    check_points(centroids)
    if names is not None and len(names) != centroids.shape[1]:
        raise Wrong("names and columns differ in number")
    lines = re.split("\r\n|\r|\n", data.decode("utf-8-sig"))
    if b'"' not in data and len(list(filter(None, lines))) != len(centroids) + bool(names):
        raise Wrong("a line is lost")
    return True


def check_points(points: np.ndarray) -> None:
    if points.ndim != 2 or not points.size:
        raise Wrong("an array of shape %s" % (points.shape,))
    if not (np.abs(points) <= 1e300).all():
        raise Wrong("a value that no row of the input may have")


def make_json(text: bytes):
    """Damaged JSON; of a profile the exact form within it, too."""
    def make(rng: Random) -> bytes:
        value = json.loads(text)
        profile = value["profile"]
        if rng.random() < .6 or "exact" not in profile:
            return damaged_json(rng, text)
        exact = json.loads(profile["exact"])
        for _ in range(rng.choice((1, 1, 2))):
            exact = damaged_value(rng, exact)
        profile["exact"] = json.dumps(exact)
        return json.dumps(value).encode()
    return make


def read_model(data: bytes) -> bool:
    model = Model.from_json(data, "the file")
    check_points(model.centroids)
    if len(model.columns) != model.width:
        raise Wrong("columns and centroids differ in width")
    if model.profile.width != model.width:
        raise Wrong("profile and centroids differ in width")
    if model.metric not in ("euclidean", "cosine"):
        raise Wrong("an unknown metric")
    check_profile(model.profile)
    model.to_json()
    return True


def read_profile_file(data: bytes) -> bool:
    layout = Layout("csv", columns=None)
    check_profile(read_profile("the file", SimpleNamespace(
        files=OneFile(data), inputs=SimpleNamespace(layout=layout))))
    return True


def check_profile(profile) -> None:
    """What a run asks of it can be answered."""
    moments = profile.moments
    if not np.isfinite([moments.means, moments.std, moments.low, moments.high]).all():
        raise Wrong("moments that are not finite")
    profile.space("euclidean", True, False)
    if profile.rows < 1 or profile.distinct.count < 1:
        raise Wrong("less than one row")


def sealed_plan() -> bytes:
    model = Model.from_json(MODEL, "the model")
    layout = Layout("csv", fields=4, columns=tuple("abcd"), numeric=(0, 1, 2, 3))
    return AssignPlan(layout, "euclidean", model.space(), model.centroids).to_json(sliced=True)


def make_plan(rng: Random) -> bytes:
    return damaged(rng, PLAN, 2) if rng.random() < .9 else PLAN


def read_plan(data: bytes) -> bool:
    plan, sliced = AssignPlan.from_json(data)
    if plan.to_json(sliced).split() != PLAN.split():
        raise Wrong("another plan than was written")
    return True


def make_exclusions(rng: Random) -> bytes:
    rows = ["\t".join(rng.choice(IDS) for _ in range(rng.choice((1, 2, 2, 2, 3, 5))))
            for _ in range(rng.randrange(6))]
    data = rng.choice(("\n", "\r\n")).join(rows).encode() + rng.choice((b"", b"\n"))
    data = (b"\xef\xbb\xbf" if rng.random() < .1 else b"") + data
    return damaged(rng, data) if rng.random() < .3 else data


def read_exclusions_file(data: bytes) -> bool:
    excluded = read_exclusions(written_file("exclude", data))
    points = [name for names in excluded.values() for name in names]
    if any("\t" in name or "\n" in name for name in [*excluded, *points]):
        raise Wrong("an id with a tab or line break")
    tabs = data.count(b"\t")
    if len(points) > tabs:
        raise Wrong("more ids than there are")
    if data.startswith(b"\xef\xbb\xbf") and any(name.startswith("\ufeff") for name in excluded):
        raise Wrong("the byte order mark is part of an id")
    return bool(excluded)


PLAN = sealed_plan()
FILES = [Reader("centroids", make_centroids, read_centroids),
         Reader("model", make_json(MODEL), read_model),
         Reader("plan", make_plan, read_plan),
         Reader("profile", make_json(PROFILE), read_profile_file)]
