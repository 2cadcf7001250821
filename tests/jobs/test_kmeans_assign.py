"""Labels for every row: id or line, label, distance; bad rows answered in their place."""

from __future__ import annotations

import json

import numpy as np
import pytest
from generators import blobs, write_csv
from howdah.scripts.kmeans_assign import KMeansAssign
from scripts import (
    DIGITS,
    IRIS,
    WORDCOUNT,
    centroids_of,
    model_of,
    refused,
    run,
    succeed,
    task_without_rows,
)
from sklearn.datasets import load_digits


@pytest.fixture(scope="module")
def iris_model(tmp_path_factory):
    out = tmp_path_factory.mktemp("model") / "iris"
    succeed("driver", IRIS, "-k", 3, "--ignore-columns", "label", "--output-dir", out)
    return out


@pytest.fixture
def xy_model(tmp_path):
    """Two clusters of columns x and y, around (0, 0) and (10, 0)."""
    (tmp_path / "xy.csv").write_text("x,y\n0,1\n0,-1\n10,1\n10,-1\n")
    out = tmp_path / "xy"
    (tmp_path / "c.csv").write_text("1,0\n9,0\n")
    succeed("driver", tmp_path / "xy.csv", "-k", 2, "--init", tmp_path / "c.csv",
            "--output-dir", out)
    return out


def read_output(folder) -> list:
    """Lines of all part files in order."""
    return [line for part in sorted(folder.glob("part-*")) for line in
            part.read_text().splitlines()]


def test_a_task_without_rows_writes_nothing(tmp_path, iris_model):
    assert task_without_rows(KMeansAssign, tmp_path, IRIS, "--model", iris_model,
                             "--ignore-columns", "label") == b""


def test_lines_come_back_unchanged_behind_label_and_distance(tmp_path, xy_model):
    (tmp_path / "new.csv").write_text("x,y\n 3 ,4\n13,4.00\n")
    ran = succeed("kmeans_assign", tmp_path / "new.csv", "--model", xy_model)
    assert ran.out == "0\t5.0\t 3 ,4\n1\t5.0\t13,4.00\n"
    assert "3 lines read: 2 rows used" in ran.err


def test_ids_replace_lines(tmp_path, xy_model):
    (tmp_path / "new.csv").write_text("name,x,y\nfirst,3,4\n\u00fcber,13,4\n", encoding="utf-8")
    ran = succeed("kmeans_assign", tmp_path / "new.csv", "--model", xy_model / "model.json",
                  "--id-column", "name")
    assert ran.table() == [["first", "0", "5.0"], ["\u00fcber", "1", "5.0"]]


def test_new_points_may_lie_outside_the_range_of_the_models_data(tmp_path, xy_model):
    (tmp_path / "far.csv").write_text("x,y\n1e7,0\n-1e7,0\n")
    labels = [row[0] for row in succeed(
        "kmeans_assign", tmp_path / "far.csv", "--model", xy_model).table()]
    assert labels == ["1", "0"]


def test_bad_rows_are_answered_in_place(tmp_path, xy_model):
    (tmp_path / "bad.csv").write_text("x,y\n0,0\n1,NA\n10,0\n2\n")
    args = (tmp_path / "bad.csv", "--model", xy_model)
    ran = succeed("kmeans_assign", *args, "--bad-rows", "skip")
    labels = [row[0] for row in ran.table()]
    assert sorted(labels) == ["0", "1", "bad", "bad"]
    assert "5 lines read: 2 rows used, 2 bad rows skipped, 0 empty lines, 1 header lines" in ran.err
    first = json.loads(next(row[1] for row in ran.table() if row[0] == "bad"))
    assert (first["reason"], first["text"]) == ("column 'y' is 'NA', not a number", "1,NA")

    message = refused("kmeans_assign", *args, "--output-dir", tmp_path / "out")
    assert message.startswith("2 of 4 rows cannot be used; correct them, or give --bad-rows skip:")
    assert "bad.csv, line 3: " in message and "bad.csv, line 5: 1 fields, expected 2" in message
    assert not (tmp_path / "out").exists()


def test_output_folder_gets_the_labels_and_standard_output_nothing(tmp_path, iris_model):
    """With a folder the labels never pass through the launcher: the tasks write them."""
    args = (IRIS, "--model", iris_model, "--ignore-columns", "label")
    printed = succeed("kmeans_assign", *args)
    written = succeed("kmeans_assign", *args, "--output-dir", tmp_path / "labels",
                      "--jobconf", "mapreduce.job.maps=4")
    assert written.out == ""
    assert len(list((tmp_path / "labels").glob("part-*"))) == 4
    assert read_output(tmp_path / "labels") == printed.out.splitlines()
    assert len(printed.out.splitlines()) == 150


