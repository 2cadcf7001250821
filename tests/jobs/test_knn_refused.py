"""What a k-NN job refuses by a sentence and exit code 2, before anything runs."""

from __future__ import annotations

import json

import pytest
import scripts
from scripts import IRIS, REPOSITORY, VOCABULARY, refused, run, succeed

scripts.JOBS["knn"] = "KNN"
STORED = REPOSITORY / "tests" / "stored"


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
def test_options_that_cannot_be_served(shared, args, message):
    assert message in refused_iris(shared / "iris", *args)


def test_labels_asked_of_an_index_without(shared):
    assert "--vote needs labels, but the index" in refused(
        "knn", shared / "queries.csv", "--index", shared / "kd_tree", "--vote", "uniform")


def test_queries_of_another_width(shared):
    assert refused("knn", shared / "queries.csv", "--index", shared / "iris") == (
        "The queries have 64 columns (0, 1, 2, 3, 4, 5, 6, 7, ...), but the index %s has 4 columns."
        % (shared / "iris"))
    names = "sepal_length, sepal_width, petal_length, petal_width"
    assert refused("knn", IRIS, "--index", shared / "iris") == (
        "The columns of the input are %s, label, but those of the index %s are %s; leave out the"
        " others with --ignore-columns label." % (names, shared / "iris", names))


def test_files_that_are_no_index(shared, tmp_path):
    data = (shared / "iris").read_bytes()
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


def test_bad_rows(shared, tmp_path):
    lines = IRIS.read_text().splitlines()
    (tmp_path / "q.csv").write_text("\n".join([*lines[:4], "1,2,x,4,0", *lines[4:8]]) + "\n")
    args = (tmp_path / "q.csv", "--ignore-columns", "label", "--index", shared / "iris", "-n", 1)
    assert "q.csv, line 5: column 'petal_length' is 'x', not a number" in refused("knn", *args)
    ran = succeed("knn", *args, "--bad-rows", "skip")
    answers = [line for line in ran.out.splitlines() if not line.startswith("bad\t")]
    assert [json.loads(line)["id"] for line in answers] == list(range(7))
    assert "7 rows used, 1 bad rows skipped" in ran.err


def test_a_broken_exclusion_file(shared, tmp_path):
    (tmp_path / "seen").write_text("iris0\tiris1\niris3 iris4\n")
    message = refused("knn", shared / "iris.csv", "--id-column", "id", "--ignore-columns", "label",
                      "--index", shared / "iris", "--exclude", tmp_path / "seen")
    assert message.startswith("Line 2 of the --exclude file")
    assert "does not exist" in refused(
        "knn", shared / "iris.csv", "--id-column", "id", "--ignore-columns", "label",
        "--index", shared / "iris", "--exclude", tmp_path / "nothing")


def test_a_uri_needs_a_runner():
    assert "add -r hadoop" in run("knn", IRIS, "--index", "hdfs:///x").err
