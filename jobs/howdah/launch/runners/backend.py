"""Where the tasks of a launch run: the one place that knows which runner it is.

A backend answers for its runner what everybody else asks: which files its tasks see, what its jobs
need, how much memory a task has. Each of mrjob's runners has one, in the table RUNNERS; what they
have in common is here.
"""

from __future__ import annotations

import getpass
import os
from abc import ABC, abstractmethod
from argparse import ArgumentParser
from dataclasses import replace
from functools import cached_property
from glob import escape, glob
from importlib import import_module
from typing import Optional

from howdah.commands import called
from howdah.errors import UserError
from howdah.input.lines import is_splittable
from howdah.launch.files.files import Files
from howdah.launch.files.paths import is_uri, join, local_path
from howdah.launch.committed import refuse_uncommitted
from howdah.launch.inputs import Inputs
from howdah.launch.memory import TaskMemory
from howdah.launch.naming import JobName
from howdah.launch.runners.shipping import (
    ODD_INPUT,
    ONE_THREAD,
    plain_name,
    plain_path,
)

HDFS_BLOCK = 128 << 20

#: Module and class of each runner's backend, imported when it is used.
RUNNERS = {"inline": ("local", "Inline"), "local": ("local", "Local"),
           "hadoop": ("hadoop", "Hadoop"), "emr": ("emr", "Emr"), "spark": ("spark", "Spark")}


def backend_of(job, run_id: str) -> Backend:
    """The backend of the runner that a job's options name; UserError for a runner without one."""
    name = job.options.runner or "inline"
    if name not in RUNNERS:
        raise UserError("-r %s is no runner that howdah knows; give one of %s."
                        % (name, ", ".join(RUNNERS)))
    module, kind = RUNNERS[name]
    return getattr(import_module("howdah.launch.runners." + module), kind)(job, run_id)


def shared_args(job) -> list:
    """The command line without the script's own options and files: what every job understands."""
    own = ArgumentParser(add_help=False, allow_abbrev=False)
    job.add_options(own)
    for option in job.shipped_files():
        own.add_argument(option)
    return own.parse_known_args(list(job._cl_args))[1]


