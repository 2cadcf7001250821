"""Starting, watching and ending the cluster's processes."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from hadoop.jars import ClusterError

# In the environment of every process of a cluster, its containers and clients included.
MARK = "HOWDAH_CLUSTER"

CLASSES = {
    "namenode": "org.apache.hadoop.hdfs.server.namenode.NameNode",
    "datanode": "org.apache.hadoop.hdfs.server.datanode.DataNode",
    "resourcemanager": "org.apache.hadoop.yarn.server.resourcemanager.ResourceManager",
    "nodemanager": "org.apache.hadoop.yarn.server.nodemanager.NodeManager",
}


def launch(command: list[str], environment: dict[str, str], log: Path) -> int:
    """Start ``command`` in a session of its own, its output appended to ``log``; its pid."""
    with open(log, "ab") as out:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            cwd=str(log.parent), start_new_session=True)
    process.returncode = 0  # Nobody waits for a daemon: without this Python warns that it runs.
    _launched.add(process.pid)
    return process.pid


_launched: set[int] = set()


def alive(pid: int) -> bool:
    """Whether ``pid`` runs; a zombie does not, and is reaped if ``launch`` started it."""
    if pid in _launched and os.waitpid(pid, os.WNOHANG)[0]:
        _launched.remove(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] not in "ZX"


def marked(folder: Path) -> list[int]:
    """The processes of the cluster in ``folder``, containers and clients included."""
    mark = f"{MARK}={folder}".encode()
    return [pid for pid in _pids() if mark in _environ(pid) and alive(pid)]


def containers(folder: Path, daemon_pids: list[int]) -> list[int]:
    """Application masters, tasks and what they started: all that runs below yarn/local."""
    below = f"{folder / 'yarn' / 'local'}/"
    return [pid for pid in marked(folder)
            if pid not in daemon_pids and f"{_cwd(pid)}/".startswith(below)]


def _pids() -> Iterator[int]:
    numbers = (int(name) for name in os.listdir("/proc") if name.isdigit())
    return (pid for pid in numbers if pid != os.getpid())


def _environ(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _cwd(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


def end(pids: list[int], patience: float) -> None:
    """SIGTERM, and SIGKILL for what still runs after ``patience`` seconds."""
    send(pids, signal.SIGTERM)
    try:
        wait_until(lambda: not any(map(alive, pids)), patience, "the end of processes")
    except ClusterError:
        kill(pids)


def kill(pids: list[int]) -> None:
    """SIGKILL, and wait until they are gone."""
    send(pids, signal.SIGKILL)
    wait_until(lambda: not any(map(alive, pids)), 10, f"the end of processes {pids}")


def send(pids: list[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def wait_until(ready: Callable[[], bool], seconds: float, what: str) -> None:
    """Poll ``ready`` every 50 ms; ClusterError if it stays false for ``seconds``."""
    end_at = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end_at:
            raise ClusterError(f"waited {seconds:g} seconds in vain for {what}")
        time.sleep(0.05)


def resident_mb(pid: int) -> float:
    """Resident memory of a process, in MB of 2^20 bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def get_json(url: str) -> dict:
    """What a daemon's web server answers, or {} while it does not answer."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return json.load(response)
    except (OSError, ValueError):
        return {}


def hdfs_ready(at: str) -> bool:
    """Whether the NameNode at ``at`` (host:port of its web server) can take a file."""
    state = _bean(at, "FSNamesystemState")
    return state.get("NumLiveDataNodes", 0) > 0 and _bean(at, "NameNodeInfo").get("Safemode") == ""


def _bean(at: str, name: str) -> dict:
    beans = get_json(f"http://{at}/jmx?qry=Hadoop:service=NameNode,name={name}").get("beans")
    return beans[0] if beans else {}


def active_nodes(at: str) -> int:
    """Number of NodeManagers that the ResourceManager at ``at`` counts as alive."""
    metrics = get_json(f"http://{at}/ws/v1/cluster/metrics").get("clusterMetrics", {})
    return metrics.get("activeNodes", 0)
