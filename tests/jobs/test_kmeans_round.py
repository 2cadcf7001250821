"""One round by itself: the textbook step, the same to the last bit however input is laid out."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import subprocess
import sys
from itertools import islice

import numpy as np
import pytest
from generators import blobs, write_csv, write_jsonl, write_svmlight
from howdah.kmeans.centroids import GridCentroids
from howdah.kmeans.classify import classify
from howdah.kmeans.grid import Space
from howdah.kmeans.moments import Moments
from howdah.kmeans.points import on_grid
from howdah.kmeans.recentre import recentre
from howdah.kmeans.sums import Sums
from howdah.launch.launch import Launch
from howdah.scripts.kmeans_round import KMeansRound
from howdah.task.plans import RoundPlan
from pytest import approx
from scripts import DIGITS, IRIS, REPOSITORY, WORDCOUNT, plan_of, refused, succeed
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris, load_svmlight_file
from sklearn.preprocessing import normalize

ROUND = REPOSITORY / "jobs" / "kmeans_round.py"


def centroids_file(path, centroids) -> str:
    write_csv(path, np.asarray(centroids, dtype=float))
    return str(path)


@pytest.fixture
def iris(tmp_path):
    """Arguments for iris without its labels, from three of its rows."""
    X = load_iris().data
    start = centroids_file(tmp_path / "c.csv", X[[0, 60, 120]] + 0.01)
    return ["--centroids", start, "--ignore-columns", "label"]


@pytest.fixture(scope="module")
def digits_start(tmp_path_factory):
    start = load_digits().data[::180][:10] + np.linspace(0, 0.01, 64)
    return ["--centroids", centroids_file(tmp_path_factory.mktemp("c") / "c.csv", start),
            "--ignore-columns", "label"]


def clusters(*args) -> list:
    return succeed("kmeans_round", *args).rows()


def plan_for(*args) -> RoundPlan:
    """The plan that the launcher makes for these arguments."""
    return plan_of(Launch(KMeansRound([str(a) for a in args])))


class Task:
    """Map and reduce tasks driven by hand, through the text of their records."""

    def __init__(self, tmp_path, plan: RoundPlan):
        path = tmp_path / "plan.json"
        path.write_bytes(plan.to_json(sliced=False))
        self.args = ["--plan", str(path)]

    def run(self, kind: str, stdin: bytes) -> bytes:
        job = KMeansRound([*self.args, kind])
        job.sandbox(stdin=io.BytesIO(stdin), stdout=io.BytesIO())
        job.execute()
        return job.stdout.getvalue()  # type: ignore[attr-defined]

    def reduced(self, lines: list, tasks: int = 1) -> list:
        """What so many reducers make of lines of records, which arrive sorted by key."""
        keys = sorted({line.split(b"\t")[0] for line in lines})
        return [line for i in range(tasks) for line in self.run("--reducer", b"".join(
            line for key in keys[i::tasks] for line in lines if line.split(b"\t")[0] == key)
        ).splitlines(keepends=True)]

    def results(self, lines: list, tasks: int = 1) -> list:
        """What the reducers say of every cluster, arrays as their bytes."""
        records = map(KMeansRound([]).internal_protocol().read, self.reduced(lines, tasks))
        return [(key, r["count"], r["weight"], r["cost"], r["centroid"].tobytes(),
                 r["sums"].tobytes()) for key, r in sorted(records, key=lambda pair: pair[0])
                if key.startswith("0:")]


def parts_of(data: bytes, n: int) -> list:
    lines = data.splitlines(keepends=True)
    return [b"".join(islice(lines, i, None, n)) for i in range(n)]


# a task by itself

def test_a_task_without_rows_reports_none(tmp_path, iris):
    task = Task(tmp_path, plan_for(IRIS, *iris))
    far, move_bound, rows = sorted(task.run("--mapper", b"").splitlines())
    assert far == b"far:0\t[]"
    # No row keeps the centroids from moving.
    assert move_bound.startswith(b"move_bound:0\t") and float(move_bound.split(b"\t")[1]) > 0
    assert json.loads(rows.split(b"\t")[1])["used"] == 0
    assert task.run("--reducer", b"") == b""


def test_mapper_on_standard_input_tells_file_and_byte_of_a_bad_row(tmp_path, iris):
    """As Hadoop Streaming runs it: rows on stdin, the split's place in the environment."""
    plan = tmp_path / "plan.json"
    plan.write_bytes(plan_for(IRIS, *iris).to_json(sliced=False))
    env = dict(os.environ, mapreduce_map_input_file="hdfs:///data/iris.csv",
               mapreduce_map_input_start="4096")
    data = b"5.1,3.5,1.4,0.2,0\n5.1,NA,1.4,0.2,0\n"
    done = subprocess.run([sys.executable, str(ROUND), "--mapper", "--plan", str(plan)], env=env,
                          input=data, stdout=subprocess.PIPE, check=True)
    records = dict(line.split(b"\t") for line in done.stdout.splitlines())
    row_counts = json.loads(records[b"rows"])
    assert (row_counts["used"], row_counts["bad"]) == (1, 1)
    [example] = row_counts["examples"]
    assert example == {"file": "hdfs:///data/iris.csv", "start": 4096, "offset": 18,
                       "reason": "column 'sepal_width' is 'NA', not a number",
                       "text": "5.1,NA,1.4,0.2,0"}


