"""Run one job: write the plan, ship the code, submit, read the records."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import contextmanager
from functools import cached_property
from subprocess import SubprocessError
from typing import Iterable, Iterator, Optional

from mrjob.step import StepFailedException

from howdah.errors import JobFailed, OutOfRange, UserError
from howdah.input.row_counts import RowCounts, merged
from howdah.launch.bad_rows import refuse_bad_rows
from howdah.launch.committed import all_records
from howdah.launch.console import go_on
from howdah.launch.files.paths import is_uri, local_path
from howdah.launch.input_files import InputChanged
from howdah.launch.inputs import Inputs, find_inputs
from howdah.launch.naming import job_name, new_run_id
from howdah.launch.outcome import (
    Outcome,
    counted_rows,
    look_for_failures,
    raise_failure,
    refuse_other_rows,
)
from howdah.launch.runners.backend import backend_of
from howdah.launch.runners.shipping import ODD_INPUT, ODD_URI, refuse_odd
from howdah.options import input_options
from howdah.task.plans import Plan
from howdah.task.reports import FAILURE, ROWS


class Launch:
    """A script's or driver's launching of jobs with one set of inputs and options.

    `run_id` tells it from all others: its jobs' names and tags, and its scratch folder, hold it.
    `jobs` counts those that were run, `resubmitted` how often one was submitted once more;
    `counters` are the last map-only job's, by group.
    """

    def __init__(self, job, run_id: Optional[str] = None):
        self.job = job
        self.options = job.options
        self.run_id = run_id or new_run_id()
        self.backend = backend_of(job, self.run_id)
        self.files = self.backend.files
        self.jobs = 0
        self.resubmitted = 0
        self.counters: dict = {}
        #: The rows of the inputs' profile, which every scan that follows it must use.
        self.rows: Optional[int] = None

    def __enter__(self) -> Launch:
        return self

    def __exit__(self, *_) -> None:
        self.backend.close()

    @cached_property
    def found(self) -> Inputs:
        """The inputs on the command line, listed and looked into once."""
        found = find_inputs(self.options.args, self.files, input_options(self.options))
        for path, _ in found.files:
            refuse_odd(path, ODD_INPUT)
        return found

    @cached_property
    def inputs(self) -> Inputs:
        """The same where tasks can read them."""
        return self.backend.staged(self.found)

    def check(self, resuming: bool = False) -> None:
        """Refuse what mrjob would break on later; a run that is resumed goes on in its folder."""
        if not self.options.args:
            raise UserError("No input was given; name at least one file, folder or glob.")
        named = (self.options.output_dir, self.options.worker_env)
        self.backend.check_paths([*self.options.args, *filter(None, named)])
        for path in (self.options.worker_env, *self.job.shipped_files().values()):
            refuse_odd(path, ODD_URI)
        for folder in (tempfile.gettempdir(), self.options.local_tmp_dir or ""):
            for odd in set("#[").intersection(folder):
                raise UserError("The folder %s for temporary files holds %r, which mrjob takes for"
                                " something else; set $TMPDIR or --local-tmp-dir to another."
                                % (folder, odd))
        self.backend.check()
        if self.options.output_dir and not resuming:
            self.refuse_existing(self.options.output_dir)

    def refuse_existing(self, folder: str) -> None:
        """An output folder must be new, or local and empty."""
        path = local_path(folder)
        if not is_uri(folder) and os.path.isdir(path) and not os.listdir(path):
            return
        if self.files.exists(folder):
            raise UserError("The output folder %s exists already; give another --output-dir or"
                            " remove it." % folder)

    def run(self, job_class, plan: Plan, output_dir: Optional[str] = None,
            step: Optional[str] = None) -> Outcome:
        """Run a job on the inputs; its records, once bad rows are dealt with.

        step  what the job is within its run, such as "round-03", for its name
        """
        records: dict = {}
        with self._running(job_class, plan, output_dir, step) as (job, runner):
            for key, value in job.parse_output(self._output(job, runner)):
                records.setdefault(key, []).append(value)
        row_counts = merged(records.pop(ROWS, []))
        with self._removing(output_dir):
            self._refuse(row_counts, records.pop(FAILURE, []))
        return Outcome(records, row_counts)

    def run_map_only(self, job_class, plan: Plan, output_dir: Optional[str] = None,
                     shipped: Optional[dict] = None, step: Optional[str] = None) -> RowCounts:
        """Run a map-only job; its output goes to `output_dir`, or else to standard output.

        shipped  files that its tasks are given beside the plan, by option
        """
        with self._running(job_class, plan, output_dir, step, shipped) as (job, runner):
            self.counters = {group: counts for step in runner.counters()
                             for group, counts in step.items()}
            row_counts, failed = counted_rows(self.counters)
            with self._removing(output_dir):
                if row_counts is None or row_counts.bad or failed or not row_counts.used:
                    row_counts = look_for_failures(self._output(job, runner), row_counts,
                                                   job_class.rows_of)
                self._refuse(row_counts)
            if not output_dir:
                for chunk in self._output(job, runner):
                    sys.stdout.buffer.write(chunk)
                sys.stdout.flush()
        return row_counts

    def _refuse(self, row_counts: RowCounts, failures: Iterable = ()) -> None:
        """UserError or JobFailed for what tasks reported, and for rows that are not the profile's.

        Where an earlier scan of this launch made the profile, it met nothing of the kind.
        """
        profile = getattr(self.options, "profile", None)
        try:
            for failure in failures:
                raise_failure(failure)
            refuse_bad_rows(row_counts, self.options.bad_rows, self.files)
            if self.rows is not None:
                refuse_other_rows(row_counts, self.rows, profile)
        except UserError as error:
            if self.rows is None or profile or isinstance(error, OutOfRange):
                raise
            raise InputChanged("%s\nThat was not so before: the input changed between scans. Wait"
                               " until nothing writes to it; the next run scans it anew."
                               % error) from error

    @contextmanager
    def _removing(self, output_dir: Optional[str]):
        """Bad input leaves no output behind."""
        try:
            yield
        except (UserError, JobFailed):
            if output_dir:
                self.files.discard(output_dir)
            raise

    @contextmanager
    def _running(self, job_class, plan: Plan, output_dir: Optional[str], step: Optional[str],
                 shipped: Optional[dict] = None):
        """A job that has run, its output still there to read."""
        backend = self.backend
        self.jobs += 1
        with tempfile.TemporaryDirectory(prefix="howdah-") as folder:
            plan_path = os.path.join(folder, "plan.json")
            with open(plan_path, "wb") as file:
                file.write(plan.to_json(backend.sliced))
            job = backend.job_of(job_class, {"--plan": plan_path, **(shipped or {})}, folder,
                                 output_dir, job_name(self.job, job_class, step, self.run_id))
            job.options.args = backend.task_inputs(self.inputs, folder)
            with job.make_runner() as runner:
                try:
                    runner.run()
                except StepFailedException as error:
                    raise JobFailed("The job failed: %s" % error) from error
                except (OSError, SubprocessError) as error:
                    if backend.sliced:
                        raise
                    raise JobFailed("The job could not be run with -r %s: %s"
                                    % (backend.name, error)) from error
                go_on()
                self.resubmitted += getattr(runner, "resubmitted", 0)
                backend.commit(job, runner)
                yield job, runner

    def _output(self, job, runner) -> Iterator[bytes]:
        """All that a job has written, in chunks."""
        return all_records(self.backend.output(runner), runner.counters(), job.MAP_ONLY,
                           runner.get_output_dir())
