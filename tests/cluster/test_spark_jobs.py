"""-r spark gives the answers of -r inline, on local[2] and on YARN with HDFS."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Iterator

import pytest
from hadoop.on_hadoop import in_three_files, without_seconds
from scripts import BROKEN_JOB, DIGITS, IRIS, REPOSITORY, history, refused, run, succeed

pytestmark = [pytest.mark.needs("pyspark"), pytest.mark.needs_java]
UNLABELLED = ("--ignore-columns", "label")
# These JVMs live for seconds: code compiled twice would never pay.
BRIEF = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
SPARK = ("-r", "spark", "--spark-master", "local[2]",
         "--jobconf", "spark.driver.extraJavaOptions=" + BRIEF)


def on_yarn() -> list:
    """Options for one small executor; every node has Spark's jars already, in the one place."""
    spark = Path(str(find_spec("pyspark").origin)).parent     # type: ignore[union-attr]
    settings = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1",
                "spark.driver.memory": "512m", "spark.yarn.am.memory": "512m",
                "spark.executor.instances": "1", "spark.executor.memory": "512m",
                "spark.yarn.jars": "local:%s/jars/*" % spark,
                **{"spark.%s.extraJavaOptions" % part: BRIEF
                   for part in ("driver", "yarn.am", "executor")}}
    return ["-r", "spark", "--spark-master", "yarn", "--python-bin", sys.executable,
            *(part for item in settings.items() for part in ("--jobconf", "%s=%s" % item))]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """The digits in a folder of three files, plain and gz, each with its header; and a start."""
    folder = tmp_path_factory.mktemp("digits")
    (folder / "in").mkdir()
    in_three_files(folder / "in", gzip.decompress(DIGITS.read_bytes()))
    two_rounds(folder / "in", folder / "start", "-k", 10, *UNLABELLED, "--init", "random")
    return folder


