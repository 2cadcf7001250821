"""Files of arrays to packed blocks: what is read, and its bad rows."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from array_files import SMALL, X, array_of, needs_pyarrow, npy, parquet, refusal, vecs
from generators import write_csv
from packed import columns, lines, pack, points
from scripts import run, succeed


# arrays

def test_empty_input(tmp_path, out):
    """Files without rows are passed over, as empty files of text are."""
    empty = [npy(tmp_path / "a.npy", np.zeros((0, 3))), tmp_path / "b.fvecs"]
    empty[1].write_bytes(b"")
    assert refusal(out, *empty) == (
        "The input %s, %s is empty; give an input with at least one row." % tuple(empty))
    succeed("pack", *empty, npy(tmp_path / "c.npy", SMALL), "--output-dir", out)
    assert (points(out).X == SMALL).all()


@pytest.mark.parametrize("kind", ["<f4", "<f8", ">f8", "<f2", "u1", "<i8", "<u4", "?"])
def test_npy_of_every_numeric_type(tmp_path, out, kind):
    array = (np.abs(X) / 8).astype(kind)
    rows = points(pack(npy(tmp_path / "x.npy", array), out)).X
    assert (rows == array).all()
    assert rows.dtype == ("float64" if array.dtype.itemsize == 8 and array.dtype.kind == "f"
                          else "float32")
    assert columns(out) == ["0", "1", "2"]
    assert sorted(path.name for path in out.iterdir()) == ["_SUCCESS", "part-00000"]


def test_npy_in_fortran_order_and_of_every_version(tmp_path, out):
    for version in ((1, 0), (2, 0), (3, 0)):
        with open(tmp_path / ("%d.npy" % version[0]), "wb") as file:
            np.lib.format.write_array(file, np.asfortranarray(X), version)
        packed = pack(tmp_path / ("%d.npy" % version[0]), out / str(version[0]))
        assert (points(packed).X == X).all()


def test_npy_has_the_blocks_and_the_answers_of_its_text(tmp_path, out):
    write_csv(tmp_path / "x.csv", X)
    write_csv(tmp_path / "c.csv", X[:4])
    pack(npy(tmp_path / "x.npy", X), out)
    assert lines(out) == lines(pack(tmp_path / "x.csv", tmp_path / "text"))
    for args in (["kmeans_round", out, "--centroids", tmp_path / "c.csv"],
                 ["kmeans_sample", out, "-k", 4, "--sample-size", 40]):
        text = [tmp_path / "x.csv" if arg == out else arg for arg in args]
        assert succeed(*args).out == succeed(*text).out


def test_columns_by_number(tmp_path, out):
    """As in text without a header."""
    array = np.array([[7, 1, 2, 9], [8, 3, 4, 9]])
    pack(npy(tmp_path / "x.npy", array), out, "--id-column", 0, "--weight-column", -1,
         "--ignore-columns", 2)
    rows = points(out)
    assert (rows.X.tolist(), rows.weights.tolist()) == ([[1], [3]], [9, 9])  # type: ignore
    assert rows.texts == {"id": ["7", "8"]} and columns(out) == ["1"]


@pytest.mark.parametrize("ending, kind", [(".fvecs", "<f4"), (".bvecs", "u1")])
def test_texmex_vectors(tmp_path, out, ending, kind):
    array = (np.abs(X) * 9).astype(kind)
    rows = points(pack(vecs(tmp_path / ("x" + ending), array, kind), out)).X
    assert (rows == array).all() and rows.dtype == np.float32


def test_dtype(tmp_path, out):
    source = npy(tmp_path / "x.npy", X)
    assert (points(pack(source, out, "--dtype", "float32")).X == X.astype(np.float32)).all()
    small = npy(tmp_path / "small.npy", SMALL)
    assert points(pack(small, tmp_path / "wide", "--dtype", "float64")).X.dtype == np.float64
    assert refusal(tmp_path / "none", npy(tmp_path / "far.npy", [[1.0, 1e39]]), "--dtype",
                   "float32") == (
        "%s: The value 1e+39 is beyond the range of float32 (3.4e38); pack with --dtype float64 or"
        " exact." % (tmp_path / "far.npy"))


def test_several_files_folders_and_globs(tmp_path, out):
    folder = tmp_path / "in"
    folder.mkdir()
    npy(folder / "b.npy", SMALL)
    vecs(folder / "a.fvecs", SMALL + 10, "<f4")
    (folder / "_SUCCESS").write_bytes(b"")
    expected = np.concatenate([SMALL + 10, SMALL]).tolist()
    for i, source in enumerate((folder, folder / "*", "file://%s" % folder)):
        assert points(pack(source, out / str(i))).X.tolist() == expected


# Parquet

@needs_pyarrow
def test_parquet_has_the_answers_of_its_text(tmp_path, out):
    names = ["p\u00fc%d" % i for i in range(len(X))]
    weights = 1 + np.arange(len(X)) % 4
    parquet(tmp_path / "x.parquet", ("name", "x", "w", "y", "class", "z"), names, X[:, 0], weights,
            X[:, 1], ["a"] * len(X), X[:, 2], row_group_size=1000)
    pack(tmp_path / "x.parquet", out, "--id-column", "name", "--weight-column", "w",
         "--ignore-columns", "class")
    rows = points(out)
    assert (rows.X == X).all() and (rows.weights == weights).all() and rows.texts["id"] == names
    assert columns(out) == ["x", "y", "z"]
    write_csv(tmp_path / "x.csv", np.column_stack([X, weights]), header=["x", "y", "z", "w"])
    write_csv(tmp_path / "c.csv", X[:4])
    args = ("--centroids", tmp_path / "c.csv")
    assert succeed("kmeans_round", out, *args).out == succeed(
        "kmeans_round", tmp_path / "x.csv", "--weight-column", "w", *args).out


@needs_pyarrow
def test_parquet_embeddings_are_searched_as_their_text(tmp_path, out):
    write_csv(tmp_path / "x.csv", np.round(X[:60], 2).astype(np.float32))
    vectors = np.loadtxt(tmp_path / "x.csv", delimiter=",", dtype=np.float32)
    parquet(tmp_path / "x.parquet", ("vector",), array_of(vectors.tolist(), "list"))
    pack(tmp_path / "x.parquet", out)
    write_csv(tmp_path / "same.csv", vectors.astype(np.float64))
    succeed("knn_index", out, "-o", tmp_path / "a")
    succeed("knn_index", tmp_path / "same.csv", "-o", tmp_path / "b")
    assert succeed("knn", out, "-n", 3, "--index", tmp_path / "a").out == succeed(
        "knn", tmp_path / "same.csv", "-n", 3, "--index", tmp_path / "b").out


@needs_pyarrow
@pytest.mark.parametrize("kind", ["list", "large_list", "fixed_size_list"])
def test_parquet_lists(tmp_path, out, kind):
    """Beside numbers, over several row groups and pieces."""
    vectors = X.astype(np.float32)
    parquet(tmp_path / "x.parquet", ("e", "n"), array_of(vectors.tolist(), kind, 3),
            np.arange(len(X)), row_group_size=2500)
    rows = points(pack(tmp_path / "x.parquet", out)).X
    assert (rows == np.column_stack([vectors, np.arange(len(X))])).all()
    assert columns(out) == ["e_0", "e_1", "e_2", "n"]


@needs_pyarrow
@pytest.mark.parametrize("kind", ["list", "large_list", "fixed_size_list"])
def test_parquet_missing_lists_and_values_are_bad_rows(tmp_path, out, kind):
    missing = [None, None] if kind == "fixed_size_list" else None
    vectors = [missing, [1.0, 2.0], [3.0, None], [5.0, 6.0], [np.nan, 1.0], missing]
    path = parquet(tmp_path / "x.parquet", ("e", "id"), array_of(vectors, kind, 2), "abcdef")
    message = "%s, row 1: column 'e_0' is missing or NaN; correct it, or give --bad-rows skip."
    assert refusal(out, path, "--id-column", "id") == message % path
    ran = succeed("pack", path, "--id-column", "id", "--bad-rows", "skip", "--output-dir", out)
    assert "6 lines read: 2 rows used, 4 bad rows skipped" in ran.err
    assert points(out).X.tolist() == [[1, 2], [5, 6]] and points(out).texts["id"] == ["b", "d"]


@needs_pyarrow
def test_parquet_missing_lists_of_fixed_size(tmp_path, out):
    """pyarrow cannot read them up to version 21 at least: then the file is refused."""
    path = parquet(tmp_path / "x.parquet", ("e",), array_of([[1, 2], None], "fixed_size_list", 2))
    ran = run("pack", path, "--bad-rows", "skip", "--output-dir", out)
    if "%s cannot be read (Expected all lists to be of size=2" % path in ran.err:
        assert ran.code == 2 and not out.exists()
    else:
        assert "1 rows used, 1 bad rows skipped" in ran.err and points(out).X.tolist() == [[1, 2]]


@needs_pyarrow
def test_parquet_types_of_numbers(tmp_path, out):
    import pyarrow

    parquet(tmp_path / "x.parquet", "abcdef", pyarrow.array([True, False]),
            pyarrow.array([2 ** 63 + 5, 1], pyarrow.uint64()),
            pyarrow.array([Decimal("1.25"), Decimal("-2.50")]),
            pyarrow.array(np.float16([0.5, 2])), pyarrow.array([-3, 4], pyarrow.int8()),
            pyarrow.array([5, 6]).dictionary_encode())
    assert points(pack(tmp_path / "x.parquet", out)).X.tolist() == [
        [1, 2.0 ** 63, 1.25, 0.5, -3, 5], [0, 1, -2.5, 2, 4, 6]]


@needs_pyarrow
@pytest.mark.parametrize("make, expected", [
    (lambda pa: pa.array(["\u00fc", "b\tc"]).dictionary_encode(), ["\u00fc", "b\tc"]),
    (lambda pa: pa.array([7, 8]), ["7", "8"]),
    (lambda pa: pa.array(["", "x"], pa.large_string()), ["", "x"]),
    (lambda pa: pa.array([b"a", b"b"]), ["a", "b"])])
def test_parquet_ids(tmp_path, out, make, expected):
    import pyarrow

    path = parquet(tmp_path / "x.parquet", ("id", "x"), make(pyarrow), [1.0, 2.0])
    assert points(pack(path, out, "--id-column", "id")).texts == {"id": expected}


@needs_pyarrow
def test_parquet_without_rows(tmp_path, out):
    empty = parquet(tmp_path / "a.parquet", ("x", "y"), np.zeros(0), np.zeros(0))
    assert refusal(out, empty) == (
        "The input %s is empty; give an input with at least one row." % empty)


# bad rows

BAD = {
    "nan": ([[1, 2], [3, np.nan]], "column '1' is missing or NaN"),
    "infinity": ([[1, 2], [-np.inf, 3]],
                 "column '0' is infinite or too large (-inf; at most 1e300)"),
    "too large": ([[1, 2], [3, 2e300]],
                  "column '1' is infinite or too large (2e+300; at most 1e300)"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_rows(tmp_path, out, kind):
    """The place counts within the file, whatever was read before."""
    array, reason = BAD[kind]
    good = npy(tmp_path / "a.npy", X[:, :2])
    bad = npy(tmp_path / "b.npy", np.concatenate([X[:8500, :2], array]))
    assert refusal(out, good, bad) == (
        "%s, row 8502: %s; correct it, or give --bad-rows skip." % (bad, reason))
    ran = succeed("pack", good, bad, "--bad-rows", "skip", "--output-dir", out)
    assert ran.err == ("1 parts in %s\n17502 lines read: 17501 rows used, 1 bad rows skipped,"
                       " 0 empty lines, 0 header lines\n" % out)
    assert (points(out).X == np.concatenate([X[:, :2], X[:8500, :2], [[1, 2]]])).all()


@pytest.mark.parametrize("weight, reason", [
    (-1.0, "the weight is negative (-1.0)"), (np.nan, "the weight is missing or NaN"),
    (np.inf, "the weight is infinite or too large (inf; at most 1e300)")])
def test_bad_weights(tmp_path, out, weight, reason):
    path = npy(tmp_path / "x.npy", [[1, 2, 0], [3, 4, weight]])
    assert refusal(out, path, "--weight-column", -1) == (
        "%s, row 2: %s; correct it, or give --bad-rows skip." % (path, reason))
    succeed("pack", path, "--weight-column", -1, "--bad-rows", "skip", "--output-dir", out)
    assert points(out).weights.tolist() == [0]  # type: ignore


@needs_pyarrow
@pytest.mark.parametrize("name", [None, "two\nlines", "two\rlines"])
def test_bad_ids(tmp_path, out, name):
    path = parquet(tmp_path / "x.parquet", ("id", "x"), ["a", name], [1, 2])
    assert refusal(out, path, "--id-column", "id") == (
        "%s, row 2: the id is missing or holds a line break; correct it, or give --bad-rows skip."
        % path)


def test_no_row_can_be_used(tmp_path, out):
    path = npy(tmp_path / "x.npy", [[np.nan]])
    assert refusal(out, path, "--bad-rows", "skip") == (
        "No row of the input can be used (1 lines read: 0 rows used, 1 bad rows skipped, 0 empty"
        " lines, 0 header lines).")
