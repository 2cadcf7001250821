"""A whole k-means run: a sample scan, seeds, rounds until a rule stops them.

    result = cluster(scans, Settings([10]), told)

`scans` are the scans of the data, by jobs or over arrays (scans.py): the run does not know which.
What happens meanwhile is told to a callable as one of the events below. Nothing is written here.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Callable, Optional

import numpy as np

from howdah.clustering.choose_k import Choice, best, choice_of
from howdah.clustering.converge import LloydRun, Result, Rules, iterate
from howdah.clustering.models import Model
from howdah.clustering.sampling import refuse_too_few_points
from howdah.clustering.scans import Sample, Scans
from howdah.clustering.seeds import (
    CORESET,
    RANDOM,
    comparable,
    random_rows,
    starts_of_sample,
)
from howdah.errors import UserError
from howdah.kmeans.recentre import shift


@dataclass(frozen=True)
class Settings:
    """What is asked of a run; the names are those of the driver's options.

    clusters  the numbers of clusters to try; init: coreset or random, where no `start` is given
    start     raw centroids (k, d) to go on from
    """

    clusters: list
    restarts: int = 1
    metric: str = "euclidean"
    standardize: bool = False
    init: str = CORESET
    start: Optional[np.ndarray] = None
    min_gain: float = 0.001
    tol: Optional[float] = None
    max_rounds: int = 20
    max_minutes: Optional[float] = None
    empty_clusters: str = "farthest"
    sample_size: Optional[int] = None
    seed: int = 0
    rounds_before: int = 0
    noted: dict = field(default_factory=dict)


@dataclass
class Sampled:
    """Event: the sample scan is done."""

    sample: Sample
    columns: list
    seconds: float


@dataclass
class Begun:
    """Event: the seeds are there; a ClusteringOfK without runs by number of clusters."""

    by_k: dict


@dataclass
class Advanced:
    """Event: a round is known of these runs, LloydRun by (k, restart)."""

    runs: dict


@dataclass
class Ended:
    """Event: a rule has stopped every run; Results by (k, restart)."""

    results: dict


class ClusteringOfK:
    """The restarts of one number of clusters, of which the one of least cost counts."""

    def __init__(self, k: int, model: Model):
        self.k, self.model = k, model
        self.runs: dict = {}

    @property
    def leader(self) -> LloydRun:
        return min(self.runs.values(), key=lambda run: run.history[-1].cost)

    @property
    def result(self) -> Result:
        result = self.leader.result
        assert result is not None  # asked for when all runs have ended
        return result


@dataclass
class Clustering:
    """What a run gives: its ClusteringOfK by k, the one that was chosen, the table of choices."""

    by_k: dict
    chosen: ClusteringOfK
    choices: list
    converged: bool
    scans: int

    @property
    def choice(self) -> Choice:
        return next(choice for choice in self.choices if choice.k == self.chosen.k)


def cluster(scans: Scans, settings: Settings,
            told: Callable[[object], None] = lambda event: None) -> Clustering:
    """The whole run. Raises UserError for data that k clusters cannot be made of."""
    begun = time.monotonic()
    sample = scans.sample(settings)
    told(Sampled(sample, scans.columns(sample.profile), time.monotonic() - begun))
    refuse_too_few_points(max(settings.clusters), sample.profile, sample.rows)
    space = sample.profile.space(settings.metric, settings.standardize, scans.sparse)
    starts = all_starts(scans, settings, sample)
    by_k = {k: ClusteringOfK(k, model_of(scans, settings, sample, k, starts[k, 0][0]))
            for k in settings.clusters}
    told(Begun(by_k))
    rounds = 0

    def run_round(centroid_sets: list) -> list:
        nonlocal rounds
        rounds += 1
        return scans.round(centroid_sets, space, settings.rounds_before + rounds)

    def after_round(runs: dict) -> None:
        for (k, restart), run in runs.items():
            by_k[k].runs[restart] = run
        told(Advanced(runs))
        for run in runs.values():
            refuse_empty(settings, run.history[-1])

    results = iterate(run_round, starts, rules_of(settings, sample.profile),
                      lambda before, after: shift(before, after, space), after_round,
                      rounds_before=settings.rounds_before)
    told(Ended(results))
    for each in by_k.values():
        each.model.take(each.result)
    choices = choices_of(settings, sample, by_k) if len(by_k) > 1 else []
    chosen = by_k[best(choices).k] if choices else next(iter(by_k.values()))
    return Clustering(by_k, chosen, choices,
                      all(result.converged for result in results.values()), rounds)


def all_starts(scans: Scans, settings: Settings, sample: Sample) -> dict:
    """The sets of centroids from which each run starts, by (k, restart)."""
    names = {(k, restart): "k=%d restart=%d" % (k, restart)
             for k in settings.clusters for restart in range(settings.restarts)}
    made = scans.seeds(lambda: {name: starts_of(settings, sample, *run)
                                for run, name in names.items()})
    return {run: made[name] for run, name in names.items()}


def starts_of(settings: Settings, sample: Sample, k: int, restart: int) -> list:
    """The sets of centroids from which one run starts; of several the first rounds keep one."""
    if settings.start is not None:
        return [settings.start]
    seed = settings.seed + restart
    if settings.init == RANDOM:
        return [random_rows(sample.rows, sample.weights, k, seed)]
    return starts_of_sample(sample.rows, sample.weights, k, seed, sample.profile, settings.metric,
                            settings.standardize)


def model_of(scans: Scans, settings: Settings, sample: Sample, k: int,
             centroids: np.ndarray) -> Model:
    """The model of k clusters before its first round."""
    return Model(scans.columns(sample.profile), settings.metric, settings.standardize, scans.sparse,
                 sample.profile, centroids, seed=settings.seed,
                 options={"clusters": k, **settings.noted})


def rules_of(settings: Settings, profile) -> Rules:
    """The stop rules; --tol is measured against the mean variance, as the metric sees columns."""
    std = profile.moments.std
    if settings.standardize:
        std = np.where(std > 0, 1.0, 0.0)
    scale = 0.0 if settings.tol is None else float(np.mean(std ** 2))
    return Rules(settings.min_gain, settings.tol, scale, settings.max_rounds, settings.max_minutes)


def refuse_empty(settings: Settings, last) -> None:
    if settings.empty_clusters == "error" and last.empty:
        raise UserError("Clusters %s are empty after round %d; give a smaller -k, another"
                        " --seed, or --empty-clusters farthest." % (last.empty, last.round))


def choices_of(settings: Settings, sample: Sample, by_k: dict) -> list:
    """Several numbers of clusters side by side."""
    def seen(rows: np.ndarray) -> np.ndarray:
        return comparable(rows, sample.profile, settings.metric, settings.standardize)

    points = seen(sample.rows)
    # Silhouettes have no unit, and squares of large numbers would be infinite.
    top = int(np.frexp(np.abs(points).max(initial=0.0))[1])
    return [choice_of(each.result, np.ldexp(points, -top), sample.weights,
                      np.ldexp(seen(each.model.centroids), -top)) for each in by_k.values()]
