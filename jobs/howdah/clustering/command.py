"""The driver's run: options in, a folder and an exit code out."""

from __future__ import annotations

import shlex
import time
import traceback
from typing import Optional

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
from howdah.clustering.journal import SEEDS
from howdah.clustering.models import Model
from howdah.clustering.output import LABELS
from howdah.clustering.report import ROUND_HEADER, described, stopped, summary, table, warn_of
from howdah.clustering.run_folder import LIMITS, RunFolder, manifest_to_go_on, way_on
from howdah.clustering.sampling import check_clusters
from howdah.clustering.scans import Jobs, JobScans
from howdah.clustering.seeds import SEEDINGS
from howdah.errors import OK, STOPPED_BY_LIMIT, JobFailed, OutOfRange, UserError
from howdah.input.row_counts import RowCounts
from howdah.launch.console import notice, say, set_up_logging
from howdah.launch.files.paths import without_secrets
from howdah.launch.input_files import InputChanged
from howdah.launch.launch import Launch

#: Options that are a run's settings; model.json notes all but -k, and what bad rows led to.
SETTINGS = ("clusters", "restarts", "metric", "standardize", "init", "min_gain", "tol",
            "max_rounds", "max_minutes", "empty_clusters", "sample_size", "seed")
NOTED = (*SETTINGS[1:], "bad_rows")


def run(job, jobs: Jobs) -> int:
    """The whole run that a driver's options ask for; its exit code."""
    options = job.options
    set_up_logging(job)
    manifest = manifest_to_go_on(job) if options.resume else None
    check(options)
    with Launch(job, manifest.run if manifest else None) as launch:
        folder = RunFolder(launch, manifest)
        folder.refuse_taken()
        launch.check(folder.resumed or folder.in_place)
        if options.assign:
            launch.backend.refuse_local_output()
        if options.estimate:
            estimate(launch, options)
            return OK
        try:
            with folder:
                return _run(Command(launch, jobs, folder), folder)
        except OSError as error:
            raise JobFailed(str(error)) from error


def _run(command: Command, folder: RunFolder) -> int:
    try:
        return command.run()
    except BaseException as error:
        _end(refusal(error), folder)
        raise


def _end(error: BaseException, folder: RunFolder) -> None:
    """Leave nothing of a run that came to nothing; keep the other's folder and say the way on.

    Nor is there a way on with numbers that float64 cannot hold.
    """
    if isinstance(error, OutOfRange):
        folder.discard()
        raise error
    useless = isinstance(error, UserError) and not folder.journal.has(SEEDS)
    if useless or not folder.begun:
        folder.discard()
        return
    assert folder.path is not None  # or it has not begun
    way = "Go on with: " + way_on(folder.path, folder.launch)
    if isinstance(error, InputChanged):
        raise JobFailed("%s\nBegin anew with another --output-dir; --init %s starts from the"
                        " centroids there." % (error, shlex.quote(folder.path))) from error
    if isinstance(error, Exception):
        known = isinstance(error, (UserError, JobFailed, OSError))
        said = str(error) if known else traceback.format_exc().rstrip()
        raise JobFailed("%s\n%s" % (said, way)) from error
    say(way)


class Command:
    """A run whose progress is printed and written to its folder as it goes."""

    def __init__(self, launch: Launch, jobs: Jobs, folder: RunFolder):
        self.launch, self.jobs, self.folder = launch, jobs, folder
        self.options = launch.options
        self.journal, self.output = folder.journal, folder.output
        self.outputs: dict = {}
        self.models: dict = {}

    def run(self) -> int:
        if self.folder.resumed:
            ended = self._going_on()
            if ended is not None:
                return ended
        started = time.monotonic()
        scans = JobScans(self.launch, self.jobs, self.journal, self.folder.inputs)
        result = cluster(scans, self.settings(), self.told)
        self._finish(result)
        chosen = result.chosen
        if self.options.assign:
            self._assign(chosen.model)
        notice(summary(chosen.result, self.launch, result.scans, self.options.assign,
                       self.journal.jobs_before, time.monotonic() - started))
        if self.output.folder:
            notice("written to %s" % self.output.folder)
        code = OK if result.converged else STOPPED_BY_LIMIT
        self.journal.end(code)
        return code

    def _going_on(self) -> Optional[int]:
        """Say what is done; the exit code of a run that has nothing left to do."""
        manifest, path = self.journal.manifest, self.folder.path
        if manifest.exit == OK:
            notice("%s holds a run that has ended by itself: there is nothing to go on with" % path)
            return OK
        limits = {name: getattr(self.options, name) for name in LIMITS}
        if manifest.exit == STOPPED_BY_LIMIT and limits == self.folder.limits_before:
            notice("%s holds a run that was stopped by a limit; to go on, give a larger"
                   " --max-rounds or --max-minutes" % path)
            return STOPPED_BY_LIMIT
        notice("going on in %s: %s" % (path, "done are %s" % ", ".join(manifest.steps)
                                       if manifest.steps else "no step was done"))
        return None

    def _assign(self, model: Model) -> None:
        """The labels, unless they stand there."""
        def made() -> dict:
            row_counts = self.launch.run_map_only(
                self.jobs.assign, assign_plan(self.launch, model), self.output.labels(),
                step=LABELS)
            self.folder.inputs.refuse_changes()
            return row_counts.to_dict()

        row_counts = RowCounts.from_dict(self.journal.step(LABELS, made))
        notice("labels: %s" % row_counts.summary())

    def settings(self) -> Settings:
        """The options as values; centroids to go on from are read."""
        options = self.options
        noted = {name: getattr(options, name) for name in NOTED}
        from_file = options.init not in SEEDINGS and not self.journal.has(SEEDS)
        return Settings(**{name: getattr(options, name) for name in SETTINGS},
                        start=read_start(options, self.launch) if from_file else None,
                        rounds_before=self.output.rounds_before,
                        noted={**noted, "init": without_secrets(options.init), "inputs": list(
                            map(without_secrets, self.journal.manifest.paths))})

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
            if not self.journal.replaying:
                self.outputs[k].begin(each.model)
        notice(" " * len(self.name_of(self.options.clusters[0], 0)) + ROUND_HEADER)

    def _advanced(self, event: Advanced) -> None:
        for (k, restart), run in event.runs.items():
            notice(self.name_of(k, restart) + run.history[-1].line())
        if self.journal.replaying:
            return
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
