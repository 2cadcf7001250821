"""What --estimate tells is what is; and what cannot fit is refused before anything runs."""

from __future__ import annotations

import bz2
import gzip
import re
import sys

import numpy as np
import pytest
from bench.harness import run as measure
from bench.map_tasks import RoundTasks
from generators import blobs, write_csv
from howdah.codec import dump_json
from howdah.launcher import estimate
from howdah.launcher.run import Launch
from kmeans_sample import KMeansSample
from scripts import IRIS, REPOSITORY, WORDCOUNT, refused, succeed

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

@pytest.mark.parametrize("k, d", [(2, 2), (50, 16), (500, 256)])
def test_memory_and_shuffled_bytes_are_those_of_the_tasks(tmp_path, k, d):
    path, rows = tmp_path / "x.csv", 20_000 if d < 100 else 60_000
    X = np.round(np.random.default_rng(0).normal(size=(rows, d)), 5)
    write_csv(path, X)
    write_csv(tmp_path / "c.csv", X[:k])
    tasks = RoundTasks(path, tmp_path / "c.csv", tmp_path)
    peak, output = task(tmp_path, "kmeans_round.py", tasks.path, tasks.inputs(1)[0])
    assert estimate.round_memory(k, d) == pytest.approx(peak, rel=WITHIN)
    assert estimate.round_bytes([k], d) == pytest.approx(len(output), rel=0.65)

    job = KMeansSample([str(path), "-k", str(k), "--no-conf", "-r", "inline"])
    with Launch(job) as launch:
        plan = {"layout": launch.inputs.layout.to_dict(), **job.prepare(launch), "sliced": True}
    (tmp_path / "plan.json").write_bytes(dump_json(plan))
    peak, output = task(tmp_path, "kmeans_sample.py", tmp_path / "plan.json", tasks.inputs(1)[0])
    size = min(plan["size"], rows)
    assert estimate.sample_memory(rows, size, d) == pytest.approx(peak, rel=WITHIN)
    assert estimate.sample_bytes(size, d) == pytest.approx(len(output), rel=0.65)


def task(folder, script: str, plan, given: bytes) -> tuple:
    """Peak memory in bytes of one map task, and what it hands on."""
    (folder / "given").write_bytes(given)
    command = "%s %s --mapper --plan %s < given > output" % (
        sys.executable, REPOSITORY / "jobs" / script, plan)
    ran = measure(["sh", "-c", "cd %s && exec %s" % (folder, command)], folder / "log", 300)
    assert ran.code == 0, ran.tail()
    return ran.peak_mb * 2 ** 20, (folder / "output").read_bytes()


# limits

def test_too_many_centroids_are_refused_before_the_first_scan(tmp_path):
    sentence = refused("driver", IRIS, "-k", 10 ** 12, "--ignore-columns", "label",
                       "--output-dir", tmp_path / "out")
    assert re.match(r"A map task of a round \(1000000000000 centroids of 4 columns\) would need"
                    r" about 4\.8e\+05 GB, but may take \S+ GB \(this machine's memory\);"
                    r" give a smaller -k", sentence), sentence
    assert not (tmp_path / "out").exists()


def test_too_large_a_sample_is_refused(tmp_path):
    assert "of the sample scan (1000000000000 rows of 4 columns) would need" in refused(
        "driver", IRIS, "-k", 3, "--sample-size", 10 ** 12, "--ignore-columns", "label")


def test_sparse_rows_too_wide_for_a_sample_are_refused(tmp_path):
    lines = ["0 %d:%d\n" % (i, i) for i in range(1, 101)] + ["1 10000000:1\n"]
    (tmp_path / "x.svm").write_text("".join(lines))
    assert refused("driver", tmp_path / "x.svm", "-k", 50).startswith(
        "-k is 50, but of rows of 10000000 columns only 6 fit into the sample; hash the features")


def test_the_limit_of_hadoop_is_what_its_settings_say(tmp_path, monkeypatch):
    class Options:
        runner, jobconf = "hadoop", None

    monkeypatch.delenv("HADOOP_HOME", raising=False)
    monkeypatch.setenv("HADOOP_CONF_DIR", str(tmp_path))
    assert estimate.task_memory(Options).bytes == (1024 - 256) << 20
    (tmp_path / "mapred-site.xml").write_text(
        "<configuration><property><name>mapreduce.map.memory.mb</name><value>2048</value>"
        "</property></configuration>")
    assert estimate.task_memory(Options).bytes == (2048 - 256) << 20
    Options.jobconf = {"mapreduce.map.memory.mb": "512"}
    assert estimate.task_memory(Options).source == (
        "mapreduce.map.memory.mb=512, 256 MB of it for the JVM")
    Options.runner = "spark"
    assert estimate.task_memory(Options) is None