class Backend(ABC):
    """A runner with the options of one launch; `job` is the one that was launched, by that id.

    Attributes
    ----------
    runner_class : mrjob's class, or ours, that runs a job; None: as mrjob chooses
    sliced : tasks read parts of this machine's files, which they are told instead of lines
    remote : tasks do not see the files of this machine
    scheme : of URIs that tasks can write to
    """

    runner_class: Optional[type] = None
    sliced = False
    remote = True
    scheme = "hdfs"

    def __init__(self, job, run_id: str):
        self.job = job
        self.run_id = run_id
        self.options = job.options
        self.name = job.options.runner or "inline"
        self.files = Files(self.file_system)
        self._scratch: Optional[str] = None

    @abstractmethod
    def file_system(self, uri: str):
        """The file system behind a URI; UserError where the runner has none for it."""

    def check(self) -> None:
        """Refuse what the runner would break on later."""

    def check_paths(self, paths: list) -> None:
        """Refuse paths that the runner cannot carry."""

    def close(self) -> None:
        """Remove what was put on the cluster for this launch only."""
        if self._scratch is not None:
            self.files.discard(self._scratch)

    # files

    @property
    def scratch(self) -> str:
        """A folder on HDFS or S3 of this launch's own, removed at its end."""
        if self._scratch is None:
            self._scratch = join(self.scratch_base(), "howdah-%s-%s" % (
                getpass.getuser(), self.run_id))
            self.make_private(self._scratch)
        return self._scratch

    def make_private(self, folder: str) -> None:
        """Let nobody else read a new folder, where the file system has such rights."""

    def scratch_base(self) -> str:
        return self.options.spark_tmp_dir or self.options.hadoop_tmp_dir or "hdfs:///tmp"

    def can_write(self, folder: str) -> bool:
        """Whether tasks can write to a folder."""
        return is_uri(folder) or not self.remote

    def refuse_local_output(self) -> None:
        """What a cluster's tasks write themselves cannot go to a folder of this machine."""
        folder = self.options.output_dir
        if folder and not self.can_write(folder):
            raise UserError("The tasks of -r %s cannot write to the local folder %s; give"
                            " --output-dir %s://..." % (self.name, folder, self.scheme))

    def staged(self, inputs: Inputs) -> Inputs:
        """The inputs where tasks can read them: local files are copied, once for a launch."""
        local = [path for path, _ in inputs.files if not is_uri(path)]
        if not local or not self.remote:
            return inputs
        folder = join(self.scratch, "input")
        placed = {path: join(join(folder, str(i)), plain_name(path))
                  for i, path in enumerate(local)}
        self.files.put_as({local_path(path): uri for path, uri in placed.items()})
        return replace(inputs, files=[(placed.get(path, path), size)
                                      for path, size in inputs.files])

    @cached_property
    def worker_env(self) -> str:
        """Where the workers' environment is; a local one is copied to HDFS or S3 once."""
        path = self.options.worker_env
        if not self.files.exists(path):
            raise UserError("The environment %s does not exist; build it with %s."
                            % (path, called("worker-env")))
        if is_uri(path) or not self.remote:
            return path
        uri = join(self.scratch, plain_name(path))
        self.files.put_as({local_path(path): uri})
        return uri

    # jobs

    @property
    def streaming_jar(self) -> Optional[str]:
        """Hadoop's jar for streaming jobs, as far as it is known."""
        return self.options.hadoop_streaming_jar

    def job_of(self, job_class, shipped: dict, folder: str, output_dir: Optional[str],
               name: JobName):
        """A job of this launch as the runner needs it; what it ships is written to `folder`.

        shipped  files for its tasks besides those of the user's options, by option
        """
        files = {**self.job.shipped_files(), **shipped}
        job = job_class([*shared_args(self.job), *(
            word for option, path in files.items() for word in (option, plain_path(path, folder)))])
        job.runner_class = self.runner_class
        if output_dir and not self.can_write(output_dir):
            output_dir = None
        settings: dict = {"output_dir": output_dir,
                          "cleanup_on_failure": job.options.cleanup_on_failure or ["TMP"]}
        settings.update(self.settings(job_class, job.options, folder, output_dir))
        given = settings.get("jobconf", job.options.jobconf) or {}
        settings["jobconf"] = {**given, **self.named(name, given)}
        vars(job.options).update(settings)
        return job

    def named(self, name: JobName, given: dict) -> dict:
        """The settings by which a job with those `given` is found on a cluster."""
        return {}

    def settings(self, job_class, given, folder: str, output_dir: Optional[str]) -> dict:
        """Options of mrjob for one job, which go before those `given` by the user."""
        return {}

    def task_inputs(self, inputs: Inputs, folder: str) -> list:
        """What the job is given as its input."""
        return [plain_path(path, folder, ODD_INPUT) for path, _ in inputs.files]

    def output(self, runner):
        """A job's output in chunks; from here in the order of its input, mrjob takes any."""
        folder = local_path(runner.get_output_dir())
        if self.remote or is_uri(folder):
            yield from runner.cat_output()
            return
        for path in sorted(glob(os.path.join(escape(folder), "part-*"))):
            yield from self.files.cat(path)

    def commit(self, job, runner) -> None:
        """JobFailed for the output of a job that has run, unless it is whole."""
        refuse_uncommitted(local_path(runner.get_output_dir()), self.files)

    def probe(self):
        """A runner of mrjob that is only asked, never run."""
        job = type(self.job)(shared_args(self.job))
        job.runner_class = self.runner_class
        job.options.output_dir = None
        return job.make_runner()

    # sizes

    def task_memory(self) -> Optional[TaskMemory]:
        """The limit on a map task; None where it is not known here."""
        return None

    @abstractmethod
    def map_tasks(self, inputs: Inputs) -> int:
        """Map tasks of a job over all of the input."""


def named_by(setting: str, tags: str, name: JobName, given: dict) -> dict:
    """A job's title, unless its user gives another, and its tag beside those of the user."""
    return {setting: given.get(setting, name.title),
            tags: ",".join([name.tag, *filter(None, [given.get(tags)])])}


class Cluster(Backend):
    """Tasks on other machines, or on this one as if it were another."""

    def check_paths(self, paths: list) -> None:
        for path in paths:
            if "'" in path:
                raise UserError("The path %s holds an apostrophe, which Hadoop's command lines"
                                " cannot carry; rename it." % path)

    def settings(self, job_class, given, folder: str, output_dir: Optional[str]) -> dict:
        settings: dict = {"check_input_paths": False,
                          "cmdenv": {**ONE_THREAD, **(given.cmdenv or {})}}
        if given.worker_env:
            env = plain_path(self.worker_env, folder) + "#env"
            settings["upload_archives"] = [*(given.upload_archives or []), env]
            settings["task_python_bin"] = ["env/bin/python"]
        return settings

    def split_bytes(self) -> int:
        """Bytes of a file that one map task reads."""
        return HDFS_BLOCK

    def map_tasks(self, inputs: Inputs) -> int:
        split = self.split_bytes()
        return sum(-(-size // split) if path.endswith(".bz2") or is_splittable(path) else 1
                   for path, size in inputs.files if size)
