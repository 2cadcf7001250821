"""Hadoop from the launcher's side: what its jobs are set to, and what their tasks get."""

from __future__ import annotations

import os
from functools import cached_property
from typing import Optional

from howdah.errors import UserError
from howdah.launch.committed import refuse_uncommitted
from howdah.launch.files.hdfs import HadoopFiles, find_hadoop
from howdah.launch.files.paths import join
from howdah.launch.files.webhdfs import settings
from howdah.launch.memory import MB, TaskMemory
from howdah.launch.naming import JobName
from howdah.launch.runners.backend import Cluster, named_by
from howdah.launch.runners.hadoop_runner import HadoopRunner
from howdah.launch.runners.shipping import zip_mrjob, zip_package

#: Output takes its place when the whole job has succeeded, and then its mark: with version 2, the
#: default, each task moves its own there, and one that is killed meanwhile leaves a part of it.
SAFE_COMMIT = {"algorithm.version": "1", "marksuccessfuljobs": "true"}

#: Settings that shorten a job on any cluster: a tenth of a second replaces a second or more, splits
#: go by block instead of at least two. What the user gives with --jobconf stands above all settings
#: here.
JOBCONF = {
    "yarn.app.mapreduce.am.scheduler.heartbeat.interval-ms": "100",
    "mapreduce.client.progressmonitor.pollinterval": "100",
    "mapreduce.client.completion.pollinterval": "100",
    "mapreduce.job.maps": "1",
    **{"mapreduce.fileoutputcommitter." + name: value for name, value in SAFE_COMMIT.items()},
}

# Two blocks of HDFS: a k-means job is done with them in about the time that a task takes to start.
SPLIT_BYTES = 1 << 28
SPLIT_SETTING = "mapreduce.input.fileinputformat.split.minsize"
LARGE_SPLITS = {
    "mapreduce.job.ubertask.maxbytes": str(SPLIT_BYTES),
    SPLIT_SETTING: str(SPLIT_BYTES),
}

CONTAINER_MB = "mapreduce.map.memory.mb"
DEFAULT_CONTAINER_MB = 1024
# What stays beside the Python process in a container of Hadoop Streaming: the task's JVM.
TASK_JVM = 256 * MB

#: Hadoop Streaming parts each output line at its first tab and writes key, tab, value: a line
#: without a tab would get one at its end, whatever the separators. This leaves lines as they are.
WHOLE_LINES = {"stream.map.output": "keyonlytext"}


def jobconf_of(job_class, given: Optional[dict]) -> dict:
    """A job's settings, under those that the user gives."""
    return {**JOBCONF, **(LARGE_SPLITS if job_class.CHEAP_ROWS else {}),
            **(WHOLE_LINES if job_class.MAP_ONLY else {}), **(given or {})}


class Streaming(Cluster):
    """Hadoop Streaming, on a cluster of one's own or on EMR."""

    def settings(self, job_class, given, folder: str, output_dir: Optional[str]) -> dict:
        """Besides, howdah.zip and mrjob.zip on the tasks' path.

        mrjob's own way, a shell script around every task, starts one more Python and leaves a lock
        file in every node's /tmp.
        """
        settings = super().settings(job_class, given, folder, output_dir)
        archives = [zip_package(folder, job_class)]
        if given.bootstrap_mrjob is not False:
            archives.append(zip_mrjob(folder))
        own = [os.path.basename(path) for path in archives]
        path = settings["cmdenv"].get("PYTHONPATH")
        settings["cmdenv"]["PYTHONPATH"] = ":".join([*own, path] if path else own)
        return {**settings, "bootstrap_mrjob": False,
                "jobconf": jobconf_of(job_class, given.jobconf),
                "upload_files": [*(given.upload_files or []), *archives]}

    def named(self, name: JobName, given: dict) -> dict:
        return named_by("mapreduce.job.name", "mapreduce.job.tags", name, given)

    def task_memory(self) -> Optional[TaskMemory]:
        asked = self.container_memory()
        if not str(asked).isdecimal():
            return None
        return TaskMemory(int(str(asked)) * MB - TASK_JVM, "%s=%s, %d MB of it for the JVM"
                          % (CONTAINER_MB, asked, TASK_JVM // MB))

    def container_memory(self):
        """Megabytes of a map task's container; None where that is not known here."""
        return (self.options.jobconf or {}).get(CONTAINER_MB)

    def split_bytes(self) -> int:
        least = str((self.options.jobconf or {}).get(SPLIT_SETTING, SPLIT_BYTES))
        return max(super().split_bytes(), int(least) if least.isdecimal() else 0)


class Hadoop(Streaming):
    """A Hadoop cluster that the hadoop command reaches."""

    runner_class = HadoopRunner
    _jobs = 0

    @cached_property
    def hadoop_files(self) -> HadoopFiles:
        return HadoopFiles(find_hadoop(self.options))

    def file_system(self, uri: str):
        return self.hadoop_files

    def make_private(self, folder: str) -> None:
        self.hadoop_files.make_private(folder)

    def check(self) -> None:
        find_hadoop(self.options)
        if not self.streaming_jar:
            raise UserError("There is no hadoop-streaming*.jar below $HADOOP_HOME or where the"
                            " hadoop command lies; give --hadoop-streaming-jar.")

    @cached_property
    def streaming_jar(self) -> Optional[str]:
        return super().streaming_jar or self.probe().get_hadoop_streaming_jar()

    def settings(self, job_class, given, folder: str, output_dir: Optional[str]) -> dict:
        self._jobs += 1
        return {**super().settings(job_class, given, folder, output_dir),
                "hadoop_streaming_jar": self.streaming_jar,
                "output_dir": output_dir or join(self.scratch, "output-%d" % self._jobs)}

    def commit(self, job, runner) -> None:
        refuse_uncommitted(runner.get_output_dir(), self.files,
                           runner.splits if job.MAP_ONLY else None)

    def container_memory(self):
        asked = super().container_memory()
        return settings().get(CONTAINER_MB, DEFAULT_CONTAINER_MB) if asked is None else asked
