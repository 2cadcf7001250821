"""Files on HDFS through the hadoop command, or over HTTP where that can be."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from typing import Iterator, Optional
from urllib.parse import quote

from mrjob.fs.hadoop import HadoopFilesystem

from howdah.errors import UserError
from howdah.launch.files.webhdfs import Unanswered, WebHdfs

# A NameNode that does not answer is said to be so after seconds, not after 15 minutes.
IMPATIENT = ["-Dipc.client.connect.max.retries=3", "-Dipc.client.connect.timeout=5000",
             "-Dipc.client.connect.max.retries.on.timeouts=1",
             "-Ddfs.client.retry.policy.enabled=false"]

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
