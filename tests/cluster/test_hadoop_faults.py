"""-r hadoop where a task or a whole job is killed: what is submitted again, and what is not."""

from __future__ import annotations

import os
import re
import signal
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Callable, Iterator

import pytest
import scripts
from hadoop.daemons import containers, send
from hadoop.on_hadoop import (
    KILLED_ONCE,
    ON_HADOOP,
    UNLABELLED,
    applications,
    everything,
    left_behind,
    script,
)
from scripts import DIGITS, run, succeed

scripts.JOBS.update(knn="KNN")

AGAIN = (r"^application_\d+_\d+ failed in uber mode, where Hadoop makes one attempt of each task;"
         r" it is submitted once more without it$")


@pytest.fixture(scope="module")
def digits(cluster) -> str:
    """The URI of a file whose jobs run in uber mode."""
    cluster.fs("-mkdir", "-p", "/faults")
    cluster.fs("-put", str(DIGITS), "/faults")
    return "%s/faults/%s" % (cluster.uri, DIGITS.name)


@pytest.fixture(scope="module")
def round_args(tmp_path_factory) -> list:
    """Arguments of a round over digits, without a scan first."""
    folder = tmp_path_factory.mktemp("model") / "out"
    succeed("driver", DIGITS, "-k", 10, *UNLABELLED, "--output-dir", folder)
    return ["--centroids", folder / "centroids.csv", "--profile", folder / "profile.json",
            *UNLABELLED]


def mappers(cluster) -> Iterator[tuple]:
    """The Python processes of the cluster's map tasks, each with its application."""
    for pid in containers(cluster.folder, list(cluster.pids.values())):
        try:
            command = Path("/proc/%d/cmdline" % pid).read_bytes()
            folder = os.readlink("/proc/%d/cwd" % pid)
        except OSError:
            continue
        application = re.search(r"application_\d+_\d+", folder)
        if application and b"\0--step-num=0\0--mapper\0" in command:
            yield pid, application.group()


@contextmanager
def at_mappers_of_the_first_job(cluster, act: Callable[[int, str], object]) -> Iterator[None]:
    """Call `act` with each mapper, and its application, of the first job within.

    It is one mapper, unless Hadoop starts the application master once more by itself: sometimes its
    reducer ends it before it has told that the job failed.
    """
    met: dict = {}
    ended = Event()

    def watch():
        while not ended.wait(0.005):
            for pid, application in mappers(cluster):
                if pid not in met and application == next(iter(met.values()), application):
                    met[pid] = application
                    act(pid, application)

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
    assert met


def kill(pid: int, _) -> None:
    send([pid], signal.SIGKILL)


def told(err: str) -> int:
    """How many lines say that a job is submitted again."""
    assert err.count("uber mode") == len(re.findall(AGAIN, err, re.MULTILINE)), err
    return err.count("uber mode")


def test_a_default_run_survives_a_killed_mapper_with_the_same_bits(cluster, digits):
    same = [digits, "-k", 10, *UNLABELLED, *ON_HADOOP, "--output-dir"]
    undisturbed, out = (cluster.uri + "/faults/" + name for name in ("undisturbed", "killed"))
    assert told(succeed("driver", *same, undisturbed).err) == 0
    before, jobs = everything(cluster), len(applications(cluster))
    with at_mappers_of_the_first_job(cluster, kill):
        ran = succeed("driver", *same, out)
    submitted = len(applications(cluster)) - jobs
    assert told(ran.err) == 1
    assert "; %d jobs (1 sample scan, %d rounds, 1 submitted again), " % (
        submitted, submitted - 2) in ran.err
    assert cluster.fs("-cat", out + "/centroids.csv") == cluster.fs(
        "-cat", undisturbed + "/centroids.csv")
    cluster.fs("-rm", "-r", out)
    assert left_behind(cluster, before) == set()


def test_a_map_only_job_survives_a_killed_mapper(cluster, tmp_path):
    index, queries = tmp_path / "digits.index", tmp_path / "queries.csv"
    succeed("knn_index", DIGITS, "--label-column", "label", "-o", index)
    queries.write_text("".join("q%d,%s\n" % (i, ",".join([str(i % 17)] * 64)) for i in range(99)))
    cluster.fs("-put", str(queries), "/queries.csv")
    same = ["--index", index, "-n", 3, "--id-column", "0"]
    with at_mappers_of_the_first_job(cluster, kill):
        ran = succeed("knn", cluster.uri + "/queries.csv", *same, *ON_HADOOP)
    expected = succeed("knn", queries, *same)
    assert told(ran.err) == 1 and expected.err.splitlines()[-1] in ran.err.splitlines()
    assert sorted(ran.out.splitlines()) == sorted(expected.out.splitlines())


@pytest.mark.parametrize("setting, submitted", [("mapreduce.map.maxattempts=1", 2),
                                                ("mapreduce.job.ubertask.enable=true", 1)])
def test_a_killed_mapper_ends_a_job_without_more_attempts(
        cluster, digits, round_args, tmp_path, setting, submitted):
    """That is, one that is submitted again in vain, or not at all where the user forbids it."""
    (tmp_path / "killed.py").write_text(KILLED_ONCE.replace('.endswith("_0")', ""))
    before, jobs = everything(cluster), len(applications(cluster))
    ran = script(cluster, tmp_path / "killed.py", digits, *round_args, *ON_HADOOP, "--jobconf",
                 setting, "--output-dir", cluster.uri + "/faults/lost")
    ended = applications(cluster)[jobs:]
    assert ran.code == 1 and len(ended) == submitted and told(ran.err) == submitted - 1
    assert ran.err.endswith("error: The Hadoop job failed (%s):\nsubprocess failed with code 137\n"
                            % ended[-1]["id"])
    assert left_behind(cluster, before) == set()


def test_a_job_that_its_user_kills_is_not_submitted_again(cluster, digits, round_args):
    jobs = len(applications(cluster))

    def kill_job(mapper: int, application: str) -> None:
        send([mapper], signal.SIGSTOP)
        cluster.run("yarn", "application", "-kill", application)
        send([mapper], signal.SIGCONT)

    with at_mappers_of_the_first_job(cluster, kill_job):
        ran = run("kmeans_round", digits, *round_args, *ON_HADOOP)
    assert ran.code == 1 and told(ran.err) == 0
    assert [job["finalStatus"] for job in applications(cluster)[jobs:]] == ["KILLED"]
