"""-r hadoop where a task, a job, its client or its launcher is killed: what is done by itself."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Callable, Iterator

import pytest
import scripts
from hadoop.daemons import alive, containers, marked, send, wait_until
from hadoop.on_hadoop import (
    KILLED_ONCE,
    ON_HADOOP,
    UNLABELLED,
    applications,
    everything,
    left_behind,
    script,
)
from scripts import DIGITS, REPOSITORY, run, succeed

scripts.JOBS.update(knn="KNN")
ROUND = REPOSITORY / "jobs" / "kmeans_round.py"

AGAIN = r"^application_\d+_\d+ failed; it is submitted once more in \d+ s(, without uber mode)?$"

RAISED_ONCE = KILLED_ONCE.replace("os.kill(os.getpid(), signal.SIGKILL)",
                                  'raise OSError("a disk, this once")')


@pytest.fixture(scope="module")
def digits(cluster) -> str:
    """The URI of a file whose jobs run in uber mode."""
    cluster.fs("-mkdir", "-p", "/faults")
    cluster.fs("-put", str(DIGITS), "/faults")
    return "%s/faults/%s" % (cluster.uri, DIGITS.name)


@pytest.fixture
def temporary(tmp_path) -> Path:
    """Where a launcher puts temporary files."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    return folder


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
    assert err.count("once more") == len(re.findall(AGAIN, err, re.MULTILINE)), err
    return err.count("once more")


def test_a_default_run_survives_a_killed_mapper_with_the_same_bits(cluster, digits):
    same = [digits, "-k", 10, *UNLABELLED, *ON_HADOOP, "--output-dir"]
    undisturbed, out = (cluster.uri + "/faults/" + name for name in ("undisturbed", "killed"))
    assert told(succeed("driver", *same, undisturbed).err) == 0
    before, jobs = everything(cluster), len(applications(cluster))
    with at_mappers_of_the_first_job(cluster, kill):
        ran = succeed("driver", *same, out)
    submitted = len(applications(cluster)) - jobs
    assert told(ran.err) == 1 and ran.err.count("subprocess failed with code 137") == 1
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


def test_a_job_whose_mapper_is_always_killed_fails_after_three_submissions(
        cluster, digits, round_args, tmp_path):
    (tmp_path / "killed.py").write_text(KILLED_ONCE.replace('.endswith("_0")', ""))
    before, jobs = everything(cluster), len(applications(cluster))
    ran = script(cluster, tmp_path / "killed.py", digits, *round_args, *ON_HADOOP, "--jobconf",
                 "mapreduce.map.maxattempts=1", "--output-dir", cluster.uri + "/faults/lost")
    ended = applications(cluster)[jobs:]
    assert ran.code == 1 and len(ended) == 3 and told(ran.err) == 2
    assert ran.err.endswith(
        "error: The Hadoop job failed 3 times (%s):\nsubprocess failed with code 137\n"
        % ", ".join(app["id"] for app in ended))
    assert ran.err.count("code 137") == 1
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


def test_an_error_that_may_pass_is_met_by_another_submission(cluster, digits, round_args, tmp_path):
    """In uber mode Hadoop makes no other attempt; a bug is told after the first."""
    (tmp_path / "raised.py").write_text(RAISED_ONCE)
    jobs = len(applications(cluster))
    ran = script(cluster, tmp_path / "raised.py", digits, *round_args, *ON_HADOOP)
    assert ran.code == 0 and told(ran.err) == 1, ran.err
    assert "a disk, this once" in ran.err and len(applications(cluster)) == jobs + 2
    assert ran.out == succeed("kmeans_round", DIGITS, *round_args).out


# the launcher's own processes

def launched(cluster, temporary: Path, *args) -> subprocess.Popen:
    """A script that runs by itself, once its first job has been submitted."""
    env = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(REPOSITORY / "jobs")}
    jobs = len(applications(cluster))
    process = subprocess.Popen(
        [sys.executable, *map(str, args)], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    wait_until(lambda: len(applications(cluster)) > jobs or process.poll() is not None, 60, "a job")
    return process


def clients(cluster, launcher: int) -> list:
    """The JVMs that a launcher has started."""
    return [pid for pid in marked(cluster.folder) if parent(pid) == launcher]


def parent(pid: int) -> int:
    try:
        return int(Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def test_a_job_whose_client_is_killed_is_waited_for(cluster, digits, round_args, temporary):
    jobs = len(applications(cluster))
    process = launched(cluster, temporary, ROUND, digits, *round_args, *ON_HADOOP)
    [client] = clients(cluster, process.pid)
    send([client], signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0 and told(err) == 0, err
    [job] = applications(cluster)[jobs:]
    assert "%s has succeeded without its client\n" % job["id"] in err
    assert out == succeed("kmeans_round", DIGITS, *round_args).out


@pytest.mark.parametrize("number, said", [(signal.SIGINT, "interrupted\n"),
                                          (signal.SIGTERM, "ended by SIGTERM\n")])
def test_a_signal_kills_the_application_and_leaves_nothing(cluster, digits, round_args, temporary,
                                                           number, said):
    before, jobs = everything(cluster), len(applications(cluster))
    process = launched(cluster, temporary, ROUND, digits, *round_args, *ON_HADOOP, "--output-dir",
                       cluster.uri + "/faults/interrupted")
    own = clients(cluster, process.pid)
    process.send_signal(number)
    err = process.communicate(timeout=60)[1]
    [job] = applications(cluster)[jobs:]
    assert process.returncode == 128 + number and job["finalStatus"] == "KILLED"
    assert err.endswith("%s is killed\n%s" % (job["id"], said))
    assert own and not any(map(alive, own))
    assert left_behind(cluster, before) == set() and os.listdir(temporary) == []
