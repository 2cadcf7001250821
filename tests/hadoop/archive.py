"""An archive of loaded classes (AppCDS), which makes every JVM of the cluster start faster.

It is made once per cache of jars and Java: a cluster runs one small job with all JVMs noting
the classes they load, then ``java -Xshare:dump`` stores those.
"""
from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hadoop import jars
from hadoop.jars import ClusterError

if TYPE_CHECKING:
    from hadoop.cluster import Cluster


def archive_file(cache: Path) -> Path:
    """Where the archive for the Java in use is kept; it may not exist yet."""
    release = (jars.java_home() / "release").read_bytes()
    return cache / f"classes-{hashlib.sha256(release).hexdigest()[:12]}.jsa"


def reading_options(archive: Path) -> list[str]:
    """JVM options that use the archive; without effect where it does not fit."""
    return ["-Xshare:auto", f"-XX:SharedArchiveFile={archive}", "-Xlog:disable"]


def ensure_archive(cache: Path, make_cluster: Callable[[Path, list[str]], Cluster]) -> Path:
    """The archive, made first if need be; ``make_cluster(folder, JVM options)`` is for that."""
    archive = archive_file(cache)
    with open(cache / "archive.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.is_file():
            print("making an archive of Hadoop's classes, once", file=sys.stderr)
            with tempfile.TemporaryDirectory(prefix="training-", dir=cache) as folder:
                lists = Path(folder).resolve() / "lists"
                lists.mkdir()
                note = f"-XX:DumpLoadedClassList={lists}/%p.lst"
                cluster = make_cluster(Path(folder), [note])
                try:
                    _train(cluster.start(), lists.parent)
                finally:
                    cluster.stop()
                _dump(archive, lists, cluster)
    return archive


def _train(cluster: Cluster, folder: Path) -> None:
    text = folder / "words.txt"
    text.write_text("a b c\n" * 100)
    cluster.fs("-mkdir", "-p", "/in")
    cluster.fs("-put", str(text), "/in/words.txt")
    cluster.fs("-ls", "/in")
    done = cluster.run(
        "hadoop", "jar", cluster.environment()["HADOOP_STREAMING_JAR"],
        "-input", "/in/words.txt", "-output", "/out", "-mapper", "cat", "-reducer", "cat")
    if done.returncode:
        raise ClusterError(f"the first job on the cluster failed:\n{done.stderr[-2000:]}")
    cluster.fs("-cat", "/out/part-*")
    cluster.fs("-rm", "-r", "/out")
    cluster.run("hadoop", "version")
    cluster.run("yarn", "application", "-list")


def _dump(archive: Path, lists: Path, cluster: Cluster) -> None:
    names = {line for file in lists.glob("*.lst")
             for line in file.read_text().splitlines() if not line.startswith("#")}
    union = lists / "union"
    union.write_text("\n".join(sorted(names)) + "\n")
    part = archive.with_suffix(".part")
    java = cluster.environment()["JAVA_HOME"] + "/bin/java"
    done = subprocess.run(
        [java, "-Xshare:dump", "-XX:+UseSerialGC", f"-XX:SharedClassListFile={union}",
         f"-XX:SharedArchiveFile={part}", "-cp", jars.joined(cluster.library())],
        check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if not part.is_file():
        raise ClusterError(f"java -Xshare:dump failed:\n{done.stdout[-2000:]}")
    part.rename(archive)
