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
from typing import Optional

from mrjob.hadoop import HadoopJobRunner
from mrjob.logs.step import _interpret_hadoop_jar_command_stderr

from howdah.errors import JobFailed, UserError
from howdah.launch.console import notice
from howdah.launch.files.hdfs import HadoopFiles, explain
from howdah.launch.runners.shipping import zip_mrjob

log = logging.getLogger("mrjob.hadoop")

#: Settings that shorten a job on any cluster: a tenth of a second replaces a second or more, a job
#: of less than one HDFS block runs inside its application master, splits go by block instead of at
#: least two. What the user gives with --jobconf stands above all settings here.
JOBCONF = {
    "mapreduce.job.ubertask.enable": "true",
    "yarn.app.mapreduce.am.scheduler.heartbeat.interval-ms": "100",
    "mapreduce.client.progressmonitor.pollinterval": "100",
    "mapreduce.client.completion.pollinterval": "100",
    "mapreduce.job.maps": "1",
}

# Two blocks of HDFS: a k-means job is done with them in about the time that a task takes to start.
SPLIT_BYTES = 1 << 28
LARGE_SPLITS = {
    "mapreduce.job.ubertask.maxbytes": str(SPLIT_BYTES),
    "mapreduce.input.fileinputformat.split.minsize": str(SPLIT_BYTES),
}

#: Hadoop Streaming parts each output line at its first tab and writes key, tab, value: a line
#: without a tab would get one at its end, whatever the separators. This leaves lines as they are.
WHOLE_LINES = {"stream.map.output": "keyonlytext"}


def jobconf_of(job_class, given: Optional[dict]) -> dict:
    """A job's settings, under those that the user gives."""
    return {**JOBCONF, **(LARGE_SPLITS if job_class.CHEAP_ROWS else {}),
            **(WHOLE_LINES if job_class.MAP_ONLY else {}), **(given or {})}


ROOT_CAUSE = re.compile(r"^Caused by: (.*)", re.MULTILINE)
TRACEBACK = re.compile(r"(?:Traceback \(most recent call last\):\n(?:[ \t].*\n)*.*\n"
                       r"(?:\n(?:During handling|The above exception).*\n\n)?)+")


def ship_beside(options, package: str, folder: str) -> None:
    """Put howdah.zip and mrjob.zip on the tasks' path.

    mrjob's own way, a shell script around every task, starts one more Python and leaves a lock
    file in every node's /tmp.
    """
    archives = [package]
    if options.bootstrap_mrjob is not False:
        archives.append(zip_mrjob(folder))
        options.bootstrap_mrjob = False
    options.upload_files = [*(options.upload_files or []), *archives]
    own = [os.path.basename(path) for path in archives]
    given = options.cmdenv.get("PYTHONPATH")
    options.cmdenv["PYTHONPATH"] = ":".join([*own, given] if given else own)


class HadoopRunner(HadoopJobRunner):
    """mrjob's runner without its uploads."""

    _jars: dict = {}
    _application: Optional[str] = None

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

    def _run_hadoop(self, hadoop_args, env, record_callback):
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
        self._said = (self._said + message.splitlines())[-200:]
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
        raise JobFailed("The Hadoop job failed (%s):\n%s" % (
            self._application,
            cause_in_logs(self.get_hadoop_bin()[0], self._application) or self._last_words()))

    def _last_words(self):
        told = [line for line in self._said if "rror" in line or "xception" in line][-5:]
        return "  %s\nIts tasks' own words: yarn logs -applicationId %s" % (
            "\n  ".join(told or self._said[-5:]), self._application)


def cause_in_logs(hadoop: str, application: str, seconds: float = 20) -> Optional[str]:
    """The first Python traceback in the logs of an ended application, or else Java's root cause.

    None if there is neither. The logs are collected some seconds after the end, or never, where
    log aggregation is off.
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
        causes = TRACEBACK.findall(told)[:1] or ROOT_CAUSE.findall(told)[-2:]
        if causes or done.returncode == 0 and "LogType:stderr" in told:
            return "\n".join(causes).rstrip() or None
        time.sleep(0.5)
    return None
