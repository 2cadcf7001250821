"""The k-NN job as a user runs it, inline and local, against the oracle and scikit-learn."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
import pytest
import scripts
from generators import integer_grid, write_csv, write_svmlight
from howdah.indexing.queries import query_layout
from howdah.knn.description import read_description
from howdah.knn.index import file_digest
from howdah.launch.launch import Launch
from howdah.scripts.knn import KNN
from howdah.task.plans import KnnPlan
from knn_oracle import neighbours
from scripts import DIGITS, IRIS, REPOSITORY, WORDCOUNT, plan_of, refused, run, succeed
from sklearn.datasets import load_digits, load_iris, load_svmlight_file
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

scripts.JOBS["knn"] = "KNN"
STORED = REPOSITORY / "tests" / "stored"
VOCABULARY = REPOSITORY / "data" / "wordcount.vocabulary.txt"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Queries and indexes that many tests share."""
    folder = tmp_path_factory.mktemp("knn")
    X = load_digits().data
    write_csv(folder / "queries.csv", np.vstack([X[:150], X[:150] + 0.25]))
    succeed("knn_index", DIGITS, "--label-column", "label", "-o", folder / "digits")
    for algorithm in ("kd_tree", "ball_tree"):
        succeed("knn_index", DIGITS, "--ignore-columns", "label", "--algorithm", algorithm,
                "-o", folder / algorithm)
    lines = IRIS.read_text().splitlines()
    rows = ["id," + lines[0]] + ["iris%d,%s" % (i, line) for i, line in enumerate(lines[1:])]
    (folder / "iris.csv").write_text("\n".join(rows) + "\n")
    succeed("knn_index", folder / "iris.csv", "--id-column", "id", "--label-column", "label",
            "-o", folder / "iris")
    succeed("knn_index", WORDCOUNT, "--transpose", "--metric", "cosine", "--ids-file", VOCABULARY,
            "--write-points", folder / "words.svm", "-o", folder / "words")
    return folder


def iris_rows(folder, *args) -> list:
    return succeed("knn", folder / "iris.csv", "--id-column", "id", "--ignore-columns", "label",
                   "--index", folder / "iris", *args).rows()


def assert_rows_equal_oracle(rows: list, Q, X, metric: str, ids=None, **asked) -> None:
    assert len(rows) == len(Q)
    for row, q in zip(rows, Q):
        positions, distances = neighbours(q, X, metric, **asked)
        expected = positions.tolist() if ids is None else [ids[p] for p in positions]
        assert [name for name, _ in row["neighbors"]] == expected
        assert [distance for _, distance in row["neighbors"]] == distances.tolist()


def test_equals_the_oracle_with_running_places(folder):
    X = load_digits().data
    rows = succeed("knn", folder / "queries.csv", "--index", folder / "digits", "-n", 7).rows()
    assert [row["id"] for row in rows] == list(range(300))
    assert_rows_equal_oracle(rows, np.vstack([X[:150], X[:150] + 0.25]), X, "euclidean", n=7)


def test_ids_of_queries_and_points(folder):
    rows = iris_rows(folder, "-n", 4)
    assert [row["id"] for row in rows] == ["iris%d" % i for i in range(150)]
    X = load_iris().data
    assert_rows_equal_oracle(rows, X, X, "euclidean", ["iris%d" % i for i in range(150)], n=4)


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["inline", "local"])
def test_values_beyond_float32(tmp_path, runner):
    """Not even a warning: those are errors here."""
    (tmp_path / "x.csv").write_text("1e40,2\n3e40,1\n-2e40,5\n1e39,7\n")
    succeed("knn_index", tmp_path / "x.csv", "-o", tmp_path / "x")
    rows = succeed("knn", tmp_path / "x.csv", "--index", tmp_path / "x", "-n", 1, "-r",
                   runner).rows()
    assert [row["neighbors"] for row in rows] == [[[i, 0.0]] for i in range(4)]


def test_ten_neighbours_where_nothing_is_said(folder):
    assert {len(row["neighbors"]) for row in iris_rows(folder)} == {10}


@pytest.mark.slow
def test_any_batch_split_algorithm_and_runner_gives_the_same_bytes(folder):
    def answer(index, *args):
        return succeed("knn", folder / "queries.csv", "--index", folder / index, *args).out

    whole = answer("digits")
    assert answer("digits", "--batch", 1) == answer("digits", "--batch", 7) == whole
    assert answer("kd_tree", "--batch", 64) == answer("ball_tree") == whole
    local = ("-r", "local", "--jobconf")
    assert answer("digits", *local, "mapreduce.job.maps=2") == whole
    assert answer("kd_tree", *local, "mapreduce.job.maps=3", "--batch", 11) == whole


