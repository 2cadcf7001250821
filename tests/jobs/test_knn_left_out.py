"""What k-NN answers leave out, and what is told of it: leave-one-out, exclusions, recommenders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scripts import IRIS, refused, succeed
from sklearn.datasets import load_iris
from sklearn.neighbors import KNeighborsClassifier


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def index(path: Path, *args) -> Path:
    out = path.with_suffix(".index")
    succeed("knn_index", path, *args, "-o", out)
    return out


# Leave one out

SAME_ROWS = ("kind,x,y", "A,1,1", "C,9,9", "B,1,1", "C,9,8")


@pytest.mark.parametrize("runner", ["inline", pytest.param("local", marks=pytest.mark.slow)])
def test_a_row_leaves_out_its_own_place_though_others_equal_it(tmp_path, runner):
    path = write(tmp_path / "x.csv", *SAME_ROWS)
    found = index(path, "--label-column", "kind")
    ran = succeed("knn", path, "--ignore-columns", "kind", "--index", found, "-n", 1,
                  "--exclude-self", "--vote", "uniform", "-r", runner)
    assert [row["neighbors"][0][0] for row in ran.rows()] == [2, 3, 0, 1]
    assert [row["label"] for row in ran.rows()] == ["B", "C", "A", "C"]
    assert ("--exclude-self: 4 queries leave out the point at their own place, which is equal; 0"
            " leave out one equal point" in ran.err)


def test_a_query_from_elsewhere_leaves_out_one_equal_point(tmp_path):
    path = write(tmp_path / "x.csv", *SAME_ROWS)
    other = write(tmp_path / "other.csv", "x,y", "9,8", "5,5", "1,1")
    ran = succeed("knn", other, "--index", index(path, "--label-column", "kind"), "-n", 1,
                  "--exclude-self")
    assert [row["neighbors"] for row in ran.rows()][::2] == [[[1, 1.0]], [[0, 0.0]]]
    assert "1 queries leave out the point at their own place, which is equal; 2 leave" in ran.err


def test_ids_leave_out_the_point_of_their_id(tmp_path):
    path = write(tmp_path / "x.csv", "id,x", "a,1", "b,1", "c,2")
    queries = write(tmp_path / "q.csv", "id,x", "b,1", "new,1")
    ran = succeed("knn", queries, "--id-column", "id", "--index", index(path, "--id-column", "id"),
                  "-n", 1, "--exclude-self")
    assert [row["neighbors"][0][0] for row in ran.rows()] == ["a", "a"]
    assert "1 queries leave out the point of their id, 1 have an id that is no point's" in ran.err


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("maps", [1, 3])
def test_votes_without_oneself_are_those_of_scikit_learn(tmp_path, weights, maps):
    """Iris, with rows that repeat, in several tasks. Votes that hang on a tie are left out."""
    X, y = load_iris(return_X_y=True)
    X = np.concatenate([X, X[::10]])
    y = np.concatenate([y, (y[::10] + 1) % 3])
    path = write(tmp_path / "x.csv", "label,a,b,c,d", *(
        ",".join([str(label), *map(repr, row)]) for label, row in zip(y, X.tolist())))
    found = index(path, "--label-column", "label")
    ran = succeed("knn", path, "--ignore-columns", "label", "--index", found, "-n", 7,
                  "--exclude-self", "--vote", weights, "--jobconf", "mapreduce.job.maps=%d" % maps)
    assert "%d queries leave out the point at their own place" % len(X) in ran.err
    theirs = KNeighborsClassifier(7, weights=weights, algorithm="brute").fit(X, y)
    distances, positions = theirs.kneighbors()
    beyond = theirs.kneighbors(n_neighbors=8)[0]
    clear = beyond[:, 7] - beyond[:, 6] > 1e-9
    for i in np.flatnonzero(clear).tolist():
        row = ran.rows()[i]
        assert i not in [place for place, _ in row["neighbors"]]
        assert {place for place, _ in row["neighbors"]} == set(positions[i].tolist())
    zero = distances[:, 0] < 1e-7
    assert zero.sum() >= 30 and clear.sum() > 100


# Exclusions

def test_exclusions_that_match_nothing_are_counted(tmp_path):
    path = write(tmp_path / "x.csv", "id,x", "a,1", "b,2", "c,4")
    exclude = write(tmp_path / "exclude.txt", "nobody\tb\tc", "a\tnothing\tb")
    ran = succeed("knn", path, "--id-column", "id", "--index", index(path, "--id-column", "id"),
                  "-n", 1, "--exclude-self", "--exclude", exclude)
    assert [row["neighbors"][0][0] for row in ran.rows()] == ["c", "a", "b"]
    assert "1 ids of --exclude are no points of the index." in ran.err
    assert "2 of 4 ids of --exclude stand at queries that did not come." in ran.err


def test_nothing_is_told_of_exclusions_that_all_match(tmp_path):
    path = write(tmp_path / "x.csv", "id,x", "a,1", "b,2", "c,4")
    ran = succeed("knn", path, "--id-column", "id", "--index", index(path, "--id-column", "id"),
                  "-n", 1, "--exclude", write(tmp_path / "exclude.txt", "a\tb"))
    assert "exclude" not in ran.err


# Recommenders

def recommended(tmp_path: Path, path: Path, *args) -> list:
    found = index(path, "--transpose", "--metric", "cosine")
    return [row["neighbors"] for row in succeed(
        "knn", path, *args, "--from-points", "--index", found).rows()]


def test_a_rating_of_0_is_none_in_every_format(tmp_path):
    svmlight = write(tmp_path / "x.svm", "u1 1:5 2:4 3:1", "u2 1:4 2:5 4:2", "u3 1:0 2:5 3:-0.0")
    csv = write(tmp_path / "x.csv", "5,4,1,0", "4,5,0,2", "0,5,0,0")
    succeed("pack", svmlight, "--output-dir", tmp_path / "packed")
    answers = recommended(tmp_path, svmlight, "-n", 3)
    assert [[[int(name) - 1, distance] for name, distance in row] for row in answers] == [
        [[int(name), distance] for name, distance in row]
        for row in recommended(tmp_path, csv, "-n", 3)]
    assert [name for name, _ in answers[2]] == ["1", "4", "3"]
    found = tmp_path / "x.index"
    rows = [succeed("knn", queries, "--from-points", "--index", found, "-n", 3).rows()
            for queries in (csv, tmp_path / "packed")]
    assert rows[0] == rows[1]


def test_items_that_nobody_rated_are_never_answered(tmp_path):
    path = write(tmp_path / "x.svm", "u1 1:5 7:4", "u2 1:4 7:5", "u3 1:3")
    assert [[name for name, _ in row] for row in recommended(tmp_path, path, "-n", 5)] == [
        [], [], ["7"]]
    assert recommended(tmp_path, path, "--radius", 2)[:2] == [[], []]


def test_a_user_without_items_or_with_unknown_ones_gets_an_answer(tmp_path):
    path = write(tmp_path / "x.svm", "u1 1:5 2:4", "none", "u2 2:5 3:1")
    assert [[name for name, _ in row] for row in recommended(
        tmp_path, path, "--id-column", "target", "-n", 2)] == [["3"], [], ["1"]]
    queries = write(tmp_path / "q.svm", "a 1:5 9:3", "b 9:1 12:1", "c 1:0")
    ran = succeed("knn", queries, "--id-column", "target", "--from-points", "--index",
                  tmp_path / "x.index", "-n", 1)
    assert [(row["id"], [name for name, _ in row["neighbors"]]) for row in ran.rows()] == [
        ("a", ["2"]), ("b", []), ("c", [])]
    assert "3 values of queries belong to no point of the index, and were left out." in ran.err


# Approximate indexes

@pytest.mark.needs("faiss")
def test_queries_that_an_approximate_index_leaves_short_are_counted(tmp_path):
    found = tmp_path / "index"
    succeed("knn_index", IRIS, "--ignore-columns", "label", "--faiss", "IVF10,Flat", "-o", found)
    ran = succeed("knn", IRIS, "--ignore-columns", "label", "--index", found, "-n", 100)
    short = sum(len(row["neighbors"]) < 100 for row in ran.rows())
    assert short and "%d queries got fewer than -n 100 neighbours" % short in ran.err
    ran = succeed("knn", IRIS, "--ignore-columns", "label", "--index", found, "-n", 1)
    assert "fewer than" not in ran.err


# Labels

def test_words_for_missing_numbers_are_words_and_empty_labels_are_refused(tmp_path):
    path = write(tmp_path / "x.csv", "kind,x", "nan,1", "1,2", "2,3", "-inf,4")
    found = index(path, "--label-column", "kind")
    query = write(tmp_path / "q.csv", "x", "2.4")
    [row] = succeed("knn", query, "--index", found, "-n", 4, "--vote", "uniform").rows()
    assert list(row["shares"]) == ["-inf", "1", "2", "nan"] and row["label"] == "-inf"
    write(tmp_path / "x.csv", "kind,x", "a,1", ",2")
    assert refused("knn_index", path, "--label-column", "kind", "-o", tmp_path / "no").startswith(
        "The label of row 2 is empty")


# Numbers at the ends

def test_numbers_at_the_ends_of_the_range(tmp_path):
    near = index(write(tmp_path / "near.csv", "x,kind", "1e-310,a", "2e-310,b", "3e-310,c"),
                 "--label-column", "kind", "--metric", "manhattan")
    query = write(tmp_path / "q.csv", "x", "4e-310")
    [row] = succeed("knn", query, "--index", near, "-n", 3, "--vote", "distance").rows()
    assert row["shares"] == pytest.approx({"a": 2 / 11, "b": 3 / 11, "c": 6 / 11})
    tiny = index(write(tmp_path / "tiny.csv", "x", "1e-200", "3e-200", "9e-200"))
    query = write(tmp_path / "q.csv", "x", "8e-200")
    [row] = succeed("knn", query, "--index", tiny, "-n", 1).rows()
    assert row["neighbors"][0] == [2, pytest.approx(1e-200, rel=1e-14, abs=0)]
    path = write(tmp_path / "huge.csv", "x,y", "1,1e308", "2,1.5e308")
    found = index(path, "--target-column", "y")
    ran = succeed("knn", path, "--ignore-columns", "y", "--index", found, "-n", 2, "--mean",
                  "uniform")
    assert [row["value"] for row in ran.rows()] == [1.25e308] * 2
    path = write(tmp_path / "far.csv", "1e40,2", "3e40,1", "-2e40,5", "1e39,7")
    ran = succeed("knn", path, "--index", index(path), "-n", 1, "--radius", 1e300)
    assert [row["neighbors"] for row in ran.rows()] == [[[i, 0.0]] for i in range(4)]


@pytest.mark.parametrize("suffix", ["csv", "svm", "packed"])
def test_rows_too_large_for_distances_are_bad_rows(tmp_path, suffix):
    lines = ["1,2", "1e151,1", "3,-2e200"]
    if suffix == "svm":
        lines = ["0 1:1 2:2", "0 1:1e151 2:1", "0 1:3 2:-2e200"]
    path = write(tmp_path / ("x." + suffix), *lines)
    good = write(tmp_path / "good.csv", "1,2", "3,4")
    found = index(good)
    if suffix == "packed":
        succeed("pack", path, "--output-dir", tmp_path / "packed")
        path = tmp_path / "packed"
    sentence = refused("knn", path, "--index", found, "-n", 1)
    assert "2 of 3 rows cannot be used" in sentence
    assert sentence.count("a value is too large for distances (at most 1e+150)") == 2
    ran = succeed("knn", path, "--index", found, "-n", 1, "--bad-rows", "skip")
    assert ran.out.count('"neighbors"') == 1 and "2 bad rows skipped" in ran.err
    assert "2 of 3 rows" in refused("knn_index", path, "-o", tmp_path / "no")
    cosine = tmp_path / "cosine"
    succeed("knn_index", path, "--metric", "cosine", "-o", cosine)
    ran = succeed("knn", path, "--index", cosine, "-n", 1)
    assert [row["neighbors"][0][0] for row in ran.rows()] == [0, 1, 2]
