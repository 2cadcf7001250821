"""The k-NN job as a user runs it, inline and local, against the oracle and scikit-learn."""

from __future__ import annotations

import json
from dataclasses import replace

import joblib
import numpy as np
import pytest
import scripts
from generators import integer_grid, write_csv, write_svmlight
from howdah.indexing.queries import query_layout
from howdah.knn.description import read_description
from howdah.launch.launch import Launch
from howdah.scripts.knn import KNN
from knn_oracle import neighbours
from scripts import IRIS, VOCABULARY, WORDCOUNT, map_task, plan_of, refused, succeed
from sklearn.datasets import load_digits, load_iris, load_svmlight_file
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

scripts.JOBS["knn"] = "KNN"


def iris_rows(shared, *args) -> list:
    return succeed("knn", shared / "iris.csv", "--id-column", "id", "--ignore-columns", "label",
                   "--index", shared / "iris", *args).rows()


def assert_rows_equal_oracle(rows: list, Q, X, metric: str, ids=None, **asked) -> None:
    assert len(rows) == len(Q)
    for row, q in zip(rows, Q):
        positions, distances = neighbours(q, X, metric, **asked)
        expected = positions.tolist() if ids is None else [ids[p] for p in positions]
        assert [name for name, _ in row["neighbors"]] == expected
        assert [distance for _, distance in row["neighbors"]] == distances.tolist()


def test_equals_the_oracle_with_running_places(shared):
    X = load_digits().data
    rows = succeed("knn", shared / "queries.csv", "--index", shared / "digits", "-n", 7).rows()
    assert [row["id"] for row in rows] == list(range(300))
    assert_rows_equal_oracle(rows, np.vstack([X[:150], X[:150] + 0.25]), X, "euclidean", n=7)


def test_ids_of_queries_and_points(shared):
    rows = iris_rows(shared, "-n", 4)
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


def test_ten_neighbours_where_nothing_is_said(shared):
    assert {len(row["neighbors"]) for row in iris_rows(shared)} == {10}


@pytest.mark.slow
def test_any_batch_split_algorithm_and_runner_gives_the_same_bytes(shared):
    def answer(index, *args):
        return succeed("knn", shared / "queries.csv", "--index", shared / index, *args).out

    whole = answer("digits")
    assert answer("digits", "--batch", 1) == answer("digits", "--batch", 7) == whole
    assert answer("kd_tree", "--batch", 64) == answer("ball_tree") == whole
    local = ("-r", "local", "--jobconf")
    assert answer("digits", *local, "mapreduce.job.maps=2") == whole
    assert answer("kd_tree", *local, "mapreduce.job.maps=3", "--batch", 11) == whole


def test_many_files_are_one_input(shared, tmp_path):
    lines = (shared / "queries.csv").read_text().splitlines(keepends=True)
    for i in range(3):
        (tmp_path / ("q%d.csv" % i)).write_text("".join(lines[100 * i:100 * i + 100]))
    whole = succeed("knn", shared / "queries.csv", "--index", shared / "digits").out
    assert succeed("knn", tmp_path, "--index", shared / "digits").out == whole


def test_an_output_folder(shared, tmp_path):
    out = tmp_path / "out"
    ran = succeed("knn", shared / "queries.csv", "--index", shared / "digits", "--output-dir", out)
    whole = succeed("knn", shared / "queries.csv", "--index", shared / "digits").out
    assert ran.out == "" and "300 rows used" in ran.err
    assert "".join(part.read_text() for part in sorted(out.glob("part-*"))) == whole
    assert "exists already" in refused("knn", shared / "queries.csv", "--index",
                                       shared / "digits", "--output-dir", out)


