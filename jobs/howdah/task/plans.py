"""Plans: what the launcher decided for the tasks of one job, and all that these know.

A plan travels as a line of JSON and one of its CRC-32. A task reads plans of its own version only:
launcher and worker share their code, or one of them would guess.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, fields
from typing import Optional

import numpy as np

from howdah import __version__
from howdah.errors import UserError
from howdah.input.layout import Layout
from howdah.kmeans.grid import Space
from howdah.knn.request import Request
from howdah.task.records import dump_json, load_json

DAMAGED = "The plan of the job is damaged: it is not what the launcher wrote; run the job again."
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
        plan = dump_json({"howdah_version": __version__, "sliced": sliced, "plan": value})
        return plan + b"\n" + _sum_of(plan) + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> tuple:
        """(plan, sliced); UserError for a plan of another version, and for a damaged one."""
        text, _, told = data.partition(b"\n")
        found = _version_of(text)
        if found != __version__:
            raise UserError("The job was launched by howdah %s, but this worker has howdah %s; give"
                            " both the same version." % (found, __version__))
        if told.strip() != _sum_of(text):
            raise UserError(DAMAGED)
        file = load_json(text)
        value = file["plan"]
        for name in PARTS.keys() & value.keys():
            value[name] = PARTS[name].from_dict(value[name])
        return cls(**value), file["sliced"]


def _sum_of(plan: bytes) -> bytes:
    return b"%08x" % zlib.crc32(plan)


def _version_of(plan: bytes):
    """Nothing else is read of a plan of another version."""
    try:
        return json.loads(plan)["howdah_version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UserError(DAMAGED) from None


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
