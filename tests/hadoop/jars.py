"""Hadoop's jars, from Maven artifacts, kept in a cache folder outside the repository."""
from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

VERSION = "3.4.2"
POM = Path(__file__).with_name("pom.xml")


class ClusterError(Exception):
    """The cluster cannot do what was asked; the message says why."""


def cache_folder() -> Path:
    """``$HOWDAH_HADOOP_CACHE``, or ``~/.cache/howdah/hadoop-<version>``."""
    default = Path.home() / ".cache" / "howdah" / f"hadoop-{VERSION}"
    return Path(os.environ.get("HOWDAH_HADOOP_CACHE") or default).absolute()


def java_home() -> Path:
    """The folder of the Java in use: ``$JAVA_HOME``, or that of ``java`` on the path."""
    if os.environ.get("JAVA_HOME"):
        return Path(os.environ["JAVA_HOME"])
    java = shutil.which("java")
    if java is None:
        raise ClusterError("no `java` on the path and no JAVA_HOME: install Java 11 or 17")
    return Path(java).resolve().parent.parent


def fetch_jars(cache: Path) -> list[Path]:
    """The jars of ``pom.xml`` in ``cache/lib``, sorted; fetched by ``mvn`` if not there yet."""
    cache.mkdir(parents=True, exist_ok=True)
    lib = cache / "lib"
    with open(cache / "jars.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not lib.is_dir():
            _copy_dependencies(cache / "lib.part")
            (cache / "lib.part").rename(lib)
    return sorted(jar for jar in lib.glob("*.jar") if _needed(jar.name))


def _needed(name: str) -> bool:
    # Of the test jars, that of HDFS holds the DataNode's web pages, without which it does not
    # start; others hold a log4j.properties that would hide the cluster's.
    return not name.endswith("-tests.jar") or name.startswith("hadoop-hdfs-")


def streaming_jar(jars: list[Path]) -> Path:
    return next(jar for jar in jars if jar.name == f"hadoop-streaming-{VERSION}.jar")


def joined(library: list[Path]) -> str:
    """The jars as a class path."""
    return ":".join(map(str, library))


def _copy_dependencies(lib: Path) -> None:
    if shutil.which("mvn") is None:
        raise ClusterError("no `mvn` on the path: install Maven, it fetches Hadoop's jars")
    shutil.rmtree(lib, ignore_errors=True)
    command = [
        "mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies",
        f"-DoutputDirectory={lib}", "-DincludeScope=runtime",
    ]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    if done.returncode:
        raise ClusterError(f"mvn could not fetch Hadoop's jars:\n{done.stdout[-2000:]}")