@pytest.mark.slow
def test_local_runner_with_jobconf_makes_that_many_map_tasks(tmp_path, iris_model):
    """mrjob's options go on to the job: one file per map task in the output folder."""
    args = (IRIS, "--model", iris_model, "--ignore-columns", "label")
    succeed("kmeans_assign", *args, "-r", "local", "--num-cores", 1, "--jobconf",
            "mapreduce.job.maps=4", "--output-dir", tmp_path / "labels")
    assert len(list((tmp_path / "labels").glob("part-*"))) == 4
    assert read_output(tmp_path / "labels") == succeed("kmeans_assign", *args).out.splitlines()


def test_labels_are_the_nearest_centroids(tmp_path):
    succeed("driver", DIGITS, "-k", 10, "--ignore-columns", "label", "--max-rounds", 2,
            "--output-dir", tmp_path / "out", "--sample-size", 300, "--min-gain", 0.2)
    C = centroids_of(tmp_path / "out")
    ran = succeed("kmeans_assign", DIGITS, "--model", tmp_path / "out", "--ignore-columns", "label")
    X = load_digits().data
    distances = np.sqrt(((X[:, None] - C) ** 2).sum(axis=2))
    assert [int(row[0]) for row in ran.table()] == distances.argmin(axis=1).tolist()
    assert [float(row[1]) for row in ran.table()] == pytest.approx(
        distances.min(axis=1), rel=1e-9)


def test_cosine_distance_is_one_minus_cosine_and_needs_a_direction(tmp_path):
    (tmp_path / "x.csv").write_text("1,0\n2,0.1\n0,3\n0.1,5\n")
    succeed("driver", tmp_path / "x.csv", "-k", 2, "--metric", "cosine", "--output-dir",
            tmp_path / "out")
    model = model_of(tmp_path / "out")
    C = np.array([c["centroid"] for c in model["clusters"]])
    (tmp_path / "new.csv").write_text("3,4\n0,0\n")
    args = (tmp_path / "new.csv", "--model", tmp_path / "out")
    good, bad = sorted(succeed("kmeans_assign", *args, "--bad-rows", "skip").table())
    assert int(good[0]) == (C @ [0.6, 0.8]).argmax()
    assert float(good[1]) == pytest.approx(1 - (C @ [0.6, 0.8]).max(), rel=1e-9)
    assert bad[0] == "bad" and "zero" in bad[1]
    assert "new.csv, line 2: " in refused("kmeans_assign", *args)


def test_sparse_model_answers_sparse_rows(tmp_path):
    succeed("driver", WORDCOUNT, "-k", 3, "--output-dir", tmp_path / "out")
    ran = succeed("kmeans_assign", WORDCOUNT, "--model", tmp_path / "out", "--id-column", "target")
    sizes = [c["rows"] for c in model_of(tmp_path / "out")["clusters"]]
    labels = [int(row[1]) for row in ran.table()]
    assert np.bincount(labels, minlength=3).tolist() == sizes
    assert {row[0] for row in ran.table()} == {str(i) for i in range(11)}


def test_a_far_sparse_index_is_a_bad_row(tmp_path):
    succeed("driver", WORDCOUNT, "-k", 3, "--output-dir", tmp_path / "out")
    (tmp_path / "new.svm").write_text("0 1:1\n0 435:1\n")
    message = refused("kmeans_assign", tmp_path / "new.svm", "--model", tmp_path / "out")
    assert "line 2: the index 435, but the data has 434 columns" in message


def test_driver_assigns_at_its_end(tmp_path):
    """--assign writes what kmeans_assign prints."""
    X = blobs(300, 3, 4, seed=6)
    write_csv(tmp_path / "x.csv", X)
    succeed("driver", tmp_path / "x.csv", "-k", 4, "--assign", "--output-dir", tmp_path / "out")
    printed = succeed("kmeans_assign", tmp_path / "x.csv", "--model", tmp_path / "out")
    assert read_output(tmp_path / "out" / "labels") == printed.out.splitlines()


def test_wrong_use_is_a_sentence(tmp_path, iris_model):
    assert refused("kmeans_assign", IRIS) == (
        "--model is missing; give the model.json of a driver's run.")
    none = tmp_path / "none.json"
    assert refused("kmeans_assign", IRIS, "--model", none) == "The model %s does not exist." % none
    (tmp_path / "narrow.csv").write_text("1,2\n")
    assert refused("kmeans_assign", tmp_path / "narrow.csv", "--model", iris_model) == (
        "The input has 2 columns (0, 1), but the model has 4 (sepal_length, sepal_width,"
        " petal_length, petal_width).")
    (tmp_path / "empty").mkdir()
    assert refused("kmeans_assign", IRIS, "--model", tmp_path / "empty") == (
        "The model %s does not exist (only a finished run has one)." % (
            tmp_path / "empty" / "model.json"))
    assert run("kmeans_assign", IRIS, "--mode", iris_model).code == 2
