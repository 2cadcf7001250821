"""Hadoop from the launcher's side: a runner that starts as few JVMs as it can.

mrjob's runner starts a JVM (0.5 to 1 s each) for the version, every folder, every uploaded file,
the job, the listing and each part of the output, and one to clean up. Here `hadoop jar` itself
takes the local files along (-files), and files on HDFS are listed, read and written over HTTP where
that can be, else by one `hadoop fs` for all.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import time
from functools import cached_property
from typing import Optional

from mrjob.hadoop import HadoopJobRunner
from mrjob.logs.step import _interpret_hadoop_jar_command_stderr

from howdah.errors import JobFailed, UserError
from howdah.launch.committed import refuse_uncommitted
from howdah.launch.console import notice
from howdah.launch.files.hdfs import HadoopFiles, explain, find_hadoop
from howdah.launch.files.paths import join
from howdah.launch.files.webhdfs import settings
from howdah.launch.memory import MB, TaskMemory
from howdah.launch.naming import JobName
from howdah.launch.runners.backend import Cluster, named_by
from howdah.launch.runners.shipping import zip_mrjob, zip_package

log = logging.getLogger("mrjob.hadoop")

#: Whether a job of less than one HDFS block runs inside its application master. That is sooner, but
#: Hadoop makes one attempt of each task there, and a killed task ends the job: it is for
#: HadoopRunner alone, which can submit a job again.
UBER_MODE = "mapreduce.job.ubertask.enable"

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

# What a container's log tells of its end.
ROOT_CAUSE = re.compile(r"^Caused by: (.*)", re.MULTILINE)
ENDED_WITH = re.compile(r"subprocess failed with code \d+")
TRACEBACK = re.compile(r"(?:Traceback \(most recent call last\):\n(?:[ \t].*\n)*.*\n"
                       r"(?:\n(?:During handling|The above exception).*\n\n)?)+")


def jobconf_of(job_class, given: Optional[dict]) -> dict:
    """A job's settings, under those that the user gives."""
    return {**JOBCONF, **(LARGE_SPLITS if job_class.CHEAP_ROWS else {}),
            **(WHOLE_LINES if job_class.MAP_ONLY else {}), **(given or {})}


class LostInUberMode(JobFailed):
    """A job failed that may succeed where Hadoop makes more than one attempt of a task."""


class HadoopRunner(HadoopJobRunner):
    """mrjob's runner without its uploads; a job lost in uber mode is submitted again without it."""

    _jars: dict = {}
    _application: Optional[str] = None
    _uber_mode = "true"

    #: How many submissions there were after the first, and map tasks in the last.
    resubmitted = 0
    splits: Optional[int] = None

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        # Without an upload manager the local paths stand in -files, and `hadoop jar` copies them.
        self._upload_mgr = None
        self._said: list = []

    def get_hadoop_version(self):
        """Asking would cost a JVM, and mrjob only wants to know whether it is older than 2."""
        return "3"

    def _find_hadoop_streaming_jar(self):
        """Searched once: the search lists whole folders."""
        key = tuple(self.get_hadoop_bin())
        if key not in self._jars:
            self._jars[key] = super()._find_hadoop_streaming_jar()
        return self._jars[key]

    def _add_job_files_for_upload(self):
        """`hadoop jar` takes them from here."""

    def _cleanup_hadoop_tmp(self):
        """Nothing of ours is there unless the output is."""
        if self._output_dir.startswith(self._hadoop_tmp_dir):
            super()._cleanup_hadoop_tmp()

    def cat_output(self):
        """All parts of the output, decompressed whatever the codec."""
        yield from HadoopFiles(self.get_hadoop_bin()).cat_parts(self._output_dir)

    def _jobconf_for_step(self, step_num):
        return {UBER_MODE: self._uber_mode, **super()._jobconf_for_step(step_num)}

    def _run_job_in_hadoop(self):
        try:
            super()._run_job_in_hadoop()
        except LostInUberMode:
            notice("%s failed in uber mode, where Hadoop makes one attempt of each task; it is"
                   " submitted once more without it" % self._application)
            self._uber_mode = "false"
            self.resubmitted += 1
            super()._run_job_in_hadoop()

    def _run_hadoop(self, hadoop_args, env, record_callback):
        self._application, self._said = None, []
        process = subprocess.Popen(hadoop_args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, env=env)
        interpretation = _interpret_hadoop_jar_command_stderr(
            process.stderr, record_callback=self._hear)
        process.stderr.close()
        code = process.wait()
        if code:
            self._fail()
        return code, interpretation

    def _hear(self, record):
        message = record.get("message") or ""
        self._said += message.splitlines()
        splits = re.match(r"number of splits:(\d+)", message)
        if splits:
            self.splits = int(splits.group(1))
        # mrjob's reading of the id stops at four digits.
        submitted = re.match(r"Submitted application (\S+)", message)
        if submitted:
            self._application = submitted.group(1)
        if re.match(r"Submitted application|The url to track| map \d+% reduce", message):
            notice(message.strip())
        log.info("  %s", message)

    def _fail(self):
        """A sentence for what is the user's to mend; the job's last words for the rest."""
        said = "\n".join(self._said)
        if self._application is None:
            known = explain(said)
            if known:
                raise UserError(known)
            raise JobFailed("The job could not be submitted: %s" % said[-500:])
        # It was not there before the job, or the job would not have been submitted.
        HadoopFiles(self.get_hadoop_bin()).rm(self._output_dir)
        cause = cause_in_logs(self.get_hadoop_bin()[0], self._application)
        raise (LostInUberMode if self._lost_in_uber_mode(said, cause) else JobFailed)(
            "The Hadoop job failed (%s):\n%s" % (self._application, cause or self._last_words()))

    def _lost_in_uber_mode(self, said: str, cause: Optional[str]) -> bool:
        """Whether more attempts of a task may help: no error of a worker's own is known.

        Not where the user asked for uber mode, or killed the job, or where it may still be running.
        """
        failed = re.search("failed with state FAILED|FinalApplicationStatus=FAILED", said)
        return bool(failed and "running in uber mode : true" in said
                    and UBER_MODE not in self._opts["jobconf"]
                    and not (cause or "").startswith("Traceback"))

    def _last_words(self):
        told = [line for line in self._said if "rror" in line or "xception" in line][-5:]
        return "  %s\nIts tasks' own words: yarn logs -applicationId %s" % (
            "\n  ".join(told or self._said[-5:]), self._application)


def cause_in_logs(hadoop: str, application: str, seconds: float = 20) -> Optional[str]:
    """The first Python traceback in the logs of an ended application, or else a worker's exit code.

    If there is neither, Java's root cause, or None. The logs are collected some seconds after the
    end, or never, where log aggregation is off.
    """
    yarn = shutil.which(os.path.join(os.path.dirname(hadoop), "yarn")) or shutil.which("yarn")
    if yarn is None:
        return None
    command = [yarn, "logs", "-applicationId", application, "-size", "-65536"]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, timeout=seconds)
        except subprocess.TimeoutExpired:
            return None
        told = done.stdout.decode("utf-8", "replace")
        causes = (TRACEBACK.findall(told)[:1] or ENDED_WITH.findall(told)[:1]
                  or ROOT_CAUSE.findall(told)[-2:])
        if causes or done.returncode == 0 and "LogType:stderr" in told:
            return "\n".join(causes).rstrip() or None
        time.sleep(0.5)
    return None


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
