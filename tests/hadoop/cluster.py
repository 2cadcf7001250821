"""A one-node Hadoop on this machine: HDFS and YARN, from Maven artifacts, in one folder.

    python tests/hadoop/cluster.py start DIR    # prints the environment to use, as exports
    python tests/hadoop/cluster.py status DIR
    python tests/hadoop/cluster.py stop DIR     # leaves nothing running

`eval "$(python tests/hadoop/cluster.py start DIR)"` makes `hadoop` and `-r hadoop` use it.
Needs Linux, Java 11 or 17, and Maven for the first start.
"""
from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hadoop import archive, conf, daemons, home, jars
from hadoop.jars import ClusterError

STATE = "cluster.json"


class Cluster:
    """A NameNode, DataNode, ResourceManager and NodeManager, with all their files in ``folder``.

    ``worker_path`` stands first on the PATH of application masters and tasks: put a ``python3``
    there to choose the workers' Python. ``memory_mb`` is what the NodeManager gives to containers.
    ``jvm_options`` replace the archive of classes that all JVMs use to start faster.
    ``ClusterError`` is raised when the cluster cannot do what is asked.
    """

    def __init__(self, folder: str | os.PathLike, worker_path: str | os.PathLike | None = None,
                 memory_mb: int = 6144, jvm_options: list[str] | None = None) -> None:
        self.folder = Path(folder).resolve()
        self.worker_path = worker_path and Path(worker_path).resolve()
        self.memory_mb = memory_mb
        self.jvm_options = jvm_options
        self.ports: dict[str, int] = {}
        self.pids: dict[str, int] = {}
        state = self.folder / STATE
        if state.is_file():
            self.__dict__.update(json.loads(state.read_text()))

    # -- life ---------------------------------------------------------------------------------

    def start(self) -> Cluster:
        """Start all daemons and wait until jobs can run; files put in HDFS earlier are kept."""
        if not Path("/proc/self/environ").exists():
            raise ClusterError("the one-node Hadoop needs Linux: it finds its processes in /proc")
        if daemons.marked(self.folder):
            raise ClusterError(f"a cluster is running in {self.folder}: stop it first")
        library, options = self.library(), self.jvm_options
        if options is None:
            made = archive.ensure_archive(
                jars.cache_folder(), lambda folder, note: Cluster(folder, jvm_options=note))
            options = archive.reading_options(made)
        try:
            self._lay_out(library, options)
            for name in daemons.CLASSES:
                self._launch(name)
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End every process of the cluster: daemons, application masters, tasks, clients."""
        running = daemons.marked(self.folder)
        own = set(self.pids.values())
        daemons.kill([pid for pid in running if pid not in own])
        daemons.end([pid for pid in running if pid in own], patience=4)
        daemons.kill(daemons.marked(self.folder))
        self.pids = {}
        if self.folder.is_dir():
            self._save()

    def kill(self, name: str) -> None:
        """End a daemon by SIGKILL; a NodeManager's containers go with it, as with a machine."""
        daemons.kill([self.pids.pop(name)])
        if name == "nodemanager":
            daemons.kill(daemons.containers(self.folder, list(self.pids.values())))
        self._save()

    def restart(self, name: str) -> None:
        """Start a daemon again, on its old port, and wait until the cluster is ready."""
        if daemons.alive(self.pids.get(name, 0)):
            daemons.end([self.pids[name]], patience=10)
        self._launch(name)
        self.wait_ready()

    def wait_ready(self, seconds: float = 60) -> None:
        """Wait until HDFS takes files and a NodeManager takes jobs."""
        daemons.wait_until(self._ready, seconds, f"the daemons; see {self.folder}/logs")

    # -- use ----------------------------------------------------------------------------------

    def environment(self) -> dict[str, str]:
        """The variables that make ``hadoop``, mrjob and pyspark use this cluster."""
        bin_folder = str(self.folder / "home" / "bin")
        path = os.environ.get("PATH", "").split(os.pathsep)
        return {
            "HADOOP_HOME": str(self.folder / "home"),
            "HADOOP_CONF_DIR": str(self.folder / "conf"),
            "YARN_CONF_DIR": str(self.folder / "conf"),
            "HADOOP_STREAMING_JAR": str(home.streaming_jar(self.folder)),
            "JAVA_HOME": str(jars.java_home()),
            "PATH": os.pathsep.join([bin_folder, *(p for p in path if p != bin_folder)]),
        }

    def run(self, *command: str, **kwargs) -> subprocess.CompletedProcess:
        """Run a command with the cluster's environment; text of both streams is kept."""
        env = {**os.environ, **self.environment(), **kwargs.pop("env", {})}
        return subprocess.run(command, check=False, env=env, capture_output=True, text=True,
                              **kwargs)

    def fs(self, *args: str) -> str:
        """What ``hadoop fs ARGS`` prints; ClusterError with its messages if it fails."""
        done = self.run("hadoop", "fs", *args)
        if done.returncode:
            raise ClusterError(f"hadoop fs {' '.join(args)}: {done.stderr.strip()}")
        return done.stdout

    def task_logs(self, application_id: str, seconds: float = 30) -> str:
        """What all containers of an ended application wrote, as ``yarn logs`` shows it."""
        texts: list[str] = []

        def collected() -> bool:
            done = self.run("yarn", "logs", "-applicationId", application_id)
            texts.append(done.stdout)
            return done.returncode == 0 and "LogType:stderr" in done.stdout

        daemons.wait_until(collected, seconds, f"the logs of {application_id}")
        return texts[-1]

    def address(self, name: str) -> str:
        """host:port of one of ``conf.PORT_NAMES``."""
        return f"{conf.HOST}:{self.ports[name]}"

    @property
    def uri(self) -> str:
        """The URI of HDFS's root, without a final slash."""
        return f"hdfs://{self.address('namenode')}"

    def memory(self) -> dict[str, float]:
        """Resident MB of every running daemon."""
        return {name: daemons.resident_mb(pid) for name, pid in self.pids.items()
                if daemons.alive(pid)}

    @staticmethod
    def library() -> list[Path]:
        """Hadoop's jars, fetched first if need be."""
        return jars.fetch_jars(jars.cache_folder())

    # -- parts --------------------------------------------------------------------------------

    def _lay_out(self, library: list[Path], options: list[str]) -> None:
        self.ports = conf.free_ports()
        for name in ("logs", "tmp", "hdfs", "yarn"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        path = self.environment()["PATH"]
        if self.worker_path:
            path = os.pathsep.join([str(self.worker_path), path])
        sites = conf.site_settings(self.folder, self.ports, library, self.memory_mb, path)
        conf.write_conf(self.folder / "conf", sites)
        home.write_home(self.folder, library, options)
        home.format_namenode(self.folder, daemons.CLASSES["namenode"])

    def _launch(self, name: str) -> None:
        command = home.daemon_command(self.folder, daemons.CLASSES[name])
        env = {**os.environ, **self.environment(), daemons.MARK: str(self.folder)}
        log = self.folder / "logs" / f"{name}.log"
        self.pids[name] = daemons.launch(command, env, log)
        self._save()

    def _ready(self) -> bool:
        for name, pid in self.pids.items():
            if not daemons.alive(pid):
                log = self.folder / "logs" / f"{name}.log"
                tail = log.read_text(errors="replace")[-1500:]
                raise ClusterError(f"the {name} has ended, the end of {log}:\n{tail}")
        return (daemons.active_nodes(self.address("rm_http")) > 0
                and daemons.hdfs_ready(self.address("namenode_http")))

    def _save(self) -> None:
        state = {"ports": self.ports, "pids": self.pids}
        (self.folder / STATE).write_text(json.dumps(state, indent=1))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["start", "status", "stop"])
    parser.add_argument("folder", metavar="DIR", help="the folder of the cluster")
    parser.add_argument("--worker-path", metavar="DIR",
                        help="put DIR first on the PATH of tasks (to choose their python3)")
    parser.add_argument("--memory-mb", type=int, default=6144,
                        help="memory for containers (default %(default)s)")
    args = parser.parse_args(argv)
    cluster = Cluster(args.folder, args.worker_path, args.memory_mb)
    try:
        return {"start": _start, "status": _status, "stop": _stop}[args.action](cluster)
    except ClusterError as error:
        print(f"cluster.py: {error}", file=sys.stderr)
        return 1


def _start(cluster: Cluster) -> int:
    for name, value in cluster.start().environment().items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def _status(cluster: Cluster) -> int:
    memory = cluster.memory()
    for name in daemons.CLASSES:
        state = f"pid {cluster.pids[name]}" if name in memory else "not running"
        print(f"{name} {state}")
    for name, port in cluster.ports.items():
        print(f"port {name} {port}")
    running = daemons.containers(cluster.folder, list(cluster.pids.values()))
    print(f"containers {len(running)} processes")
    print(f"memory {sum(memory.values()):.0f} MB: "
          + ", ".join(f"{name} {mb:.0f}" for name, mb in memory.items()))
    return 0 if len(memory) == len(daemons.CLASSES) else 1


def _stop(cluster: Cluster) -> int:
    cluster.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