def test_many_files_are_one_input(folder, tmp_path):
    lines = (folder / "queries.csv").read_text().splitlines(keepends=True)
    for i in range(3):
        (tmp_path / ("q%d.csv" % i)).write_text("".join(lines[100 * i:100 * i + 100]))
    whole = succeed("knn", folder / "queries.csv", "--index", folder / "digits").out
    assert succeed("knn", tmp_path, "--index", folder / "digits").out == whole


def test_an_output_folder(folder, tmp_path):
    out = tmp_path / "out"
    ran = succeed("knn", folder / "queries.csv", "--index", folder / "digits", "--output-dir", out)
    whole = succeed("knn", folder / "queries.csv", "--index", folder / "digits").out
    assert ran.out == "" and "300 rows used" in ran.err
    assert "".join(part.read_text() for part in sorted(out.glob("part-*"))) == whole
    assert "exists already" in refused("knn", folder / "queries.csv", "--index",
                                       folder / "digits", "--output-dir", out)


def test_tsv_is_one_pair_a_line(folder):
    rows = iris_rows(folder, "-n", 2)
    pairs = [(row["id"], name, d) for row in rows for name, d in row["neighbors"]]
    table = succeed("knn", folder / "iris.csv", "--id-column", "id", "--ignore-columns", "label",
                    "--index", folder / "iris", "-n", 2, "--output-format", "tsv").table()
    assert [(a, b, float(d)) for a, b, d in table] == pairs


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_votes_agree_with_scikit_learn(folder, weights):
    X, y = load_digits(return_X_y=True)
    Q = np.vstack([X[:150], X[:150] + 0.25])
    rows = succeed("knn", folder / "queries.csv", "--index", folder / "digits", "-n", 5,
                   "--vote", weights).rows()
    model = KNeighborsClassifier(5, weights=weights, algorithm="kd_tree").fit(X, y)
    tied = np.array([len(neighbours(q, X, "euclidean", n=6)[1]) > len(
        set(neighbours(q, X, "euclidean", n=6)[1][4:])) + 4 for q in Q])
    assert tied.mean() < 0.2
    shares = np.array([[row["shares"].get(str(c), 0) for c in range(10)] for row in rows])
    np.testing.assert_allclose(shares[~tied], model.predict_proba(Q)[~tied], rtol=1e-12)
    labels = np.array([int(row["label"]) for row in rows])
    np.testing.assert_array_equal(labels[~tied], model.predict(Q)[~tied])
    table = succeed("knn", folder / "queries.csv", "--index", folder / "digits", "-n", 5,
                    "--vote", weights, "--output-format", "tsv").table()
    assert [(int(a), int(b)) for a, b, _ in table] == list(enumerate(labels.tolist()))


def test_means_of_targets(tmp_path):
    (tmp_path / "x.csv").write_text("u,price\n0,10\n1,20\n3,60\n9,0\n")
    (tmp_path / "q.csv").write_text("0\n2\n")
    succeed("knn_index", tmp_path / "x.csv", "--target-column", "price", "-o", tmp_path / "i")

    def values(*args):
        rows = succeed("knn", tmp_path / "q.csv", "--index", tmp_path / "i", *args).rows()
        return [row["value"] for row in rows]

    assert values("-n", 3, "--mean", "uniform") == [30, 30]
    assert values("-n", 3, "--mean", "distance") == [10, (20 + 60 + 5) / 2.5]
    assert values("--radius", 0.5, "--mean", "uniform") == [10, None]


def test_radius_and_its_truncation(folder):
    X = load_iris().data
    rows = iris_rows(folder, "--radius", 0.5)
    ids = ["iris%d" % i for i in range(150)]
    assert_rows_equal_oracle(rows, X, X, "euclidean", ids, radius=0.5)
    ran = succeed("knn", folder / "iris.csv", "--id-column", "id", "--ignore-columns", "label",
                  "--index", folder / "iris", "--radius", 0.5, "--max-neighbors", 10)
    assert_rows_equal_oracle(ran.rows(), X, X, "euclidean", ids, radius=0.5, n=10)
    cut = [row for row in ran.rows() if "within_radius" in row]
    whole = {row["id"]: len(row["neighbors"]) for row in rows}
    assert {row["id"]: row["within_radius"] for row in cut} == {
        name: size for name, size in whole.items() if size > 10}
    assert "%d answers hold more than --max-neighbors 10 neighbours" % len(cut) in ran.err
    assert_rows_equal_oracle(iris_rows(folder, "--radius", 0.3, "-n", 3), X, X, "euclidean", ids,
                             radius=0.3, n=3)


