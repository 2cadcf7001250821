"""The scans of a run: what it asks of its data, and how jobs answer it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib import import_module
from threading import Thread
from typing import Callable, NamedTuple, Optional

import numpy as np

from howdah.clustering.journal import ROUND, SAMPLE, SEEDS, Journal
from howdah.clustering.memory_laws import refuse_large_round
from howdah.clustering.rounds import recentred, round_plan
from howdah.clustering.sampling import profile_and_sample, sampling_plan, with_width
from howdah.clustering.seeds import first_sets
from howdah.input.row_counts import RowCounts
from howdah.kmeans.grid import Space
from howdah.kmeans.profile import Profile
from howdah.launch.input_files import InputFiles
from howdah.launch.outcome import Outcome
from howdah.task.plans import Plan


@dataclass
class Sample:
    """What the sample scan gives: rows (m, d) as they were read, weights (m,), the profile.

    row_counts  of a scan of files, None of arrays
    """

    profile: Profile
    rows: np.ndarray
    weights: np.ndarray
    row_counts: Optional[RowCounts] = None


class Scans(ABC):
    """The data of a run, seen by scans alone.

    Attributes
    ----------
    sparse : whether rows are sparse
    """

    sparse = False

    @abstractmethod
    def sample(self, settings) -> Sample:
        """The first scan, for a clustering.Settings."""

    @abstractmethod
    def round(self, centroid_sets: list, space: Space, number: int) -> list:
        """A Recentred for each set of raw centroids (k, d), by one scan; `number` counts rounds."""

    def seeds(self, make: Callable[[], dict]) -> dict:
        """The sets of centroids to start from, lists of (k, d) arrays by name: `make()`.

        Not a scan, but as long as one: what remembers scans remembers them, too.
        """
        return make()

    @abstractmethod
    def columns(self, profile: Profile) -> list:
        """The names of the columns."""


class Jobs(NamedTuple):
    """The job classes of a run: jobs/ has them."""

    sample: type
    round: type
    assign: type


class JobScans(Scans):
    """Scans by jobs on the inputs of a launch; what the journal has of them is not done again."""

    def __init__(self, launch, jobs: Jobs, journal: Journal, files: InputFiles):
        self.launch, self.jobs, self.journal, self.files = launch, jobs, journal, files
        self.layout = launch.inputs.layout
        self.sparse = self.layout.sparse

    def sample(self, settings) -> Sample:
        sets = sum(settings.clusters) * settings.restarts
        if self.layout.n_columns is not None:
            refuse_large_round(self.launch, sets, self.layout.n_columns)
        plan = sampling_plan(self.launch, settings)
        if not self.journal.has(SAMPLE):
            self._import_scikit_learn_meanwhile()
        outcome = self._scan(SAMPLE, self.jobs.sample, plan)
        profile, rows, weights = profile_and_sample(outcome, max(settings.clusters))
        self.launch.rows = profile.rows
        self.layout = with_width(self.layout, profile)
        # Where no row has a weight, that is said of the sample later.
        sets = sum(first_sets(settings, max(len(rows), 1), profile.moments.n))
        refuse_large_round(self.launch, sets, profile.width)
        return Sample(profile, rows, weights, outcome.row_counts)

    def _import_scikit_learn_meanwhile(self) -> None:
        """Solving the sample needs it: a second, and a cluster's scan takes longer."""
        if not self.launch.backend.sliced:
            Thread(target=import_module, args=("sklearn.cluster",), daemon=True).start()

    def round(self, centroid_sets: list, space: Space, number: int) -> list:
        metric = "cosine" if space.cosine else "euclidean"
        plan = round_plan(self.launch, centroid_sets, space, metric, self.layout)
        outcome = self._scan(ROUND % number, self.jobs.round, plan)
        return [recentred(outcome.records, centroids, space, i)
                for i, centroids in enumerate(centroid_sets)]

    def seeds(self, make: Callable[[], dict]) -> dict:
        return self.journal.step(SEEDS, make)

    def _scan(self, name: str, job_class, plan: Plan) -> Outcome:
        """What a job gave, or gave an earlier driver of this run."""
        def made() -> dict:
            outcome = self.launch.run(job_class, plan, step=name)
            self.files.refuse_changes()
            return outcome.to_dict()

        return Outcome.from_dict(self.journal.step(name, made))

    def columns(self, profile: Profile) -> list:
        return with_width(self.layout, profile).column_names()