@pytest.mark.parametrize("splits", [1, 3, 7])
@pytest.mark.parametrize("tasks", [1, 2, 13])
def test_splits_and_reducers_change_no_bit(tmp_path, digits_start, splits, tasks):
    """The same centroids, costs and sums however many map and reduce tasks there are."""
    task = Task(tmp_path, plan_for(DIGITS, *digits_start))
    data = gzip.decompress(DIGITS.read_bytes())
    whole = task.results(task.run("--mapper", data).splitlines(keepends=True))
    records = [task.run("--mapper", part).splitlines(keepends=True)
               for part in parts_of(data, splits)]
    assert task.results(sum(records, []), tasks) == whole
    assert len(whole) == 10


def test_reducer_makes_one_record_of_those_of_a_key(tmp_path, iris):
    task = Task(tmp_path, plan_for(IRIS, *iris))
    lines = [line for part in parts_of(IRIS.read_bytes(), 5)
             for line in task.run("--mapper", part).splitlines(keepends=True)]
    reduced = task.reduced(lines)
    assert sorted(line.split(b"\t")[0] for line in reduced) == [
        b"0:0", b"0:1", b"0:2", b"far:0", b"move_bound:0", b"rows"]
    assert len(lines) > len(reduced)


def test_centroids_may_move_as_far_as_the_rows_of_all_tasks_let_them(tmp_path, iris):
    task = Task(tmp_path, plan_for(IRIS, *iris))
    [merged] = task.reduced([b"move_bound:0\t%s\n" % radius
                             for radius in (b"0.5", b"0.0", b"0.5")])
    assert merged == b"move_bound:0\t0.0\n"
    [merged] = task.reduced([b"move_bound:0\t0.5\n", b"move_bound:0\t0.5\n"])
    assert merged == b"move_bound:0\t0.5\n"


# the step

def test_textbook_word_counts_go_to_label_2_and_recentre_on_themselves():
    """The classify step's own example, through the functions that the mapper calls."""
    counts = np.array([[17, 0, 1, 7, 0, 0, 5]], dtype=float)
    centroids = np.array([[0] * 7, [20] * 7, [16, 0, 1, 7, 0, 0, 5]], dtype=float)
    space = Space.of(Moments.of(np.vstack([counts, centroids])))
    points = on_grid(counts, space)
    labels, distances = classify(points, GridCentroids.of(centroids, space))
    assert labels.tolist() == [2]
    assert space.squared(distances) == approx([1.0], rel=1e-5)
    sums = Sums(3, space)
    sums.add(labels, points)
    [(label, cluster)] = recentre(dict(sums.records()), centroids, space).items()
    assert (label, cluster.count, cluster.weight) == (2, 1, 1.0)
    assert cluster.centroid.tolist() == [17, 0, 1, 7, 0, 0, 5]
    assert cluster.cost == approx(1.0, rel=1e-9)


