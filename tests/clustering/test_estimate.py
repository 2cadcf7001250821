"""What --estimate tells is what is; and what cannot fit is refused before anything runs."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import re
import sys

import numpy as np
import pytest
from bench.harness import run as measure
from bench.map_tasks import RoundTasks, Tasks
from howdah.scripts.driver import Driver
from generators import blobs, write_csv
from howdah.clustering import estimate, memory_laws
from howdah.clustering.rounds import round_plan
from howdah.input.layout import Layout
from howdah.launch.inputs import Inputs
from howdah.launch.launch import Launch
from howdah.launch.memory import size_text
from howdah.launch.runners.hadoop import SPLIT_SETTING
from howdah.scripts.kmeans_sample import KMeansSample
from howdah.task.plans import Plan
from scripts import IRIS, REPOSITORY, WORDCOUNT, refused, run, steps_of, succeed

ROWS = 60_000
# Alone in a process and with its input read: what the laws of memory are good for.
WITHIN = 0.25


def told(*args) -> dict:
    """The lines of --estimate by name."""
    out = succeed("driver", *args, "--estimate").out
    return dict(re.split(r"\s{2,}", line, maxsplit=1) for line in out.splitlines())


@pytest.fixture(scope="module")
def csv(tmp_path_factory):
    path = tmp_path_factory.mktemp("estimate") / "x.csv"
    write_csv(path, np.round(blobs(ROWS, 6, 5, seed=0), 3))
    return path


def test_empty_input(tmp_path):
    (tmp_path / "x.csv").write_text("")
    assert "is empty" in refused("driver", tmp_path / "x.csv", "-k", 2, "--estimate")


def test_a_small_file_is_told_exactly(tmp_path):
    lines = told(IRIS, "-k", 3, "--ignore-columns", "label", "--output-dir", tmp_path / "out")
    assert (lines["rows"], lines["columns"], lines["map tasks"]) == ("150", "4", "1")
    assert lines["input"] == "2.61 kB in 1 file, 2.61 kB of csv, 17 bytes a row"
    assert lines["jobs"] == "about 3: 1 sample scan, 2 rounds (at most 21 by --max-rounds)"
    assert not (tmp_path / "out").exists()


def about(text: str) -> int:
    assert text.startswith("about ")
    return int(text.split()[1])


@pytest.mark.parametrize("kind", ["csv", "gz", "bz2", "folder", "packed"])
def test_rows_of_more_than_the_head(csv, tmp_path, kind):
    data = csv.read_bytes()
    files, expected = {kind: data}, ROWS
    if kind == "gz":
        files = {"x.csv.gz": gzip.compress(data)}
    elif kind == "bz2":
        files = {"x.csv.bz2": bz2.compress(data)}
    elif kind == "folder":
        files, expected = {"a.csv": data, "b.csv.gz": gzip.compress(data)}, 2 * ROWS
    folder = tmp_path / "in"
    if kind == "packed":
        succeed("pack", csv, "--output-dir", folder)
    else:
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
    lines = told(folder, "-k", 3)
    assert about(lines["rows"]) == pytest.approx(expected, rel=0.1)
    assert lines["columns"] == "6"


def test_sparse_columns_are_a_lower_bound():
    lines = told(WORDCOUNT, "-k", 3)
    assert lines["rows"] == "33" and lines["columns"] == "434 or more"


def test_map_tasks_are_those_of_the_run(csv):
    lines = told(csv, "-k", 3, "-r", "local", "--jobconf", "mapreduce.job.maps=3")
    assert lines["map tasks"] == "3"


# laws

@pytest.mark.slow
@pytest.mark.parametrize("sets, d", [
    ([2], 2), ([50], 16), ([500], 256), ([10, 20, 50], 16), ([50] * 16, 16)])
def test_memory_and_shuffled_bytes_of_a_round_are_those_of_the_task(tmp_path, sets, d):
    """Also of several k, and of rival seeds of one."""
    X = data_of(tmp_path, 20_000 if d < 100 else 60_000, d)
    write_csv(tmp_path / "c.csv", X[:sets[0]])
    tasks = RoundTasks(tmp_path / "x.csv", tmp_path / "c.csv", tmp_path)
    with Launch(Driver([str(IRIS)])) as launch:
        plan = round_plan(launch, [X[i:i + k] for i, k in enumerate(sets)], tasks.space,
                          "euclidean", tasks.layout)
    peak, output = task(tmp_path, "kmeans_round.py", plan, tasks.inputs(1)[0])
    assert memory_laws.round_memory(sum(sets), d) == pytest.approx(peak, rel=WITHIN)
    assert estimate.round_bytes(sets, d) == pytest.approx(len(output), rel=0.65)


@pytest.mark.slow
@pytest.mark.parametrize("k, d", [(2, 2), (50, 16), (500, 256)])
def test_memory_and_shuffled_bytes_of_the_sample_scan_are_those_of_the_task(tmp_path, k, d):
    rows = 20_000 if d < 100 else 60_000
    data_of(tmp_path, rows, d)
    tasks = Tasks(KMeansSample, tmp_path / "x.csv", tmp_path, "-k", str(k))
    peak, output = task(tmp_path, "kmeans_sample.py", tasks.plan, tasks.inputs(1)[0])
    size = min(tasks.plan.size, rows)
    assert memory_laws.sample_memory(rows, size, d) == pytest.approx(peak, rel=WITHIN)
    assert estimate.sample_bytes(size, d) == pytest.approx(len(output), rel=0.65)


def data_of(folder, rows: int, columns: int) -> np.ndarray:
    X = np.round(np.random.default_rng(0).normal(size=(rows, columns)), 5)
    write_csv(folder / "x.csv", X)
    return X


def task(folder, script: str, plan: Plan, given: bytes) -> tuple:
    """Peak memory in bytes of one map task, and what it hands on."""
    (folder / "plan.json").write_bytes(plan.to_json(sliced=True))
    (folder / "given").write_bytes(given)
    command = "%s %s --mapper --plan %s < given > output" % (
        sys.executable, REPOSITORY / "jobs" / script, folder / "plan.json")
    ran = measure(["sh", "-c", "cd %s && exec %s" % (folder, command)], folder / "log", 300)
    assert ran.code == 0, ran.tail()
    return ran.peak_mb * 2 ** 20, (folder / "output").read_bytes()


# limits

def test_too_many_centroids_are_refused_before_the_first_scan(tmp_path):
    sentence = refused("driver", IRIS, "-k", 10 ** 12, "--ignore-columns", "label",
                       "--output-dir", tmp_path / "out")
    assert re.match(r"A map task for 1000000000000 centroids of 4 columns would need about"
                    r" 4\.8e\+05 GB, but may take \S+ GB \(this machine's memory\); take fewer"
                    r" clusters or restarts, or give more memory to a task\.", sentence), sentence
    assert not (tmp_path / "out").exists()


def test_too_large_a_sample_is_refused(tmp_path):
    assert "A map task for a sample of 1000000000000 rows of 4 columns would need" in refused(
        "driver", IRIS, "-k", 3, "--sample-size", 10 ** 12, "--ignore-columns", "label")


@pytest.mark.slow
def test_sparse_rows_too_wide_for_a_sample_are_refused(tmp_path):
    lines = ["0 %d:%d\n" % (i, i) for i in range(1, 101)] + ["1 10000000:1\n"]
    (tmp_path / "x.svm").write_text("".join(lines))
    assert refused("driver", tmp_path / "x.svm", "-k", 50).startswith(
        "-k is 50, but of rows of 10000000 columns only 6 fit into the sample; hash the features")


def test_local_tasks_share_the_machine_and_what_they_cannot_share_is_refused(tmp_path):
    assert "B (this machine's memory for 100000 tasks); take fewer clusters" in refused(
        "driver", IRIS, "-k", 3, "--ignore-columns", "label", "-r", "local", "--num-cores",
        100000, "--output-dir", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("runner", [("local", "--num-cores", 100000),
                                    ("spark", "--spark-master", "local[100000]")])
def test_every_job_is_refused_alone_as_well(tmp_path, runner):
    out, data = tmp_path / "out", (IRIS, "--ignore-columns", "label")
    succeed("driver", *data, "-k", 3, "--output-dir", out)
    for script, args, what in (
            ("kmeans_sample", ["-k", 3], "a sample of 20000 rows of 4 columns"),
            ("kmeans_round", ["--centroids", out, "--profile", out / "profile.json"],
             "3 centroids of 4 columns"),
            ("kmeans_assign", ["--model", out], "3 centroids of 4 columns")):
        assert refused(script, *data, *args, "-r", *runner).startswith(
            "A map task for %s would need about" % what)


def test_too_large_a_sample_of_sparse_rows_is_refused():
    for script in ("driver", "kmeans_sample"):
        assert refused(script, WORDCOUNT, "-k", 3, "--sample-size", 10 ** 12).startswith(
            "A map task for a sample of 1000000000000 rows of 434 columns would need about")


def test_estimate_shows_its_figures_and_says_what_will_be_refused():
    ran = run("driver", IRIS, "-k", 10 ** 12, "--ignore-columns", "label", "--estimate")
    assert ran.code == 2 and "about 4.8e+05 GB in a round" in ran.out
    assert "error: A map task for 1000000000000 centroids" in ran.err


@pytest.mark.slow
@pytest.mark.parametrize("more, count", [([], 16), (["--restarts", 2], 32),
                                         (["--init", "random"], 1)])
def test_estimate_counts_the_rival_seeds_that_the_first_round_measures(csv, tmp_path, more, count):
    args = (csv, "-k", 20, "--sample-size", 200, *more)
    lines = told(*args)
    rivals = re.search(r"the first, of (\d+) sets of seeds", lines["shuffled"])
    assert int(rivals.group(1) if rivals else 1) == count
    memory = memory_laws.round_memory(20 * count, 6)
    assert "about %s in a round" % size_text(memory) in (
        lines["memory of a map task"])
    assert lines["jobs"].startswith("about %d: " % (4 if rivals else 3))
    run("driver", *args, "--max-rounds", 0, "--output-dir", tmp_path / "out")
    records = json.loads((steps_of(tmp_path / "out") / "round-01.json").read_text())["records"]
    assert len({key.split(":")[0] for key in records if key[0].isdigit()}) == count


def test_map_tasks_on_hadoop_follow_the_split_that_is_asked_for():
    for size, given, tasks in ((1 << 31, None, 8), (1 << 31, 1 << 30, 2), (1 << 30, 1, 8),
                               (1 << 30, "\u00b2", 8)):
        asked = ["--jobconf", "%s=%s" % (SPLIT_SETTING, given)] if given else []
        with Launch(Driver([str(IRIS), "-r", "hadoop", *asked])) as launch:
            inputs = Inputs([("x.csv", size)], Layout("csv"))
            assert launch.backend.map_tasks(inputs) == tasks


def limit_of(*args: str):
    with Launch(Driver([str(IRIS), *args])) as launch:
        return launch.backend.task_memory()


def test_the_limit_of_hadoop_is_what_its_settings_say(tmp_path, monkeypatch):
    monkeypatch.delenv("HADOOP_HOME", raising=False)
    monkeypatch.setenv("HADOOP_CONF_DIR", str(tmp_path))
    assert limit_of("-r", "hadoop").bytes == (1024 - 256) << 20
    (tmp_path / "mapred-site.xml").write_text(
        "<configuration><property><name>mapreduce.map.memory.mb</name><value>2048</value>"
        "</property></configuration>")
    assert limit_of("-r", "hadoop").bytes == (2048 - 256) << 20
    asked = ("--jobconf", "mapreduce.map.memory.mb=512")
    assert limit_of("-r", "hadoop", *asked).source == (
        "mapreduce.map.memory.mb=512, 256 MB of it for the JVM")
    assert limit_of("-r", "hadoop", "--jobconf", "mapreduce.map.memory.mb=\u00b2") is None
    assert limit_of("-r", "emr") is None
    assert limit_of("-r", "emr", *asked).bytes == (512 - 256) << 20


@pytest.mark.parametrize("settings, expected", [
    ([], None), (["spark.executor.memory=8g"], None),
    (["spark.executor.pyspark.memory=2g"], 2 << 30),
    (["spark.executor.pyspark.memory=3GB", "spark.executor.cores=4"], 3 << 28),
    (["spark.executor.memoryOverhead=512", "spark.executor.cores=\u00b2"], None),
    (["spark.executor.memoryOverhead=512", "spark.executor.cores=0"], None),
    (["spark.executor.memoryOverhead=512"], 512 << 20),
    (["spark.executor.memoryOverhead=9g", "spark.executor.pyspark.memory=800m"], 800 << 20)])
def test_the_limit_of_spark_on_a_cluster_is_what_its_settings_give_to_python(settings, expected):
    limit = limit_of("-r", "spark", "--spark-master", "yarn",
                     *(word for setting in settings for word in ("--jobconf", setting)))
    assert (limit and limit.bytes) == expected


def test_tasks_of_a_local_spark_share_the_machine():
    whole = limit_of("-r", "inline").bytes
    for master, tasks in (("local", 1), ("local[0]", 1), ("local[4]", 4), ("local[4,2]", 4),
                          ("local[*]", os.cpu_count() or 1)):
        assert limit_of("-r", "spark", "--spark-master", master).bytes == whole // tasks
