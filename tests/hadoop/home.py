"""HADOOP_HOME of the cluster: launchers, streaming jar, and how its JVMs are started."""
from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

from hadoop import jars
from hadoop.daemons import MARK
from hadoop.jars import ClusterError

# hadoop, hdfs, yarn and mapred in one.
LAUNCHER = """\
#!/bin/sh
export HADOOP_CONF_DIR="${{HADOOP_CONF_DIR:-{folder}/conf}}" {mark}={folder}
command="$1"
[ $# -gt 0 ] && shift
case "$command" in
  version)     class=org.apache.hadoop.util.VersionInfo ;;
  fs|dfs)      class=org.apache.hadoop.fs.FsShell ;;
  jar)         class=org.apache.hadoop.util.RunJar ;;
  dfsadmin)    class=org.apache.hadoop.hdfs.tools.DFSAdmin ;;
  job)         class=org.apache.hadoop.mapred.JobClient ;;
  node)        class=org.apache.hadoop.yarn.client.cli.NodeCLI ;;
  logs)        class=org.apache.hadoop.yarn.client.cli.LogsCLI ;;
  application) class=org.apache.hadoop.yarn.client.cli.ApplicationCLI; set -- application "$@" ;;
  classpath)   echo {classpath}:"$HADOOP_CONF_DIR"; exit 0 ;;
  *) echo "usage: hadoop version|fs|dfs|jar|dfsadmin|job|node|logs|application|classpath ..." >&2
     exit 1 ;;
esac
exec {java} @{folder}/client.jvm $HADOOP_CLIENT_OPTS -cp {classpath}:"$HADOOP_CONF_DIR" \\
  "$class" "$@"
"""

# What a task's class path has besides Hadoop and the settings: the job's own jar and -libjars.
TASK_PATH = [".", "./*", "./job.jar/*", "./job.jar/classes/", "./job.jar/lib/*"]


def write_home(folder: Path, library: list[Path], options: list[str]) -> None:
    """Make ``folder/home`` in the shape in which mrjob looks for ``hadoop`` and the jar.

    ``options`` go to every JVM: daemons, clients, application masters and tasks.
    """
    _write_jvm_files(folder, library, options)
    bin_folder = folder / "home" / "bin"
    bin_folder.mkdir(parents=True, exist_ok=True)
    (bin_folder / "hadoop").write_text(LAUNCHER.format(
        folder=shlex.quote(str(folder)), mark=MARK, java=shlex.quote(str(_java())),
        classpath=shlex.quote(jars.joined(library))))
    (bin_folder / "hadoop").chmod(0o755)
    for name in ("hdfs", "yarn", "mapred"):
        _link(bin_folder / name, Path("hadoop"))
    streaming_jar(folder).parent.mkdir(parents=True, exist_ok=True)
    _link(streaming_jar(folder), jars.streaming_jar(library))


def _write_jvm_files(folder: Path, library: list[Path], options: list[str]) -> None:
    # The settings come after the jars, and the jars as a list, because an archive of classes is
    # valid only for a class path that begins as it did when it was made.
    classpath = jars.joined(library) + f":{folder}/conf"
    common = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", *options]
    _write_options(folder / "client.jvm", [
        *common, "-Xmx512m", f"-Dlog4j.configuration=file:{folder}/conf/log4j.properties"])
    _write_options(folder / "daemon.jvm", [
        *common, "-Xmx512m", "--add-opens=java.base/java.lang=ALL-UNNAMED", "-cp", classpath])
    _write_options(folder / "task.jvm", [*common, "-cp", ":".join([classpath, *TASK_PATH])])


def _write_options(path: Path, options: list[str]) -> None:
    quoted = ('"' + option.replace("\\", "\\\\").replace('"', '\\"') + '"' for option in options)
    path.write_text("\n".join(quoted) + "\n")


def streaming_jar(folder: Path) -> Path:
    name = f"hadoop-streaming-{jars.VERSION}.jar"
    return folder / "home" / "share" / "hadoop" / "tools" / "lib" / name


def daemon_command(folder: Path, *command: str) -> list[str]:
    """``java`` with a daemon's options, class path and settings, and ``command`` after them."""
    return [str(_java()), f"@{folder}/daemon.jvm", *command]


def format_namenode(folder: Path, class_name: str) -> None:
    """Make an empty HDFS in ``folder``, if there is none."""
    if (folder / "hdfs" / "name" / "current").is_dir():
        return
    done = subprocess.run(
        daemon_command(folder, class_name, "-format", "-nonInteractive"),
        env={**os.environ, MARK: str(folder)},
        check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise ClusterError(f"the NameNode could not be formatted:\n{done.stdout[-2000:]}")


def _java() -> Path:
    return jars.java_home() / "bin" / "java"


def _link(path: Path, target: Path) -> None:
    if path.is_symlink():
        path.unlink()
    path.symlink_to(target)
