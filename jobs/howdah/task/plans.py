"""Plans: what the launcher decided for the tasks of one job, and all that these know.

A plan travels as one JSON file. A task reads plans of its own version only: launcher and worker
share their code, or one of them would guess.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Optional

import numpy as np

from howdah import __version__
from howdah.errors import UserError
from howdah.input.layout import Layout
from howdah.kmeans.grid import Space
from howdah.knn.request import Request
from howdah.task.records import dump_json, load_json

PARTS: dict = {"layout": Layout, "space": Space, "request": Request}


@dataclass
class Plan:
    """What every job's plan says.

    layout  how the input is written
    metric  of "cosine" rows of zeros are bad rows: they have no direction
    """

    layout: Layout
    metric: str

    def to_json(self, sliced: bool) -> bytes:
        """The file's content; `sliced` tasks are given places in local files instead of lines."""
        value = {each.name: getattr(self, each.name) for each in fields(self)}
        for name in PARTS.keys() & value.keys():
            value[name] = value[name].to_dict()
        return dump_json({"howdah_version": __version__, "sliced": sliced, "plan": value})

    @classmethod
    def from_json(cls, data: bytes) -> tuple:
        """(plan, sliced); UserError for a plan of another version."""
        file = load_json(data)
        found = file["howdah_version"]
        if found != __version__:
            raise UserError("The job was launched by howdah %s, but this worker has howdah %s; give"
                            " both the same version." % (found, __version__))
        value = file["plan"]
        for name in PARTS.keys() & value.keys():
            value[name] = PARTS[name].from_dict(value[name])
        return cls(**value), file["sliced"]


@dataclass
class SamplePlan(Plan):
    """A sample scan for up to `k` clusters: `size` rows are sampled, 0 for the profile alone.

    distinct  so many distinct rows are counted exactly
    """

    standardize: bool
    k: int
    size: int
    seed: int
    distinct: int


@dataclass
class RoundPlan(Plan):
    """A round over several sets of centroids, raw (k, d), each with the move bound to ask for."""

    space: Space
    centroids: list
    move_bounds: list


@dataclass
class AssignPlan(Plan):
    """The labels of raw centroids (k, d)."""

    space: Space
    centroids: np.ndarray


@dataclass
class PackPlan(Plan):
    """Packed blocks; `bad_rows` as the option says it."""

    dtype: str
    bad_rows: str


@dataclass
class KnnPlan(Plan):
    """Answers from an index.

    request     what is asked of it
    batch       queries to answer at a time; None: what fits the cache
    sha256      the only index file that may be loaded
    first_rows  where the running place of each local task's rows begins, by slice
    """

    request: Request
    batch: Optional[int]
    sha256: Optional[str]
    first_rows: dict
