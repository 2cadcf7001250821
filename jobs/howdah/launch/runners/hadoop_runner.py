"""A job on Hadoop: few JVMs to submit it, and its application waited for, whatever else dies.

mrjob's runner starts a JVM (0.5 to 1 s each) for the version, every folder, every uploaded file,
the job, the listing and each part of the output, and one to clean up. Here `hadoop jar` itself
takes the local files along (-files), and files on HDFS are listed, read and written over HTTP where
that can be, else by one `hadoop fs` for all.
"""

from __future__ import annotations

import logging
import re
import subprocess
import time
from functools import cached_property
from threading import Timer
from typing import Optional

from mrjob.hadoop import HadoopJobRunner
from mrjob.logs.step import _interpret_hadoop_jar_command_stderr

from howdah.errors import JobFailed, UserError
from howdah.launch.console import notice
from howdah.launch.files.hdfs import LASTING, HadoopFiles, explain
from howdah.launch.files.webhdfs import settings, user_name
from howdah.launch.processes import running
from howdah.launch.runners.causes import CONTAINER, cause_in_logs, first_error, is_retried
from howdah.launch.runners.yarn import Application, ResourceManager, Unanswered

log = logging.getLogger("mrjob.hadoop")

#: Whether a job of less than one HDFS block runs inside its application master. That is sooner, but
#: Hadoop makes one attempt of each task there, and a killed task ends the job: it is for
#: HadoopRunner alone, which can submit a job again.
UBER_MODE = "mapreduce.job.ubertask.enable"

#: Seconds before a lost job is submitted again, and until it is said that one waits for resources.
WAITS = (5, 20)
WAITING = 10


class JobLost(Exception):
    """A job failed that may succeed when it is submitted again; its text is the cause."""


