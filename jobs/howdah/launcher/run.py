"""Run one job: check, write the plan, ship the code, submit, read the records."""

from __future__ import annotations

import getpass
import os
import sys
import tempfile
import uuid
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from glob import escape, glob
from subprocess import SubprocessError
from typing import Iterable, Iterator, Optional, TYPE_CHECKING

from mrjob.step import StepFailedException

from howdah.codec import dump_json
from howdah.errors import JobFailed, UserError
from howdah.job import FAILURE, ROWS, HowdahJob
from howdah.launcher.badrows import refuse_bad_rows
from howdah.launcher.files import Files, is_uri, join, local_path
from howdah.launcher.hadoop import HadoopFiles, find_hadoop
from howdah.launcher.inputs import Inputs, find_inputs
from howdah.launcher.limits import refuse_large_plan
from howdah.launcher.outcome import (
    Outcome,
    counted_rows,
    look_for_failures,
    raise_failure,
    refuse_other_rows,
)
from howdah.launcher.runners import (
    LOCAL_RUNNERS,
    REMOTE_RUNNERS,
    job_for_runner,
    shared_args,
    write_slices,
)
from howdah.launcher.shipping import ODD_INPUT, ODD_URI, plain_name, plain_path, refuse_odd
from howdah.options import wishes
from howdah.tally import Tally, merged

if TYPE_CHECKING:
    from howdah.launcher.emr import Emr


