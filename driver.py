"""k-means from raw files to converged centroids.

    python driver.py data/digits.csv.gz -k 10 --ignore-columns label
    python driver.py hdfs:///data/points/ -k 50 -r hadoop --output-dir hdfs:///out

One scan samples the data, scikit-learn solves the sample, and rounds of jobs/kmeans_round.py run
until the cost no longer falls. mrjob's options (-r, --jobconf, ...) are passed on to every job.
Exit codes: 0 converged; 1 a job failed, or anything did after the first write, and what is written
stays; 2 wrong use or bad input, nothing written; 3 stopped by --max-rounds or --max-minutes, result
written.
"""

from __future__ import annotations

import shlex
import sys
import time
import traceback
from importlib import import_module
from threading import Thread

import numpy as np

from howdah.errors import OK, STOPPED_BY_LIMIT, JobFailed, UserError
from howdah.task.job import HowdahJob
from howdah.clustering.assigning import assign_plan
from howdah.clustering.choose_k import best, choice_of
from howdah.clustering.converge import Rules, iterate
from howdah.clustering.estimate import estimate
from howdah.launch.inputs import list_inputs
from howdah.clustering.memory_laws import refuse_large_round
from howdah.clustering.centroid_files import read_centroids
from howdah.clustering.models import Model
from howdah.clustering.output import SEEDINGS, Output
from howdah.clustering.report import ROUND_HEADER, described, stopped, summary, table, warn_of
from howdah.clustering.rounds import recentred, round_plan, with_width
from howdah.launch.launch import Launch
from howdah.clustering.sampling import (
    check_clusters,
    profile_and_sample,
    refuse_too_few_points,
    sampling_plan,
)
from howdah.clustering.seeds import comparable, first_sets, random_rows, rivals
from howdah.launch.console import guarded, notice, set_up_logging
from howdah.kmeans.recentre import shift
from howdah.options import add_metric_options, add_sampling_options
from howdah.scripts.kmeans_assign import KMeansAssign
from howdah.scripts.kmeans_round import KMeansRound
from howdah.scripts.kmeans_sample import KMeansSample


class Driver(HowdahJob):
    """The driver's command line: its own options beside those of every job. It runs no task."""

    def add_options(self, parser):
        add_sampling_options(parser)
        add_metric_options(parser)
        parser.add_argument("--restarts", type=int, default=1, metavar="N",
                            help="starts of which the best counts; all of them, and all of"
                                 " -k 10,20,50, share every scan")
        parser.add_argument("--init", default="coreset", metavar="HOW",
                            help="coreset (default), random, or where to go on from:"
                                 " centroids.csv, model.json or an output folder")
        parser.add_argument("--min-gain", type=float, default=0.001, metavar="SHARE",
                            help="stop when a round lowers the cost by less (default: 0.001)")
        parser.add_argument("--tol", type=float, default=None, metavar="T",
                            help="scikit-learn's rule instead: stop when the squared moves add up"
                                 " to at most T times the mean variance of the columns")
        parser.add_argument("--max-rounds", type=int, default=20)
        parser.add_argument("--max-minutes", type=float, default=None)
        parser.add_argument("--empty-clusters", choices=("farthest", "error"), default="farthest",
                            help="move an empty cluster to the point farthest from its centroid"
                                 " (default), or stop")
        parser.add_argument("--assign", action="store_true",
                            help="write every point's label below the output folder at the end")
        parser.add_argument("--estimate", action="store_true",
                            help="do not run: tell rows, memory, shuffled bytes and jobs from the"
                                 " head of the input")


def main(argv=None) -> int:
    return guarded(lambda: cluster(Driver(argv)))


def cluster(job: Driver) -> int:
    """The whole run; its exit code."""
    options = job.options
    set_up_logging(job)
    check(options)
    with Launch(job) as launch:
        output = Output(options.output_dir, launch.files, options.init)
        launch.check(output.resuming)
        if options.assign:
            launch.backend.refuse_local_output()
        if options.estimate:
            estimate(launch, options)
            return OK
        output.read_history()
        if output.resuming:
            output.check([path for path, _ in list_inputs(options.args, launch.files)],
                         options.max_rounds + 1, options.assign)
        try:
            return run(launch, options, output)
        except BaseException as error:
            if not output.begun:
                output.discard()
                if isinstance(error, OSError):
                    raise JobFailed(str(error)) from error
                raise
            if not isinstance(error, Exception):
                notice(way_on(options, output))
                raise
            known = isinstance(error, (UserError, JobFailed, OSError))
            said = str(error) if known else traceback.format_exc().rstrip()
            raise JobFailed("%s\n%s" % (said, way_on(options, output))) from error