class HadoopRunner(HadoopJobRunner):
    """mrjob's runner without its uploads, which waits for applications rather than for clients.

    A job that is lost is submitted twice more, without uber mode.
    """

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
        self._lost: list = []
        self._timer: Optional[Timer] = None

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
        """Up to three submissions; why the first ones failed is told once, at the end."""
        reason = None
        for wait in (*WAITS, None):
            try:
                super()._run_job_in_hadoop()
                break
            except JobLost as error:
                self._lost.append(self._application)
                if wait is None:
                    raise JobFailed("The Hadoop job failed %d times (%s):\n%s" % (
                        len(self._lost), ", ".join(self._lost), error)) from error
                notice("%s failed; it is submitted once more in %d s%s" % (
                    self._application, wait, "" if self._uber_mode == "false" or
                    UBER_MODE in self._opts["jobconf"] else ", without uber mode"))
                reason = str(error)
                time.sleep(wait)
                self._uber_mode = "false"
                self.resubmitted += 1
        if reason:
            notice("the job has succeeded; before, it had failed: %s" % reason)

    def _run_hadoop(self, hadoop_args, env, record_callback):
        self._application, self._said = None, []
        try:
            with running(hadoop_args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.PIPE, env=env) as process:
                interpretation = _interpret_hadoop_jar_command_stderr(
                    process.stderr, record_callback=self._hear)
                process.stderr.close()
                code = process.wait()
            if code:
                self._settle()
        except (UserError, JobFailed):
            raise
        except BaseException:
            self._abandon()
            raise
        finally:
            self._stop_telling()
        return 0, interpretation

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
            self._timer = Timer(WAITING, self._tell_waiting)
            self._timer.daemon = True
            self._timer.start()
        if re.match(r"Job \S+ running in uber mode| map \d+% reduce", message):
            self._stop_telling()
        if re.match(r"Submitted application|The url to track| map \d+% reduce", message):
            notice(message.strip())
        log.info("  %s", message)

    # the application, whatever became of its client

    @cached_property
    def _manager(self) -> ResourceManager:
        return ResourceManager(self.get_hadoop_bin()[0])

    @property
    def _tag(self) -> str:
        return str(self._opts["jobconf"].get("mapreduce.job.tags", "")).split(",")[0].lower()

    def _submitted(self) -> list:
        """The applications of this submission: one, or none yet."""
        return [app for app in self._manager.tagged(self._tag) if app.id not in self._lost]

    def _settle(self) -> None:
        """After a client that did not succeed: what its application did, which counts alone."""
        try:
            found = self._submitted()
            app = self._manager.wait(found[0], self._tell_going_on) if found else None
        except Unanswered:
            app = self._as_told()
        if app is None:
            self._refuse_submission()
            return
        self._application = app.id
        if app.outcome == "SUCCEEDED":
            notice("%s has succeeded without its client" % app.id)
            return
        # It was not there before the job, or the job would not have been submitted.
        HadoopFiles(self.get_hadoop_bin()).rm(self._output_dir)
        cause = self._cause(app)
        if app.outcome == "KILLED":
            raise JobFailed("The Hadoop job was killed (%s):\n%s" % (app.id, cause))
        if self._may_succeed(cause):
            raise JobLost(cause)
        raise JobFailed("The Hadoop job failed (%s):\n%s"
                        % (app.id, explain(cause, LASTING) or cause))

    def _as_told(self) -> Optional[Application]:
        """How the application ended by its client's words, where nobody else can be asked."""
        if self._application is None:
            return None
        told = re.search(r"failed with state (\w+)|FinalApplicationStatus=(\w+)",
                         "\n".join(self._said))
        if told is None:
            raise JobFailed("The client of %s has ended, and YARN does not answer; look whether it"
                            " still runs with yarn application -status %s"
                            % (self._application, self._application))
        return Application(self._application, told.group(1) or told.group(2), "")

    def _refuse_submission(self) -> None:
        """A sentence for what is the user's to mend; else what was said first."""
        said = "\n".join(self._said)
        if self._application is not None:
            raise JobLost("YARN does not know %s any more." % self._application)
        known = explain(said)
        if known:
            raise UserError(known)
        raise JobFailed("The job could not be submitted: %s" % (first_error(said) or said[-500:]))

    def _may_succeed(self, cause: str) -> bool:
        """Whether the job may succeed when it is submitted again.

        Not where a worker's own error is known, unless it is one that another attempt may get past
        and Hadoop has made only one, in uber mode; nor for what the user must mend.
        """
        if cause.startswith("Traceback"):
            uber = ("running in uber mode : true" in "\n".join(self._said)
                    and UBER_MODE not in self._opts["jobconf"])
            return uber and is_retried(cause)
        return explain(cause, LASTING) is None

    def _cause(self, app: Application) -> str:
        """The first cause in the order in which one would look."""
        told = "\n".join([app.diagnostics, *self._said])
        container = CONTAINER.search(told)
        if app.outcome == "KILLED":
            return app.diagnostics.strip() or self._last_words()
        logs = cause_in_logs(self.get_hadoop_bin()[0], app.id)
        if logs and logs.startswith("Traceback"):
            return logs
        return (container.group().strip() if container else logs) or first_error(
            told) or self._last_words()

    def _abandon(self) -> None:
        """Kill the application of a launcher that ends, and remove what it leaves."""
        try:
            for app in self._submitted():
                if app.outcome == "SUCCEEDED":
                    return
                if not app.ended:
                    notice("%s is killed" % app.id if self._manager.kill(app.id) else
                           "warning: %s does not end; run: yarn application -kill %s"
                           % (app.id, app.id))
                self._application = app.id
        except Unanswered:
            notice("warning: YARN does not answer; look for what runs with yarn application -list"
                   " -appTags %s" % self._tag)
        for path in filter(None, (self._output_dir, self._staging_dir())):
            try:
                HadoopFiles(self.get_hadoop_bin()).rm(path)
            except UserError as error:
                notice("warning: %s stays: %s" % (path, error))

    def _staging_dir(self) -> Optional[str]:
        """Where `hadoop jar` has put the job's own files, which a killed job leaves there."""
        told = re.search(r"\S+/\.staging/job_\d+_\d+", "\n".join(self._said))
        if told:
            return told.group()
        if self._application is None:
            return None
        base = settings().get("yarn.app.mapreduce.am.staging-dir", "/tmp/hadoop-yarn/staging")
        return "%s/%s/.staging/%s" % (
            base, user_name(), self._application.replace("application", "job", 1))

    # telling

    def _stop_telling(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _tell_waiting(self) -> None:
        """That an application gets no container, and what it asks for."""
        try:
            app = self._manager.application(self._application or "")
            if app is not None and app.state == "ACCEPTED":
                free = self._manager.free_memory()
                notice("%s waits for resources in the queue %s%s%s" % (
                    app.id, app.queue, ": it asks for " + app.asked if app.asked else "",
                    "; " + free if free else ""))
        except Unanswered:
            pass

    def _tell_going_on(self) -> None:
        notice("the client of this job has ended, but its application goes on and is waited for")

    def _last_words(self):
        told = [line for line in self._said if "rror" in line or "xception" in line][-5:]
        return "  %s\nIts tasks' own words: yarn logs -applicationId %s" % (
            "\n  ".join(told or self._said[-5:]), self._application)