def test_exclude_self_by_id(folder):
    X = load_iris().data
    for i, row in enumerate(iris_rows(folder, "--exclude-self", "-n", 3)):
        expected, _ = neighbours(X[i], X, "euclidean", n=3, excluded=[i])
        assert [name for name, _ in row["neighbors"]] == ["iris%d" % p for p in expected]


def test_exclude_self_without_ids_leaves_out_the_query_s_place(folder):
    rows = succeed("knn", IRIS, "--ignore-columns", "label", "--index", folder / "iris", "-n", 1,
                   "--exclude-self").rows()
    X = load_iris().data
    for i, row in enumerate(rows):
        expected, _ = neighbours(X[i], X, "euclidean", n=1, excluded=[i])
        assert row["neighbors"][0][0] == "iris%d" % expected[0]


def test_exclude_lists_ids_per_query(folder, tmp_path):
    (tmp_path / "seen.tsv").write_text("iris0\tiris0\tiris17\niris0\tnobody\niris2\tiris2\n\n")
    rows = iris_rows(folder, "--exclude", tmp_path / "seen.tsv", "-n", 2)
    X = load_iris().data
    for i, excluded in ((0, [0, 17]), (1, []), (2, [2])):
        expected, _ = neighbours(X[i], X, "euclidean", n=2, excluded=excluded)
        assert [name for name, _ in rows[i]["neighbors"]] == ["iris%d" % p for p in expected]


def test_a_query_that_may_answer_nothing_is_still_answered(folder, tmp_path):
    seen = "".join("iris5\tiris%d\n" % i for i in range(150))
    (tmp_path / "seen.tsv").write_text(seen)
    rows = iris_rows(folder, "--exclude", tmp_path / "seen.tsv", "-n", 2, "--vote", "distance")
    assert rows[5] == {"id": "iris5", "neighbors": [], "label": None, "shares": {}}


def test_item_neighbours_by_cosine(folder):
    X = load_svmlight_file(str(WORDCOUNT))[0].T.toarray()
    words = VOCABULARY.read_text().split()
    rows = succeed("knn", folder / "words.svm", "--id-column", "target", "--index",
                   folder / "words", "-n", 5, "--exclude-self", "--min-similarity", 0.5).rows()
    assert [row["id"] for row in rows] == words
    for i in range(0, 434, 7):
        positions, distances = neighbours(X[i], X, "cosine", n=5, radius=0.5, excluded=[i])
        assert rows[i]["neighbors"] == [[words[p], d] for p, d in zip(positions, distances)]


def test_unseen_items_for_every_user(folder):
    """Rows of the user-item matrix itself as queries: sums of items, seen ones left out."""
    users = load_svmlight_file(str(WORDCOUNT))[0].toarray()
    items = users.T / np.linalg.norm(users.T, axis=1, keepdims=True)
    words = VOCABULARY.read_text().split()
    rows = succeed("knn", WORDCOUNT, "--index", folder / "words", "-n", 5, "--from-points").rows()
    for user, row in zip(users, rows):
        scores = items @ (user @ items)
        scores[user > 0] = -np.inf
        best = np.sort(scores)[::-1][:5]
        got = [words.index(name) for name, _ in row["neighbors"]]
        np.testing.assert_allclose(scores[got], best, atol=1e-9)
        assert not user[got].any()


def test_sparse_queries_on_a_dense_index_and_back(tmp_path):
    X = integer_grid(200, 5, seed=0, levels=4).astype(float)
    write_csv(tmp_path / "x.csv", X)
    write_svmlight(tmp_path / "x.svm", X)
    outputs = set()
    for points in ("x.csv", "x.svm"):
        succeed("knn_index", tmp_path / points, "-o", tmp_path / (points + ".i"))
        for queries in ("x.csv", "x.svm"):
            outputs.add(succeed("knn", tmp_path / queries, "--index",
                                tmp_path / (points + ".i"), "-n", 6).out)
    assert len(outputs) == 1