def run(launch: Launch, options, output: Output) -> int:
    """From the first scan to the written results; the exit code."""
    start = None
    if options.init not in SEEDINGS:
        start = read_start(options, launch)
    started = time.monotonic()
    if launch.inputs.layout.n_columns is not None:
        refuse_large_round(launch, sum(options.clusters) * options.restarts,
                           launch.inputs.layout.n_columns)
    first_plan = sampling_plan(launch, options)
    import_scikit_learn_meanwhile(launch)
    outcome = launch.run(KMeansSample, first_plan, output.for_job("sample"))
    profile, rows, weights = profile_and_sample(outcome, max(options.clusters))
    launch.rows = profile.rows
    notice(described(launch, outcome, profile, time.monotonic() - started))
    refuse_too_few_points(max(options.clusters), profile, rows)
    layout = with_width(launch.inputs.layout, profile)
    refuse_large_round(launch, sum(first_sets(options, len(rows), profile.rows)), profile.width)
    warn_of(options, profile, rows, layout.column_names())
    space = profile.space(options.metric, options.standardize, layout.sparse)

    def starts_of(k: int, restart: int) -> list:
        if start is not None:
            return [start]
        if options.init == "random":
            return [random_rows(rows, weights, k, options.seed + restart)]
        return rivals(rows, weights, k, options.seed + restart, profile, options.metric,
                      options.standardize)

    starts = {(k, restart): starts_of(k, restart)
              for k in options.clusters for restart in range(options.restarts)}
    runs = {k: KRun(k, output.for_k(k) if len(options.clusters) > 1 else output, Model(
        layout.column_names(), options.metric, options.standardize, layout.sparse, profile,
        starts[k, 0][0], seed=options.seed, options=noted(options, k)))
        for k in options.clusters}
    for each in runs.values():
        each.output.begin(each.model)
    scans = 0

    def run_round(centroid_sets):
        nonlocal scans
        scans += 1
        plan = round_plan(launch, centroid_sets, space, options.metric, layout)
        number = output.rounds_before + scans
        outcome = launch.run(KMeansRound, plan, output.for_job("round-%02d" % number))
        return [recentred(outcome.records, c, space, i) for i, c in enumerate(centroid_sets)]

    def after_round(courses):
        for (k, restart), course in courses.items():
            last = course.history[-1]
            notice(name_of(options, k, restart) + last.line())
            refuse_empty(options, last)
            runs[k].courses[restart] = course
        for k in dict.fromkeys(k for k, _ in courses):
            runs[k].progress()

    notice(" " * len(name_of(options, options.clusters[0], 0)) + ROUND_HEADER)
    results = iterate(run_round, starts, rules_of(options, profile, space),
                      lambda before, after: shift(before, after, space), after_round,
                      rounds_before=output.rounds_before)
    for (k, restart), result in results.items():
        notice(stopped(result, name_of(options, k, restart)))
    chosen = finish(runs, (rows, weights, profile, options))
    if output.folder and len(runs) > 1:
        output.finish(chosen.model)
    if options.assign:
        assign(launch, chosen.model, output)
    notice(summary(chosen.result, launch, scans, options.assign, time.monotonic() - started))
    if output.folder:
        notice("written to %s" % output.folder)
    return OK if all(result.converged for result in results.values()) else STOPPED_BY_LIMIT


def import_scikit_learn_meanwhile(launch: Launch) -> None:
    """Solving the sample needs it, and its import takes a second; a cluster's scan takes longer."""
    if not launch.backend.sliced:
        Thread(target=import_module, args=("sklearn.cluster",), daemon=True).start()


def way_on(options, output: Output) -> str:
    """How a run that broke off goes on from what it has written."""
    alone = " (without --restarts)" if options.restarts > 1 else ""
    if len(options.clusters) == 1:
        return "Go on from the last complete round with %s%s." % (go_on_in(output.folder), alone)
    k = options.clusters[0]
    return "Go on with one k from its last complete round: -k %d %s, for example%s." % (
        k, go_on_in(output.for_k(k).folder), alone)