class Launch:
    """A script's or driver's launching of jobs with one set of inputs and options."""

    def __init__(self, job: HowdahJob):
        self.job = job
        self.options = job.options
        self.runner = job.options.runner
        self.files = Files(self._remote_files)
        self._remote: dict = {}
        self._inputs: Optional[Inputs] = None
        self._scratch: Optional[str] = None
        self._emr: Optional[Emr] = None
        self.last_plan: dict = {}
        self.jobs = 0
        self.resubmitted = 0
        self.counters: dict = {}
        #: The rows of the inputs' profile, which every scan that follows it must use.
        self.rows: Optional[int] = None

    def __enter__(self) -> Launch:
        return self

    def __exit__(self, *_) -> None:
        """Remove what was put on the cluster for this launch only, and a cluster of its own."""
        try:
            if self._emr is not None:
                self._emr.close()
        finally:
            if self._scratch is not None:
                self.files.discard(self._scratch)

    def _remote_files(self, uri: str):
        """The file system behind a URI, looked for once."""
        if self.runner in LOCAL_RUNNERS:
            raise UserError("The URI %s needs a runner that knows it; add -r hadoop, -r emr or"
                            " -r spark." % uri)
        on_s3 = uri.split("://", 1)[0] in ("s3", "s3a", "s3n")
        if self.runner == "emr":
            if not on_s3:
                raise UserError("The URI %s cannot be read from here with -r emr; use s3://." % uri)
            return self.emr.files
        kind = "s3" if on_s3 and self.runner != "hadoop" else "hadoop"
        if kind not in self._remote:
            if kind == "hadoop":
                self._remote[kind] = HadoopFiles(find_hadoop(self.options))
            else:
                from howdah.launcher.emr import S3Files

                self._remote[kind] = S3Files(type(self.job)(shared_args(self.job)).make_runner())
        return self._remote[kind]

    @property
    def emr(self) -> Emr:
        """What the jobs of this launch share on EMR."""
        if self._emr is None:
            from howdah.launcher.emr import open_emr

            self._emr = open_emr(type(self.job)(shared_args(self.job)))
        return self._emr

    @cached_property
    def remote(self) -> bool:
        """Whether tasks run where the files of this machine are not seen.

        Spark's do on a cluster, unless --spark-tmp-dir is a folder that all its machines share.
        """
        if self.runner != "spark":
            return self.runner in REMOTE_RUNNERS
        runner = type(self.job)(shared_args(self.job)).make_runner()
        return (not runner._spark_master().startswith("local")
                and is_uri(runner._spark_tmp_dir))

    @property
    def scratch(self) -> str:
        """A folder on HDFS or S3 of this launch's own, removed at its end."""
        if self._scratch is None:
            base = (self.emr.tmp_dir if self.runner == "emr"
                    else self.options.spark_tmp_dir or self.options.hadoop_tmp_dir
                    or "hdfs:///tmp")
            self._scratch = join(base, "howdah-%s-%s" % (getpass.getuser(), uuid.uuid4().hex[:12]))
        return self._scratch

    @property
    def inputs(self) -> Inputs:
        """The inputs on the command line, listed and looked into once."""
        if self._inputs is None:
            self._inputs = find_inputs(self.options.args, self.files, wishes(self.options))
            for path, _ in self._inputs.files:
                refuse_odd(path, ODD_INPUT)
            if self.remote:
                self._inputs = self._staged(self._inputs)
        return self._inputs

    def _staged(self, inputs: Inputs) -> Inputs:
        """Local files copied to HDFS or S3, once for all jobs of this launch."""
        local = [path for path, _ in inputs.files if not is_uri(path)]
        if not local:
            return inputs
        folder = join(self.scratch, "input")
        placed = {}
        for i, path in enumerate(local):
            placed[path] = join(join(folder, str(i)), plain_name(path))
        self.files.upload({local_path(path): uri for path, uri in placed.items()})
        files = [(placed.get(path, path), size) for path, size in inputs.files]
        return replace(inputs, files=files)

    def check(self, resuming: bool = False) -> None:
        """Refuse what mrjob would break on later; a run that is resumed goes on in its folder."""
        if not self.options.args:
            raise UserError("No input was given; name at least one file, folder or glob.")
        named = (self.options.output_dir, self.options.worker_env)
        for path in [*self.options.args, *filter(None, named)]:
            if "'" in path and self.runner not in LOCAL_RUNNERS:
                raise UserError("The path %s holds an apostrophe, which Hadoop's command lines"
                                " cannot carry; rename it." % path)
        for path in (self.options.worker_env, *self.job.shipped_files().values()):
            refuse_odd(path, ODD_URI)
        for folder in (tempfile.gettempdir(), self.options.local_tmp_dir or ""):
            for odd in set("#[").intersection(folder):
                raise UserError("The folder %s for temporary files holds %r, which mrjob takes for"
                                " something else; set $TMPDIR or --local-tmp-dir to another."
                                % (folder, odd))
        if self.runner == "hadoop":
            find_hadoop(self.options)
            self.refuse_missing_jar()
        if self.runner == "emr":
            self.emr.check()
        if self.options.output_dir and not resuming:
            self.refuse_existing(self.options.output_dir)

    def refuse_missing_jar(self) -> None:
        if not self.options.hadoop_streaming_jar:
            runner = type(self.job)(shared_args(self.job)).make_runner()
            self.options.hadoop_streaming_jar = runner.get_hadoop_streaming_jar()
        if not self.options.hadoop_streaming_jar:
            raise UserError("There is no hadoop-streaming*.jar below $HADOOP_HOME or where the"
                            " hadoop command lies; give --hadoop-streaming-jar.")

    def refuse_local_output(self) -> None:
        """What a cluster's tasks write themselves cannot go to a folder of this machine."""
        folder = self.options.output_dir
        if folder and not self.can_write(folder):
            raise UserError("The tasks of -r %s cannot write to the local folder %s; give"
                            " --output-dir %s://..." % (
                                self.runner, folder, "s3" if self.runner == "emr" else "hdfs"))

    def can_write(self, folder: str) -> bool:
        return is_uri(folder) or not self.remote

    def refuse_existing(self, folder: str) -> None:
        """An output folder must be new, or local and empty."""
        path = local_path(folder)
        if not is_uri(folder) and os.path.isdir(path) and not os.listdir(path):
            return
        if self.files.exists(folder):
            raise UserError("The output folder %s exists already; give another --output-dir or"
                            " remove it." % folder)

    def run(self, job_class, plan: dict, output_dir: Optional[str] = None) -> Outcome:
        """Run a job on the inputs; its records, once bad rows are dealt with."""
        records: dict = {}
        with self._running(job_class, plan, output_dir) as (job, runner):
            for key, value in job.parse_output(self._output(runner)):
                records.setdefault(key, []).append(value)
        tally = merged(records.pop(ROWS, []))
        with self._removing(output_dir):
            self._refuse(tally, records.pop(FAILURE, []))
        return Outcome(records, tally)

    def run_map_only(self, job_class, plan: dict, output_dir: Optional[str] = None) -> Tally:
        """Run a map-only job; its output goes to `output_dir`, or else to standard output."""
        with self._running(job_class, plan, output_dir) as (job, runner):
            self.counters = {group: counts for step in runner.counters()
                             for group, counts in step.items()}
            tally, failed = counted_rows(self.counters)
            with self._removing(output_dir):
                if tally is None or tally.bad or failed or not tally.used:
                    tally = look_for_failures(self._output(runner), tally, job_class.rows_of)
                self._refuse(tally)
            if not output_dir:
                for chunk in self._output(runner):
                    sys.stdout.buffer.write(chunk)
                sys.stdout.flush()
        return tally

    def _output(self, runner) -> Iterator[bytes]:
        """A job's output; from here in the order of its input, where mrjob takes any and globs."""
        folder = local_path(runner.get_output_dir())
        if self.runner in REMOTE_RUNNERS or is_uri(folder):
            yield from runner.cat_output()
            return
        for path in sorted(glob(os.path.join(escape(folder), "part-*"))):
            yield from self.files.chunks(path)

    def _refuse(self, tally: Tally, failures: Iterable = ()) -> None:
        """UserError or JobFailed for what tasks reported, and for rows that are not the profile's.

        Where an earlier scan of this launch made the profile, it met nothing of the kind.
        """
        profile = getattr(self.options, "profile", None)
        try:
            for failure in failures:
                raise_failure(failure)
            refuse_bad_rows(tally, self.options.bad_rows, self.files)
            if self.rows is not None:
                refuse_other_rows(tally, self.rows, profile)
        except UserError as error:
            if self.rows is None or profile:
                raise
            raise UserError("%s\nThat was not so before: the input changed between scans. Wait"
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
    def _running(self, job_class, plan: dict, output_dir: Optional[str]):
        """A job that has run, its output still there to read."""
        sliced = self.runner in LOCAL_RUNNERS
        plan = {"layout": self.inputs.layout.to_dict(), "sliced": sliced, **plan}
        refuse_large_plan(self, plan)
        self.last_plan = plan
        self.jobs += 1
        with tempfile.TemporaryDirectory(prefix="howdah-") as folder:
            plan_path = os.path.join(folder, "plan.json")
            with open(plan_path, "wb") as file:
                file.write(dump_json(plan))
            job = job_for_runner(self, job_class, plan_path, folder, output_dir)
            job.options.args = (write_slices(self, folder) if sliced
                                else [plain_path(path, folder, ODD_INPUT)
                                      for path, _ in self.inputs.files])
            with job.make_runner() as runner:
                try:
                    runner.run()
                except StepFailedException as error:
                    raise JobFailed("The job failed: %s" % error) from error
                except (OSError, SubprocessError) as error:
                    if sliced:
                        raise
                    raise JobFailed("The job could not be run with -r %s: %s"
                                    % (self.runner, error)) from error
                self.resubmitted += getattr(runner, "resubmitted", 0)
                yield job, runner

    @cached_property
    def worker_env(self) -> str:
        """Where the workers' environment is; a local one is copied to HDFS or S3 once."""
        path = self.options.worker_env
        if not self.files.exists(path):
            raise UserError("The environment %s does not exist; build it with jobs/worker_env.py."
                            % path)
        if is_uri(path) or not self.remote:
            return path
        uri = join(self.scratch, plain_name(path))
        self.files.upload({local_path(path): uri})
        return uri
