"""Text to packed blocks, and every job's answers from them beside those from the text."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from generators import blobs, write_csv, write_svmlight
from howdah.launch.outcome import look_for_failures
from howdah.scripts.pack import Pack
from packed import columns, lines, pack, points
from scripts import (
    DIGITS,
    IRIS,
    WORDCOUNT,
    model_of,
    refused,
    run,
    succeed,
    task_without_rows,
)

# More than one block, and values that only float64 holds.
N = 9000
X = blobs(N, 3, 4, seed=3)
IDS = ["p\u00fc%d" % i for i in range(N)]
LABELS = [str(i % 3) for i in range(N)]
WEIGHTS = 1.0 + np.arange(N) % 4
TASKS = ("--num-cores", 1, "--jobconf", "mapreduce.job.maps=3")
READING = ("--id-column", "name", "--weight-column", "w", "--ignore-columns", "class")
PACKING = ("--id-column", "name", "--weight-column", "w", "--label-column", "class")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Text with ids, labels and weights, and without; centroids; packed blocks."""
    folder = tmp_path_factory.mktemp("pack")
    rows = ["name,x,w,y,class,z"] + [
        "%s,%r,%r,%r,%s,%r" % (name, x, w, y, label, z) for name, (x, y, z), w, label
        in zip(IDS, X.tolist(), WEIGHTS.tolist(), LABELS)]
    (folder / "x.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    write_csv(folder / "plain.csv.gz", X, header=["x", "y", "z"])
    write_csv(folder / "c.csv", X[:4])
    pack(folder / "x.csv", folder / "packed", *PACKING)
    pack(folder / "plain.csv.gz", folder / "plain")
    return folder


def test_a_task_without_rows_writes_nothing(tmp_path):
    assert task_without_rows(Pack, tmp_path, IRIS, "--ignore-columns", "label") == b""


# what is packed

def test_everything_of_the_text_is_there(folder):
    rows = points(folder / "packed")
    assert rows.X.dtype == np.float64 and (rows.X == X).all()  # type: ignore
    assert (rows.weights == WEIGHTS).all()
    assert rows.texts == {"id": IDS, "label": LABELS}
    assert columns(folder / "packed") == ["x", "y", "z"]
    assert len(lines(folder / "packed")) == 2


@pytest.mark.parametrize("dtype", ["exact", "float32", "float64"])
def test_dtype(folder, tmp_path, dtype):
    whole = points(pack(DIGITS, tmp_path / "digits", "--dtype", dtype)).X
    assert whole.dtype == ("float64" if dtype == "float64" else "float32")  # type: ignore
    rows = points(pack(folder / "plain.csv.gz", tmp_path / "packed", "--dtype", dtype)).X
    kind = np.float32 if dtype == "float32" else np.float64
    assert rows.dtype == kind and (rows == X.astype(kind)).all()  # type: ignore


def test_local_runner_packs_the_same_rows(folder, tmp_path):
    local = pack(folder / "x.csv", tmp_path / "local", *PACKING, "-r", "local", *TASKS)
    assert len(list(local.glob("part-*"))) == 3
    inline, there = points(folder / "packed"), points(local)
    assert (there.X == inline.X).all() and there.texts == inline.texts  # type: ignore
    assert (there.weights == inline.weights).all()  # type: ignore
    args = ("--centroids", folder / "c.csv")
    assert succeed("kmeans_round", local, *args).out == succeed(
        "kmeans_round", folder / "packed", *args).out


def test_blocks_go_to_standard_output_without_a_folder(folder):
    assert succeed("pack", folder / "x.csv", *PACKING).out.encode().splitlines() == lines(
        folder / "packed")


def test_blocks_may_be_packed_again(folder, tmp_path):
    narrow = points(pack(folder / "packed", tmp_path / "narrow", "--dtype", "float32"))
    assert (narrow.X == X.astype(np.float32)).all() and narrow.texts["id"] == IDS  # type: ignore


def test_blocks_may_be_compressed_and_concatenated(folder, tmp_path):
    text = b"".join(line + b"\r\n\n" for line in lines(folder / "packed"))
    (tmp_path / "all.gz").write_bytes(gzip.compress(text, 1))
    args = ("--centroids", folder / "c.csv")
    assert succeed("kmeans_round", tmp_path / "all.gz", *args).out == succeed(
        "kmeans_round", folder / "packed", *args).out


# the same answers

def assert_same_output(folder, source, blocks):
    """The driver's folders text and blocks hold the same but for the paths of their inputs."""
    for name in ("centroids.csv", "model.json", "profile.json", "labels/part-00000"):
        text = (folder / "text" / name).read_text().replace(str(source), "")
        assert text == (folder / "blocks" / name).read_text().replace(str(blocks), "")


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_kmeans_round(folder, metric):
    args = ("--centroids", folder / "c.csv", "--metric", metric)
    assert succeed("kmeans_round", folder / "packed", *args).out == succeed(
        "kmeans_round", folder / "x.csv", *READING, *args).out


def test_kmeans_sample(folder):
    args = ("-k", 4, "--sample-size", 50)
    assert succeed("kmeans_sample", folder / "packed", *args).out == succeed(
        "kmeans_sample", folder / "x.csv", *READING, *args).out


def test_driver_and_kmeans_assign(folder, tmp_path):
    args = ("-k", 4, "--sample-size", 200, "--assign", "--output-dir")
    succeed("driver", folder / "x.csv", *READING, *args, tmp_path / "text")
    succeed("driver", folder / "packed", *args, tmp_path / "blocks")
    assert_same_output(tmp_path, folder / "x.csv", folder / "packed")
    answers = succeed("kmeans_assign", folder / "packed", "--model", tmp_path / "text").table()
    assert [row[0] for row in answers] == IDS


def test_kmeans_assign_without_ids(folder, tmp_path):
    succeed("driver", folder / "plain", "-k", 2, "--sample-size", 100, "--output-dir",
            tmp_path / "out")
    args = ("--model", tmp_path / "out")
    text = succeed("kmeans_assign", folder / "plain.csv.gz", *args).table()
    assert succeed("kmeans_assign", folder / "plain", *args).table() == [row[:2] for row in text]


def test_kmeans_assign_finds_packed_columns_by_name(folder, tmp_path):
    succeed("driver", folder / "plain", "-k", 2, "--sample-size", 100, "--output-dir",
            tmp_path / "out")
    turned = "z,extra,x,y\n%r,7,%r,%r\n" % tuple(X[0, [2, 0, 1]].tolist())
    (tmp_path / "turned.csv").write_text(turned)
    pack(tmp_path / "turned.csv", tmp_path / "turned")
    args = ("--model", tmp_path / "out")
    first = succeed("kmeans_assign", folder / "plain", *args).table()[0]
    assert succeed("kmeans_assign", tmp_path / "turned", *args, "--ignore-columns",
                   "extra").table() == [first]


def test_knn(folder, tmp_path):
    """Index and queries from blocks, with ids, labels and running places."""
    pack(IRIS, tmp_path / "points", "--label-column", "label")
    pack(IRIS, tmp_path / "queries", "--ignore-columns", "label", *TASKS)
    assert len(lines(tmp_path / "queries")) == 3
    succeed("knn_index", tmp_path / "points", "--label-column", "label", "-o", tmp_path / "a")
    succeed("knn_index", IRIS, "--label-column", "label", "-o", tmp_path / "b")
    args = ("-n", 3, "--vote", "distance", "--exclude-self", "--index")
    expected = succeed("knn", IRIS, "--ignore-columns", "label", *args, tmp_path / "b").out
    assert succeed("knn", tmp_path / "queries", *args, tmp_path / "a").out == expected
    assert succeed("knn", tmp_path / "queries", *TASKS, *args, tmp_path / "a").out == expected


def test_knn_with_ids_and_targets(folder, tmp_path):
    roles = ("--id-column", "name", "--ignore-columns", "w")
    pack(folder / "x.csv", tmp_path / "points", *roles, "--target-column", "class")
    succeed("knn_index", tmp_path / "points", "-o", tmp_path / "a")
    succeed("knn_index", folder / "x.csv", *roles, "--target-column", "class",
            "-o", tmp_path / "b")
    (tmp_path / "q.csv").write_text("name,x,y,z\nfirst,1,2,3\nsecond,-4,0.1,9\n")
    pack(tmp_path / "q.csv", tmp_path / "q", "--id-column", "name")
    args = ("-n", 2, "--mean", "uniform", "--index")
    answers = succeed("knn", tmp_path / "q", *args, tmp_path / "a").out
    assert answers == succeed("knn", tmp_path / "q.csv", "--id-column", "name", *args,
                              tmp_path / "b").out
    assert [json.loads(line)["id"] for line in answers.splitlines()] == ["first", "second"]


@pytest.mark.slow
def test_svmlight(tmp_path):
    """Sparse points keep their targets as ids and the numbers of their columns."""
    blocks = pack(WORDCOUNT, tmp_path / "words", "--id-column", "target")
    args = ("-k", 3, "--assign", "--output-dir")
    succeed("driver", WORDCOUNT, "--id-column", "target", *args, tmp_path / "text")
    succeed("driver", blocks, *args, tmp_path / "blocks")
    assert_same_output(tmp_path, WORDCOUNT, blocks)
    assert len(lines(blocks)) == 1
    args = ("--centroids", tmp_path / "text" / "centroids.csv", "--metric", "cosine")
    assert succeed("kmeans_round", blocks, *args).out == succeed(
        "kmeans_round", WORDCOUNT, "--id-column", "target", *args).out


def test_svmlight_that_counts_from_zero(tmp_path):
    write_svmlight(tmp_path / "x.svm", np.array([[1.0, 0, 2], [0, 3, 0], [5, 0, 0]]), True)
    blocks = pack(tmp_path / "x.svm", tmp_path / "blocks", "--zero-based")
    assert points(blocks).X.toarray().tolist() == [[1, 0, 2], [0, 3, 0], [5, 0, 0]]  # type: ignore
    for source, args in ((tmp_path / "x.svm", ["--zero-based"]), (blocks, [])):
        out = tmp_path / source.name / "out" if args == [] else tmp_path / "out"
        succeed("driver", source, *args, "-k", 2, "--output-dir", out)
        assert model_of(out)["columns"] == ["0", "1", "2"]


def test_float32_has_the_answers_of_rounded_text(folder, tmp_path):
    write_csv(tmp_path / "rounded.csv", X.astype(np.float32).astype(np.float64))
    args = ("--centroids", folder / "c.csv")
    rounded = pack(folder / "plain.csv.gz", tmp_path / "packed", "--dtype", "float32")
    assert succeed("kmeans_round", rounded, *args).out == succeed(
        "kmeans_round", tmp_path / "rounded.csv", *args).out


# bad rows

def test_bad_rows(tmp_path):
    (tmp_path / "bad.csv").write_text("x,y\n1,2\nNA,3\n3,4\n5\n6,7\n")
    message = refused("pack", tmp_path / "bad.csv", "--output-dir", tmp_path / "out")
    assert message.startswith("2 of 5 rows cannot be used; correct them, or give --bad-rows skip:")
    assert "bad.csv, line 3: column 'x' is 'NA', not a number: 'NA,3'" in message
    assert not (tmp_path / "out").exists()
    ran = succeed("pack", tmp_path / "bad.csv", "--bad-rows", "skip", "--output-dir",
                  tmp_path / "out")
    assert ran.err == ("6 lines read: 3 rows used, 2 bad rows skipped, 0 empty lines,"
                       " 1 header lines\n")
    assert points(tmp_path / "out").X.tolist() == [[1, 2], [3, 4], [6, 7]]  # type: ignore


@pytest.mark.parametrize("runner", [(), TASKS])
def test_no_row_can_be_used(tmp_path, runner):
    (tmp_path / "bad.csv").write_text("x,y\nNA,3\n5,\n")
    args = ("pack", tmp_path / "bad.csv", "--output-dir", tmp_path / "out", *runner)
    assert refused(*args).startswith("2 of 2 rows cannot be used")
    assert refused(*args, "--bad-rows", "skip") == (
        "No row of the input can be used (3 lines read: 0 rows used, 2 bad rows skipped, 0 empty"
        " lines, 1 header lines).")
    assert not (tmp_path / "out").exists()


def test_rows_are_counted_where_a_runner_tells_no_counters(folder):
    """Not lines: a block is one."""
    assert look_for_failures([line + b"\n" for line in lines(folder / "packed")], None,
                             Pack.rows_of).used == N


def test_zero_rows_of_blocks_are_bad_rows_for_cosine(tmp_path):
    (tmp_path / "x.csv").write_text("1,0\n0,0\n0,2\n")
    (tmp_path / "c.csv").write_text("1,0\n0,1\n")
    blocks = pack(tmp_path / "x.csv", tmp_path / "blocks")
    args = ("--centroids", tmp_path / "c.csv", "--metric", "cosine")
    assert refused("kmeans_round", blocks, *args) == (
        "1 of 3 rows cannot be used; correct them, or give --bad-rows skip:\n"
        "  %s/part-00000, byte 0: all values are zero, which has no direction for cosine:"
        " 'row 2 of the block'" % blocks)
    skipped = succeed("kmeans_round", blocks, *args, "--bad-rows", "skip")
    assert "3 lines read: 2 rows used, 1 bad rows skipped" in skipped.err
    assert skipped.out == succeed(
        "kmeans_round", tmp_path / "x.csv", *args, "--bad-rows", "skip").out


# refusals

def test_missing_and_empty_inputs(tmp_path):
    (tmp_path / "x.csv").write_text("")
    assert refused("pack") == "No input was given; name at least one file, folder or glob."
    assert refused("pack", tmp_path / "x.csv") == (
        "The input %s is empty; give an input with at least one row." % (tmp_path / "x.csv"))
    for name in ("none.csv", "none.npy"):
        assert refused("pack", tmp_path / name, "--output-dir", tmp_path / "out") == (
            "The input %s does not exist." % (tmp_path / name))


def test_a_value_that_float32_cannot_hold(tmp_path):
    (tmp_path / "x.csv").write_text("1,2\n3,-1e39\n")
    (tmp_path / "x.svm").write_text("0 1:1\n0 2:-1e39\n")
    for name in ("x.csv", "x.svm"):
        args = (tmp_path / name, "--output-dir", tmp_path / "out")
        assert refused("pack", *args, "--dtype", "float32") == (
            "The value -1e+39 is beyond the range of float32 (3.4e38); pack with --dtype float64"
            " or exact.")
        assert not (tmp_path / "out").exists()
    assert run("pack", *args).code == 0


def test_what_was_not_packed_cannot_be_asked_for(folder, tmp_path):
    plain = folder / "plain"
    place = plain / "part-00000"
    assert refused("knn_index", plain, "--label-column", "class", "-o", tmp_path / "i") == (
        "%s is packed without a column for --label-column; name it when packing." % place)
    assert refused("kmeans_round", plain, "--weight-column", "w", "--centroids",
                   folder / "c.csv") == (
        "%s is packed without weights; give --weight-column when packing." % place)


@pytest.mark.parametrize("other, sentence", [
    (b"\n1,2,3\n", "line 2: The input begins with packed blocks, but holds other lines too"
                   " (b'1,2,3'); keep packed and text files apart."),
    (b"howdah1:AAAA\n", "line 1: A packed block is damaged (Expecting value: line 1 column 1"
                        " (char 0)); pack the input again.")])
def test_other_files_beside_blocks(folder, tmp_path, other, sentence):
    (tmp_path / "other").write_bytes(other)
    assert refused("kmeans_round", folder / "plain", tmp_path / "other", "--centroids",
                   folder / "c.csv") == "%s, %s" % (tmp_path / "other", sentence)


def test_blocks_of_columns_in_another_order(folder, tmp_path):
    """Whatever is done with bad rows: which column is which decides about all rows."""
    write_csv(tmp_path / "x.csv", X[:5], ["y", "x", "z"])
    assert refused("kmeans_round", folder / "plain", pack(tmp_path / "x.csv", tmp_path / "x"),
                   "--centroids", folder / "c.csv", "--bad-rows", "skip") == (
        "%s, line 1: A packed block has the columns y, x, z, but the first has x, y, z; keep them"
        " apart." % (tmp_path / "x" / "part-00000"))


def test_a_name_of_two_packed_columns_chooses_none(tmp_path):
    write_csv(tmp_path / "x.csv", X[:5], ["x", "size", "size"])
    blocks = pack(tmp_path / "x.csv", tmp_path / "x")
    assert refused("kmeans_sample", blocks, "-k", 1, "--ignore-columns", "size") == (
        "--ignore-columns is 'size', but 2 columns have this name (x, size, size); leave out"
        " columns when packing.")
    assert points(blocks).X.shape == (5, 3)


def test_blocks_with_and_without_weights(folder):
    assert refused("kmeans_round", folder / "plain", folder / "packed", "--centroids",
                   folder / "c.csv") == (
        "%s, line 1: The input mixes packed blocks with and without weights; keep them apart."
        % (folder / "packed" / "part-00000"))
