"""What tests of jobs on the one-node Hadoop share: options, inputs, what they look at."""

from __future__ import annotations

import gzip
import os
import re
import sys
import time
from pathlib import Path

from hadoop.daemons import get_json
from scripts import REPOSITORY, Ran, history

UNLABELLED = ("--ignore-columns", "label")
BARE = ("-r", "hadoop")
ON_HADOOP = (*BARE, "--python-bin", sys.executable)
BY_BLOCK = ("--jobconf", "mapreduce.input.fileinputformat.split.minsize=1")
# More than one reducer, so not inside the application master.
SPREAD = (*BY_BLOCK, "--jobconf", "mapreduce.job.reduces=3", "-v")
# Folders that are not the jobs' to remove.
KEPT = re.compile(r"/(tmp|yarn-logs.*|mr-staging(/history.*|/[^/]+(/\.staging)?)?)")

KILLED_ONCE = '''
import os
import signal

from howdah.entry import run
from howdah.scripts.kmeans_round import KMeansRound


class KilledOnce(KMeansRound):
    def map_batches(self, points):
        records = list(super().map_batches(points))
        if os.environ["mapreduce_task_attempt_id"].endswith("_0"):
            os.kill(os.getpid(), signal.SIGKILL)
        yield from records


if __name__ == "__main__":
    run(KilledOnce)
'''


def in_three_files(folder: Path, csv: bytes) -> None:
    header, *rows = csv.splitlines(keepends=True)
    third = len(rows) // 3
    (folder / "a.csv").write_bytes(header + b"".join(rows[:third]))
    (folder / "b.csv").write_bytes(header + b"".join(rows[third:2 * third]))
    (folder / "c.csv.gz").write_bytes(gzip.compress(header + b"".join(rows[2 * third:])))
    (folder / "_SUCCESS").write_bytes(b"no data\n")
    (folder / ".hidden").write_bytes(b"no data\n")


def put_folder(cluster, folder: Path, place: str) -> str:
    """Copy a folder of a.csv, b.csv and c.csv.gz so that it makes four map tasks; its URI."""
    half = (folder / "a.csv").stat().st_size // 2
    blocks = -(-half // 512) * 512
    cluster.fs("-mkdir", "-p", place)
    cluster.fs("-D", "dfs.blocksize=%d" % blocks, "-put", str(folder / "a.csv"), place)
    cluster.fs("-put", *(str(path) for path in folder.iterdir() if path.name != "a.csv"), place)
    return cluster.uri + place


def output_lines(cluster, folder: str) -> list:
    return sorted(cluster.fs("-text", folder + "/part-*").splitlines())


def local_lines(folder: Path) -> list:
    return sorted(line for part in folder.glob("part-*") for line in part.read_text().splitlines())


def everything(cluster) -> set:
    """All paths on HDFS that a job could leave behind."""
    paths = {line.split(None, 7)[7] for line in cluster.fs("-ls", "-R", "/").splitlines()}
    return {path for path in paths if not KEPT.fullmatch(path)}


def left_behind(cluster, before: set) -> set:
    """What is new on HDFS, once the last job's application master has cleaned up."""
    end = time.monotonic() + 20
    while everything(cluster) != before and time.monotonic() < end:
        time.sleep(1)
    return everything(cluster) - before


def applications(cluster) -> list:
    """The applications that the ResourceManager knows, oldest first."""
    found = get_json("http://%s/ws/v1/cluster/apps" % cluster.address("rm_http"))
    return sorted((found["apps"] or {"app": []})["app"], key=lambda app: app["id"])


def script(cluster, path: Path, *args) -> Ran:
    """Run a script of its own file, as a user would."""
    done = cluster.run(sys.executable, str(path), *map(str, args), env={
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "jobs"), os.environ.get("PYTHONPATH", "")])
    })
    return Ran(done.returncode, done.stdout, done.stderr)


def without_seconds(folder: Path) -> list:
    return [{**round_, "seconds": None} for round_ in history(folder)]