def test_textbook_word_counts_through_the_whole_script(tmp_path):
    (tmp_path / "x.csv").write_text("17,0,1,7,0,0,5\n")
    start = centroids_file(tmp_path / "c.csv", [[0] * 7, [20] * 7, [16, 0, 1, 7, 0, 0, 5]])
    result = clusters(tmp_path / "x.csv", "--centroids", start)
    assert [c["count"] for c in result] == [0, 0, 1]
    assert [c["centroid"] for c in result] == [[0] * 7, [20] * 7, [17, 0, 1, 7, 0, 0, 5]]
    assert [c["cost"] for c in result] == [0, 0, approx(1.0, rel=1e-9)]


def test_four_points_by_hand(tmp_path):
    (tmp_path / "x.csv").write_text("0,0\n0,2\n10,0\n10,4\n")
    start = centroids_file(tmp_path / "c.csv", [[1, 1], [9, 1]])
    assert clusters(tmp_path / "x.csv", "--centroids", start) == [
        {"label": 0, "weight": 2, "count": 2, "cost": approx(4), "centroid": [0, 1]},
        {"label": 1, "weight": 2, "count": 2, "cost": approx(12), "centroid": [10, 2]}]


def test_exact_ties_go_to_the_lowest_label(tmp_path):
    (tmp_path / "x.csv").write_text("0\n5\n10\n")
    start = centroids_file(tmp_path / "c.csv", [[10], [0]])
    assert [c["count"] for c in clusters(tmp_path / "x.csv", "--centroids", start)] == [2, 1]


def test_a_start_at_the_converged_centroids_moves_nothing(tmp_path, iris):
    X, profile = load_iris().data, tmp_path / "p.jsonl"
    profile.write_text(succeed("kmeans_sample", IRIS, "-k", 3, *iris[2:]).out)
    fitted = KMeans(3, init=X[[0, 60, 120]], n_init=1, tol=0, algorithm="lloyd").fit(X)
    centroids_file(tmp_path / "c.csv", fitted.cluster_centers_)
    first = clusters(IRIS, *iris, "--profile", profile)
    assert [c["count"] for c in first] == np.bincount(fitted.labels_).tolist()
    centroids_file(tmp_path / "c.csv", [c["centroid"] for c in first])
    again = clusters(IRIS, *iris, "--profile", profile)
    assert [c["centroid"] for c in again] == [c["centroid"] for c in first]
    assert first[0]["centroid"] == approx(fitted.cluster_centers_[0], rel=1e-12)


def test_a_round_is_numpys_round(digits_start):
    X = load_digits().data
    C = np.loadtxt(digits_start[1], delimiter=",")
    d2 = ((X[:, None] - C) ** 2).sum(axis=2)
    labels = d2.argmin(axis=1)
    for label, cluster in enumerate(clusters(DIGITS, *digits_start)):
        mine = X[labels == label]
        assert cluster["count"] == len(mine)
        assert cluster["centroid"] == approx(mine.mean(axis=0), abs=1e-12)
        assert cluster["cost"] == approx(d2[labels == label, label].sum(), rel=1e-9)


# runners, splits and files