@pytest.fixture(scope="module")
def pixels_in_files(pixels, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pixels")
    in_three_files(folder, pixels.read_bytes())
    return folder


def two_rounds(place, folder: Path, *options) -> tuple:
    """What two rounds over the points at `place` leave in `folder`, times apart."""
    ran = run("driver", place, *options, "--max-rounds", 1, "--output-dir", folder)
    assert ran.code == 3, ran.err
    return without_seconds(folder), (folder / "centroids.csv").read_bytes()


def from_given(centroids: Path, k: int) -> list:
    """Options of a run that starts with the same centroids wherever it runs."""
    centroids.write_text("".join("%d,%d,%d\n" % (15 * i, 12 * i, 250 - 15 * i) for i in range(k)))
    return ["-k", k, "--init", centroids]


@pytest.fixture(scope="module")
def inline_cost(digits) -> float:
    """The cost of a whole default run with -r inline."""
    succeed("driver", digits / "in", "-k", 10, *UNLABELLED, "--output-dir", digits / "inline")
    return history(digits / "inline")[-1]["cost"]


@pytest.fixture(scope="module")
def cluster(hadoop) -> Iterator:
    """HDFS and YARN, which scripts of this process use too."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in hadoop.environment().items():
            patch.setenv(name, value)
        yield hadoop


@pytest.fixture(scope="module")
def digits_on_hdfs(cluster, digits) -> str:
    cluster.fs("-mkdir", "-p", "/spark")
    cluster.fs("-put", str(digits / "in"), "/spark/digits")
    return cluster.uri + "/spark/digits"


def round_of(digits) -> tuple:
    """Arguments of one round over digits, without a scan first."""
    return ("--centroids", digits / "start", "--profile", digits / "start" / "profile.json",
            *UNLABELLED)


def broken(folder: Path, error: str, *args) -> str:
    """The standard error of a script whose worker has a bug; it must print nothing else."""
    (folder / "broken.py").write_text(BROKEN_JOB.replace("ZeroDivisionError", error))
    path = os.pathsep.join([str(REPOSITORY / "jobs"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(folder / "broken.py"), *map(str, args)], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ, PYTHONPATH=path))
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    return done.stderr


def assert_one_traceback(told: str, error: str) -> None:
    """Python's, once, and no line of Java's."""
    assert told.count("Traceback (most recent call last)") == told.count("in map_batches") == 1
    assert told.endswith("%s: a bug in the worker\n" % error)
    assert "\tat " not in told and "Exception" not in told


# local[2]

def test_two_rounds_have_the_bits_of_inline(digits, pixels_in_files, tmp_path):
    same = ["-k", 10, *UNLABELLED, "--init", digits / "start" / "centroids.csv"]
    assert two_rounds(digits / "in", tmp_path / "spark", *same, *SPARK) == two_rounds(
        digits / "in", tmp_path / "inline", *same)
    same = from_given(tmp_path / "c.csv", 16)
    assert two_rounds(pixels_in_files, tmp_path / "pixels", *same, *SPARK) == two_rounds(
        pixels_in_files, tmp_path / "pixels-inline", *same)


def test_a_whole_run_is_within_two_percent(digits, inline_cost, tmp_path):
    succeed("driver", digits / "in", "-k", 10, *UNLABELLED, *SPARK, "--output-dir",
            tmp_path / "out")
    assert history(tmp_path / "out")[-1]["cost"] == pytest.approx(inline_cost, rel=0.02)


def test_labels_and_neighbours_are_those_of_inline(digits, tmp_path):
    succeed("driver", IRIS, "-k", 3, *UNLABELLED, "--output-dir", tmp_path / "m")
    assign = ("kmeans_assign", IRIS, *UNLABELLED, "--model", tmp_path / "m")
    assert sorted(succeed(*assign, *SPARK).out.splitlines()) == sorted(
        succeed(*assign).out.splitlines())
    index = tmp_path / "iris.index.joblib"
    succeed("knn_index", IRIS, "--label-column", "label", "-o", index)
    query = ("knn", IRIS, "--index", index, "-n", 5, *UNLABELLED, "--vote", "uniform")
    spark, inline = (succeed(*query, *options).rows() for options in (SPARK, ()))
    assert sorted(str(r["neighbors"]) for r in spark) == sorted(
        str(r["neighbors"]) for r in inline)


def test_a_bad_row_stops_the_run_with_its_text(tmp_path):
    (tmp_path / "bad.csv").write_text("1,2\n3,x\n5,6\n")
    ran = run("driver", tmp_path / "bad.csv", "-k", 2, *SPARK)
    assert ran.code == 2 and "'3,x'" in ran.err and "Traceback" not in ran.err


@pytest.mark.parametrize("error", ["ZeroDivisionError", "OSError"])
def test_a_bug_in_a_worker_is_code_1_with_its_traceback(digits, tmp_path, error):
    """Most errors travel as records; an OSError ends its task, for another attempt may succeed."""
    told = broken(tmp_path, error, digits / "in", *round_of(digits), *SPARK,
                  "--output-dir", tmp_path / "out")
    assert_one_traceback(told, error)
    assert not (tmp_path / "out").exists()


def test_files_and_folders_have_any_name(digits, tmp_path):
    """Not only those that Hadoop reads as they stand: it takes inputs for globs between commas."""
    odd = shutil.copytree(digits / "in", tmp_path / "a [1], b#%=c")
    ran = succeed("kmeans_round", odd, *round_of(digits), *SPARK, "--output-dir",
                  tmp_path / "o [1], b#%=c")
    assert ran.rows() == succeed("kmeans_round", digits / "in", *round_of(digits)).rows()
    assert {path.name for path in tmp_path.iterdir()} == {"a [1], b#%=c", "o [1], b#%=c"}


def test_a_missing_spark_submit_is_said(digits, tmp_path):
    sentence = refused("kmeans_round", digits / "in", *round_of(digits), *SPARK,
                       "--spark-submit-bin", tmp_path / "none")
    assert sentence.startswith("There is no %s command here;" % (tmp_path / "none"))


# YARN

def test_on_yarn_rounds_have_the_bits_of_inline_and_leave_nothing(
        cluster, digits, digits_on_hdfs, pixels_in_files, tmp_path):
    ran = succeed("kmeans_round", digits_on_hdfs, *round_of(digits), *on_yarn())
    assert ran.rows() == succeed("kmeans_round", digits / "in", *round_of(digits)).rows()
    cluster.fs("-put", str(pixels_in_files), "/spark/pixels")
    same = from_given(tmp_path / "c.csv", 16)
    assert two_rounds(cluster.uri + "/spark/pixels", tmp_path / "yarn", *same, *on_yarn()) == (
        two_rounds(pixels_in_files, tmp_path / "inline", *same))
    assert "howdah" not in cluster.fs("-ls", "/tmp")


def test_on_yarn_a_whole_run_is_within_two_percent(cluster, digits_on_hdfs, inline_cost, tmp_path):
    out = cluster.uri + "/spark/out"
    succeed("driver", digits_on_hdfs, "-k", 10, *UNLABELLED, *on_yarn(), "--output-dir", out)
    cluster.fs("-get", out, str(tmp_path / "out"))
    assert history(tmp_path / "out")[-1]["cost"] == pytest.approx(inline_cost, rel=0.02)


def test_on_yarn_neighbours_from_an_index_on_hdfs_are_those_of_inline(cluster, tmp_path):
    """The queries lie on this machine and are copied to HDFS."""
    header, *rows = gzip.decompress(DIGITS.read_bytes()).decode().splitlines()
    queries, index = tmp_path / "queries.csv", tmp_path / "digits.index"
    queries.write_text("\n".join(["query," + header, *(
        "q%d,%s" % (i, row) for i, row in enumerate(rows))]) + "\n")
    succeed("knn_index", DIGITS, "--label-column", "label", "-o", index)
    cluster.fs("-mkdir", "-p", "/spark")
    cluster.fs("-put", str(index), "/spark/digits.index")
    ask = ("knn", queries, "--id-column", "query", *UNLABELLED, "-n", 7, "--vote", "distance")
    spark = succeed(*ask, "--index", cluster.uri + "/spark/digits.index", *on_yarn())
    inline = succeed(*ask, "--index", index)
    assert len(inline.out.splitlines()) == len(rows)
    assert sorted(spark.out.splitlines()) == sorted(inline.out.splitlines())


def test_on_yarn_a_lost_task_is_code_1_with_its_traceback(cluster, digits, digits_on_hdfs,
                                                          tmp_path):
    told = broken(tmp_path, "OSError", digits_on_hdfs, *round_of(digits), *on_yarn(),
                  "--output-dir", cluster.uri + "/spark/broken")
    assert_one_traceback(told, "OSError")
    assert "broken" not in cluster.fs("-ls", "/spark")


def test_on_yarn_missing_input_and_existing_output_are_refused(cluster, digits_on_hdfs):
    missing = cluster.uri + "/spark/none"
    assert refused("driver", missing, "-k", 2, *on_yarn()) == (
        "The input %s does not exist." % missing)
    assert refused("driver", digits_on_hdfs, "-k", 2, *on_yarn(), "--output-dir",
                   digits_on_hdfs) == (
        "The output folder %s exists already; give another --output-dir or remove it."
        % digits_on_hdfs)
