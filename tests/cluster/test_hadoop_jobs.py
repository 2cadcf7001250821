"""-r hadoop on the real daemons: the answers of inline, failures told, nothing left behind."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Iterator

import numpy as np
import pytest
import scripts
from filesystems import fulfils_the_contract
from howdah.errors import UserError
from howdah.launch.files.files import Files
from howdah.launch.files.hdfs import HadoopFiles
from hadoop.on_hadoop import (
    BARE,
    BY_BLOCK,
    KILLED_ONCE,
    ON_HADOOP,
    SPREAD,
    UNLABELLED,
    applications,
    everything,
    in_three_files,
    left_behind,
    local_lines,
    output_lines,
    put_folder,
    script,
    without_seconds,
)
from scripts import BROKEN_JOB, DIGITS, REPOSITORY, history, refused, run, steps_of, succeed
from sklearn.datasets import load_digits

scripts.JOBS.update(knn="KNN", pack="Pack")


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    """Where a script of this process and what it starts put temporary files."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture(scope="module")
def digits(tmp_path_factory) -> Path:
    """A folder of digits as CSV and gz, with a header each, and two files that are no data."""
    folder = tmp_path_factory.mktemp("digits")
    in_three_files(folder, gzip.decompress(DIGITS.read_bytes()))
    return folder