@pytest.mark.slow
@pytest.mark.parametrize("data", ["iris", "digits", "pixels"])
def test_inline_and_local_give_the_same_bits(tmp_path, data, pixels, iris, digits_start):
    pixels_start = centroids_file(tmp_path / "p.csv", np.linspace(5, 250, 48).reshape(16, 3))
    path, args = {"iris": (IRIS, iris), "digits": (DIGITS, digits_start),
                  "pixels": (pixels, ["--centroids", pixels_start])}[data]
    (tmp_path / "p.jsonl").write_text(succeed("kmeans_sample", path, "-k", 1, *args[2:4]).out)
    args = [*args, "--profile", tmp_path / "p.jsonl"]
    local = succeed("kmeans_round", path, *args, "-r", "local",
                    "--jobconf", "mapreduce.job.maps=3")
    assert local.out == succeed("kmeans_round", path, *args).out


@pytest.fixture
def many_files(tmp_path):
    """Iris in a folder: plain, gz and bz2 files in another order, each with its header."""
    header, *rows = IRIS.read_bytes().splitlines(keepends=True)
    np.random.default_rng(0).shuffle(rows)
    folder = tmp_path / "iris"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.csv").write_bytes(header + b"".join(rows[:40]))
    (folder / "b.csv.gz").write_bytes(gzip.compress(header + b"".join(rows[40:90])))
    (folder / "c.csv.bz2").write_bytes(bz2.compress(header + b"".join(rows[90:149])))
    (folder / "sub" / "d.csv").write_bytes(header + rows[149].rstrip(b"\n"))
    (folder / "only-header.csv").write_bytes(header)
    (folder / "empty.csv").write_bytes(b"")
    (folder / "_SUCCESS").write_bytes(b"")
    (folder / "_logs").mkdir()
    (folder / "_logs" / "history").write_bytes(b"not,data\n")
    (folder / ".a.csv.crc").write_bytes(b"crc\0\x01")
    return folder


def test_a_folder_of_mixed_files_gives_the_bits_of_one_file(many_files, iris):
    one = succeed("kmeans_round", IRIS, *iris)
    many = succeed("kmeans_round", many_files, *iris)
    assert many.out == one.out
    assert "155 lines read: 150 rows used, 0 bad rows skipped, 0 empty lines, 5 header lines" in (
        many.err)
    globbed = succeed("kmeans_round", many_files / "*.csv*", many_files / "sub" / "?.csv", *iris)
    assert globbed.out == one.out


@pytest.mark.slow
def test_splits_within_a_file_give_the_bits_of_the_whole(iris):
    whole = succeed("kmeans_round", IRIS, *iris)
    for tasks in (2, 13, 40):
        cut = succeed("kmeans_round", IRIS, *iris, "--jobconf", "mapreduce.job.maps=%d" % tasks)
        assert (cut.out, cut.err.splitlines()[-1]) == (whole.out, whole.err.splitlines()[-1])


def test_a_row_twice_is_the_row_with_weight_2(tmp_path):
    X = blobs(200, 3, 3, seed=1)
    write_csv(tmp_path / "twice.csv", np.vstack([X, X]))
    write_csv(tmp_path / "weighted.csv", np.column_stack([X, np.full(200, 2.0)]))
    start = ["--centroids", centroids_file(tmp_path / "c.csv", X[:3] + 0.1)]
    twice = clusters(tmp_path / "twice.csv", *start)
    weighted = clusters(tmp_path / "weighted.csv", *start, "--weight-column", "-1")
    for a, b in zip(twice, weighted):
        assert a["weight"] == b["weight"] == a["count"] == 2 * b["count"]
        assert a["centroid"] == approx(b["centroid"], rel=1e-12)
        assert a["cost"] == approx(b["cost"], rel=1e-9)


def test_weights_and_their_splits(tmp_path):
    rng = np.random.default_rng(3)
    X, w = blobs(2000, 3, 4, seed=2), rng.exponential(size=2000)
    w[:5] = 0
    C = X[5:9] + 0.05
    write_csv(tmp_path / "x.csv", np.column_stack([w, X]), header=["w", "a", "b", "c"])
    args = (tmp_path / "x.csv", "--centroids", centroids_file(tmp_path / "c.csv", C),
            "--weight-column", "w")
    whole = succeed("kmeans_round", *args)
    assert succeed("kmeans_round", *args, "--jobconf", "mapreduce.job.maps=9").out == whole.out
    labels = ((X[:, None] - C) ** 2).sum(axis=2).argmin(axis=1)
    for label, cluster in enumerate(whole.rows()):
        mine = labels == label
        assert cluster["weight"] == approx(w[mine].sum(), rel=1e-12)
        assert cluster["centroid"] == approx(
            np.average(X[mine], axis=0, weights=w[mine]), rel=1e-9)