def test_tsv_is_one_pair_a_line(shared):
    rows = iris_rows(shared, "-n", 2)
    pairs = [(row["id"], name, d) for row in rows for name, d in row["neighbors"]]
    table = succeed("knn", shared / "iris.csv", "--id-column", "id", "--ignore-columns", "label",
                    "--index", shared / "iris", "-n", 2, "--output-format", "tsv").table()
    assert [(a, b, float(d)) for a, b, d in table] == pairs


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_votes_agree_with_scikit_learn(shared, weights):
    X, y = load_digits(return_X_y=True)
    Q = np.vstack([X[:150], X[:150] + 0.25])
    rows = succeed("knn", shared / "queries.csv", "--index", shared / "digits", "-n", 5,
                   "--vote", weights).rows()
    model = KNeighborsClassifier(5, weights=weights, algorithm="kd_tree").fit(X, y)
    tied = np.array([len(neighbours(q, X, "euclidean", n=6)[1]) > len(
        set(neighbours(q, X, "euclidean", n=6)[1][4:])) + 4 for q in Q])
    assert tied.mean() < 0.2
    shares = np.array([[row["shares"].get(str(c), 0) for c in range(10)] for row in rows])
    np.testing.assert_allclose(shares[~tied], model.predict_proba(Q)[~tied], rtol=1e-12)
    labels = np.array([int(row["label"]) for row in rows])
    np.testing.assert_array_equal(labels[~tied], model.predict(Q)[~tied])
    table = succeed("knn", shared / "queries.csv", "--index", shared / "digits", "-n", 5,
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


def test_radius_and_its_truncation(shared):
    X = load_iris().data
    rows = iris_rows(shared, "--radius", 0.5)
    ids = ["iris%d" % i for i in range(150)]
    assert_rows_equal_oracle(rows, X, X, "euclidean", ids, radius=0.5)
    ran = succeed("knn", shared / "iris.csv", "--id-column", "id", "--ignore-columns", "label",
                  "--index", shared / "iris", "--radius", 0.5, "--max-neighbors", 10)
    assert_rows_equal_oracle(ran.rows(), X, X, "euclidean", ids, radius=0.5, n=10)
    cut = [row for row in ran.rows() if "within_radius" in row]
    whole = {row["id"]: len(row["neighbors"]) for row in rows}
    assert {row["id"]: row["within_radius"] for row in cut} == {
        name: size for name, size in whole.items() if size > 10}
    assert "%d answers hold more than --max-neighbors 10 neighbours" % len(cut) in ran.err
    assert_rows_equal_oracle(iris_rows(shared, "--radius", 0.3, "-n", 3), X, X, "euclidean", ids,
                             radius=0.3, n=3)


def test_exclude_self_by_id(shared):
    X = load_iris().data
    for i, row in enumerate(iris_rows(shared, "--exclude-self", "-n", 3)):
        expected, _ = neighbours(X[i], X, "euclidean", n=3, excluded=[i])
        assert [name for name, _ in row["neighbors"]] == ["iris%d" % p for p in expected]


def test_exclude_self_without_ids_leaves_out_the_query_s_place(shared):
    rows = succeed("knn", IRIS, "--ignore-columns", "label", "--index", shared / "iris", "-n", 1,
                   "--exclude-self").rows()
    X = load_iris().data
    for i, row in enumerate(rows):
        expected, _ = neighbours(X[i], X, "euclidean", n=1, excluded=[i])
        assert row["neighbors"][0][0] == "iris%d" % expected[0]


def test_exclude_lists_ids_per_query(shared, tmp_path):
    (tmp_path / "seen.tsv").write_text("iris0\tiris0\tiris17\niris0\tnobody\niris2\tiris2\n\n")
    rows = iris_rows(shared, "--exclude", tmp_path / "seen.tsv", "-n", 2)
    X = load_iris().data
    for i, excluded in ((0, [0, 17]), (1, []), (2, [2])):
        expected, _ = neighbours(X[i], X, "euclidean", n=2, excluded=excluded)
        assert [name for name, _ in rows[i]["neighbors"]] == ["iris%d" % p for p in expected]


def test_a_query_that_may_answer_nothing_is_still_answered(shared, tmp_path):
    seen = "".join("iris5\tiris%d\n" % i for i in range(150))
    (tmp_path / "seen.tsv").write_text(seen)
    rows = iris_rows(shared, "--exclude", tmp_path / "seen.tsv", "-n", 2, "--vote", "distance")
    assert rows[5] == {"id": "iris5", "neighbors": [], "label": None, "shares": {}}


def test_item_neighbours_by_cosine(shared):
    X = load_svmlight_file(str(WORDCOUNT))[0].T.toarray()
    words = VOCABULARY.read_text().split()
    rows = succeed("knn", shared / "words.svm", "--id-column", "target", "--index",
                   shared / "words", "-n", 5, "--exclude-self", "--min-similarity", 0.5).rows()
    assert [row["id"] for row in rows] == words
    for i in range(0, 434, 7):
        positions, distances = neighbours(X[i], X, "cosine", n=5, radius=0.5, excluded=[i])
        assert rows[i]["neighbors"] == [[words[p], d] for p, d in zip(positions, distances)]


def test_unseen_items_for_every_user(shared):
    """Rows of the user-item matrix itself as queries: sums of items, seen ones left out."""
    users = load_svmlight_file(str(WORDCOUNT))[0].toarray()
    items = users.T / np.linalg.norm(users.T, axis=1, keepdims=True)
    words = VOCABULARY.read_text().split()
    rows = succeed("knn", WORDCOUNT, "--index", shared / "words", "-n", 5, "--from-points").rows()
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


def test_a_plain_dump_is_accepted_with_a_warning(shared, tmp_path):
    X = load_digits().data
    joblib.dump(NearestNeighbors().fit(X), tmp_path / "plain")
    ran = succeed("knn", shared / "queries.csv", "--index", tmp_path / "plain", "-n", 7)
    assert ran.out == succeed("knn", shared / "queries.csv", "--index", shared / "digits",
                              "-n", 7).out
    assert "warning: " in ran.err and "is a plain joblib dump" in ran.err


def test_a_file_system_that_cannot_map(shared, unmappable):
    ran = succeed("knn", IRIS, "--ignore-columns", "label", "--index", shared / "iris", "-n", 1)
    assert "warning: 1 tasks could not map the index into memory and read it whole" in ran.err


# tasks as a cluster runs them: no slices, lines on standard input

def test_a_cluster_task_answers_with_the_line_where_there_is_no_id(shared, tmp_path):
    job = KNN([str(IRIS), "--ignore-columns", "label", "--index", str(shared / "iris"), "-n", "1"])
    plan = plan_of(Launch(job))
    out = map_task(KNN, tmp_path, plan, b"5.1,3.5,1.4,0.2,0\n4.9,3.0,1.4,0.2,0\n", "--index",
                   shared / "iris")
    assert [json.loads(line) for line in out.splitlines()] == [
        {"id": "5.1,3.5,1.4,0.2,0", "neighbors": [["iris0", 0]]},
        {"id": "4.9,3.0,1.4,0.2,0", "neighbors": [["iris1", 0]]}]


def test_a_task_takes_columns_by_name_or_says_why_not(shared, tmp_path):
    """The launcher knows no names of an index behind a URI, of which it reads the end only."""
    job = KNN([str(IRIS), "--ignore-columns", "label", "--index", str(shared / "iris"), "-n", "1"])
    plan = plan_of(Launch(job))
    turned = replace(plan.layout, columns=plan.layout.columns[::-1])
    out = map_task(KNN, tmp_path, replace(plan, layout=turned), b"0.2,1.4,3.5,5.1,0\n", "--index",
                   shared / "iris")
    assert json.loads(out.splitlines()[0])["neighbors"] == [["iris0", 0]]

    job = KNN([str(IRIS), "--index", "hdfs:///iris"])
    wide = query_layout(Launch(job), job.options, read_description(str(shared / "iris")))
    [failed] = map_task(KNN, tmp_path, replace(plan, layout=wide), IRIS.read_bytes(), "--index",
                        shared / "iris").splitlines()
    assert b"are sepal_length, sepal_width, petal_length, petal_width; leave out the others" in (
        failed)
    assert failed.startswith(b'failure\t{"kind":"user"')


def test_a_task_without_rows_answers_nothing(shared, tmp_path):
    job = KNN([str(IRIS), "--ignore-columns", "label", "--index", str(shared / "iris")])
    plan = plan_of(Launch(job))
    assert map_task(KNN, tmp_path, plan, b"", "--index", shared / "iris") == b""
