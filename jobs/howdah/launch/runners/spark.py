"""Spark from the launcher's side: few JVMs beside spark-submit, and a failed task's own words.

mrjob's runner starts a JVM for the version, for a folder, for every uploaded and every read file,
and shows of a failed job some hundred lines of Java for each attempt of each task.
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from functools import cached_property
from typing import NoReturn, Optional
from urllib.parse import unquote

import mrjob.spark
from mrjob.fs.hadoop import HadoopFilesystem
from mrjob.logs.log4j import _parse_hadoop_log4j_records
from mrjob.parse import is_uri
from mrjob.spark.runner import SparkMRJobRunner

from howdah.errors import JobFailed, UserError
from howdah.launch.console import notice
from howdah.launch.files.hdfs import HadoopFiles, explain, find_hadoop
from howdah.launch.files.paths import is_s3
from howdah.launch.files.s3 import S3Files
from howdah.launch.inputs import whole_number
from howdah.launch.memory import MB, TaskMemory, share_of_machine
from howdah.launch.naming import JobName
from howdah.launch.processes import running
from howdah.launch.runners.backend import Cluster, named_by
from howdah.launch.runners.causes import TRACEBACK, cause_in_logs
from howdah.launch.runners.hadoop import SAFE_COMMIT
from howdah.launch.runners.shipping import zip_package
from howdah.launch.runners.yarn import ResourceManager, Unanswered

log = logging.getLogger("mrjob.spark")

#: Beneath what the user gives with --jobconf. Spark's web page delays the start of each job, and
#: on YARN Spark 4.3 sets it up from two threads at once, and at times that ends the job.
SPARK_CONF = {"spark.ui.enabled": "false", "spark.yarn.report.interval": "100ms",
              **{"spark.hadoop.mapreduce.fileoutputcommitter." + name: value
                 for name, value in SAFE_COMMIT.items()}}

TASK_ERROR = re.compile(r"PythonException: .*?(%s)" % TRACEBACK.pattern)
JAVA_ERROR = re.compile(r'^(?:: |Caused by: |Exception in thread "main" )(\S.*)', re.MULTILINE)


# Of an executor's memory on YARN, what its Python processes have for themselves.
PYTHON_OF_EXECUTOR = ("spark.executor.pyspark.memory", "spark.executor.memoryOverhead")
SPARK_UNITS = {"": MB, "b": 1, "k": 1 << 10, "m": MB, "g": 1 << 30, "t": 1 << 40}


class QuickFilesystem(HadoopFilesystem):
    """HDFS as mrjob asks for it, over HTTP where that can be."""

    @property
    def files(self) -> HadoopFiles:
        return HadoopFiles(self.get_hadoop_bin())

    def ls(self, path_glob):
        for path, _ in self.files.ls(path_glob):
            yield path

    def _cat_file(self, path):
        yield from self.files.cat(path)

    def rm(self, path_glob):
        self.files.rm(path_glob)


class SparkRunner(SparkMRJobRunner):
    """mrjob's runner without its uploads."""

    _application: Optional[str] = None

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        # Without an upload manager spark-submit gets local paths, and copies the files itself.
        self._upload_mgr = None
        self._said: list = []

    @property
    def fs(self):
        fs = super().fs
        if not isinstance(fs.hadoop, QuickFilesystem):
            fs.hadoop = QuickFilesystem(self._opts["hadoop_bin"])
        return fs

    def _spark_harness_path(self):
        """mrjob's own imports pyspark, which spark-submit may have and this Python need not."""
        return os.path.join(os.path.dirname(mrjob.spark.__file__), "harness.py")

    def _step_input_uris(self, step_num):
        return list(map(unquoted, super()._step_input_uris(step_num)))

    def _step_output_uri(self, step_num):
        return unquoted(super()._step_output_uri(step_num))

    def _run(self):
        if not is_uri(self._spark_tmp_dir):
            # The counters are written there, and Spark makes it only for output of its own.
            os.makedirs(self._spark_tmp_dir, exist_ok=True)
        super()._run()

    def _run_spark_submit(self, spark_submit_args, env, record_callback):
        log.debug("> %s", spark_submit_args)
        try:
            with running(spark_submit_args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, env=env) as process:
                for record in _parse_hadoop_log4j_records(process.stdout):
                    self._hear(record["message"])
                process.stdout.close()
                code = process.wait()
        except FileNotFoundError:
            raise UserError("There is no %s command here; pip install pyspark, put it on $PATH, set"
                            " $SPARK_HOME, or give --spark-submit-bin."
                            % spark_submit_args[0]) from None
        except KeyboardInterrupt:
            self._abandon()
            raise
        if code:
            self._fail()
        return code, {}

    def _hear(self, message: str) -> None:
        self._said = (self._said + message.splitlines())[-5000:]
        submitted = re.match(r"Submitted application (application_\S+)", message)
        if submitted:
            self._application = submitted.group(1)
            notice(message.strip())
        log.info("  %s", message)

    def _fail(self) -> NoReturn:
        """The first task's Python traceback, or what else may tell the cause."""
        said = "\n".join(self._said) + "\n"
        told = TASK_ERROR.search(said)
        known = None if told or self._application else explain(said)
        if known:
            raise UserError(known)
        if "FileAlreadyExistsException" not in said:
            self.fs.rm(self._output_dir)
        cause = told.group(1).rstrip() if told else self._cause_in_logs() or last_words(said)
        raise JobFailed("The Spark job failed%s:\n%s" % (
            " (%s)" % self._application if self._application else "", cause))

    def _abandon(self) -> None:
        """In client mode an application ends with its client; in cluster mode it is killed."""
        if self._application is None:
            return
        try:
            manager = ResourceManager(self.fs.hadoop.get_hadoop_bin()[0])
            app = manager.application(self._application)
            if app is None or app.ended or manager.kill(app.id):
                notice("%s has ended" % self._application)
                return
        except Unanswered:
            pass
        notice("warning: it is not known whether %s has ended; run: yarn application -kill %s"
               % (self._application, self._application))

    def _cause_in_logs(self) -> Optional[str]:
        """What stands in the logs on YARN only, as of a driver that ran there."""
        if self._application is None:
            return None
        return cause_in_logs(self.fs.hadoop.get_hadoop_bin()[0], self._application)