# formats and metrics

def test_every_format_gives_the_same_bits(tmp_path):
    X = np.round(blobs(300, 4, 3, seed=5), 3) * (np.arange(1200).reshape(300, 4) % 3 > 0)
    start = ["--centroids", centroids_file(tmp_path / "c.csv", X[:3] + 0.01)]
    write_csv(tmp_path / "x.csv", X)
    write_csv(tmp_path / "x.tsv", X, delimiter="\t", header=list("abcd"))
    write_csv(tmp_path / "x.txt", X, delimiter=" ")
    write_csv(tmp_path / "semicolons.csv", X, delimiter=";")
    write_jsonl(tmp_path / "arrays.jsonl", X)
    write_jsonl(tmp_path / "objects.jsonl", X, list("abcd"))
    expected = succeed("kmeans_round", tmp_path / "x.csv", *start).out
    for name in ("x.tsv", "x.txt", "semicolons.csv", "arrays.jsonl", "objects.jsonl"):
        assert succeed("kmeans_round", tmp_path / name, *start).out == expected, name
    write_svmlight(tmp_path / "x.svm", X)
    write_svmlight(tmp_path / "zero.svm", X, zero_based=True)
    sparse = clusters(tmp_path / "x.svm", *start)
    assert clusters(tmp_path / "zero.svm", *start, "--zero-based") == sparse
    for a, b in zip(sparse, map(json.loads, expected.splitlines())):
        assert a["count"] == b["count"]
        assert a["centroid"] == approx(b["centroid"], abs=1e-10)
        assert a["cost"] == approx(b["cost"], rel=1e-9)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_sparse_equals_dense(tmp_path, metric):
    X = load_svmlight_file(str(WORDCOUNT))[0].toarray()
    write_csv(tmp_path / "dense.csv", X)
    start = ["--centroids", centroids_file(tmp_path / "c.csv", X[[0, 10, 20]] + 0.001),
             "--metric", metric]
    sparse = clusters(WORDCOUNT, *start)
    dense = clusters(tmp_path / "dense.csv", *start)
    for a, b in zip(sparse, dense):
        assert (a["label"], a["count"], a["weight"]) == (b["label"], b["count"], b["weight"])
        assert a["centroid"] == approx(b["centroid"], abs=1e-9)
        assert a["cost"] == approx(b["cost"], rel=1e-9)


def test_cosine_is_spherical_k_means(tmp_path):
    X = load_svmlight_file(str(WORDCOUNT))[0].toarray()
    U, C = normalize(X), normalize(X[[0, 10, 20]] + 0.001)
    start = centroids_file(tmp_path / "c.csv", C)
    labels = (U @ C.T).argmax(axis=1)
    args = (WORDCOUNT, "--metric", "cosine", "--centroids", start)
    for label, cluster in enumerate(clusters(*args)):
        mean = U[labels == label].mean(axis=0)
        assert cluster["count"] == (labels == label).sum()
        assert cluster["centroid"] == approx(mean / np.linalg.norm(mean), abs=1e-9)
        assert cluster["cost"] == approx((1 - U[labels == label] @ C[label]).sum(), rel=1e-9)


def test_cosine_refuses_rows_without_direction(tmp_path):
    (tmp_path / "x.csv").write_text("1,0\n0,0\n0,1\n")
    start = ["--centroids", centroids_file(tmp_path / "c.csv", [[1, 0], [0, 1]]),
             "--metric", "cosine"]
    assert "x.csv, line 2: " in refused("kmeans_round", tmp_path / "x.csv", *start)
    skipped = succeed("kmeans_round", tmp_path / "x.csv", *start, "--bad-rows", "skip")
    assert "3 lines read: 2 rows used, 1 bad rows skipped" in skipped.err