def test_a_plain_dump_is_accepted_with_a_warning(folder, tmp_path):
    X = load_digits().data
    joblib.dump(NearestNeighbors().fit(X), tmp_path / "plain")
    ran = succeed("knn", folder / "queries.csv", "--index", tmp_path / "plain", "-n", 7)
    assert ran.out == succeed("knn", folder / "queries.csv", "--index", folder / "digits",
                              "-n", 7).out
    assert "warning: " in ran.err and "is a plain joblib dump" in ran.err


def test_a_file_system_that_cannot_map(folder, monkeypatch):
    real = joblib.load

    def unmappable(name, mmap_mode=None):
        if mmap_mode:
            raise OSError("[Errno 19] No such device")
        return real(name)

    monkeypatch.setattr(joblib, "load", unmappable)
    ran = succeed("knn", IRIS, "--ignore-columns", "label", "--index", folder / "iris", "-n", 1)
    assert "warning: 1 tasks could not map the index into memory and read it whole" in ran.err


@pytest.mark.slow
@pytest.mark.needs("faiss")
@pytest.mark.parametrize("runner", ["inline", "local"])
def test_recall_of_an_approximate_index(folder, tmp_path, runner):
    args = (DIGITS, "--ignore-columns", "label")
    succeed("knn_index", *args, "--faiss", "IVF20,Flat", "-o", tmp_path / "ivf")
    asked = ("-n", 10, "--recall-sample", 100, "-r", runner)
    ran = succeed("knn", *args, "--index", tmp_path / "ivf", *asked)
    told = float(ran.err.partition("recall@10 ")[2].split(",")[0])
    exact = succeed("knn", *args, "--index", folder / "digits", "-n", 10).rows()
    found = [len({n for n, _ in a["neighbors"]} & {n for n, _ in b["neighbors"]})
             for a, b in zip(ran.rows(), exact)]
    assert abs(np.mean(found) / 10 - told) < 0.1 and "from 100 queries" in ran.err


@pytest.mark.slow
@pytest.mark.needs("annoy")
def test_annoy_answers_with_exact_distances(folder, tmp_path):
    args = (DIGITS, "--ignore-columns", "label")
    succeed("knn_index", *args, "--annoy", 20, "-o", tmp_path / "annoy")
    rows = succeed("knn", *args, "--index", tmp_path / "annoy", "-n", 3, "-r", "local").rows()
    exact = succeed("knn", *args, "--index", folder / "digits", "-n", 3).rows()
    assert sum(a == b for a, b in zip(rows, exact)) > 1500
    [beside] = tmp_path.glob("annoy.*.annoy")
    beside.write_bytes(b"another file")
    assert "has 12 bytes, but its index was built with one of" in refused(
        "knn", *args, "--index", tmp_path / "annoy")
    beside.unlink()
    assert "%s beside it, which is not there" % beside in refused(
        "knn", *args, "--index", tmp_path / "annoy")


def beside(path: Path) -> Path:
    """The FAISS file of an index."""
    [found] = path.parent.glob(path.name + ".*.faiss")
    return found


def two_indexes(folder: Path) -> list:
    """Indexes i and j of 40 points each, with FAISS files that differ in nothing but the points."""
    for seed, name in enumerate("ij"):
        rows = np.random.default_rng(seed).normal(size=(40, 3))
        write_csv(folder / (name + ".csv"), rows)
        succeed("knn_index", folder / (name + ".csv"), "--faiss", "Flat", "-o", folder / name)
    return [folder / "i.csv", "--index", folder / "i", "-n", 1]


@pytest.mark.needs("faiss")
def test_candidates_of_another_index_are_refused_by_name(tmp_path):
    ask = two_indexes(tmp_path)
    assert [row["neighbors"] for row in succeed("knn", *ask).rows()] == [
        [[i, 0]] for i in range(40)]
    mine, other = (beside(tmp_path / name) for name in "ij")
    said = {"": "is not the file that its index was built with, or is damaged",
            file_digest(str(tmp_path / "i")): "has the SHA-256 %s, but its index was built with a"
            " file of %s; copy both again" % (file_digest(str(other)), file_digest(str(mine)))}
    shutil.copy(other, mine)
    for digest, reason in said.items():
        given = ["--index-sha256", digest] if digest else []
        assert "%s %s" % (mine.name, reason) in refused("knn", *ask, *given, "--output-dir",
                                                        tmp_path / "out")
        assert not (tmp_path / "out").exists()