def unquoted(uri: str) -> str:
    """mrjob quotes local paths as URIs, and Hadoop would take %20 for a part of the name."""
    return unquote(uri) if uri.startswith("file:") else uri


def last_words(said: str) -> str:
    """Java's causes, or else the last lines."""
    errors = list(dict.fromkeys(JAVA_ERROR.findall(said)))
    return "\n".join(errors[-2:] or said.rstrip().splitlines()[-5:])


class Spark(Cluster):
    """Spark with any master."""

    runner_class = SparkRunner

    @cached_property
    def runner(self) -> SparkRunner:
        """A runner that knows the settings; it is only asked."""
        return self.probe()

    @cached_property
    def remote(self) -> bool:  # type: ignore[override]
        """On a cluster, unless --spark-tmp-dir is a folder that all its machines share."""
        return not self.runner._spark_master().startswith("local") and is_uri(
            self.runner._spark_tmp_dir)

    @cached_property
    def s3_files(self) -> S3Files:
        return S3Files(self.runner)

    @cached_property
    def hadoop_files(self) -> HadoopFiles:
        return HadoopFiles(find_hadoop(self.options))

    def file_system(self, uri: str):
        return self.s3_files if is_s3(uri) else self.hadoop_files

    def make_private(self, folder: str) -> None:
        if folder.startswith("hdfs:"):
            self.hadoop_files.make_private(folder)

    def settings(self, job_class, given, folder: str, output_dir: Optional[str]) -> dict:
        package = zip_package(folder, job_class)
        reduces = (given.jobconf or {}).get("mapreduce.job.reduces", "0")
        if reduces != "0":
            whole_number(reduces, "--jobconf mapreduce.job.reduces")
        return {**super().settings(job_class, given, folder, output_dir),
                "py_files": [*(given.py_files or []), package],
                "jobconf": {**SPARK_CONF, **(given.jobconf or {})},
                "python_bin": given.python_bin or [sys.executable],
                "spark_tmp_dir": given.spark_tmp_dir or (self.scratch if self.remote else folder)}

    def named(self, name: JobName, given: dict) -> dict:
        return named_by("spark.app.name", "spark.yarn.tags", name, given)

    def task_memory(self) -> Optional[TaskMemory]:
        """With a local master a share of this machine; elsewhere what settings give to Python."""
        local = re.fullmatch(r"local(?:\[(\d+|\*)(?:,.*)?\])?", self.runner._spark_master())
        if local:
            tasks = local.group(1) or "1"
            return share_of_machine((os.cpu_count() or 1) if tasks == "*" else int(tasks) or 1)
        given = self.runner._opts["jobconf"]
        cores = str(given.get("spark.executor.cores", 1))
        for name in PYTHON_OF_EXECUTOR:
            size = re.fullmatch(r"(\d+)([bkmgt]?)b?", str(given.get(name, "")).lower())
            if size and cores.isdecimal() and int(cores):
                return TaskMemory(int(size.group(1)) * SPARK_UNITS[size.group(2)] // int(cores),
                                  "%s=%s for %s task%s" % (name, given[name], cores,
                                                           "s" * (cores != "1")))
        return None