def test_standardize_measures_in_standard_deviations_and_answers_in_raw_units(tmp_path):
    X = np.random.default_rng(4).normal(size=(500, 2)) * [1.0, 1000.0]
    write_csv(tmp_path / "x.csv", X)
    C = np.array([[-1.0, 300.0], [1.0, -300.0]])
    args = (tmp_path / "x.csv", "--centroids", centroids_file(tmp_path / "c.csv", C))
    std = X.std(axis=0)
    d2 = (((X[:, None] - C) / std) ** 2).sum(axis=2)
    labels = d2.argmin(axis=1)
    raw_labels = ((X[:, None] - C) ** 2).sum(axis=2).argmin(axis=1)
    assert (labels != raw_labels).any()
    for label, cluster in enumerate(clusters(*args, "--standardize")):
        assert cluster["centroid"] == approx(X[labels == label].mean(axis=0), rel=1e-9)
        assert cluster["cost"] == approx(d2[labels == label, label].sum(), rel=1e-6)


def test_empty_cluster_moves_to_the_farthest_row(tmp_path):
    (tmp_path / "x.csv").write_text("0,0\n1,0\n2,0\n50,0\n")
    start = centroids_file(tmp_path / "c.csv", [[0, 0], [1000, 0]])
    first, second = clusters(tmp_path / "x.csv", "--centroids", start)
    assert (first["count"], second["count"]) == (4, 0)
    assert second["centroid"] == [50.0, 0.0] and first["centroid"] == [1.0, 0.0]


def test_id_column_is_left_out(tmp_path, iris):
    header, *rows = IRIS.read_text().splitlines()
    text = ["name," + header] + ["row %d,%s" % item for item in enumerate(rows)]
    (tmp_path / "ids.csv").write_text("\n".join(text) + "\n")
    assert succeed("kmeans_round", tmp_path / "ids.csv", *iris, "--id-column", "name").out == (
        succeed("kmeans_round", IRIS, *iris).out)


# wrong use

def test_wrong_use_is_a_sentence(tmp_path, iris):
    assert refused("kmeans_round", IRIS) == (
        "--centroids is missing; give centroids.csv, model.json or an output folder.")
    assert refused("kmeans_round", *iris) == (
        "No input was given; name at least one file, folder or glob.")
    assert refused("kmeans_round", IRIS, "--centroids", tmp_path / "none.csv") == (
        "The centroids %s do not exist." % (tmp_path / "none.csv"))
    narrow = centroids_file(tmp_path / "narrow.csv", [[1, 2, 3]])
    assert refused("kmeans_round", IRIS, "--centroids", narrow, "--ignore-columns", "label") == (
        "The centroids of %s have 3 columns, but the input has 4." % narrow)
    assert refused("kmeans_round", IRIS, *iris, "--metric", "cosine", "--standardize") == (
        "--standardize cannot go with --metric cosine; leave one of them out.")
    (tmp_path / "p.json").write_text("{}\n")
    assert "is no profile" in refused("kmeans_round", IRIS, *iris, "--profile", tmp_path / "p.json")


def test_profile_of_other_data_is_refused(tmp_path, iris):
    (tmp_path / "far.csv").write_text("0,0,0,0\n1e9,1,1,1\n")
    profile = succeed("kmeans_sample", IRIS, "-k", 3, "--ignore-columns", "label").out
    (tmp_path / "p.json").write_text(profile)
    message = refused("kmeans_round", tmp_path / "far.csv", "--centroids", iris[1], "--profile",
                      tmp_path / "p.json")
    assert message == ("The data has values outside the range of its profile; make the profile from"
                       " this data (leave out --profile).")
