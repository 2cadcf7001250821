"""The same exit codes from every script, and one sentence for everything a user can get wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from scripts import BROKEN_JOB, DIGITS, IRIS, REPOSITORY, refused, run, succeed

# What is wrong with the input, and what the sentence says.
BAD_INPUTS = {
    "empty file": (b"", "The input {path} is empty; give an input with at least one row."),
    "blank lines": (b"\n\n \n", "The input {path} is empty; give an input with at least one row."),
    "header only": (b"x,y\n", "No row of the input can be used (1 lines read"),
    "text column": (b"x,y\n1,red\n2,blue\n", "Column 'y' of {path} holds text ('red' in its first"
                    " rows), not numbers; name it in --id-column y if it identifies the row, or in"
                    " --ignore-columns y to leave it out."),
    "missing value": (b"x,y\n1,2\n3,NA\n", "{path}, line 3: column 'y' is 'NA', not a number"),
    "empty field": (b"x,y\n1,2\n3,\n", "{path}, line 3: column 'y' is empty: '3,'"),
    "nan": (b"x,y\n1,2\nnan,4\n", "{path}, line 3: column 'x' is NaN: 'nan,4'"),
    "infinity": (b"x,y\n1,2\n3,-inf\n", "{path}, line 3: column 'y' is infinite"),
    "too large": (b"x,y\n1,2\n3,1e400\n", "{path}, line 3: column 'y' is infinite or too large"),
    "too few fields": (b"x,y\n1,2\n3\n", "{path}, line 3: 1 fields, expected 2: '3'"),
    "too many fields": (b"x,y\n1,2\n3,4,5\n", "{path}, line 3: 3 fields, expected 2: '3,4,5'"),
    "invalid UTF-8": (b"x,y\n1,2\n3,\xff\n", "{path}, line 3: "),
    "binary": (b"1,2\n3,4\n5,6\n\x00\x01\x02\n", "{path}, line 4: "),
}


@pytest.fixture
def centroids(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("1,2\n3,4\n")
    return path


def arguments(script: str, tmp_path, centroids) -> list:
    """Arguments for two columns, with an output folder that must not be there afterwards."""
    if script == "kmeans_assign":
        (tmp_path / "good.csv").write_text("x,y\n1,2\n3,4\n")
        model = tmp_path / "model"
        if not model.exists():
            succeed("driver", tmp_path / "good.csv", "-k", 2, "--output-dir", model)
        own = ["--model", model]
    else:
        own = {"kmeans_round": ["--centroids", centroids]}.get(script, ["-k", 2])
    return [*own, "--output-dir", tmp_path / "out"]


@pytest.mark.parametrize("kind", BAD_INPUTS)
@pytest.mark.parametrize("script", ["driver", "kmeans_sample", "kmeans_round"])
def test_bad_input_is_refused_and_leaves_nothing(tmp_path, centroids, script, kind):
    data, sentence = BAD_INPUTS[kind]
    path = tmp_path / "x.csv"
    path.write_bytes(data)
    message = refused(script, path, *arguments(script, tmp_path, centroids))
    assert sentence.format(path=path) in message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", BAD_INPUTS)
def test_bad_input_of_kmeans_assign(tmp_path, centroids, kind):
    data, sentence = BAD_INPUTS[kind]
    path = tmp_path / "x.csv"
    path.write_bytes(data)
    message = refused("kmeans_assign", path, *arguments("kmeans_assign", tmp_path, centroids))
    assert sentence.format(path=path) in message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("script", ["driver", "kmeans_sample", "kmeans_round", "kmeans_assign"])
def test_missing_inputs(tmp_path, centroids, script):
    args = arguments(script, tmp_path, centroids)
    assert refused(script, *args) == "No input was given; name at least one file, folder or glob."
    assert refused(script, tmp_path / "none.csv", *args) == (
        "The input %s does not exist." % (tmp_path / "none.csv"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "_SUCCESS").write_text("")
    assert refused(script, tmp_path / "folder", *args) == (
        "The input folder %s holds no files (names that begin with _ or . do not count)."
        % (tmp_path / "folder"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["missing value", "empty field", "nan", "infinity", "too large",
                                  "too few fields", "too many fields", "invalid UTF-8"])
def test_skipped_rows_are_reported(tmp_path, centroids, kind):
    path = tmp_path / "x.csv"
    path.write_bytes(BAD_INPUTS[kind][0] + b"5,6\n")
    for script in ("driver", "kmeans_sample", "kmeans_round"):
        args = arguments(script, tmp_path, centroids)[:-2]
        ran = succeed(script, path, *args, "--bad-rows", "skip")
        assert ("4 lines read: 2 rows used, 1 bad rows skipped, 0 empty lines, 1 header lines"
                in ran.err)


def test_negative_weights_are_bad_rows(tmp_path):
    (tmp_path / "x.csv").write_text("x,w\n1,1\n2,-1\n")
    assert "line 3: " in refused("driver", tmp_path / "x.csv", "-k", 1, "--weight-column", "w")


def test_only_weights_of_zero(tmp_path):
    (tmp_path / "x.csv").write_text("x,w\n1,0\n2,0\n")
    assert refused("driver", tmp_path / "x.csv", "-k", 1, "--weight-column", "w",
                   "--output-dir", tmp_path / "out") == (
        "No row has a weight above 0.")
    assert not (tmp_path / "out").exists()


def test_k_above_the_distinct_points(tmp_path):
    (tmp_path / "x.csv").write_text("1,2\n3,4\n" * 50)
    assert refused("driver", tmp_path / "x.csv", "-k", 3, "--output-dir", tmp_path / "out") == (
        "-k is 3, but the input has only 2 distinct points; give a smaller -k.")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options, sentence", [
    (["-k", 0], "-k is 0; it must be at least 1."),
    ([], "-k is missing; say how many clusters with -k K."),
    (["-k", 3, "--metric", "cosine", "--standardize"],
     "--standardize cannot go with --metric cosine; leave one of them out."),
    (["-k", 3, "--assign"], "--assign needs --output-dir, a folder for the labels."),
    (["-k", 3, "--max-rounds", -1], "--max-rounds is -1; it must be at least 0."),
    (["-k", 3, "--max-minutes", -1], "--max-minutes is -1; it must be at least 0."),
    (["-k", 3, "--tol", -1], "--tol is -1; it must be at least 0."),
    (["-k", 3, "--seed", -1], "--seed is -1; it must be at least 0."),
    (["-k", 3, "--id-column", "name"], "--id-column is 'name', but the input has no such column;"
     " it has: sepal_length, sepal_width, petal_length, petal_width, label."),
    (["-k", 3, "--ignore-columns", "7"], "--ignore-columns is 7, but the input has the columns 0"
     " to 4."),
    (["-k", 3, "--init", "nowhere"], "The centroids nowhere do not exist."),
])
def test_wrong_options_of_the_driver(options, sentence):
    assert refused("driver", IRIS, *options) == sentence


@pytest.mark.parametrize("script, option", [
    ("driver", "--standard"), ("driver", "--max-round=3"), ("kmeans_sample", "--sample=10"),
    ("kmeans_round", "--centroid=c.csv"), ("kmeans_assign", "--mode=m.json"),
    ("driver", "--outputdir=x"), ("driver", "--no-such-option")])
def test_abbreviated_and_unknown_options_are_refused(script, option):
    assert refused(script, IRIS, option).startswith("unrecognized arguments: " + option)


@pytest.mark.parametrize("script, own", [
    ("driver", "--max-rounds"), ("kmeans_sample", "--sample-size"), ("kmeans_round", "--centroids"),
    ("kmeans_assign", "--model")])
def test_help_shows_the_scripts_own_options_and_code_0(script, own):
    ran = run(script, "--help")
    assert ran.code == 0 and own in ran.out
    assert "--bad-rows" in ran.out and "--plan" not in ran.out


@pytest.mark.slow
def test_codes_of_a_process(tmp_path):
    """The process itself, as a shell sees it: 3 for a limit, 2 and one line for bad use."""
    def driver(*args):
        return subprocess.run([sys.executable, str(REPOSITORY / "driver.py"), *map(str, args)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path)
    stopped = driver(DIGITS, "-k", 10, "--ignore-columns", "label", "--init", "random",
                     "--max-rounds", 0)
    assert stopped.returncode == 3 and b"stopped: --max-rounds 0 reached" in stopped.stderr
    missing = driver("none.csv", "-k", 10)
    assert missing.returncode == 2
    assert missing.stderr == b"error: The input none.csv does not exist.\n"


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["inline", "local"])
def test_a_bug_in_a_worker_is_code_1_with_its_traceback(tmp_path, centroids, runner):
    (tmp_path / "broken.py").write_text(BROKEN_JOB)
    (tmp_path / "x.csv").write_text("1,2\n3,4\n")
    (tmp_path / "tmp").mkdir()
    done = subprocess.run(
        [sys.executable, str(tmp_path / "broken.py"), str(tmp_path / "x.csv"), "--centroids",
         str(centroids), "-r", runner, "--output-dir", str(tmp_path / "out")],
        env=dict(os.environ, TMPDIR=str(tmp_path / "tmp"), PYTHONPATH=os.pathsep.join(
            [str(REPOSITORY / "jobs"), os.environ.get("PYTHONPATH", "")])),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stdout == b""
    text = done.stderr.decode()
    assert "ZeroDivisionError: a bug in the worker" in text and "in map_batches" in text


@pytest.fixture
def without(tmp_path) -> dict:
    """The environment of a machine that has neither optional packages nor Spark."""
    (tmp_path / "absent").mkdir()
    for name in ("annoy", "boto3", "faiss", "pyarrow", "pyspark"):
        (tmp_path / "absent" / (name + ".py")).write_text("raise ImportError('there is none')\n")
    env = dict(os.environ, PATH=str(tmp_path / "absent"), PYTHONPATH=os.pathsep.join(
        [str(tmp_path / "absent"), str(REPOSITORY / "jobs"), os.environ.get("PYTHONPATH", "")]))
    env.pop("SPARK_HOME", None)
    return env


@pytest.mark.slow
@pytest.mark.parametrize("script, args, sentence", [
    *((script, [*args, "-r", "spark"],
       "There is no spark-submit command here; pip install pyspark, put it on $PATH, set"
       " $SPARK_HOME, or give --spark-submit-bin.") for script, args in (
        ("driver", [IRIS, "-k", 3, "--ignore-columns", "label"]),
        ("jobs/kmeans_sample", [IRIS, "-k", 3, "--ignore-columns", "label"]),
        ("jobs/pack", [IRIS, "--ignore-columns", "label"]))),
    ("jobs/pack", ["{folder}/x.parquet", "-o", "{folder}/p"],
     "Parquet needs pyarrow; install it with: pip install pyarrow."),
    ("jobs/knn_index", [IRIS, "--ignore-columns", "label", "--faiss", "Flat", "-o", "{folder}/i"],
     "This index needs a Python package here: pip install faiss-cpu."),
    ("jobs/knn_index", [IRIS, "--ignore-columns", "label", "--annoy", 3, "-o", "{folder}/i"],
     "This index needs a Python package here: pip install annoy."),
    ("driver", [IRIS, "-k", 3, "-r", "emr"],
     "-r emr needs boto3, which is not installed here: pip install boto3."),
])
def test_what_is_not_installed_is_said_with_what_installs_it(
        tmp_path, without, script, args, sentence):
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / (script + ".py")),
         *(str(arg).format(folder=tmp_path) for arg in args)],
        env=without, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == "error: %s\n" % sentence
    assert not {"i", "p"} & set(os.listdir(tmp_path))


def test_a_reader_that_goes_away_is_no_error():
    """kmeans_assign ... | head"""
    command = "%s %s %s -k 3 --ignore-columns label | head -1" % (
        sys.executable, REPOSITORY / "jobs" / "kmeans_sample.py", DIGITS)
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    assert done.stdout.startswith(b'{"profile"') and b"Traceback" not in done.stderr
    assert done.returncode == 0


def round_of_iris(centroids, **streams) -> subprocess.CompletedProcess:
    """A round of a hundred characters or two, as a shell runs it: Python keeps its output back."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        [sys.executable, str(REPOSITORY / "jobs" / "kmeans_round.py"), str(IRIS), "--centroids",
         str(centroids), "--ignore-columns", "2,3,label"], env=env, **streams)


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["inline", "local"])
def test_quiet_scripts_print_their_results_and_errors_alone(tmp_path, centroids, runner):
    """-q, as its help says: nothing on standard error."""
    (tmp_path / "x.csv").write_text("x,y\n1,2\n3,4\nNA,1\n")
    skip = (tmp_path / "x.csv", "--bad-rows", "skip", "-q", "-r", runner)
    ran = succeed("driver", *skip, "-k", 2, "--output-dir", tmp_path / "out", "--assign")
    assert (ran.out, ran.err) == ("", "")
    for script, *args in (("kmeans_sample", "-k", 2), ("kmeans_round", "--centroids", centroids),
                          ("kmeans_assign", "--model", tmp_path / "out"), ("pack",)):
        ran = succeed(script, *skip, *args)
        assert ran.out and ran.err == ""
    assert refused("driver", tmp_path / "x.csv", "-k", 2, "-q").startswith("1 of 3 rows cannot")
    assert "2 rows used" in succeed("driver", *skip[:3], "-k", 1).err


def test_a_notice_stands_below_the_records_before_it(centroids):
    """... > file 2>&1"""
    done = round_of_iris(centroids, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    first, second, row_counts = done.stdout.splitlines()
    assert [json.loads(record)["label"] for record in (first, second)] == [0, 1]
    assert row_counts.startswith(b"151 lines read: 150 rows used")


def test_a_notice_is_told_though_the_reader_has_gone(centroids):
    reader, writer = os.pipe()
    os.close(reader)
    done = round_of_iris(centroids, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert done.returncode == 0
    assert done.stderr.startswith(b"151 lines read: 150 rows used")
    assert len(done.stderr.splitlines()) == 1