@pytest.mark.needs("faiss")
def test_candidates_that_lie_on_a_cluster_are_verified_by_the_tasks(tmp_path):
    queries, *ask = two_indexes(tmp_path)
    job = KNN([str(queries), *map(str, ask)])
    plan = plan_of(Launch(job))
    assert not plan.request.verify
    files = ("--index", tmp_path / "i", "--candidates", beside(tmp_path / "i"))
    shutil.copy(beside(tmp_path / "j"), beside(tmp_path / "i"))
    plan = replace(plan, request=replace(plan.request, verify=True))
    [failure] = task(tmp_path, plan, queries.read_bytes(), *files)
    assert failure.startswith(b'failure\t{"kind":"user","text":"%s has the SHA-256'
                              % str(beside(tmp_path / "i")).encode())


@pytest.mark.slow
@pytest.mark.needs("faiss")
@pytest.mark.parametrize("runner", ["inline", "local"])
@pytest.mark.parametrize("name", ["i#j", "~", "a b", "a,[1]*?", "-x", "$HOME"])
def test_files_to_ship_have_any_name(tmp_path, monkeypatch, runner, name):
    """Also one that mrjob would take for another file, which is there, and its name in tasks."""
    monkeypatch.chdir(tmp_path)
    two_indexes(tmp_path)
    lines = (tmp_path / "i.csv").read_text().splitlines()
    (tmp_path / "q.csv").write_text("".join("q%d,%s\n" % pair for pair in enumerate(lines)))
    (tmp_path / ("seen" + name)).write_text("q0\t0\n")
    mine, other = beside(tmp_path / "i").name, beside(tmp_path / "j").name
    for from_i, from_j in (("i", "j"), (mine, other)):
        shutil.move(from_i, name + from_i[1:])
        shutil.copy(from_j, "i" + from_j[1:])
    rows = succeed("knn", "q.csv", "--id-column", 0, "-n", 1, "-r", runner, "--index=" + name,
                   "--exclude=seen" + name).rows()
    assert rows[0]["neighbors"][0][1] > 0
    assert [row["neighbors"] for row in rows[1:]] == [[[i, 0]] for i in range(1, 40)]


# tasks as a cluster runs them: no slices, lines on standard input

def task(tmp_path, plan: KnnPlan, stdin: bytes, *args) -> list:
    path = tmp_path / "plan.json"
    path.write_bytes(plan.to_json(sliced=False))
    job = KNN(["--mapper", "--plan", str(path), *map(str, args)])
    job.sandbox(stdin=io.BytesIO(stdin), stdout=io.BytesIO())
    job.execute()
    return job.stdout.getvalue().splitlines()  # type: ignore[attr-defined]


def test_a_cluster_task_answers_with_the_line_where_there_is_no_id(folder, tmp_path):
    job = KNN([str(IRIS), "--ignore-columns", "label", "--index", str(folder / "iris"), "-n", "1"])
    plan = plan_of(Launch(job))
    out = task(tmp_path, plan, b"5.1,3.5,1.4,0.2,0\n4.9,3.0,1.4,0.2,0\n", "--index",
               folder / "iris")
    assert [json.loads(line) for line in out] == [
        {"id": "5.1,3.5,1.4,0.2,0", "neighbors": [["iris0", 0]]},
        {"id": "4.9,3.0,1.4,0.2,0", "neighbors": [["iris1", 0]]}]


def test_a_task_takes_columns_by_name_or_says_why_not(folder, tmp_path):
    """The launcher knows no names of an index behind a URI, of which it reads the end only."""
    job = KNN([str(IRIS), "--ignore-columns", "label", "--index", str(folder / "iris"), "-n", "1"])
    plan = plan_of(Launch(job))
    turned = replace(plan.layout, columns=plan.layout.columns[::-1])
    out = task(tmp_path, replace(plan, layout=turned), b"0.2,1.4,3.5,5.1,0\n", "--index",
               folder / "iris")
    assert json.loads(out[0])["neighbors"] == [["iris0", 0]]

    job = KNN([str(IRIS), "--index", "hdfs:///iris"])
    wide = query_layout(Launch(job), job.options, read_description(str(folder / "iris")))
    [failed] = task(tmp_path, replace(plan, layout=wide), IRIS.read_bytes(), "--index",
                    folder / "iris")
    assert b"are sepal_length, sepal_width, petal_length, petal_width; leave out the others" in (
        failed)
    assert failed.startswith(b'failure\t{"kind":"user"')


