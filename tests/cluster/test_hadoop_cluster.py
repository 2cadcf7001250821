"""The one-node Hadoop of tests/hadoop, on its real daemons."""
from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hadoop import daemons, fixture
from hadoop.cluster import Cluster, main
from hadoop.jars import ClusterError
from scripts import REPOSITORY

WORD_COUNT = REPOSITORY / "tests" / "hadoop" / "word_count.py"


def count_words(cluster: Cluster, folder: Path, *args: str) -> subprocess.CompletedProcess:
    text = folder / "text.txt"
    text.write_text("b a b\n" * 500 + "c\n")
    return cluster.run(sys.executable, str(WORD_COUNT), "-r", "hadoop", "--no-conf",
                       "--python-bin", sys.executable, *args, str(text))


def assert_counts(done: subprocess.CompletedProcess) -> None:
    assert done.returncode == 0, done.stderr
    records = [line.split("\t") for line in done.stdout.splitlines()]
    counts = {json.loads(word): json.loads(count) for word, count in records}
    assert counts == {"a": 500, "b": 1000, "c": 1}


def processes_naming(folder: Path) -> list[int]:
    """Processes with ``folder`` in their command, environment or working folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            text += os.readlink(entry / "cwd").encode()
        except OSError:
            continue
        if str(folder).encode() in text:
            found.append(int(entry.name))
    return found


def test_all_daemons_run_in_less_than_two_gigabytes(hadoop):
    memory = hadoop.memory()
    assert set(memory) == {"namenode", "datanode", "resourcemanager", "nodemanager"}
    assert 100 < sum(memory.values()) < 2048


def test_a_file_is_put_and_read_back(hadoop, tmp_path):
    (tmp_path / "file").write_text("first\nsecond\n")
    hadoop.fs("-mkdir", "-p", "/test-put")
    hadoop.fs("-put", str(tmp_path / "file"), "/test-put/file")
    assert hadoop.fs("-cat", "/test-put/file") == "first\nsecond\n"
    assert hadoop.fs("-cat", f"{hadoop.uri}/test-put/file") == "first\nsecond\n"
    with pytest.raises(ClusterError, match="No such file"):
        hadoop.fs("-cat", "/test-put/none")


def test_mrjob_finds_hadoop_and_counts_words(hadoop, tmp_path):
    done = count_words(hadoop, tmp_path)
    assert_counts(done)
    assert "Using Hadoop version 3.4.2" in done.stderr
    assert f"Found Hadoop streaming jar: {hadoop.folder}" in done.stderr


def test_workers_have_a_bare_python_and_their_logs_can_be_read(hadoop, tmp_path):
    (tmp_path / "text").write_text("x\n")
    (tmp_path / "import_numpy.py").write_text(
        "import sys\nprint(sys.executable, file=sys.stderr)\nimport numpy\n")
    hadoop.fs("-put", "-f", str(tmp_path / "text"), "/test-bare")
    done = hadoop.run(
        "hadoop", "jar", hadoop.environment()["HADOOP_STREAMING_JAR"],
        "-D", "mapreduce.job.reduces=0", "-D", "mapreduce.map.maxattempts=1",
        "-files", str(tmp_path / "import_numpy.py"), "-input", "/test-bare",
        "-output", "/test-bare-out", "-mapper", "python3 import_numpy.py")
    assert done.returncode == 1
    application = re.search(r"application_\d+_\d+", done.stdout + done.stderr)
    assert application, done.stderr
    logs = hadoop.task_logs(application.group())
    assert f"{hadoop.worker_path}/python3" in logs
    assert "ModuleNotFoundError: No module named 'numpy'" in logs


def test_a_nodemanager_is_killed_and_restarted_and_jobs_run_again(hadoop, tmp_path):
    before = hadoop.pids["nodemanager"]
    hadoop.kill("nodemanager")
    assert not daemons.alive(before)
    hadoop.restart("nodemanager")
    assert hadoop.pids["nodemanager"] != before
    # The defaults poll so seldom that they would double the test's time.
    assert_counts(count_words(
        hadoop, tmp_path, "-Dyarn.app.mapreduce.am.scheduler.heartbeat.interval-ms=100",
        "-Dmapreduce.client.completion.pollinterval=100", "-Dmapreduce.job.maps=1"))


def test_a_namenode_is_killed_and_restarted_with_its_files(hadoop):
    hadoop.fs("-touch", "/test-restart")
    hadoop.kill("namenode")
    with pytest.raises(ClusterError, match="refused"):
        hadoop.fs("-ls", "/test-restart")
    hadoop.restart("namenode")
    assert "/test-restart" in hadoop.fs("-ls", "/test-restart")


def test_stop_leaves_no_process_even_in_mid_job(hadoop, tmp_path, capsys):
    """On a second cluster beside the first, so this also shows that two get along."""
    folder = tmp_path / "second"
    assert main(["start", str(folder)]) == 0
    exports = capsys.readouterr().out
    assert f"export HADOOP_HOME={folder}/home\n" in exports
    cluster = Cluster(folder)
    try:
        client = start_endless_job(cluster, tmp_path)
        assert main(["status", str(folder)]) == 0
        assert re.search(r"^memory \d+ MB: namenode", capsys.readouterr().out, re.MULTILINE)
    finally:
        assert main(["stop", str(folder)]) == 0
    assert client.wait(10) == -signal.SIGKILL
    assert processes_naming(folder) == []
    assert main(["status", str(folder)]) == 1
    assert all(map(daemons.alive, hadoop.pids.values()))


def start_endless_job(cluster: Cluster, folder: Path) -> subprocess.Popen:
    """A job whose mapper sleeps, once that mapper runs."""
    (folder / "text").write_text("x\n")
    cluster.fs("-put", str(folder / "text"), "/text")
    env = {**os.environ, **cluster.environment()}
    with open(folder / "client.log", "w") as log:
        client = subprocess.Popen(
            ["hadoop", "jar", env["HADOOP_STREAMING_JAR"], "-D", "mapreduce.job.reduces=0",
             "-input", "/text", "-output", "/out", "-mapper", "sleep 12345"],
            env=env, stdout=log, stderr=log)

    def mapper_runs() -> bool:
        return any(command_of(pid).endswith(b"sleep\x0012345\x00")
                   for pid in daemons.marked(cluster.folder))

    daemons.wait_until(mapper_runs, 90, "the sleeping mapper")
    return client


def command_of(pid: int) -> bytes:
    """A process's command; empty when it has ended meanwhile."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_a_crashed_start_leaves_no_process(hadoop, tmp_path):
    cluster = Cluster(tmp_path / "crash")
    (cluster.folder / "hdfs").mkdir(parents=True)
    (cluster.folder / "hdfs" / "data").write_text("a file where the DataNode wants a folder")
    with pytest.raises(ClusterError, match="the datanode has ended"):
        cluster.start()
    assert processes_naming(cluster.folder) == []
    assert all(map(daemons.alive, hadoop.pids.values()))


def test_the_guard_stops_a_cluster_whose_owner_was_killed(hadoop, tmp_path):
    owner = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"],
        env={**os.environ, daemons.MARK: str(tmp_path)})
    guard = subprocess.Popen([sys.executable, str(fixture.GUARD), str(tmp_path)],
                             stdin=subprocess.PIPE)
    assert daemons.alive(owner.pid)
    guard.communicate()
    assert owner.wait(10) == -signal.SIGKILL


def test_without_java_the_reason_is_said(monkeypatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nonexistent")
    assert "no `java` on the path" in fixture.what_is_missing()


def test_stopping_a_cluster_that_never_was_is_no_error(tmp_path):
    assert main(["stop", str(tmp_path / "none")]) == 0
    assert not (tmp_path / "none").exists()