@pytest.fixture(scope="module")
def pixels_in_files(pixels, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pixels")
    in_three_files(folder, pixels.read_bytes())
    return folder


@pytest.fixture(scope="module")
def inline(digits, tmp_path_factory) -> Path:
    """The output folder of a whole default run; beside it the profile of c.csv.gz."""
    folder = tmp_path_factory.mktemp("inline") / "out"
    succeed("driver", digits, "-k", 10, *UNLABELLED, "--output-dir", folder)
    (folder.parent / "c.jsonl").write_text(
        succeed("kmeans_sample", digits / "c.csv.gz", "-k", 10, *UNLABELLED).out)
    return folder


@pytest.fixture(scope="module")
def digits_on_hdfs(cluster, digits) -> str:
    return put_folder(cluster, digits, "/jobs/digits")


@pytest.fixture(scope="module")
def one_file(digits_on_hdfs) -> str:
    """A third of digits: one map task, where the answer matters more than its parts."""
    return digits_on_hdfs + "/c.csv.gz"


def round_of(inline: Path, *more) -> list:
    """Arguments of one round over c.csv.gz from the centroids of `inline`, no scan first."""
    return ["--centroids", inline / "centroids.csv", "--profile", inline.parent / "c.jsonl",
            *UNLABELLED, *more]


# answers

def test_a_default_run_is_as_good_as_inline_and_assigns_every_point(cluster, inline, tmp_path,
                                                                    temporary):
    cluster.fs("-mkdir", "-p", "/jobs/whole")
    cluster.fs("-put", str(DIGITS), "/jobs/whole/digits.csv.gz")
    out, before, earlier = (cluster.uri + "/jobs/whole/out", everything(cluster),
                            len(applications(cluster)))
    ran = succeed("driver", cluster.uri + "/jobs/whole/digits.csv.gz", "-k", 10, *UNLABELLED,
                  *ON_HADOOP, "--output-dir", out, "--assign", "-v")
    ended = len(applications(cluster)) - earlier
    assert ran.err.count("running in uber mode : true") == ended >= 4
    assert "; %d jobs (1 sample scan, %d rounds, 1 for the labels), " % (
        ended, ended - 2) in ran.err
    cluster.fs("-get", out, str(tmp_path / "out"))
    cost = history(tmp_path / "out")[-1]["cost"]
    assert cost <= 1.02 * history(inline)[-1]["cost"]
    assigned = succeed("kmeans_assign", DIGITS, "--model", tmp_path / "out", *UNLABELLED)
    assert output_lines(cluster, out + "/labels") == sorted(assigned.out.splitlines())
    cluster.fs("-rm", "-r", out)
    assert left_behind(cluster, before) == set()
    assert os.listdir(temporary) == []


def test_what_cannot_fit_a_container_is_refused_before_anything_is_submitted(cluster, one_file):
    earlier = len(applications(cluster))
    small = ("--jobconf", "mapreduce.map.memory.mb=300")
    sentence = refused("driver", one_file, "-k", 10, *UNLABELLED, *ON_HADOOP, *small)
    assert "(mapreduce.map.memory.mb=300, 256 MB of it for the JVM); take fewer" in sentence
    assert len(applications(cluster)) == earlier


def test_packed_blocks_of_a_glob_and_a_run_that_goes_on_from_hdfs(
        cluster, digits, digits_on_hdfs, inline, tmp_path):
    out, packed = cluster.uri + "/jobs/resumed", cluster.uri + "/jobs/packed"
    here, again = tmp_path / "packed", tmp_path / "again"
    succeed("pack", digits_on_hdfs + "/[bc].*", *UNLABELLED, *ON_HADOOP, "--output-dir", packed)
    succeed("pack", str(digits) + "/[bc].*", *UNLABELLED, "--output-dir", here)
    assert output_lines(cluster, packed) == local_lines(here)

    cluster.fs("-put", str(inline), out)
    shutil.copytree(inline, again)
    settings = ["-k", 10, "--max-rounds", 0]
    resumed = run("driver", packed, *settings, "--init", out, "--output-dir", out, *ON_HADOOP)
    assert resumed.code == 3 and "--max-rounds 0 reached" in resumed.err
    assert run("driver", here, *settings, "--init", again, "--output-dir", again).code == 3
    cluster.fs("-get", out, str(tmp_path / "resumed"))
    assert len(history(again)) == len(history(inline)) + 1
    assert without_seconds(tmp_path / "resumed") == without_seconds(again)
    assert (tmp_path / "resumed" / "centroids.csv").read_bytes() == (
        again / "centroids.csv").read_bytes()


@pytest.mark.parametrize("data, columns, k", [("digits", 64, 10), ("pixels", 3, 16)])
def test_two_rounds_over_four_mappers_and_three_reducers_have_the_bits_of_inline(
        cluster, digits, pixels_in_files, digits_on_hdfs, tmp_path, data, columns, k):
    local = digits if data == "digits" else pixels_in_files
    remote = digits_on_hdfs if data == "digits" else put_folder(cluster, local, "/jobs/pixels")
    out, here = "%s/jobs/%s-rounds" % (cluster.uri, data), tmp_path / "inline"
    given = tmp_path / "c.csv"
    rows = np.loadtxt(local / "b.csv", delimiter=",", skiprows=1)[:, :columns]
    np.savetxt(given, rows[::len(rows) // k][:k], delimiter=",", fmt="%g")
    same = ["-k", k, *(UNLABELLED if data == "digits" else ()), "--init", given,
            "--max-rounds", 1]
    ran = run("driver", remote, *same, *ON_HADOOP, *SPREAD, "--output-dir", out)
    assert ran.code == run("driver", local, *same, "--output-dir", here).code == 3, ran.err
    assert ran.err.count("number of splits:4") == 3
    cluster.fs("-get", out, str(tmp_path / "out"))
    for name in ("round-01.json", "round-02.json"):
        assert (steps_of(tmp_path / "out") / name).read_bytes() == (
            steps_of(here) / name).read_bytes()
    assert without_seconds(tmp_path / "out") == without_seconds(here)
    assert (tmp_path / "out" / "centroids.csv").read_bytes() == (
        here / "centroids.csv").read_bytes()


def test_neighbours_from_an_index_on_hdfs_are_those_of_inline(cluster, tmp_path, temporary):
    rows = (load_digits().data[:200] + 0.25).tolist()
    (tmp_path / "queries.csv").write_text("".join(
        "q%d,%s\n" % (i, ",".join(map(repr, row))) for i, row in enumerate(rows)))
    index = tmp_path / "digits.index"
    succeed("knn_index", DIGITS, "--label-column", "label", "-o", index)
    cluster.fs("-mkdir", "-p", "/jobs/knn")
    cluster.fs("-put", str(index), str(tmp_path / "queries.csv"), "/jobs/knn")
    same = ["-n", 7, "--id-column", "0", "--vote", "distance"]
    ran = succeed("knn", cluster.uri + "/jobs/knn/queries.csv", *same, *ON_HADOOP,
                  "--index", cluster.uri + "/jobs/knn/digits.index")
    expected = succeed("knn", tmp_path / "queries.csv", *same, "--index", index)
    assert len(ran.out.splitlines()) == 200
    assert sorted(ran.out.splitlines()) == sorted(expected.out.splitlines())
    assert os.listdir(temporary) == []


@pytest.mark.parametrize("codec", ["GzipCodec", "DefaultCodec"])
def test_compressed_output_is_read(cluster, digits, one_file, inline, codec):
    """Hadoop's default codec writes .deflate, which mrjob would print as it is."""
    compressed = ["--jobconf", "mapreduce.output.fileoutputformat.compress=true"]
    if codec != "DefaultCodec":
        compressed += ["--jobconf", "mapreduce.output.fileoutputformat.compress.codec="
                       "org.apache.hadoop.io.compress." + codec]
    out = "%s/jobs/%s" % (cluster.uri, codec)
    ran = succeed("kmeans_round", one_file, *round_of(inline), *ON_HADOOP, *compressed,
                  "--output-dir", out)
    assert ran.out == succeed("kmeans_round", digits / "c.csv.gz", *round_of(inline)).out
    ending = {"GzipCodec": ".gz", "DefaultCodec": ".deflate"}[codec]
    assert "/part-00000%s\n" % ending in cluster.fs("-ls", out)


# files on HDFS

def test_files_over_http_and_by_hadoop_fs_fulfil_one_contract(cluster, tmp_path):
    """HTTP is really used, and what one has written the other reads."""
    files = HadoopFiles([shutil.which("hadoop")])
    folder = cluster.uri + "/jobs/files"
    fulfils_the_contract(files.web, folder, tmp_path, globs=False)
    fulfils_the_contract(files.shell, folder, tmp_path)
    fulfils_the_contract(Files(lambda uri: files), folder, tmp_path)
    assert files.web.address == cluster.address("namenode_http")
    for writer, reader in ((files.web, files.shell), (files.shell, files.web)):
        writer.replace(folder + "/a b%20+ü.txt", b"1,2\n")
        assert reader.ls(folder) == [(folder + "/a b%20+ü.txt", 4)]
        assert reader.read(folder + "/a b%20+ü.txt") == b"1,2\n"
        with pytest.raises(FileExistsError):
            reader.create(folder + "/a b%20+ü.txt", b"")
        assert reader.read(folder + "/a b%20+ü.txt") == b"1,2\n"
        writer.rm(folder)
        assert not reader.exists(folder)
    assert list(files.cat_parts(folder)) == [b""]


def test_what_is_not_on_hdfs_is_said_by_hadoop_fs(cluster):
    files = HadoopFiles([shutil.which("hadoop")])
    with pytest.raises(UserError, match="The input does not exist: "):
        files.read(cluster.uri + "/jobs/none")
    with pytest.raises(UserError, match="The end of .*/jobs/none cannot be read: "):
        files.tail(cluster.uri + "/jobs/none", 5)


# the workers' Python

def test_workers_without_numpy_need_an_environment_and_are_given_one(
        cluster, digits, one_file, inline, tmp_path, temporary):
    before = everything(cluster)
    ran = run("kmeans_round", one_file, *round_of(inline), *BARE)
    assert ran.code == 1 and ran.out == ""
    assert re.search(r"error: The Python \S+ \(\d\.\d+\) has no numpy, simdjson, pybase64; build an"
                     " environment with `python jobs/worker_env.py env.tar.gz`", ran.err), ran.err
    env = tmp_path / "env.tar.gz"
    subprocess.run([sys.executable, str(REPOSITORY / "jobs" / "worker_env.py"), str(env),
                    "--kmeans-only"], check=True)
    ran = succeed("kmeans_round", one_file, *round_of(inline), *BARE, "--worker-env", env)
    assert ran.out == succeed("kmeans_round", digits / "c.csv.gz", *round_of(inline)).out
    assert left_behind(cluster, before) == set()
    assert os.listdir(temporary) == []


# failures

@pytest.mark.parametrize("error", ["ZeroDivisionError", "OSError"])
def test_a_bug_in_a_worker_is_code_1_with_its_traceback(cluster, one_file, inline, tmp_path,
                                                        temporary, error):
    """Most errors travel as records; an OSError ends its task, for another attempt may succeed.

    In uber mode it is another submission that makes more attempts.
    """
    before, jobs = everything(cluster), len(applications(cluster))
    (tmp_path / "broken.py").write_text(BROKEN_JOB.replace("ZeroDivisionError", error))
    ran = script(cluster, tmp_path / "broken.py", one_file, *round_of(inline), *ON_HADOOP,
                 "--output-dir", cluster.uri + "/jobs/broken")
    ended = time.time()
    assert ran.code == 1 and ran.out == ""
    assert "Traceback (most recent call last)" in ran.err and "in map_batches" in ran.err
    assert ran.err.count(error + ": a bug in the worker") == 1
    assert len(applications(cluster)) == jobs + (2 if error == "OSError" else 1)
    assert ended - applications(cluster)[-1]["finishedTime"] / 1000 < 30
    assert left_behind(cluster, before) == set()
    assert os.listdir(temporary) == []


def test_a_bad_row_is_code_2_with_its_text_after_one_attempt(cluster, tmp_path, temporary):
    (tmp_path / "x.csv").write_text("x,y\n" + "1,2\n" * 600 + "3,red\n" + "5,6\n" * 20)
    cluster.fs("-mkdir", "-p", "/jobs/bad")
    cluster.fs("-D", "dfs.blocksize=512", "-put", str(tmp_path / "x.csv"), "/jobs/bad/x.csv")
    path = cluster.uri + "/jobs/bad/x.csv"
    before, jobs = everything(cluster), len(applications(cluster))
    message = refused("driver", path, "-k", 2, *ON_HADOOP, *BY_BLOCK,
                      "--output-dir", cluster.uri + "/jobs/bad-out")
    assert "1 of 621 rows cannot be used" in message
    assert "%s, line 602: column 'y' is 'red', not a number: '3,red'" % path in message
    assert len(applications(cluster)) == jobs + 1
    assert applications(cluster)[-1]["finalStatus"] == "SUCCEEDED"
    assert left_behind(cluster, before) == set()
    assert os.listdir(temporary) == []


def test_a_mapper_killed_once_is_retried_with_the_same_bits(cluster, digits, one_file,
                                                            inline, tmp_path):
    (tmp_path / "killed.py").write_text(KILLED_ONCE)
    out = cluster.uri + "/jobs/killed"
    ran = script(cluster, tmp_path / "killed.py", one_file, *round_of(inline),
                 *ON_HADOOP, "-v", "--jobconf", "mapreduce.job.ubertask.enable=false",
                 "--output-dir", out)
    assert ran.code == 0, ran.err
    assert "Failed map tasks=1" in ran.err
    assert ran.out == succeed("kmeans_round", digits / "c.csv.gz", *round_of(inline)).out


# wrong use

@pytest.fixture
def untouched(cluster, temporary) -> Iterator[None]:
    """The test must end within 30 seconds, start no job and leave nothing behind."""
    before, jobs, begun = everything(cluster), len(applications(cluster)), time.monotonic()
    yield
    assert time.monotonic() - begun < 30
    assert len(applications(cluster)) == jobs
    assert left_behind(cluster, before) == set()
    assert os.listdir(temporary) == []


def test_missing_input(cluster, untouched):
    missing = cluster.uri + "/jobs/none"
    assert refused("driver", missing, "-k", 2, *ON_HADOOP, "--output-dir",
                   cluster.uri + "/jobs/none-out") == "The input %s does not exist." % missing


def test_existing_output(cluster, one_file, untouched):
    assert refused("driver", one_file, "-k", 2, *ON_HADOOP, "--output-dir",
                   one_file) == (
        "The output folder %s exists already; give another --output-dir or remove it."
        % one_file)


def test_no_hadoop_on_the_path(one_file, monkeypatch, untouched):
    java_only = os.path.dirname(shutil.which("java") or "")
    with monkeypatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("HADOOP"):
                patch.delenv(name)
        patch.setenv("PATH", java_only)
        assert refused("driver", one_file, "-k", 2, *ON_HADOOP) == (
            "There is no hadoop command here; put it on $PATH, set $HADOOP_HOME, or give"
            " --hadoop-bin.")


def test_no_streaming_jar(cluster, one_file, tmp_path, monkeypatch, untouched):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "hadoop").symlink_to(shutil.which("hadoop") or "")
    with monkeypatch.context() as patch:
        patch.delenv("HADOOP_HOME")
        patch.delenv("HADOOP_STREAMING_JAR")
        sentence = refused("driver", one_file, "-k", 2, *ON_HADOOP, "--hadoop-bin",
                           tmp_path / "bin" / "hadoop")
    assert sentence.startswith("There is no hadoop-streaming*.jar below $HADOOP_HOME")


@pytest.mark.parametrize("args", [["hdfs://127.0.0.1:1/x"],
                                  [DIGITS, "--output-dir", "hdfs://127.0.0.1:1/out"]])
def test_wrong_namenode_address(untouched, args):
    sentence = refused("driver", *args, "-k", 2, *ON_HADOOP)
    assert sentence.startswith("The NameNode or ResourceManager does not answer; check the address")
    assert "localhost:1 failed" in sentence


@pytest.mark.parametrize("local", [False, True])
def test_safe_mode(cluster, one_file, inline, untouched, local):
    place = ["--output-dir", cluster.uri + "/jobs/safe-out"]
    assert cluster.run("hdfs", "dfsadmin", "-safemode", "enter").returncode == 0
    try:
        sentence = refused("kmeans_round", DIGITS if local else one_file, *round_of(inline),
                           *ON_HADOOP, *([] if local else place))
    finally:
        cluster.run("hdfs", "dfsadmin", "-safemode", "leave")
    assert sentence.startswith("HDFS is in safe mode, so nothing can be written")


@pytest.mark.parametrize("place", ["input", "output", "environment"])
def test_an_apostrophe_in_a_path(cluster, one_file, tmp_path, untouched, place):
    path = cluster.uri + "/jobs/it's"
    (tmp_path / "it's").write_text("")
    args = {"input": [path], "output": [one_file, "--output-dir", path],
            "environment": [one_file, "--worker-env", tmp_path / "it's"]}[place]
    sentence = refused("driver", *args, "-k", 2, *ON_HADOOP)
    assert "it's holds an apostrophe, which Hadoop's command lines cannot carry" in sentence


# straight streaming

def printed(cluster, name: str, *args) -> str:
    """Run what --print-streaming prints, in a shell of its own; the output folder."""
    out = "%s/jobs/streaming-%s" % (cluster.uri, name)
    command = succeed(name, *args, *ON_HADOOP, "--output-dir", out).out
    # Nobody submits it again, so that its tasks need Hadoop's attempts.
    assert "ubertask.enable" not in command
    done = cluster.run("sh", "-c", command)
    assert done.returncode == 0, (command, done.stderr)
    return out


def test_a_printed_round_gives_what_the_job_gives(cluster, digits, one_file, inline,
                                                  tmp_path):
    out = printed(cluster, "kmeans_round", one_file, *round_of(inline), "--print-streaming",
                  tmp_path / "shipped")
    here = tmp_path / "here"
    succeed("kmeans_round", digits / "c.csv.gz", *round_of(inline), "--output-dir", here)
    assert output_lines(cluster, out) == local_lines(here)


def test_a_printed_map_only_job_gives_what_the_job_gives(cluster, digits, one_file, inline,
                                                         tmp_path):
    out = printed(cluster, "kmeans_assign", one_file, "--model", inline, *UNLABELLED,
                  "--print-streaming", tmp_path / "shipped")
    expected = succeed("kmeans_assign", digits / "c.csv.gz", "--model", inline, *UNLABELLED)
    assert output_lines(cluster, out) == sorted(expected.out.splitlines())


def test_what_cannot_be_printed(cluster, one_file, inline, tmp_path, untouched):
    out = ["--output-dir", cluster.uri + "/jobs/streaming-none"]
    shipped = ["--print-streaming", tmp_path / "shipped"]
    assert "needs --output-dir" in refused("kmeans_round", one_file, *round_of(inline),
                                           *ON_HADOOP, *shipped)
    assert "a path on this machine" in refused("kmeans_round", DIGITS, *round_of(inline),
                                               *ON_HADOOP, *shipped, *out)
    assert "prints the command of one job" in refused("driver", one_file, "-k", 2,
                                                      *ON_HADOOP, *shipped, *out)
    (tmp_path / "shipped").mkdir()
    assert "exists already" in refused("kmeans_round", one_file, *round_of(inline),
                                       *ON_HADOOP, *shipped, *out)
