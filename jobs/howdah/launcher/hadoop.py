"""Hadoop from the launcher's side: its shell, and a runner that starts as few JVMs as it can.

mrjob's runner starts a JVM (0.5 to 1 s each) for the version, every folder, every uploaded file,
the job, the listing and each part of the output, and one to clean up. Here `hadoop jar` itself
takes the local files along (-files), and files on HDFS are listed, read and written over HTTP where
that can be, else by one `hadoop fs` for all.
"""

from __future__ import annotations

import logging
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from typing import Iterator, Optional
from urllib.parse import quote

from mrjob.fs.hadoop import HadoopFilesystem
from mrjob.hadoop import HadoopJobRunner
from mrjob.logs.step import _interpret_hadoop_jar_command_stderr

from howdah.errors import JobFailed, UserError
from howdah.launcher.notices import notice
from howdah.launcher.shipping import zip_mrjob
from howdah.launcher.webhdfs import Unanswered, WebHdfs

log = logging.getLogger("mrjob.hadoop")

# A NameNode that does not answer is said to be so after seconds, not after 15 minutes.
IMPATIENT = ["-Dipc.client.connect.max.retries=3", "-Dipc.client.connect.timeout=5000",
             "-Dipc.client.connect.max.retries.on.timeouts=1",
             "-Ddfs.client.retry.policy.enabled=false"]

#: Whether a job of less than one HDFS block runs inside its application master. That is sooner, but
#: Hadoop makes one attempt of each task there, and a killed task ends the job: it is for
#: HadoopRunner alone, which can submit a job again.
UBER_MODE = "mapreduce.job.ubertask.enable"

