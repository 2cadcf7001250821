"""Files on HDFS over HTTP where that can be, or else through the hadoop command."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from typing import Iterator, Optional
from urllib.parse import quote

from mrjob.fs.hadoop import HadoopFilesystem

from howdah.errors import UserError
from howdah.launch.files.filesystem import FileSystem
from howdah.launch.files.webhdfs import CHUNK, Unanswered, WebHdfs

# A NameNode that does not answer is said to be so after seconds, not after 15 minutes.
IMPATIENT = ["-Dipc.client.connect.max.retries=3", "-Dipc.client.connect.timeout=5000",
             "-Dipc.client.connect.max.retries.on.timeouts=1",
             "-Ddfs.client.retry.policy.enabled=false"]

#: What stays as it is until somebody mends it.
LASTING = (
    (r"safe mode", "HDFS is in safe mode, so nothing can be written; wait until it leaves it"
                   " (hdfs dfsadmin -safemode get), or find out why it stays"),
    (r"FileAlreadyExistsException|Output directory .* already exists",
     "The output folder exists already; give another --output-dir"),
    (r"Permission denied|AccessControlException", "HDFS denies the permission"),
    (r"QuotaExceededException|quota of \S+ is exceeded",
     "The quota of HDFS is used up; remove something, or give another --output-dir"),
    (r"is running .*beyond the .*limit", "A task needs more memory than its container has; give"
     " more: --jobconf mapreduce.map.memory.mb=2048, in uber mode"
     " yarn.app.mapreduce.am.resource.mb=3072"),
)
CAUSES = (
    *LASTING,
    (r"Connection refused|ConnectTimeoutException|NoRouteToHost|SocketTimeoutException",
     "The NameNode or ResourceManager does not answer; check the address and that it runs"),
    (r"UnknownHostException", "The host of the NameNode is not known; check the address"),
    (r"No FileSystem for scheme", "Hadoop does not know this URI's scheme here; check the URI and"
     " $HADOOP_CONF_DIR"),
    (r"InvalidToken|token .*(?:expired|can't be found)",
     "A security token is lost or has expired; log in again (kinit) and run the command again"),
    (r"Input path does not exist|No such file or directory", "The input does not exist"),
)


def explain(text: str, causes: tuple = CAUSES) -> Optional[str]:
    """A sentence for what Hadoop printed, with the line that says it; None if it is not known."""
    for pattern, sentence in causes:
        for line in text.splitlines():
            if re.search(pattern, line):
                return "%s: %s" % (sentence, line.strip()[:300])
    return None


class HadoopShell(FileSystem):
    """HDFS, or whatever `hadoop fs` reaches, by one JVM per call.

    `-put` without -f and `-mv` refuse a file that is there, and nothing replaces one in a single
    step: `-put -f` writes beside it, and then its one JVM deletes the old and renames the new.
    """

    def __init__(self, hadoop_bin: list):
        self.hadoop_bin = hadoop_bin

    def exists(self, path: str) -> bool:
        return self._listed("-d", path) is not None

    def stamped(self, path: str) -> list:
        listed = self._listed("-R", path)
        prefix = re.match(r"\w+://[^/]*", path).group() if "://" in path else ""  # type: ignore
        found = []
        for line in (listed or "").splitlines():
            fields = line.split(None, 7)
            if len(fields) == 8 and not fields[0].startswith("d"):
                name = fields[7] if "://" in fields[7] else prefix + fields[7]
                found.append((name, int(fields[4]), "%s %s" % (fields[5], fields[6])))
        return found

    def _listed(self, how: str, path: str) -> Optional[str]:
        """What `hadoop fs -ls` prints; None when there is no such path."""
        done = self._fs("-ls", how, path, ok=(0, 1))
        if done.returncode and not re.search("No such file or directory", _said(done)):
            raise UserError(explain(_said(done)) or "hadoop fs -ls %s failed: %s"
                            % (path, _said(done)[-500:]))
        return None if done.returncode else done.stdout.decode("utf-8", "replace")

    def cat(self, path: str) -> Iterator[bytes]:
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen([*self.hadoop_bin, "fs", *IMPATIENT, "-text", path],
                                       stdout=subprocess.PIPE, stderr=said)
            finished = False
            try:
                yield from iter(lambda: process.stdout.read(CHUNK), b"")  # type: ignore
                finished = True
            finally:
                process.stdout.close()  # type: ignore
                code = process.wait()
                if finished and code:
                    said.seek(0)
                    text = said.read().decode("utf-8", "replace")
                    raise UserError(explain(text) or "Could not read %s: %s" % (path, text[-500:]))

    def cat_parts(self, folder: str) -> Iterator[bytes]:
        return self.cat(folder.rstrip("/") + "/part-*")

    def tail(self, path: str, size: int) -> bytes:
        done = self._fs("-tail", path, ok=(0, 1))
        if done.returncode:
            raise UserError("The end of %s cannot be read: %s" % (path, _said(done).strip()[-300:]))
        return done.stdout[-size:]

    def replace_all(self, folder: str, files: dict) -> None:
        with _on_disk(files) as paths:
            self.put(paths, folder)

    def create(self, path: str, data: bytes) -> None:
        folder, _, name = path.rpartition("/")
        with _on_disk({name: data}) as paths:
            self._put([], paths, folder)

    def put(self, paths: list, folder: str) -> None:
        self._put(["-f"], paths, folder)

    def _put(self, flags: list, paths: list, folder: str) -> None:
        # `hadoop fs` reads local paths as URIs: "a%20b" would be the file "a b".
        command = ["-put", *flags, *map(quote, paths), folder.rstrip("/") + "/"]
        done = self._fs(*command, ok=(0, 1))
        if not flags and "File exists" in _said(done):
            raise FileExistsError(_said(done).strip())
        if done.returncode:
            self._fs("-mkdir", "-p", folder)
            self._fs(*command)

    def rm(self, path: str) -> None:
        self._fs("-rm", "-r", "-f", "-skipTrash", path)

    def make_private(self, folder: str) -> None:
        self._fs("-mkdir", "-p", folder)
        self._fs("-chmod", "700", folder)

    def _fs(self, *args: str, ok=(0,)) -> subprocess.CompletedProcess:
        done = subprocess.run([*self.hadoop_bin, "fs", *IMPATIENT, *args],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode not in ok:
            raise UserError(explain(_said(done)) or "hadoop fs %s failed: %s" % (
                " ".join(args), _said(done).strip()[-500:]))
        return done


def _said(done: subprocess.CompletedProcess) -> str:
    return done.stderr.decode("utf-8", "replace")


@contextmanager
def _on_disk(files: dict) -> Iterator[list]:
    """Paths of local files of these names {name: bytes}."""
    with tempfile.TemporaryDirectory(prefix="howdah-") as folder:
        paths = [os.path.join(folder, name) for name in files]
        for path, data in zip(paths, files.values()):
            with open(path, "wb") as file:
                file.write(data)
        yield paths


def _over_http_or_else(name: str):
    """The method of this name of WebHDFS, or of `hadoop fs` where that one is left Unanswered.

    `hadoop fs` also says what is wrong with a file that is not there.
    """
    def method(self, *args):
        try:
            return getattr(self.web, name)(*args)
        except (Unanswered, FileNotFoundError):
            return getattr(self.shell, name)(*args)

    method.__name__ = name
    return method


class HadoopFiles(FileSystem):
    """HDFS (or whatever `hadoop fs` reaches), over HTTP or else by one JVM per call."""

    def __init__(self, hadoop_bin: list):
        self.web = WebHdfs()
        self.shell = HadoopShell(hadoop_bin)

    exists = _over_http_or_else("exists")
    stamped = _over_http_or_else("stamped")
    cat = _over_http_or_else("cat")
    cat_parts = _over_http_or_else("cat_parts")  # a job's output
    tail = _over_http_or_else("tail")
    replace_all = _over_http_or_else("replace_all")
    create = _over_http_or_else("create")
    put = _over_http_or_else("put")
    rm = _over_http_or_else("rm")
    make_private = _over_http_or_else("make_private")  # a folder that nobody else may read


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