def go_on_in(folder) -> str:
    """Options as a shell takes them; a name that would be read otherwise gets a slash."""
    if folder in SEEDINGS or folder.endswith((".csv", ".json", ".")):
        folder += "/"
    return "--init {0} --output-dir {0}".format(shlex.quote(folder))


class KRun:
    """The restarts of one number of clusters, of which the one of least cost counts."""

    def __init__(self, k: int, output: Output, model: Model):
        self.k, self.output, self.model = k, output, model
        self.courses: dict = {}

    @property
    def leader(self):
        return min(self.courses.values(), key=lambda course: course.history[-1].cost)

    @property
    def result(self):
        return self.leader.result

    def progress(self) -> None:
        """Write the centroids to go on from, and the history so far."""
        leader = self.leader
        self.output.progress(leader.centroids, self.model.columns, leader.history)


def finish(runs: dict, sample: tuple) -> KRun:
    """Write every k's result; with several, print their table; the run that the rule picks."""
    for each in runs.values():
        each.model.take(each.result)
        each.output.finish(each.model)
    if len(runs) == 1:
        return next(iter(runs.values()))
    rows, weights, profile, options = sample
    points = comparable(rows, profile, options.metric, options.standardize)
    choices = [choice_of(each.result, points, weights, comparable(
        each.model.centroids, profile, options.metric, options.standardize))
        for each in runs.values()]
    chosen = best(choices)
    notice(table(choices, chosen))
    return runs[chosen.k]


def name_of(options, k: int, restart: int) -> str:
    """What tells courses apart in the driver's lines; empty for a single one."""
    name = "k=%-5d " % k if len(options.clusters) > 1 else ""
    return name + ("restart %-3d " % restart if options.restarts > 1 else "")


def refuse_empty(options, last) -> None:
    if options.empty_clusters == "error" and last.empty:
        raise UserError("Clusters %s are empty after round %d; give a smaller -k, another"
                        " --seed, or --empty-clusters farthest." % (last.empty, last.round))


def check(options) -> None:
    """Refuse wrong use before anything is read."""
    check_clusters(options.clusters)
    if options.print_streaming:
        raise UserError("--print-streaming prints the command of one job, and a run is several;"
                        " give it to jobs/kmeans_sample.py, kmeans_round.py or kmeans_assign.py.")
    if options.restarts < 1:
        raise UserError("--restarts is %d; it must be at least 1." % options.restarts)
    if options.init not in SEEDINGS and (
            len(options.clusters) > 1 or options.restarts > 1):
        raise UserError("--init %s is one start; give one -k and no --restarts." % options.init)
    if options.metric == "cosine" and options.standardize:
        raise UserError("--standardize cannot go with --metric cosine; leave one of them out.")
    if options.assign and not options.output_dir:
        raise UserError("--assign needs --output-dir, a folder for the labels.")
    for name in ("max_rounds", "max_minutes", "tol", "seed"):
        value = getattr(options, name)
        if value is not None and not value >= 0:
            raise UserError("--%s is %g; it must be at least 0." % (name.replace("_", "-"), value))
    if options.seed >= 2 ** 32:
        raise UserError("--seed is %d; it must be below 2**32." % options.seed)


def read_start(options, launch: Launch) -> np.ndarray:
    start = read_centroids(options.init, launch.files, launch.inputs.layout, options.metric)
    [k] = options.clusters
    if len(start) != k:
        raise UserError("%s holds %d centroids, but -k is %d; give -k %d."
                        % (options.init, len(start), k, len(start)))
    return start


def rules_of(options, profile, space) -> Rules:
    """The stop rules; --tol is measured against the mean variance, as the metric sees columns."""
    std = profile.moments.std
    if options.standardize:
        std = np.where(std > 0, 1.0, 0.0)
    return Rules(options.min_gain, options.tol, float(np.mean(std ** 2)), options.max_rounds,
                 options.max_minutes)


def noted(options, k: int) -> dict:
    """The options that made a model, for its model.json."""
    names = ("restarts", "metric", "standardize", "init", "min_gain", "tol", "max_rounds",
             "max_minutes", "empty_clusters", "sample_size", "seed", "bad_rows")
    return {"clusters": k, **{name: getattr(options, name) for name in names},
            "inputs": options.args}


def assign(launch: Launch, model: Model, output: Output) -> None:
    row_counts = launch.run_map_only(KMeansAssign, assign_plan(launch, model),
                                     output.for_job("labels"))
    notice("labels: %s" % row_counts.summary())


if __name__ == "__main__":
    sys.exit(main())