#: Settings that shorten a job on any cluster: a tenth of a second replaces a second or more, splits
#: go by block instead of at least two. What the user gives with --jobconf stands above all settings
#: here.
JOBCONF = {
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


CAUSES = (
    (r"safe mode", "HDFS is in safe mode, so nothing can be written; wait until it leaves it"
                   " (hdfs dfsadmin -safemode get), or find out why it stays"),
    (r"Connection refused|ConnectTimeoutException|NoRouteToHost|SocketTimeoutException",
     "The NameNode or ResourceManager does not answer; check the address and that it runs"),
    (r"UnknownHostException", "The host of the NameNode is not known; check the address"),
    (r"FileAlreadyExistsException|Output directory .* already exists",
     "The output folder exists already; give another --output-dir"),
    (r"Input path does not exist|No such file or directory", "The input does not exist"),
    (r"Permission denied|AccessControlException", "HDFS denies the permission"),
)


def explain(text: str) -> Optional[str]:
    """A sentence for what Hadoop printed, with the line that says it; None if it is not known."""
    for pattern, sentence in CAUSES:
        for line in text.splitlines():
            if re.search(pattern, line):
                return "%s: %s" % (sentence, line.strip()[:300])
    return None


ROOT_CAUSE = re.compile(r"^Caused by: (.*)", re.MULTILINE)
ENDED_WITH = re.compile(r"subprocess failed with code \d+")
TRACEBACK = re.compile(r"(?:Traceback \(most recent call last\):\n(?:[ \t].*\n)*.*\n"
                       r"(?:\n(?:During handling|The above exception).*\n\n)?)+")


class HadoopFiles:
    """Files on HDFS (or whatever `hadoop fs` reaches), over HTTP or else by one JVM per call.

    Every method raises UserError with Hadoop's own words when the file system does not answer.
    """

    def __init__(self, hadoop_bin: list):
        self.hadoop_bin = hadoop_bin
        self.web = WebHdfs()

    def _fs(self, *args: str, ok=(0,)) -> subprocess.CompletedProcess:
        done = subprocess.run([*self.hadoop_bin, "fs", *IMPATIENT, *args],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode not in ok:
            said = done.stderr.decode("utf-8", "replace")
            raise UserError(explain(said) or "hadoop fs %s failed: %s" % (
                " ".join(args), said.strip()[-500:]))
        return done

    def ls(self, path: str) -> list:
        """(uri, bytes) of all files that a path, glob or folder stands for; [] if there is none."""
        try:
            return self.web.ls(path)
        except Unanswered:
            pass
        listed = self._listed("-R", path)
        prefix = re.match(r"\w+://[^/]*", path).group() if "://" in path else ""  # type: ignore
        found = []
        for line in (listed or "").splitlines():
            fields = line.split(None, 7)
            if len(fields) == 8 and not fields[0].startswith("d"):
                name = fields[7] if "://" in fields[7] else prefix + fields[7]
                found.append((name, int(fields[4])))
        return found

    def exists(self, path: str) -> bool:
        """Whether a path is there; a NameNode that does not answer is an error, not a no."""
        try:
            return self.web.exists(path)
        except Unanswered:
            pass
        return self._listed("-d", path) is not None

    def _listed(self, how: str, path: str) -> Optional[str]:
        """What `hadoop fs -ls` prints; None when there is no such path."""
        done = self._fs("-ls", how, path, ok=(0, 1))
        said = done.stderr.decode("utf-8", "replace")
        if done.returncode and not re.search("No such file or directory", said):
            raise UserError(explain(said) or "hadoop fs -ls %s failed: %s" % (path, said[-500:]))
        return None if done.returncode else done.stdout.decode("utf-8", "replace")

    def cat(self, path: str) -> Iterator[bytes]:
        """A file's bytes, decompressed by its codec; may be closed before the end."""
        yield from self._cat(path, lambda: [path])

    def cat_parts(self, folder: str) -> Iterator[bytes]:
        """The bytes of a job's output."""
        folder = folder.rstrip("/")
        yield from self._cat(folder + "/part-*", lambda: sorted(
            path for path, _ in self.web.ls(folder)
            if path[len(folder):].startswith("/part-")))

    def _cat(self, path: str, list_files) -> Iterator[bytes]:
        try:
            chunks = self.web.cat(list_files())
            first = next(chunks, b"")
        except (Unanswered, FileNotFoundError):
            yield from self._text(path)
        else:
            yield first
            yield from chunks

    def _text(self, path: str) -> Iterator[bytes]:
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen([*self.hadoop_bin, "fs", *IMPATIENT, "-text", path],
                                       stdout=subprocess.PIPE, stderr=said)
            finished = False
            try:
                while True:
                    chunk = process.stdout.read(1 << 18)  # type: ignore
                    if not chunk:
                        break
                    yield chunk
                finished = True
            finally:
                process.stdout.close()  # type: ignore
                code = process.wait()
                if finished and code:
                    said.seek(0)
                    text = said.read().decode("utf-8", "replace")
                    raise UserError(explain(text) or "Could not read %s: %s" % (path, text[-500:]))

    def write_all(self, folder: str, files: dict) -> None:
        """Write local files {name: bytes} into a folder, replacing older ones, in one call."""
        with tempfile.TemporaryDirectory(prefix="howdah-") as local:
            paths = []
            for name, data in files.items():
                paths.append(os.path.join(local, name))
                with open(paths[-1], "wb") as file:
                    file.write(data)
            self.put(paths, folder)

    def put(self, paths: list, folder: str) -> None:
        """Copy local files into a folder, which is made when it is not there."""
        try:
            for path in paths:
                self.web.put(path, folder.rstrip("/") + "/" + os.path.basename(path))
            return
        except Unanswered:
            pass
        # `hadoop fs` reads local paths as URIs: "a%20b" would be the file "a b".
        command = ["-put", "-f", *map(quote, paths), folder.rstrip("/") + "/"]
        if self._fs(*command, ok=(0, 1)).returncode:
            self._fs("-mkdir", "-p", folder)
            self._fs(*command)

    def rm(self, path: str) -> None:
        try:
            self.web.rm(path)
        except Unanswered:
            self._fs("-rm", "-r", "-f", "-skipTrash", path)


def words(command) -> list:
    """A command as an option holds it: a string, or already parted, or None."""
    return shlex.split(command) if isinstance(command, str) else list(command or ())


def find_hadoop(options) -> list:
    """The hadoop command; UserError when there is none."""
    command = HadoopFilesystem(words(options.hadoop_bin) or None).get_hadoop_bin()
    if shutil.which(command[0]) is None:
        raise UserError("There is no %s command here; put it on $PATH, set $HADOOP_HOME, or give"
                        " --hadoop-bin." % command[0])
    return command


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


class LostInUberMode(JobFailed):
    """A job failed that may succeed where Hadoop makes more than one attempt of a task."""


class HadoopRunner(HadoopJobRunner):
    """mrjob's runner without its uploads; a job lost in uber mode is submitted again without it."""

    _jars: dict = {}
    _application: Optional[str] = None
    _uber_mode = "true"

    #: How many submissions there were after the first.
    resubmitted = 0

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
            print("%s failed in uber mode, where Hadoop makes one attempt of each task; it is"
                  " submitted once more without it" % self._application, file=sys.stderr)
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