def test_a_task_without_rows_answers_nothing(folder, tmp_path):
    job = KNN([str(IRIS), "--ignore-columns", "label", "--index", str(folder / "iris")])
    plan = plan_of(Launch(job))
    assert task(tmp_path, plan, b"", "--index", folder / "iris") == []


# refusals: a sentence and exit code 2, before anything runs

def refused_iris(index, *args) -> str:
    return refused("knn", IRIS, "--ignore-columns", "label", "--index", index, *args)


@pytest.mark.parametrize("args, message", [
    (["-n", 151], "-n is 151, but the index"), (["-n", 0], "-n is 0; it must be at least 1"),
    (["--radius", -1], "--radius is -1.0; it must be at least 0"),
    (["--batch", 0], "--batch is 0; it must be at least 1"),
    (["--mean", "uniform"], "--mean needs targets, but the index"),
    (["--vote", "uniform", "--mean", "uniform"], "--vote and --mean are two kinds of answer"),
    (["--min-similarity", 0.5], "--min-similarity needs an index with --metric cosine"),
    (["--from-points"], "--from-points needs an index with --metric cosine"),
    (["--recall-sample", 5], "--recall-sample measures an approximate index"),
    (["--exclude", VOCABULARY], "--exclude lists points by query id; name the queries'"),
    (["--index-sha256", "0" * 64], "but --index-sha256 is 0000"),
    (["--weight-column", "0"], "k-NN uses no sample weights"),
])
def test_options_that_cannot_be_served(folder, args, message):
    assert message in refused_iris(folder / "iris", *args)


def test_labels_asked_of_an_index_without(folder):
    assert "--vote needs labels, but the index" in refused(
        "knn", folder / "queries.csv", "--index", folder / "kd_tree", "--vote", "uniform")


def test_queries_of_another_width(folder):
    assert refused("knn", folder / "queries.csv", "--index", folder / "iris") == (
        "The queries have 64 columns (0, 1, 2, 3, 4, 5, 6, 7, ...), but the index %s has 4 columns."
        % (folder / "iris"))
    names = "sepal_length, sepal_width, petal_length, petal_width"
    assert refused("knn", IRIS, "--index", folder / "iris") == (
        "The columns of the input are %s, label, but those of the index %s are %s; leave out the"
        " others with --ignore-columns label." % (names, folder / "iris", names))


def test_files_that_are_no_index(folder, tmp_path):
    data = (folder / "iris").read_bytes()
    for name, content, message in (
            ("empty", b"", "is empty (0 bytes)"), ("text", b"hello\n", "is no joblib file"),
            ("cut", data[:-300], "is truncated: after %d bytes" % (len(data) - 300)),
            ("gz", b"\x1f\x8b" + data, "is compressed (gzip)")):
        (tmp_path / name).write_bytes(content)
        assert message in refused_iris(tmp_path / name)
    assert "none does not exist" in refused_iris(tmp_path / "none")
    assert "has format version 99" in refused_iris(STORED / "format99.joblib")


def test_no_index_at_all():
    assert "--index is missing" in refused("knn", IRIS)


def test_bad_rows(folder, tmp_path):
    lines = IRIS.read_text().splitlines()
    (tmp_path / "q.csv").write_text("\n".join([*lines[:4], "1,2,x,4,0", *lines[4:8]]) + "\n")
    args = (tmp_path / "q.csv", "--ignore-columns", "label", "--index", folder / "iris", "-n", 1)
    assert "q.csv, line 5: column 'petal_length' is 'x', not a number" in refused("knn", *args)
    ran = succeed("knn", *args, "--bad-rows", "skip")
    answers = [line for line in ran.out.splitlines() if not line.startswith("bad\t")]
    assert [json.loads(line)["id"] for line in answers] == list(range(7))
    assert "7 rows used, 1 bad rows skipped" in ran.err


def test_a_broken_exclusion_file(folder, tmp_path):
    (tmp_path / "seen").write_text("iris0\tiris1\niris3 iris4\n")
    message = refused("knn", folder / "iris.csv", "--id-column", "id", "--ignore-columns", "label",
                      "--index", folder / "iris", "--exclude", tmp_path / "seen")
    assert message.startswith("Line 2 of the --exclude file")
    assert "does not exist" in refused(
        "knn", folder / "iris.csv", "--id-column", "id", "--ignore-columns", "label",
        "--index", folder / "iris", "--exclude", tmp_path / "nothing")


def test_a_uri_needs_a_runner():
    assert "add -r hadoop" in run("knn", IRIS, "--index", "hdfs:///x").err
