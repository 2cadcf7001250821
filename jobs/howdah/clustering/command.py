"""The driver's run: options in, a folder and an exit code out."""

from __future__ import annotations

import shlex
import time
import traceback

import numpy as np

from howdah.arithmetic import refusal
from howdah.clustering.assigning import assign_plan
from howdah.clustering.centroid_files import read_centroids
from howdah.clustering.clustering import (
    Advanced,
    Begun,
    Clustering,
    Ended,
    Sampled,
    Settings,
    cluster,
)
from howdah.clustering.estimate import estimate
from howdah.clustering.output import Output
from howdah.clustering.report import ROUND_HEADER, described, stopped, summary, table, warn_of
from howdah.clustering.sampling import check_clusters
from howdah.clustering.scans import Jobs, JobScans
from howdah.clustering.seeds import SEEDINGS
from howdah.errors import OK, STOPPED_BY_LIMIT, JobFailed, OutOfRange, UserError
from howdah.launch.console import notice, say, set_up_logging
from howdah.launch.inputs import list_inputs
from howdah.launch.launch import Launch

#: Options that are a run's settings; model.json notes all but -k, and what bad rows led to.
SETTINGS = ("clusters", "restarts", "metric", "standardize", "init", "min_gain", "tol",
            "max_rounds", "max_minutes", "empty_clusters", "sample_size", "seed")
NOTED = (*SETTINGS[1:], "bad_rows")


def run(job, jobs: Jobs) -> int:
    """The whole run that a driver's options ask for; its exit code."""
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
            return Command(launch, jobs, output).run()
        except BaseException as error:
            _end(refusal(error), options, output)
            raise


def _end(error: BaseException, options, output: Output) -> None:
    """Leave nothing of a run that had not begun; keep the other's folder and say the way on.

    Nor is there a way on with numbers that float64 cannot hold.
    """
    if isinstance(error, OutOfRange):
        output.discard()
        raise error
    if not output.begun:
        output.discard()
        if isinstance(error, OSError):
            raise JobFailed(str(error)) from error
    elif isinstance(error, Exception):
        known = isinstance(error, (UserError, JobFailed, OSError))
        said = str(error) if known else traceback.format_exc().rstrip()
        raise JobFailed("%s\n%s" % (said, way_on(options, output))) from error
    else:
        say(way_on(options, output))


class Command:
    """A run whose progress is printed and written to the output folder as it goes."""

    def __init__(self, launch: Launch, jobs: Jobs, output: Output):
        self.launch, self.jobs, self.output = launch, jobs, output
        self.options = launch.options
        self.outputs: dict = {}
        self.models: dict = {}

    def run(self) -> int:
        started = time.monotonic()
        result = cluster(JobScans(self.launch, self.jobs, self.output), self.settings(), self.told)
        self._finish(result)
        chosen = result.chosen
        if self.options.assign:
            row_counts = self.launch.run_map_only(
                self.jobs.assign, assign_plan(self.launch, chosen.model),
                self.output.for_job("labels"), step="labels")
            notice("labels: %s" % row_counts.summary())
        notice(summary(chosen.result, self.launch, result.scans, self.options.assign,
                       time.monotonic() - started))
        if self.output.folder:
            notice("written to %s" % self.output.folder)
        return OK if result.converged else STOPPED_BY_LIMIT

    def settings(self) -> Settings:
        """The options as values; centroids to go on from are read."""
        options = self.options
        noted = {name: getattr(options, name) for name in NOTED}
        return Settings(**{name: getattr(options, name) for name in SETTINGS},
                        start=None if options.init in SEEDINGS else read_start(
                            options, self.launch),
                        rounds_before=self.output.rounds_before,
                        noted={**noted, "inputs": options.args})

    # events

    def told(self, event) -> None:
        """Print what happened, and write what a run can go on from."""
        if isinstance(event, Sampled):
            self._sampled(event)
        elif isinstance(event, Begun):
            self._begun(event)
        elif isinstance(event, Advanced):
            self._advanced(event)
        elif isinstance(event, Ended):
            for (k, restart), result in event.results.items():
                notice(stopped(result, self.name_of(k, restart)))

    def _sampled(self, event: Sampled) -> None:
        sample = event.sample
        notice(described(self.launch, sample, event.seconds))
        warn_of(self.options, sample.profile, sample.rows, event.columns)

    def _begun(self, event: Begun) -> None:
        several = len(event.by_k) > 1
        for k, each in event.by_k.items():
            self.outputs[k] = self.output.for_k(k) if several else self.output
            self.models[k] = each
            self.outputs[k].begin(each.model)
        notice(" " * len(self.name_of(self.options.clusters[0], 0)) + ROUND_HEADER)

    def _advanced(self, event: Advanced) -> None:
        for (k, restart), run in event.runs.items():
            notice(self.name_of(k, restart) + run.history[-1].line())
        for k in dict.fromkeys(k for k, _ in event.runs):
            leader = self.models[k].leader
            self.outputs[k].progress(leader.centroids, self.models[k].model.columns,
                                     leader.history)

    def _finish(self, result: Clustering) -> None:
        """Write every k's result; with several, print their table, and write the chosen one."""
        for k, each in result.by_k.items():
            self.outputs[k].finish(each.model)
        if result.choices:
            notice(table(result.choices, result.choice))
            self.output.finish(result.chosen.model)

    def name_of(self, k: int, restart: int) -> str:
        """What tells runs apart in the driver's lines; empty for a single one."""
        name = "k=%-5d " % k if len(self.options.clusters) > 1 else ""
        return name + ("restart %-3d " % restart if self.options.restarts > 1 else "")


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


def check(options) -> None:
    """Refuse wrong use before anything is read."""
    check_clusters(options.clusters)
    if options.print_streaming:
        raise UserError("--print-streaming prints the command of one job, and a run is several;"
                        " give it to jobs/kmeans_sample.py, kmeans_round.py or kmeans_assign.py.")
    if options.restarts < 1:
        raise UserError("--restarts is %d; it must be at least 1." % options.restarts)
    if options.init not in SEEDINGS and (len(options.clusters) > 1 or options.restarts > 1):
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
    """The centroids (k, d) that --init names."""
    start = read_centroids(options.init, launch.files, launch.inputs.layout, options.metric)
    [k] = options.clusters
    if len(start) != k:
        raise UserError("%s holds %d centroids, but -k is %d; give -k %d."
                        % (options.init, len(start), k, len(start)))
    return start
